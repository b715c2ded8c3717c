"""Outcomes in doubt: settled by proof, never by guessing, and never sent again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from gateway.brokers.simulator import adapter
from gateway.brokers.simulator.adapter import SimulatorBroker as Simulator
from gateway.domain.broker_codes import retryable
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import (
    Accepted,
    BrokerOrderState,
    OutcomeUnknownError,
    Rejected,
)
from gateway.domain.halt import Scope
from gateway.domain.order import BrokerOrder
from gateway.tracking.funds import stop_without_funds
from gateway.tracking.settlement import CHECKS, REASON, Settlement
from signing.lifecycle import State
from support.brokers import ManualClock
from support.telling import Told, decided, fill, proposed, said, telling, unknown, working

pytestmark = [pytest.mark.requirement("W-07"), pytest.mark.requirement("S3-06")]
SETTLE_MS = 62_000
PATIENCE_S = 60


class Skipping(ManualClock):
    """Keeps how long it was asked to wait, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[int] = []

    async def sleep_ms(self, duration_ms: int) -> None:
        self.slept.append(duration_ms)


@pytest.fixture
async def told(tmp_path: Path) -> AsyncGenerator[Told]:
    async with telling(tmp_path) as made:
        yield made


def settlement(told: Told, clock: Skipping) -> Settlement:
    made = Settlement("primary", told.broker, told.app.journal, told.app.halting, clock, SETTLE_MS)
    made.pull = told.tracker.pull
    return made


def knows(told: Told, client_id: str, status: str = "ACKNOWLEDGED") -> None:
    told.broker.known[client_id] = BrokerOrderState(
        client_id, "b-1", status, 0, status == "ACKNOWLEDGED"
    )


def causes(told: Told) -> set[str]:
    return {halt.cause for halt in told.app.book().halts.values()}


@pytest.mark.parametrize("question", [1, 2, CHECKS])
async def test_an_order_that_the_broker_knows_is_adopted_however_late_it_says_so(
    told: Told, question: int
) -> None:
    order, clock = await unknown(told), Skipping()
    knows(told, order.broker_client_id)
    told.broker.found_at = question
    assert await settlement(told, clock).settle(order) is State.ACKNOWLEDGED
    assert told.broker.asked == question
    assert causes(told) == set()


async def test_not_found_is_not_absent(told: Told) -> None:
    """It is asked for again and again, for a minute, before it counts as never arrived."""
    order, clock = await unknown(told), Skipping()
    assert order.reserves
    settled = await settlement(told, clock).settle(order)
    assert (settled, told.order(order).code) == (State.CANCELED, "NOT_FOUND")
    assert told.broker.asked == CHECKS
    assert clock.slept == [2_000, 4_000, 8_000, 16_000, 32_000]
    assert not told.order(order).reserves
    assert causes(told) == set()


async def test_a_refusal_that_is_found_is_one(told: Told) -> None:
    order, clock = await unknown(told), Skipping()
    knows(told, order.broker_client_id, "REJECTED")
    assert await settlement(told, clock).settle(order) is State.REJECTED


@pytest.mark.parametrize("silent", [1, CHECKS])
async def test_a_question_without_an_answer_is_never_not_found(told: Told, silent: int) -> None:
    order, clock = await unknown(told), Skipping()
    told.broker.silent_at = {silent}
    settling = settlement(told, clock)
    assert await settling.settle(order) is State.UNKNOWN
    assert told.order(order).reserves
    [halt] = told.app.book().halts.values()
    assert (halt.cause, halt.scope) == ("UNSETTLED_ORDER", Scope("account", "primary"))
    assert (halt.reason, halt.cancels, halt.clear_by) == (REASON, False, "probe")
    told.broker.silent_at = set()
    assert await settling.settle(order) is State.CANCELED
    assert causes(told) == set()
    [resumed] = await told.entries("resume")
    assert resumed["by"] == "settlement"


async def test_a_position_that_is_not_ours_keeps_it_unknown(told: Told) -> None:
    order, clock = await unknown(told), Skipping()
    told.broker.positions = {"AAPL": (100, 0)}
    assert await settlement(told, clock).settle(order) is State.UNKNOWN
    assert causes(told) == {"UNSETTLED_ORDER"}


async def test_positions_at_other_scales_are_compared_as_what_they_are(told: Told) -> None:
    first = await working(told)
    await told.tell(fill(first, "x-1", 100))
    order, clock = await unknown(told), Skipping()
    told.broker.positions = {"AAPL": (100_000, 3)}
    assert await settlement(told, clock).settle(order) is State.CANCELED


async def test_a_fill_that_is_told_at_last_is_the_proof(told: Told) -> None:
    order, clock = await unknown(told), Skipping()
    told.broker.events.append(fill(order, "x-1", 40))
    assert await settlement(told, clock).settle(order) is State.PARTIALLY_FILLED
    assert causes(told) == set()


async def test_updates_that_cannot_be_had_keep_it_unknown(told: Told) -> None:
    order, clock = await unknown(told), Skipping()
    told.broker.fails = 1
    assert await settlement(told, clock).settle(order) is State.UNKNOWN


async def test_it_is_asked_for_again_until_it_is_settled(told: Told) -> None:
    order = await unknown(told)
    rounds: list[int] = []

    class Ending(Skipping):
        async def sleep_ms(self, duration_ms: int) -> None:
            if duration_ms >= 30_000 and duration_ms != 32_000:
                rounds.append(duration_ms)
                if len(rounds) == 3:
                    raise UnavailableError("test-over", "enough")

    told.broker.silent_at = {1}
    settling = settlement(told, Ending())
    with pytest.raises(UnavailableError, match="test-over"):
        await settling.keep_asking()
    await settling.close()
    assert rounds == [30_000, 60_000, 120_000]
    assert told.order(order).status in {State.UNKNOWN, State.CANCELED}


@pytest.mark.parametrize("kind", ["accepted", "lost"])
async def test_an_ambiguous_submit_never_becomes_a_second_order(
    told: Told, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A complaint about such systems (hummingbot#493, catalyst#317): the time-out of a submission
    that had arrived was answered by sending another one."""
    real, sent = Simulator.submit, list[str]()

    async def ambiguous(self: Simulator, order: BrokerOrder) -> Accepted | Rejected:
        sent.append(order.broker_client_id)
        if kind == "accepted":
            await real(self, order)
        raise OutcomeUnknownError("ERR_NETWORK")

    monkeypatch.setattr(Simulator, "submit", ambiguous)
    order = await proposed(told)
    await told.app.pipeline.quiesce()
    wanted = State.ACKNOWLEDGED if kind == "accepted" else State.CANCELED
    assert told.order(order).status is wanted
    assert sent == [order.broker_client_id]


async def test_an_order_is_not_sent_again_after_it_was_accepted(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A complaint about such systems (NautilusTrader#4215): a retry sent what had been accepted."""
    real, sent = Simulator.submit, list[str]()

    async def accepted_then_lost(self: Simulator, order: BrokerOrder) -> Accepted | Rejected:
        sent.append(order.broker_client_id)
        await real(self, order)
        raise ConnectionResetError("after it was accepted")

    monkeypatch.setattr(Simulator, "submit", accepted_then_lost)
    order = await proposed(told)
    await told.app.pipeline.quiesce()
    assert told.order(order).status is State.ACKNOWLEDGED
    assert len(sent) == 1


@pytest.mark.requirement("S3-04")
@pytest.mark.parametrize(
    ("strategy", "scope"),
    [(None, Scope("account", "primary")), ("momentum", Scope("strategy", "momentum"))],
    ids=["account", "strategy"],
)
async def test_an_order_without_funds_halts_its_sequence_at_once(
    told: Told, monkeypatch: pytest.MonkeyPatch, strategy: str | None, scope: Scope
) -> None:
    async def poor(*_: object) -> Rejected:
        return Rejected("ERR_INSUFFICIENT_FUNDS")

    monkeypatch.setattr(Simulator, "submit", poor)
    order = await proposed(told, strategy_id=strategy)
    assert order.status is State.REJECTED
    [halt] = told.app.book().halts.values()
    assert (halt.cause, halt.scope) == ("INSUFFICIENT_FUNDS", scope)
    assert (halt.clear_by, halt.reduce_allowed, halt.cancels) == ("operator", True, False)
    await told.app.pipeline.quiesce()
    kinds = [kind for kind in await told.kinds() if kind in {"submission", "halt"}]
    assert kinds == ["submission", "halt"]


@pytest.mark.requirement("S3-04")
async def test_a_late_refusal_for_lack_of_funds_halts_as_well(told: Told) -> None:
    order = await working(told)
    await told.tell(said(order, "REJECTED", "ERR_INSUFFICIENT_FUNDS"))
    assert told.rejected == [(order.order_id, "ERR_INSUFFICIENT_FUNDS")]
    book, stops = told.app.book(), told.app.halting
    for code in ("ERR_INVALID_ORDER", "ERR_INSUFFICIENT_FUNDS", "ERR_INSUFFICIENT_FUNDS"):
        await stop_without_funds(book, stops, order.order_id, code)
        await stop_without_funds(book, stops, "ord_unknown", code)
    assert causes(told) == {"INSUFFICIENT_FUNDS"}
    assert len(await told.entries("halt")) == 1


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        ("REJECTED", "ERR_RATE_LIMIT", True),
        ("REJECTED", "ERR_INSUFFICIENT_FUNDS", False),
        ("DENIED", "ERR_NETWORK", True),
        ("REJECTED", "ERR_NEVER_HEARD_OF", False),
        ("UNKNOWN", "ERR_NETWORK", None),
        ("CANCELED", "NOT_FOUND", None),
        ("DENIED", "GATE_HALTED", None),
    ],
)
@pytest.mark.requirement("S3-04")
def test_a_refusal_says_whether_the_same_may_be_tried_again(
    status: str, code: str, says: bool | None
) -> None:
    assert retryable(status, code) is says


@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize("done", [True, False], ids=["done", "lost"])
async def test_a_replacement_of_unknown_outcome_leaves_exactly_one_of_the_two_at_work(
    told: Told, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    real = Simulator.replace

    async def silent(
        self: Simulator, broker_client_id: str, order: BrokerOrder, filled_qty: int
    ) -> Accepted | Rejected:
        if done:
            await real(self, broker_client_id, order, filled_qty)
        raise OutcomeUnknownError("ERR_NETWORK")

    monkeypatch.setattr(Simulator, "replace", silent)
    old = await working(told)
    new = await proposed(told, replaces=old.order_id, qty=60)
    await told.app.pipeline.quiesce()
    await told.app.trackers["simulator"].pull()
    states = (told.order(old).status, told.order(new).status)
    if done:
        assert states == (State.REPLACED, State.ACKNOWLEDGED)
    else:
        assert states == (State.ACKNOWLEDGED, State.CANCELED)
        assert told.order(new).code == "NOT_FOUND"
    assert list(told.app.book().account("primary").working) == [(new if done else old).order_id]


async def test_a_settlement_that_takes_its_time_holds_nothing_up_but_its_symbol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object) -> Rejected:
        raise OutcomeUnknownError("ERR_NETWORK")

    monkeypatch.setattr(Simulator, "submit", lost)
    monkeypatch.setattr(adapter, "SETTLE_MS", SETTLE_MS)
    async with asyncio.timeout(PATIENCE_S):
        async with telling(tmp_path) as told:
            order = await proposed(told)
            await told.app.pipeline.quiesce()
            assert told.order(order).status is State.UNKNOWN
            denied = await decided(told)
            assert {reason.control for reason in denied.reasons} == {"UNK-01"}
        async with telling(tmp_path) as told:
            assert told.order(order).status is State.UNKNOWN
            assert causes(told) == set()
        monkeypatch.setattr(adapter, "SETTLE_MS", 1_000)
        async with telling(tmp_path) as told:
            assert told.order(order).status is State.CANCELED
