"""Replacements in a turn, on the real engine: one at a time, and of the order as it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
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
from gateway.turns import FACTS_ERROR, Decided, Turns
from signing.lifecycle import State
from signing.records import check
from support.facts import HEALTH, NOON_US, ROUTES, OpenVenue, StillFeed, account, order, working
from support.releases import DEMO_RELEASE, release_with

LAST = 1_000_000
NUMBERS = count()


@pytest.fixture(scope="module")
def release() -> Release:
    return release_with()


async def nothing() -> None:
    """The fixture ends the engine."""


class Between:
    """The real engine, with a hook between the facts and the answer, and one over the answer."""

    def __init__(self, engine: WasmEngine) -> None:
        self.engine = engine
        self.name, self.version = engine.name, engine.version
        self.asked = 0
        self.meanwhile: Callable[[], object] = lambda: None
        self.changed: Callable[[Verdict], Verdict] = lambda verdict: verdict

    async def decide(self, documents: Sequence[bytes]) -> list[Verdict | EngineFailure]:
        self.asked += 1
        self.meanwhile()
        answers = await self.engine.decide(documents)
        return [self.changed(a) if isinstance(a, Verdict) else a for a in answers]

    async def triggered_halts(self, document: bytes) -> HaltTriggers:
        return await self.engine.triggered_halts(document)

    async def readiness(self) -> str | None:
        return await self.engine.readiness()


class Desk:
    """A book with one working order of ten shares, its facts and its turns."""

    def __init__(self, release: Release, engine: Between) -> None:
        self.book = Book(mode=Mode.SIMULATION, omega4_lifted_until_us=0)
        self.book.accounts["primary"] = account()
        self.book.keep(replace(working("old", "AAPL", "buy", 10, LAST), principal="desk"))
        self.engine = engine
        facts = Facts(
            lambda: self.book,
            StillFeed({"AAPL": LAST}),
            SystemClock(NOON_US),
            OsEntropy(),
            release.instruments,
            release.limits,
            health=HEALTH,
            venues={"primary": OpenVenue()},
            routes=ROUTES,
        )
        in_force = ReleaseInForce(
            release, load_catalogue(DEMO_RELEASE), engine, server_bundle(release), nothing
        )
        self.turns = Turns(facts, lambda: in_force, facts.clock, OsEntropy())

    def change(self, **changes: Any) -> None:
        """What became of the old order."""
        self.book.keep(replace(self.book.orders["old"], **changes))

    async def decide(self, *orders: Order) -> list[Decided]:
        decided = await self.turns.decide(orders)
        for one in decided:
            for draft in one.drafts:
                check(draft.kind, {"at_us": NOON_US, **draft.payload})
                apply(self.book, draft.kind, draft.payload, draft.document)
        return decided


@pytest.fixture
async def desk(release: Release) -> AsyncIterator[Desk]:
    runner = ThreadRunner()
    engine = WasmEngine(release, runner)
    yield Desk(release, Between(engine))
    engine.close()
    runner.close()


def replacing(qty: int, **changes: Any) -> Order:
    fields: dict[str, Any] = {"order_id": f"ord_{next(NUMBERS)}", "replaces": "old", **changes}
    return order("AAPL", qty=qty, type=OrderType.LIMIT, limit_price=LAST, **fields)


def denied_by(one: Decided) -> set[str]:
    assert not one.state.allow
    return {reason.control for reason in one.state.reasons}


@pytest.mark.requirement("S1-06")
@pytest.mark.requirement("S3-20")
async def test_the_old_order_waits_for_the_one_that_takes_its_place(desk: Desk) -> None:
    desk.change(status=State.PARTIALLY_FILLED, filled_qty=4)
    [one] = await desk.decide(replacing(12))
    assert one.state.allow
    assert [draft.kind for draft in one.drafts] == ["decision", "replace"]
    assert (one.state.qty, one.draft.payload["replaces"]) == (8, "old")
    old, new = desk.book.orders["old"], desk.book.orders[one.state.order_id]
    assert (old.status, old.replaced_by) == (State.PENDING_REPLACE, new.order_id)
    assert new.status is State.CREATED
    assert set(desk.book.account("primary").working) == {"old", new.order_id}, "both reserve"


# NautilusTrader#4288 and #4564: a replace that ended in two live orders.
@pytest.mark.requirement("S1-06")
async def test_of_two_replacements_in_one_turn_one_is_denied(desk: Desk) -> None:
    first, second = await desk.decide(replacing(8), replacing(9))
    assert first.state.allow
    assert denied_by(second) == {"RPL-01"}
    assert second.drafts == [second.draft]
    assert desk.book.orders["old"].replaced_by == first.state.order_id


@pytest.mark.requirement("S1-06")
async def test_a_second_replacement_has_its_turn_when_the_first_was_denied(desk: Desk) -> None:
    first, second = await desk.decide(replacing(8, side=Side.SELL), replacing(9))
    assert "RPL-01" in denied_by(first)
    assert second.state.allow
    assert desk.book.orders["old"].replaced_by == second.state.order_id


# torchtrade#414: validated one quantity, sent another.
@pytest.mark.requirement("S1-06")
async def test_a_fill_while_the_engine_decides_has_it_decided_again_for_what_is_left(
    desk: Desk,
) -> None:
    def fill_once() -> None:
        if desk.engine.asked == 1:
            desk.change(status=State.PARTIALLY_FILLED, filled_qty=3)

    desk.engine.meanwhile = fill_once
    [one] = await desk.decide(replacing(12))
    assert desk.engine.asked == 2
    assert (one.state.allow, one.state.qty) == (True, 9)
    assert one.draft.document is not None
    assert one.draft.document["replaced"]["filled_qty"] == 3
    assert one.draft.document["order"]["qty"] == 9


ENDS: dict[str, dict[str, Any]] = {
    "filled": {"status": State.FILLED, "filled_qty": 10},
    "canceled": {"status": State.CANCELED},
    "being cancelled": {"status": State.PENDING_CANCEL},
    "being replaced": {"status": State.PENDING_REPLACE, "replaced_by": "another"},
    "in doubt": {"status": State.UNKNOWN},
    "in question": {"anomaly": "FILL_BEYOND_QTY"},
}


@pytest.mark.attack
@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize("end", sorted(ENDS))
async def test_an_end_while_the_engine_decides_is_a_denial_and_no_failure(
    desk: Desk, end: str
) -> None:
    desk.engine.meanwhile = lambda: desk.change(**ENDS[end])
    [one] = await desk.decide(replacing(12))
    assert "RPL-01" in denied_by(one)
    assert one.drafts == [one.draft]
    assert one.draft.payload["replaces"] == "old"


@pytest.mark.requirement("S1-06")
async def test_an_order_that_the_book_forgets_meanwhile_is_no_failure_either(desk: Desk) -> None:
    desk.engine.meanwhile = lambda: desk.book.orders.pop("old", None)
    [one] = await desk.decide(replacing(12))
    assert "RPL-01" in denied_by(one)


@pytest.mark.requirement("S1-06")
async def test_what_is_filled_beyond_the_whole_quantity_leaves_nothing_to_replace(
    desk: Desk,
) -> None:
    desk.change(status=State.PARTIALLY_FILLED, filled_qty=8)
    [one] = await desk.decide(replacing(8))
    assert "RPL-01" in denied_by(one)


@pytest.mark.attack
@pytest.mark.requirement("S1-06")
async def test_a_release_that_does_not_ask_for_it_cannot_replace_what_is_gone(desk: Desk) -> None:
    desk.change(status=State.CANCELED)
    desk.engine.changed = lambda verdict: replace(
        verdict, allow=True, reasons=(), required=("A",), passed=("A",)
    )
    [one] = await desk.decide(replacing(8))
    assert not one.state.allow
    assert one.state.failure == FACTS_ERROR
    assert one.drafts == [one.draft]


@pytest.mark.requirement("S1-06")
async def test_in_research_nothing_waits_for_anything(desk: Desk) -> None:
    desk.book.mode = Mode.RESEARCH
    [one] = await desk.decide(replacing(8))
    assert one.drafts == [one.draft]
    assert desk.book.orders["old"].status is State.ACKNOWLEDGED


@pytest.mark.requirement("S1-06")
async def test_a_replacement_is_counted_in_the_place_of_the_old_order(desk: Desk) -> None:
    [one] = await desk.decide(replacing(10))
    assert one.draft.document is not None
    alone = one.draft.document["projected"]
    [beside] = await desk.decide(
        order("AAPL", qty=10, type=OrderType.LIMIT, limit_price=LAST, order_id="ord_beside")
    )
    assert beside.draft.document is not None
    both = beside.draft.document["projected"]
    # While it is pending both count, and a third beside them.
    assert both["day_turnover_micros"] == 3 * alone["day_turnover_micros"]
