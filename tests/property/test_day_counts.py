"""The day's counts are what adding up every allowed order of the day would say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.book import Book
from gateway.domain.day_counts import DAY_US
from gateway.domain.mode import Mode
from gateway.domain.projection import apply
from support.facts import NOON_US, account

STEPS = st.lists(
    st.tuples(
        st.sampled_from(list(Mode)),
        st.booleans(),
        st.one_of(st.none(), st.integers(0, 10**12)),
        st.integers(-DAY_US, 2 * DAY_US),
    ),
    max_size=30,
)
"""Mode, whether it is allowed, its value, and by how much the wall clock moves before it."""


def decision(
    number: int, mode: Mode, *, allow: bool, notional: int | None, wall_us: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A decision's fields and its document, as far as the book reads them."""
    payload = {
        "order_id": f"ord_{number}", "decision_id": f"dec_{number}",
        "broker_client_id": f"wr-{number}", "account": "primary", "principal": "desk",
        "client_order_id": "none", "mode": mode.value, "label": "none", "allow": allow,
        "failure": "none", "verdict": {"reasons": []}, "input_digest": "0" * 64,
        "release_digest": "0" * 64, "market_us": NOON_US,
    }  # fmt: skip
    order: dict[str, Any] = {
        "strategy_id": "none", "symbol": "AAPL", "side": "buy", "type": "limit",
        "time_in_force": "day", "qty": 10, "qty_decimals": 0, "price_decimals": 4,
        "limit_price": 100, "stop_price": "none", "worst_price": 100,
    }  # fmt: skip
    if notional is not None:
        order["notional_micros"] = notional
    return payload, {"order": order, "rates": {}, "time": {"wall_us": wall_us}}


def desk() -> Book:
    book = Book()
    book.accounts["primary"] = account()
    return book


@pytest.mark.requirement("S1-13")
@given(STEPS, st.integers(0, 10**9), st.integers(-DAY_US, 2 * DAY_US))
def test_they_are_the_naive_sums_and_the_same_when_built_anew(
    steps: list[tuple[Mode, bool, int | None, int]], asked: int, later_us: int
) -> None:
    book, rebuilt = desk(), desk()
    counted, entries, wall_us = list[tuple[int, int]](), list[tuple[Any, Any]](), 50 * DAY_US
    for number, (mode, allow, notional, moved) in enumerate(steps):
        wall_us = max(0, wall_us + moved)
        entries.append(decision(number, mode, allow=allow, notional=notional, wall_us=wall_us))
        apply(book, "decision", *entries[-1])
        if allow and mode in {Mode.PAPER, Mode.LIVE}:
            # A clock that goes back stays in the day that had begun.
            day = max([wall_us // DAY_US, *(day for day, _ in counted)])
            counted.append((day, notional or 0))
    for entry in entries:
        apply(rebuilt, "decision", *entry)
    assert rebuilt.day == book.day
    now_us = max(0, wall_us + later_us)
    today = max([now_us // DAY_US, *(day for day, _ in counted)])
    values = [value for day, value in counted if day == today]
    totals = book.day.with_one_more(now_us, asked)
    assert (totals.orders, totals.notional_micros) == (len(values) + 1, sum(values) + asked)
    assert book.day.with_one_more(now_us, None).notional_micros is None


@given(STEPS)
def test_what_is_supposed_within_a_turn_counts_and_leaves_nothing_behind(
    steps: list[tuple[Mode, bool, int | None, int]],
) -> None:
    book = desk()
    before = book.day.with_one_more(NOON_US, 1)
    held = list[Any]()
    for number, (mode, _, notional, _) in enumerate(steps):
        fresh = decision(number, mode, allow=True, notional=notional, wall_us=NOON_US)
        [state] = apply(desk(), "decision", *fresh)
        held.append(state)
        book.hold(state)
    outside = [one for one in held if one.mode in {"PAPER", "LIVE"}]
    during = book.day.with_one_more(NOON_US, 1)
    assert during.orders == before.orders + len(outside)
    assert during.notional_micros == 1 + sum(one.notional_micros or 0 for one in outside)
    for state in held:
        book.drop(state)
    assert book.day.with_one_more(NOON_US, 1) == before
    assert book == desk()
