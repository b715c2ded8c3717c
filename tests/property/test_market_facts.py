"""What an order may reach, and how far that is from the market."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.market import Close, Hours, Quote, QuoteSource
from gateway.domain.order import OrderType, Side
from gateway.facts.collar import price_deviation_bps, window_facts, worst_price
from gateway.facts.market import SHORT_WINDOW_US, Market, Sourced, hours_facts, market_facts
from gateway.market.closes import quote_us
from support.brokers import SESSIONS, feed
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


def test_age_and_spread_are_rounded_up_and_the_future_is_not_known() -> None:
    q = quote(1_000_000, half=150)
    facts = market_facts(Sourced(q, QuoteSource.PRIMARY), NOON_US + 1_001)
    assert facts is not None
    assert (facts["age_ms"], facts["spread_bps"], facts["source"]) == (2, 3, "primary")
    assert quote(1_000_000, half=151).spread_bps == 4  # 3.02
    assert market_facts(None, NOON_US) is None
    assert Market(StillFeed({}), NOON_US).quote("AAPL", 4) is None
    assert Market(None, NOON_US).quote("AAPL", 4) is None
    # Known at another scale is not known.
    assert Market(StillFeed({"AAPL": 1_000_000}), NOON_US).quote("AAPL", 8) is None


@given(st.integers(1, 10**9), st.integers(0, 10**9))
def test_a_spread_is_never_told_too_small(bid: int, width: int) -> None:
    q = Quote("AAPL", bid, bid + width, bid, 4, NOON_US)
    assert q.spread_bps * (q.bid + q.ask) >= width * 20_000
    assert (q.spread_bps - 1) * (q.bid + q.ask) < width * 20_000


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_hours_never_promise_more_time_than_there_is(now: int, opens: int, length: int) -> None:
    hours = Hours(opens, opens + length)
    facts = hours_facts(hours, now)
    assert facts is not None
    assert now + facts["to_close_ms"] * 1_000 <= hours.closes_us
    assert facts["open"] is (opens <= now < opens + length)
    assert hours_facts(None, now) is None


class OneQuote(StillFeed):
    """A feed that says one thing, whenever it is asked: also what no feed should say."""

    def __init__(self, said: Quote | None) -> None:
        super().__init__({})
        self.said = said

    def quote(self, symbol: str, at_us: int) -> Quote | None:
        return self.said


@st.composite
def said(draw: st.DrawFn) -> Quote | None:
    """Quotes of any age and shape: of the future, crossed, without a price, at another scale."""
    if draw(st.booleans()) and draw(st.booleans()):
        return None
    bid, ask, last = (draw(st.integers(-1, 4)) for _ in range(3))
    decimals = draw(st.sampled_from([4, 4, 4, 2]))
    age_us = draw(st.integers(-2_000, 12_000))
    return Quote("AAPL", bid, ask, last, decimals, NOON_US - age_us)


@given(said(), said(), st.integers(0, 10))
@pytest.mark.requirement("S3-18")
def test_the_secondary_is_asked_only_where_the_primary_is_silent_or_old(
    first: Quote | None, second: Quote | None, age_max_ms: int
) -> None:
    market = Market(OneQuote(first), NOON_US, OneQuote(second), age_max_ms)
    sourced = market.sourced("AAPL", 4)

    def usable(q: Quote | None) -> bool:
        if q is None or q.price_decimals != 4 or q.at_us > NOON_US:
            return False
        return 0 < q.bid <= q.ask and q.last > 0

    def young(q: Quote | None) -> bool:
        return q is not None and NOON_US - q.at_us <= age_max_ms * 1_000

    if sourced is None:
        assert not usable(first)
        assert not usable(second)
        return
    chosen = first if sourced.source is QuoteSource.PRIMARY else second
    assert sourced.quote is chosen
    assert usable(chosen)
    if sourced.source is QuoteSource.SECONDARY:
        assert not (usable(first) and young(first))
        assert young(second) or not usable(first)
    elif not young(first):
        assert not (usable(second) and young(second))
    assert market.quote("AAPL", 4) is sourced.quote


def test_without_a_primary_the_secondary_has_quotes_but_no_past_and_no_hours() -> None:
    market = Market(None, NOON_US, OneQuote(quote(1_000_000)), 10)
    sourced = market.sourced("AAPL", 4)
    assert sourced is not None
    assert sourced.source is QuoteSource.SECONDARY
    assert market.before("AAPL", 4) == (None, None)
    assert market.hours("AAPL") is None


def day_us(number: int) -> int:
    return quote_us(SESSIONS[number])


@pytest.mark.requirement("W-06")
def test_a_collar_s_windows_look_at_what_was_known_and_not_at_what_is() -> None:
    moving = feed({"AAPL": [1_000_000, 1_100_000, 990_000]})

    def before(at_us: int) -> tuple[int | None, int | None]:
        return Market(moving, at_us).before("AAPL", 4)

    assert before(day_us(0)) == (None, None)  # nothing was known five minutes ago, nor yesterday
    assert before(day_us(0) + SHORT_WINDOW_US) == (1_000_000, None)
    assert before(day_us(1)) == (1_000_000, 1_000_000)
    assert before(day_us(1) + SHORT_WINDOW_US - 1) == (1_000_000, 1_000_000)
    assert before(day_us(1) + SHORT_WINDOW_US) == (1_100_000, 1_000_000)
    assert before(day_us(2)) == (1_100_000, 1_100_000)
    assert Market(moving, day_us(1)).before("AAPL", 2) == (None, None)
    assert Market(moving, day_us(1)).before("MSFT", 4) == (None, None)


def test_the_distance_from_a_window_is_rounded_up() -> None:
    assert window_facts(1_010_001, (1_000_000, 1_010_001)) == {
        "short_window_deviation_bps": 101,
        "long_window_deviation_bps": 0,
    }
    assert window_facts(990_000, (1_000_000, None)) == {
        "short_window_deviation_bps": 100,
        "long_window_deviation_bps": None,
    }
    assert set(window_facts(None, (1, 1)).values()) == {None}


def test_a_close_without_a_price_is_none() -> None:
    class Odd(StillFeed):
        def previous_close(self, symbol: str, at_us: int) -> Close | None:
            return Close(0, 4)

    assert Market(Odd({"AAPL": 1_000_000}), NOON_US).before("AAPL", 4)[1] is None
