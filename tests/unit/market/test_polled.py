"""A broker's own quotes: what is asked for, what is taken, and at which scale."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.domain.instrument import Instrument
from gateway.domain.market import Quote
from gateway.market.polled import (
    AHEAD_MAX_US,
    SYMBOLS_MAX,
    TRAIL_MAX,
    TRAIL_STEP_US,
    PolledQuotes,
)
from support.facts import instrument

pytestmark = [pytest.mark.requirement("S3-18")]

NOW_US = 1_790_000_000_000_000
S_US = 1_000_000


def listed(symbol: str) -> Instrument | None:
    return None if symbol.startswith("X") else replace(instrument(symbol), price_decimals=2)


def quote(at_us: int = NOW_US, symbol: str = "AAPL", **changes: int) -> Quote:
    fields = {"bid": 2470, "ask": 2472, "last": 2471, "price_decimals": 2} | changes
    return Quote(symbol, at_us=at_us, **fields)


def test_a_quote_is_known_from_its_instant_on_and_never_before() -> None:
    quotes = PolledQuotes(listed)
    assert not quotes.told
    assert quotes.take([quote()], NOW_US) == 1
    assert quotes.told
    assert quotes.quote("AAPL", NOW_US - 1) is None
    assert quotes.quote("AAPL", NOW_US) == quote()
    assert quotes.quote("AAPL", NOW_US + 60 * S_US) == quote()  # how old it may be others say
    assert quotes.quote("MSFT", NOW_US) is None


@pytest.mark.attack
def test_what_is_older_or_from_the_future_or_not_listed_is_not_taken() -> None:
    quotes = PolledQuotes(listed)
    assert quotes.take([quote(), quote(), quote(NOW_US - 1)], NOW_US) == 1
    assert quotes.take([quote(NOW_US + AHEAD_MAX_US + 1)], NOW_US) == 0
    assert quotes.take([quote(symbol="XYZ")], NOW_US) == 0
    # The clocks of two hosts differ: a little ahead counts from when it came.
    assert quotes.take([quote(NOW_US + AHEAD_MAX_US)], NOW_US + 1) == 1
    assert quotes.quote("AAPL", NOW_US + 1) == quote(NOW_US + 1)


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ((24_7012, 24_7188, 24_7100), (2470, 2472, 2471)),
        ((24_7000, 24_7200, 24_7150), (2470, 2472, 2472)),
        ((24_7000, 24_7200, 24_6999), (2470, 2472, 2469)),
        ((24_7000, 24_7200, 24_7100), (2470, 2472, 2471)),
    ],
)
def test_finer_prices_than_ours_become_never_better_ones(
    told: tuple[int, int, int], taken: tuple[int, int, int]
) -> None:
    quotes = PolledQuotes(listed)
    bid, ask, last = told
    quotes.take([quote(bid=bid, ask=ask, last=last, price_decimals=4)], NOW_US)
    found = quotes.quote("AAPL", NOW_US)
    assert found is not None
    assert (found.bid, found.ask, found.last, found.price_decimals) == (*taken, 2)


def test_coarser_prices_are_the_same_at_our_scale() -> None:
    quotes = PolledQuotes(listed)
    quotes.take([quote(bid=24, ask=25, last=24, price_decimals=0)], NOW_US)
    assert quotes.quote("AAPL", NOW_US) == quote(bid=2400, ask=2500, last=2400)


def test_five_minutes_ago_is_kept_and_memory_is_bounded() -> None:
    quotes = PolledQuotes(listed)
    for second in range(3_600):
        at_us = NOW_US + second * S_US
        assert quotes.take([quote(at_us, last=2000 + second)], at_us) == 1
    end_us = NOW_US + 3_599 * S_US
    now = quotes.quote("AAPL", end_us)
    before = quotes.quote("AAPL", end_us - 300 * S_US)
    assert now is not None
    assert before is not None
    assert now.at_us == end_us
    assert 0 <= end_us - 300 * S_US - before.at_us <= TRAIL_STEP_US
    assert len(quotes._trails["AAPL"]) <= TRAIL_MAX


def test_what_is_needed_is_asked_for_first_then_what_was_asked_about_last() -> None:
    quotes = PolledQuotes(listed)
    for number in range(SYMBOLS_MAX + 50):
        quotes.quote(f"S{number}", NOW_US)
    quotes.quote("XYZ", NOW_US)
    wanted = quotes.wanted(["HELD", "XNOT"])
    assert wanted[:2] == ["HELD", f"S{SYMBOLS_MAX + 49}"]
    assert len(wanted) == SYMBOLS_MAX
    assert not [symbol for symbol in wanted if symbol.startswith("X")]
