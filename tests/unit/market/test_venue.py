"""The feed of a gateway in real time: what it knows, and of which instruments."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gateway.domain.fact import Fact, FactValue
from gateway.domain.instrument import Instrument
from gateway.domain.market import Close
from gateway.facts.pushed import PushedFacts
from gateway.market.calendar import VenueCalendar
from gateway.market.venue import VenueFeed
from gateway.ports import MarketFeed
from support.facts import INSTRUMENTS
from support.real_time import at_us, session

TUESDAY, WEDNESDAY = session("2027-03-16"), session("2027-03-17")
NOW_US = at_us("2027-03-17T10:00")
WEEK_MS = 7 * 24 * 3_600_000
LISTED: dict[str, Instrument] = {
    **INSTRUMENTS,
    "SPY": replace(INSTRUMENTS["AAPL"], symbol="SPY", asset_class="etf"),
    "BTC/USD": replace(INSTRUMENTS["AAPL"], symbol="BTC/USD", asset_class="crypto"),
}


def feed(*facts: Fact) -> VenueFeed:
    calendar, pushed = VenueCalendar(), PushedFacts()
    calendar.tell(date(2027, 3, 16), date(2027, 3, 17), [TUESDAY, WEDNESDAY], NOW_US)
    for fact in facts:
        pushed.put(fact, NOW_US)
    return VenueFeed(calendar, pushed, LISTED.get)


def close(
    value: FactValue = 2_460_000_000, at: int = TUESDAY.closes_us, symbol: str = "AAPL"
) -> Fact:
    return Fact(f"close.{symbol}", value, at, WEEK_MS, "desk", "desk", None)


def test_it_is_a_market_feed_without_quotes_bars_and_volatility() -> None:
    port: MarketFeed = feed(close())
    assert port.quote("AAPL", NOW_US) is None
    assert port.bars("AAPL", NOW_US, 10) == []
    assert port.volatility_index_e4(NOW_US) is None


@pytest.mark.requirement("S3-07")
@pytest.mark.parametrize(
    ("symbol", "known"), [("AAPL", True), ("SPY", True), ("BTC/USD", False), ("NONE", False)]
)
def test_hours_are_known_of_what_trades_at_a_stock_exchange(symbol: str, known: bool) -> None:
    assert feed().hours(symbol, NOW_US) == (WEDNESDAY if known else None)


def test_the_session_is_the_date_in_new_york() -> None:
    assert feed().session(at_us("2027-03-16T23:59")) == "2027-03-16"
    assert feed().session(at_us("2027-03-17T00:00")) == "2027-03-17"
    assert feed().session(at_us("2027-03-20T12:00")) == "2027-03-20"  # a Saturday has one too


@pytest.mark.parametrize(
    ("instant_us", "known"),
    [
        pytest.param(TUESDAY.opens_us - 1, False, id="before the session"),
        pytest.param(TUESDAY.opens_us, True, id="its opening"),
        pytest.param(TUESDAY.closes_us, True, id="its close"),
        pytest.param(TUESDAY.closes_us + 1, False, id="after hours"),
        pytest.param(WEDNESDAY.opens_us, False, id="of today"),
    ],
)
def test_a_pushed_close_counts_if_it_is_of_the_session_before(instant_us: int, known: bool) -> None:
    expected = Close(246_000, 4) if known else None
    assert feed(close(at=instant_us)).previous_close("AAPL", NOW_US) == expected


def test_a_close_that_is_not_pushed_not_listed_or_finer_than_its_scale_is_none() -> None:
    assert feed().previous_close("AAPL", NOW_US) is None
    assert feed(close(symbol="NONE")).previous_close("NONE", NOW_US) is None
    assert feed(close(2_460_000_001)).previous_close("AAPL", NOW_US) is None
    alone = VenueFeed(VenueCalendar(), PushedFacts(), LISTED.get)
    assert alone.previous_close("AAPL", NOW_US) is None
