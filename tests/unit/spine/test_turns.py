"""Turns, on the real engine with the demonstration's release: stacked, and never too much."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from gateway.domain.book import Book
from gateway.domain.decision import EngineFailure, HaltTriggers, Verdict
from gateway.domain.mode import Mode
from gateway.domain.order import Order, OrderType, Side
from gateway.domain.projection import apply
from gateway.facts.document import Facts
from gateway.host import OsEntropy, SystemClock, ThreadRunner
from gateway.policy.catalogue import load_catalogue
from gateway.policy.in_force import ReleaseInForce
from gateway.policy.opa_server.bundle import server_bundle
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import Release
from gateway.turns import BATCH_MAX, Decided, Turns
from support.facts import HEALTH, NOON_US, ROUTES, OpenVenue, StillFeed, account, order
from support.releases import DEMO_RELEASE, release_with

LASTS = {"AAPL": 1_000_000, "MSFT": 400_000, "JPM": 600_000}
NUMBERS = count()


@pytest.fixture(scope="module")
def release() -> Release:
    return release_with()


class Counting:
    """The real engine, its calls counted, with a hook between the facts and the answer."""

    def __init__(self, engine: WasmEngine) -> None:
        self.engine = engine
        self.name, self.version = engine.name, engine.version
        self.batches: list[list[bytes]] = []
        self.meanwhile = lambda: None

    async def decide(self, documents: Sequence[bytes]) -> list[Verdict | EngineFailure]:
        self.batches.append(list(documents))
        self.meanwhile()
        return await self.engine.decide(documents)

    async def triggered_halts(self, document: bytes) -> HaltTriggers:
        return await self.engine.triggered_halts(document)

    async def readiness(self) -> str | None:
        return await self.engine.readiness()


async def nothing() -> None:
    """The fixture ends the engine."""


class Desk:
    """A book, its facts and its turns."""

    def __init__(self, release: Release, engine: Counting) -> None:
        self.book = Book(mode=Mode.SIMULATION, omega4_lifted_until_us=0)
        self.book.accounts["primary"] = account()
        self.engine = engine
        self.facts = Facts(
            lambda: self.book,
            StillFeed(LASTS),
            SystemClock(NOON_US),
            OsEntropy(),
            release.instruments,
            release.limits,
            health=HEALTH,
            venues={"primary": OpenVenue()},
            routes=ROUTES,
        )
        self.in_force = ReleaseInForce(
            release, load_catalogue(DEMO_RELEASE), engine, server_bundle(release), nothing
        )
        self.turns = Turns(self.facts, lambda: self.in_force, self.facts.clock, OsEntropy())

    async def decide(self, orders: Sequence[Order]) -> list[Decided]:
        """As the pipeline does: each part is recorded before the next one is decided."""
        decided: list[Decided] = []
        while len(decided) < len(orders):
            part = await self.turns.decide(orders[len(decided) :])
            for one in part:
                apply(self.book, "decision", one.draft.payload, one.draft.document)
            decided += part
        return decided


@pytest.fixture
async def desk(release: Release) -> AsyncIterator[Desk]:
    runner = ThreadRunner()
    engine = WasmEngine(release, runner)
    yield Desk(release, Counting(engine))
    engine.close()
    runner.close()


def buy(dollars: int, symbol: str = "AAPL", **changes: Any) -> Order:
    """A limit order at the last price, worth about that many dollars."""
    price = LASTS[symbol]
    return order(
        symbol, qty=dollars * 10_000 // price, type=OrderType.LIMIT, limit_price=price,
        order_id=f"ord_{next(NUMBERS)}", **changes,
    )  # fmt: skip


def controls(decided: Decided) -> set[str]:
    return {reason["control"] for reason in decided.draft.payload["verdict"]["reasons"]}


async def test_an_order_within_every_limit_is_allowed(desk: Desk) -> None:
    [one] = await desk.decide([buy(10_000)])
    assert controls(one) == set()
    assert one.draft.payload["allow"] is True
    assert one.state.reserves
    assert len(desk.book.account("primary").working) == 1


async def test_mates_see_each_other_and_never_exceed_a_limit_together(desk: Desk) -> None:
    # 60,000 dollars at the ask may be held in a symbol: of nine orders of 19,900 three may pass.
    decided = await desk.decide([buy(19_900) for _ in range(9)])
    assert [one.draft.payload["allow"] for one in decided] == [True] * 3 + [False] * 6
    assert all("POS-02" in controls(one) for one in decided[3:])
    assert len(desk.book.account("primary").working) == 3


async def test_a_denial_behind_a_denied_mate_is_decided_again(desk: Desk) -> None:
    # The first is denied for its own notional; counted as allowed it would deny the others.
    decided = await desk.decide([buy(59_000), buy(19_900), buy(19_900), buy(19_900)])
    assert [one.draft.payload["allow"] for one in decided] == [False, True, True, True]
    assert controls(decided[0]) == {"ORD-01"}


async def test_what_is_allowed_alone_may_still_be_denied_together(desk: Desk) -> None:
    decided = await desk.decide([buy(59_000), *(buy(19_900) for _ in range(6))])
    assert [one.draft.payload["allow"] for one in decided] == [False] + [True] * 3 + [False] * 3


async def test_a_full_batch_is_one_call(desk: Desk) -> None:
    await desk.decide([buy(1_000) for _ in range(BATCH_MAX)])
    assert [len(batch) for batch in desk.engine.batches] == [BATCH_MAX]


async def test_the_recorded_input_is_what_was_decided(desk: Desk) -> None:
    decided = await desk.decide([buy(59_000), buy(20_000), buy(20_000)])
    asked = {document for batch in desk.engine.batches for document in batch}
    for one in decided:
        [document] = one.draft.blobs
        assert document in asked
        assert json.loads(document) == one.draft.document
        [verdict] = await desk.engine.engine.decide([document])
        assert isinstance(verdict, Verdict)
        assert verdict.allow is one.draft.payload["allow"]


def halts_once(desk: Desk) -> None:
    """Engage a halt while the engine is asked for the first time."""

    def halt() -> None:
        desk.engine.meanwhile = lambda: None
        apply(desk.book, "halt", {
            "halt_id": "h1", "scope": {"kind": "global", "name": "*"}, "cause": "MANUAL",
            "cancels": True, "reduce_allowed": False, "clear_by": "admin", "by": "ada",
        })  # fmt: skip

    desk.engine.meanwhile = halt


async def test_a_halt_that_comes_meanwhile_is_in_the_verdict(desk: Desk) -> None:
    halts_once(desk)
    decided = await desk.decide([buy(1_000), buy(1_000)])
    assert [controls(one) for one in decided] == [{"OMEGA-2"}] * 2
    assert desk.book.account("primary").working == {}


@pytest.mark.requirement("S2-03")
async def test_what_a_halt_denies_is_known_after_one_more_document(desk: Desk) -> None:
    """The denial does not wait until the whole turn is decided anew."""
    halts_once(desk)
    [first] = await desk.turns.decide([buy(1_000) for _ in range(BATCH_MAX)])
    assert controls(first) == {"OMEGA-2"}
    assert [len(batch) for batch in desk.engine.batches] == [BATCH_MAX, 1]


@pytest.mark.requirement("S2-04")
async def test_another_release_that_comes_meanwhile_decides_the_whole_turn(desk: Desk) -> None:
    first, second = desk.engine, Counting(desk.engine.engine)
    second.name = "second"
    other = replace(desk.in_force.release, digest="1" * 64)

    def come() -> None:
        desk.in_force = replace(desk.in_force, release=other, engine=second)

    first.meanwhile = come
    decided = await desk.decide([buy(10_000), buy(10_000, "MSFT")])
    assert [one.draft.payload["release_digest"] for one in decided] == [other.digest] * 2
    assert [one.draft.payload["engine"]["name"] for one in decided] == ["second"] * 2
    assert first.batches, "it was asked, and what it said is not used"


async def test_research_allows_without_reserving(desk: Desk) -> None:
    desk.book.mode, desk.book.omega4_lifted_until_us = Mode.RESEARCH, None
    decided = await desk.decide([buy(20_000) for _ in range(9)])
    assert all(one.draft.payload["allow"] for one in decided)
    assert {one.draft.payload["label"] for one in decided} == {"research"}
    assert desk.book.account("primary").working == {}


async def test_facts_that_cannot_be_gathered_are_a_recorded_denial(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gateway.facts.document.projected_facts", broken)
    [one] = await desk.decide([buy(1_000)])
    assert one.draft.payload["failure"] == "FACTS_ERROR"
    assert one.draft.payload["allow"] is False


async def test_an_unknown_account_or_symbol_is_denied(desk: Desk) -> None:
    decided = await desk.decide(
        [
            buy(1_000, account="nobody"),
            order("ZZZZ", Side.BUY, 100, qty_decimals=8, price_decimals=8, instrument_known=False),
        ]
    )
    assert [one.draft.payload["allow"] for one in decided] == [False, False]
    assert "ACC-01" in controls(decided[0])
    assert {"INS-01", "MKT-01", "ORD-01"} <= controls(decided[1])
