"""What an order may reach, and how far that is from the market."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.market import Quote
from gateway.domain.order import OrderType, Side
from gateway.facts.market import Market, market_facts, price_deviation_bps, worst_price
from support.facts import INSTRUMENTS, NOON_US, StillFeed, order

AAPL = INSTRUMENTS["AAPL"]
SIDES = st.sampled_from([Side.BUY, Side.SELL])
LASTS = st.integers(100, 10_000).map(lambda cents: cents * 100)


def quote(last: int, half: int = 100) -> Quote:
    return Quote("AAPL", max(1, last - half), last + half, last, 4, NOON_US)


@given(SIDES, LASTS, st.integers(1, 5_000))
def test_a_market_order_reaches_no_further_than_its_collar(side: Side, last: int, bps: int) -> None:
    q = quote(last)
    worst = worst_price(order(side=side), q, AAPL, bps)
    assert worst is not None
    assert worst % AAPL.tick == 0
    touch = q.ask if side is Side.BUY else q.bid
    if side is Side.BUY:
        assert worst * 10_000 <= touch * (10_000 + bps)
    else:
        assert worst == AAPL.tick or worst * 10_000 >= touch * (10_000 - bps)


@given(SIDES, LASTS, st.integers(1, 5_000))
def test_a_market_orders_deviation_is_within_its_collar(side: Side, last: int, bps: int) -> None:
    q = quote(last)
    worst = worst_price(order(side=side), q, AAPL, bps)
    touch = q.ask if side is Side.BUY else q.bid
    deviation = price_deviation_bps(order(side=side), q, worst)
    assert deviation is not None
    # The edge is rounded towards the market, so it may fall short of the touch by a tick.
    assert deviation <= max(bps, -(-AAPL.tick * 10_000 // touch))


def test_without_quote_collar_or_instrument_nothing_bounds_a_market_order() -> None:
    q = quote(1_000_000)
    assert worst_price(order(), None, AAPL, 500) is None
    assert worst_price(order(), q, None, 500) is None
    assert worst_price(order(), q, AAPL, None) is None
    assert worst_price(order(), q, AAPL, 0) is None


def test_a_limit_bounds_itself_and_is_held_against_the_touch() -> None:
    q = quote(1_000_000)
    limit = order(type=OrderType.LIMIT, limit_price=1_050_000)
    assert worst_price(limit, None, None, None) == 1_050_000
    assert price_deviation_bps(limit, q, 1_050_000) == 499  # (105.00 - 100.01) / 100.01, up
    assert price_deviation_bps(limit, None, 1_050_000) is None


def test_a_stop_is_bounded_around_its_stop_price() -> None:
    q = quote(1_000_000)
    stop = order(type=OrderType.STOP, stop_price=1_020_000)
    assert worst_price(stop, q, AAPL, 100) == 1_030_200
    assert price_deviation_bps(stop, q, 1_030_200) == 200


def test_age_is_rounded_up_and_the_future_is_not_known() -> None:
    q = quote(1_000_000)
    facts = market_facts(q, NOON_US + 1_001)
    assert facts is not None
    assert facts["age_ms"] == 2
    assert market_facts(None, NOON_US) is None
    assert Market(StillFeed({}), NOON_US).quote("AAPL", 4) is None
    assert Market(None, NOON_US).quote("AAPL", 4) is None
    # Known at another scale is not known.
    assert Market(StillFeed({"AAPL": 1_000_000}), NOON_US).quote("AAPL", 8) is None
