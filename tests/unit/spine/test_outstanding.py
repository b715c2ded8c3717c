"""Cancels that do not come true: asked again with an end, and always while a halt demands them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gateway.domain.activity import REQUESTED
from gateway.domain.book import Book, OrderState
from gateway.domain.errors import NotFoundError, RefusedError, UnavailableError
from gateway.domain.execution import OutcomeUnknownError, Submission
from gateway.domain.halt import GLOBAL, Halt, Scope
from gateway.domain.projection import apply
from gateway.ports import Committed, Draft
from gateway.tracking.cancels import Cancels
from gateway.tracking.outstanding import AGAIN_MAX_MS, TIMES_MAX
from signing.lifecycle import State
from support.facts import account, working

HALT = Halt("h1", GLOBAL, "OMEGA2_MANUAL", True, False, "admin", "ada")


@dataclass
class Clock:
    """Waits take no time, and the clock shows that they did."""

    us: int = 1_000_000_000

    def wall_us(self) -> int:
        return self.us

    def market_us(self) -> int:
        return self.us

    def monotonic_ns(self) -> int:
        return self.us * 1_000

    async def sleep_ms(self, duration_ms: int) -> None:
        self.us += duration_ms * 1_000
        await asyncio.sleep(0)


@dataclass
class Record:
    """The book, and a ledger that takes entries or does not."""

    book: Book
    away: bool = False
    drafts: list[Draft] = field(default_factory=list[Draft])

    def record(self, drafts: list[Draft], **_: Any) -> asyncio.Task[Committed]:
        for draft in drafts:
            apply(self.book, draft.kind, draft.payload, draft.document)
        self.drafts += drafts
        return asyncio.create_task(self._commit())

    async def _commit(self) -> Committed:
        if self.away:
            raise UnavailableError("ledger-latched", "no", "no")
        return Committed((1,), b"")


@dataclass
class Broker:
    """A door behind which a broker takes cancels, does not, or confirms them at once."""

    book: Book
    fails: BaseException | None = None
    confirms: bool = False
    asked: list[str] = field(default_factory=list[str])

    async def cancel(self, account: str, broker_client_id: str) -> None:
        del account
        order_id = self.book.by_client_id[broker_client_id]
        self.asked.append(order_id)
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        if self.confirms:
            self.book.keep(replace(self.book.orders[order_id], status=State.CANCELED))

    async def forward(self, permit: bytes, approved_ns: int) -> Submission:
        raise AssertionError


@dataclass
class Desk:
    """Cancels of two working orders."""

    clock: Clock
    record: Record
    broker: Broker
    cancels: Cancels

    def order(self, order_id: str) -> OrderState:
        return self.record.book.orders[order_id]

    def becomes(self, order_id: str, status: State) -> None:
        self.record.book.keep(replace(self.order(order_id), status=status))

    def entered(self) -> list[tuple[str, str]]:
        return [(draft.payload["order_id"], draft.payload["cause"]) for draft in self.record.drafts]

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        task = asyncio.create_task(self.cancels.run())
        try:
            yield
        finally:
            task.cancel()

    async def later(self, seconds: int) -> None:
        """Wait until the clock has gone on by so much, or nothing is left to be asked again."""
        until = self.clock.us + seconds * 1_000_000
        for _ in range(20_000):
            if self.clock.us >= until or not any(o.again for o in self.cancels.outstanding()):
                return
            await asyncio.sleep(0)
        raise AssertionError("the clock stands")


@pytest.fixture
async def desk() -> Desk:
    book = Book()
    book.accounts["primary"] = account()
    for order_id, symbol in (("o1", "AAPL"), ("o2", "MSFT")):
        book.keep(working(order_id, symbol, "buy", 10, 1_000_000))
    clock, record, broker = Clock(), Record(book), Broker(book)
    return Desk(clock, record, broker, Cancels(record, broker, clock))  # pyright: ignore[reportArgumentType]  they have what is asked of them here


@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize(
    ("fails", "code"),
    [
        (None, "none"),
        (OutcomeUnknownError("GATE_TIMEOUT"), "GATE_TIMEOUT"),
        (ZeroDivisionError("a defect"), "CANCEL_FAILED"),
        (NotFoundError("broker-missing", "no", "no"), "CANCEL_FAILED"),
    ],
    ids=["unconfirmed", "timed out", "a defect", "no broker"],
)
async def test_a_cancel_that_does_not_come_true_is_asked_again_and_that_ends(
    desk: Desk, fails: BaseException | None, code: str
) -> None:
    desk.broker.fails = fails
    async with desk.running():
        if fails is None:
            await desk.cancels.cancel("o1", "ada")
        else:
            with pytest.raises(UnavailableError, match="cancel-untaken"):
                await desk.cancels.cancel("o1", "ada")
        began_us = desk.clock.us
        await desk.later(3_600)
    assert desk.broker.asked == ["o1"] * TIMES_MAX
    assert desk.clock.us - began_us < 200 * 1_000_000
    [left] = desk.cancels.outstanding()
    assert (left.order_id, left.by, left.cause, left.code) == ("o1", "ada", REQUESTED, code)
    assert (left.times, left.again) == (TIMES_MAX, False)
    assert desk.entered() == [("o1", REQUESTED)], "asking again is no message of the caller's"


@pytest.mark.requirement("S2-03")
@pytest.mark.requirement("W-10")
async def test_a_kill_keeps_asking_until_the_order_is_over_or_the_halt_is_lifted(
    desk: Desk,
) -> None:
    desk.broker.fails = OutcomeUnknownError("ERR_NETWORK")
    desk.record.book.halts[HALT.halt_id] = HALT
    async with desk.running():
        assert await desk.cancels.cancel_all("ada", "OMEGA2_MANUAL", GLOBAL) == 2
        await desk.later(3_600)
        asked = len(desk.broker.asked)
        assert asked > 2 * (3_600 * 1_000 // AGAIN_MAX_MS - 5)
        assert {left.code for left in desk.cancels.outstanding()} == {"ERR_NETWORK"}
        assert all(left.again for left in desk.cancels.outstanding())
        assert len(desk.cancels.outstanding(Scope("symbol", "MSFT"))) == 1
        desk.becomes("o1", State.CANCELED)
        assert [left.order_id for left in desk.cancels.outstanding()] == ["o2"]
        desk.broker.fails, desk.broker.confirms = None, True
        await desk.later(60)
    assert desk.cancels.outstanding() == []
    assert desk.order("o2").status is State.CANCELED
    assert desk.entered() == [("o1", "OMEGA2_MANUAL"), ("o2", "OMEGA2_MANUAL")]


@pytest.mark.requirement("S2-03")
async def test_a_lifted_halt_demands_nothing_any_more(desk: Desk) -> None:
    desk.broker.fails = OutcomeUnknownError("ERR_NETWORK")
    desk.record.book.halts[HALT.halt_id] = HALT
    async with desk.running():
        await desk.cancels.cancel_all("ada", "OMEGA2_MANUAL", GLOBAL)
        await desk.later(600)
        assert all(left.again for left in desk.cancels.outstanding())
        del desk.record.book.halts[HALT.halt_id]
        assert not any(left.again for left in desk.cancels.outstanding())


@pytest.mark.requirement("S1-06")
async def test_a_cancel_that_the_broker_refuses_is_over_unless_a_halt_demands_it(
    desk: Desk,
) -> None:
    async with desk.running():
        await desk.cancels.cancel("o1", "ada")
        assert [left.order_id for left in desk.cancels.outstanding()] == ["o1"]
        desk.becomes("o1", State.ACKNOWLEDGED)  # its cancel was rejected
        assert desk.cancels.outstanding() == []
        asked = list(desk.broker.asked)
        for _ in range(100):
            await asyncio.sleep(0)
        assert desk.broker.asked == asked
        desk.record.book.halts[HALT.halt_id] = HALT
        await desk.cancels.cancel_all("ada", "OMEGA2_MANUAL", GLOBAL)
        assert desk.cancels.outstanding(Scope("symbol", "AAPL"))
        desk.becomes("o1", State.ACKNOWLEDGED)
        await desk.later(60)
        assert desk.cancels.outstanding(Scope("symbol", "AAPL"))
    assert desk.broker.asked.count("o1") > 3
    assert ("o1", "ASKED_AGAIN") in desk.entered(), "it is being cancelled once more"


@pytest.mark.attack
@pytest.mark.requirement("S1-06")
async def test_repeated_cancels_in_an_outage_owe_one_entry(desk: Desk) -> None:
    desk.record.away = True
    for _ in range(50):
        await desk.cancels.cancel("o1", "ada")
    assert desk.broker.asked == ["o1"] * 50, "risk goes off whatever the record does"
    assert desk.entered() == [("o1", REQUESTED)]
    desk.record.away = False
    await desk.cancels.cancel("o2", "ada")
    await desk.cancels.cancel("o1", "ada")
    assert len(desk.entered()) == 3


@pytest.mark.requirement("S1-06")
async def test_an_order_on_its_way_is_asked_for_when_its_submission_has_an_answer(
    desk: Desk,
) -> None:
    desk.becomes("o1", State.CREATED)
    async with desk.running():
        [outcome, _] = await desk.cancels.cancel_each(
            [desk.order("o1"), desk.order("o2")], "ada", "END_OF_DAY"
        )
        assert outcome.code == "none"
        await desk.later(60)
        assert desk.broker.asked.count("o1") == 1
        assert ("o1", "END_OF_DAY") not in desk.entered(), "it may not be durable"
        desk.becomes("o1", State.ACKNOWLEDGED)
        await desk.cancels.sweep("o1")
    assert desk.broker.asked.count("o1") == 2
    assert ("o1", "WANTED_BEFORE_SENT") in desk.entered()


@pytest.mark.requirement("S1-06")
async def test_what_takes_an_orders_place_is_cancelled_with_it(desk: Desk) -> None:
    book = desk.record.book
    book.keep(replace(desk.order("o1"), status=State.PENDING_REPLACE, replaced_by="o3"))
    book.keep(replace(working("o3", "AAPL", "buy", 12, 1_000_000), replaces="o1"))
    desk.broker.confirms = True
    await desk.cancels.cancel("o1", "ada")
    assert sorted(desk.broker.asked) == ["o1", "o3"]
    assert desk.entered() == [("o1", REQUESTED), ("o3", "WITH_REPLACED")]


@pytest.mark.requirement("S1-06")
async def test_there_is_nothing_to_cancel_of_what_is_over_or_not_there(desk: Desk) -> None:
    desk.becomes("o1", State.FILLED)
    with pytest.raises(RefusedError, match="order-closed"):
        await desk.cancels.cancel("o1", "ada")
    with pytest.raises(NotFoundError, match="order-not-open"):
        await desk.cancels.cancel("o9", "ada")
    [outcome] = await desk.cancels.cancel_each([working("o1", "AAPL", "buy", 1, 1)], "ada", "X")
    assert outcome.code == "ORDER_CLOSED"
    assert desk.broker.asked == []
