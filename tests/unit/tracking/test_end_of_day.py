"""Which orders end with their day, when, and where a clock has to stop for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gateway.domain.book import Book, OrderState
from gateway.domain.market import Hours
from gateway.tracking import end_of_day
from gateway.tracking.end_of_day import BY, CAUSE, EndOfDay
from signing.lifecycle import State
from support.brokers import ManualClock
from support.facts import account, working
from support.ledgers import becomes
from support.real_time import at_us, session

DAY = session("2027-11-24")
HALF_DAY = session("2027-11-26", closes="13:00")
A_MINUTE_MS = 60_000


@dataclass
class Asked:
    """Who is asked to cancel, and remembers."""

    orders: list[str] = field(default_factory=list[str])
    failing: bool = False

    async def cancel_each(
        self, orders: Sequence[OrderState], by: str, cause: str
    ) -> Sequence[object]:
        assert (by, cause) == (BY, CAUSE)
        self.orders += [order.order_id for order in orders]
        if self.failing:
            raise TimeoutError
        return []


def day(
    *orders: OrderState, hours: Hours | None = DAY, before_ms: int = A_MINUTE_MS
) -> tuple[EndOfDay, Asked]:
    book, asked = Book(), Asked()
    book.accounts["primary"] = account(positions={})
    for order in orders:
        book.keep(order)

    def closes_at(_order: OrderState, _market_us: int) -> int | None:
        return None if hours is None else hours.closes_us

    return EndOfDay(lambda: book, asked, closes_at, before_ms), asked


def order(order_id: str = "ord_1", **changes: Any) -> OrderState:
    return replace(working(order_id, "AAPL", "buy", 10, 247_000), **changes)  # pyright: ignore[reportArgumentType]  the case names fields


@pytest.mark.requirement("S3-20")
@pytest.mark.parametrize(
    ("hours", "now", "due"),
    [
        pytest.param(DAY, "2027-11-24T15:58", False, id="two minutes before"),
        pytest.param(DAY, "2027-11-24T15:59", True, id="a minute before"),
        pytest.param(DAY, "2027-11-24T15:59:59", True, id="a second before"),
        pytest.param(DAY, "2027-11-24T16:00", False, id="at the close"),
        pytest.param(HALF_DAY, "2027-11-26T12:58", False, id="two minutes before one"),
        pytest.param(HALF_DAY, "2027-11-26T12:59", True, id="half-day"),
        pytest.param(DAY, "2027-11-23T15:59:30", False, id="its session is tomorrow"),
        pytest.param(None, "2027-11-24T15:59", False, id="nobody knows the hours"),
    ],
)
async def test_a_day_order_is_cancelled_shortly_before_the_close_and_by_the_venue_after_it(
    hours: Hours | None, now: str, *, due: bool
) -> None:
    ends, asked = day(order(), hours=hours)
    assert await ends.look(at_us(now)) == int(due)
    assert asked.orders == ["ord_1"] * due


@pytest.mark.requirement("S3-20")
@pytest.mark.parametrize(
    ("changes", "due"),
    [
        pytest.param({"status": State.PARTIALLY_FILLED, "filled_qty": 4}, True, id="a rest"),
        pytest.param({"status": State.UNKNOWN}, True, id="nobody knows whether it was sent"),
        pytest.param({"status": State.PENDING_CANCEL}, False, id="asked for already"),
        pytest.param({"status": State.CANCELED}, False, id="over"),
        pytest.param({"time_in_force": "gtc"}, False, id="good till cancelled"),
        pytest.param({"time_in_force": "gtd", "expires_us": 2**50}, False, id="good till a date"),
        pytest.param({"time_in_force": "ioc"}, False, id="over at once"),
        pytest.param({"extended_hours": True}, False, id="it may trade after the close"),
    ],
)
async def test_what_ends_with_the_day(changes: dict[str, Any], *, due: bool) -> None:
    ends, asked = day(order(**changes))
    await ends.look(at_us("2027-11-24T15:59"))
    assert asked.orders == ["ord_1"] * due


@pytest.mark.parametrize(
    ("status", "asked_for"),
    [
        pytest.param(State.UNKNOWN, 1, id="in doubt: asking once more tells nothing"),
        pytest.param(State.CREATED, 1, id="on its way"),
        pytest.param(State.ACKNOWLEDGED, 2, id="refused: it works on"),
        pytest.param(State.PENDING_CANCEL, 0, id="under way"),
    ],
)
async def test_a_second_look_asks_only_for_what_is_not_under_way(
    status: State, asked_for: int
) -> None:
    ends, asked = day(order(status=status))
    await ends.look(at_us("2027-11-24T15:59"))
    await ends.look(at_us("2027-11-24T15:59:05"))
    assert len(asked.orders) == asked_for


async def test_without_a_time_before_the_close_all_is_left_to_the_venue() -> None:
    ends, asked = day(order(), before_ms=0)
    assert await ends.look(DAY.closes_us - 1) == 0
    assert asked.orders == []
    assert ends.next_us(0, 2**52) is None


@pytest.mark.requirement("S3-20")
def test_a_clock_stops_where_something_is_due_and_not_where_it_stands() -> None:
    ends, _ = day(order())
    due_us = DAY.closes_us - 60_000_000
    assert ends.next_us(due_us - 1, due_us + 1) == due_us
    assert ends.next_us(due_us - 1, due_us) is None  # it goes there anyway
    assert ends.next_us(due_us, due_us + 1) is None  # it was there: every stop is a later one
    assert day()[0].next_us(0, 2**52) is None


async def test_a_look_that_fails_does_not_end_the_looking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(end_of_day, "LOOK_EVERY_MS", 1)
    ends, asked = day(order())
    asked.failing = True
    looking = asyncio.create_task(ends.run(ManualClock(market=DAY.closes_us - 1)))
    await becomes(lambda: len(asked.orders) >= 2)
    looking.cancel()
