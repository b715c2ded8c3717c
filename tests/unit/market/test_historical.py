"""The shipped feed, and what a feed knows when."""

import dataclasses
import hashlib
import re
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import pytest

from gateway.domain.errors import InvalidInputError
from gateway.domain.market import Hours
from gateway.market.closes import quote_us
from gateway.market.historical import HistoricalFeed, load_feed, shipped_feed
from gateway.market.spread import SHIPPED_MODEL
from gateway.ports import MarketFeed
from support.brokers import feed, series

DATA = files("gateway.market") / "data"


@pytest.fixture(scope="module")
def shipped() -> HistoricalFeed:
    return shipped_feed()


def test_the_shipped_feed_is_a_market_feed(shipped: HistoricalFeed) -> None:
    port: MarketFeed = shipped
    assert port.quote("AAPL", quote_us("2015-01-02")) is not None


def test_the_shipped_data_is_the_period_and_the_shares_it_says(shipped: HistoricalFeed) -> None:
    sessions = shipped.sessions()
    assert len(sessions) == 1_007
    assert sessions[0] == ("2014-12-31", quote_us("2014-12-31"))
    assert shipped.tradable_sessions() == sessions[1:]
    assert sessions[1] == ("2015-01-02", quote_us("2015-01-02"))
    assert sessions[-1] == ("2018-12-31", quote_us("2018-12-31"))
    assert set(shipped.symbols) == set(SHIPPED_MODEL.by_symbol)
    for symbol in shipped.symbols:
        assert len(shipped.bars(symbol, sessions[-1][1], 2_000)) == 1_007


@pytest.mark.parametrize(
    ("session", "index_e4"),
    [("2015-08-24", 407_400), ("2018-02-05", 373_200), ("2018-12-24", 360_700)],
)
def test_known_closes_of_the_volatility_index(
    shipped: HistoricalFeed, session: str, index_e4: int
) -> None:
    assert shipped.volatility_index_e4(quote_us(session)) == index_e4


def test_a_known_close_was_rounded_half_to_even(shipped: HistoricalFeed) -> None:
    at_us = quote_us("2015-01-02")
    closes = {s: shipped.bars(s, at_us, 1)[0].close for s in ("AAPL", "RRC", "BAC")}
    assert closes == {"AAPL": 245_300, "RRC": 531_400, "BAC": 151_500}  # of 24.532 53.145 15.147


def utc_us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


@pytest.mark.requirement("S3-07")
@pytest.mark.parametrize(
    ("now", "day", "offset"),
    [
        pytest.param("2015-01-05T09:29:59-05:00", "2015-01-05", "-05:00", id="before the opening"),
        pytest.param("2015-01-05T15:59:59-05:00", "2015-01-05", "-05:00", id="the last second"),
        pytest.param("2015-01-05T16:00:00-05:00", "2015-01-06", "-05:00", id="the close"),
        pytest.param("2015-01-02T23:00:00-05:00", "2015-01-05", "-05:00", id="a weekend"),
        # Clocks went forward on Sunday, 8 March, and back on Sunday, 1 November.
        pytest.param("2015-03-07T12:00:00-05:00", "2015-03-09", "-04:00", id="into summer"),
        pytest.param("2015-10-31T12:00:00-04:00", "2015-11-02", "-05:00", id="into winter"),
        # Independence Day was kept on Friday, 3 July.
        pytest.param("2015-07-02T17:00:00-04:00", "2015-07-06", "-04:00", id="a holiday"),
    ],
)
def test_hours_are_those_of_new_york_on_the_days_of_the_file(
    shipped: HistoricalFeed, now: str, day: str, offset: str
) -> None:
    hours = Hours(utc_us(f"{day}T09:30{offset}"), utc_us(f"{day}T16:00{offset}"))
    assert shipped.hours("AAPL", utc_us(now)) == hours
    assert hours.open_at(utc_us(now)) is now.endswith("15:59:59-05:00")


@pytest.mark.requirement("S3-07")
def test_a_half_day_ends_at_one_and_its_quote_comes_half_an_hour_before(
    shipped: HistoricalFeed,
) -> None:
    noon = utc_us("2015-11-27T12:00-05:00")
    hours = shipped.hours("AAPL", noon)
    assert hours == Hours(utc_us("2015-11-27T09:30-05:00"), utc_us("2015-11-27T13:00-05:00"))
    assert hours is not None
    assert quote_us("2015-11-27") == utc_us("2015-11-27T12:30-05:00")
    known = shipped.quote("AAPL", utc_us("2015-11-27T12:30-05:00"))
    assert known is not None
    assert known.at_us == quote_us("2015-11-27")
    assert hours is not None
    after = shipped.hours("AAPL", hours.closes_us)
    assert after is not None
    assert after.opens_us == utc_us("2015-11-30T09:30-05:00")


def test_an_order_fills_on_the_next_quote_and_no_sooner(shipped: HistoricalFeed) -> None:
    at_us = quote_us("2015-01-05")
    first = shipped.fillable("AAPL", at_us)
    assert first is not None
    assert first.opens_us == utc_us("2015-01-06T09:30-05:00")
    same_day = shipped.fillable("AAPL", at_us - 1)
    assert same_day is not None
    assert same_day.opens_us == utc_us("2015-01-05T09:30-05:00")
    assert shipped.fillable("AAPL", quote_us("2018-12-31")) is None
    assert shipped.fillable("GME", at_us) is None


def test_hours_that_are_not_known(shipped: HistoricalFeed) -> None:
    assert shipped.hours("GME", quote_us("2015-01-05")) is None
    last = quote_us("2018-12-31")
    known = shipped.hours("AAPL", last)
    assert known is not None
    assert shipped.hours("AAPL", known.closes_us - 1) == known
    assert shipped.hours("AAPL", known.closes_us) is None


def test_every_quote_of_the_file_lies_in_its_session(shipped: HistoricalFeed) -> None:
    for _, at_us in shipped.sessions():
        hours = shipped.hours("AAPL", at_us)
        assert hours is not None
        assert hours.open_at(at_us)
        assert hours.to_close_ms(at_us) == 30 * 60 * 1000


def test_source_and_licences_lie_beside_the_data() -> None:
    source = (DATA / "SOURCE.md").read_text()
    assert len(re.findall(r"`[0-9a-f]{64}`", source)) == 2
    for name, words in (
        ("LICENSE-skfolio.txt", "BSD 3-Clause License"),
        ("LICENSE-arch.txt", "Copyright (c) 2017 Kevin Sheppard"),
    ):
        assert name in source
        assert words in (DATA / name).read_text()


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("closes.csv", "561cd09b5db781b54b6ef33b63f499b4396faf5b3a81d4f829c3d50d4264e6b8"),
        ("vix.csv", "c9304ab1fc56f10933ae7f0b8c1704e7e32e2d35e274745114fb67001beb8ccb"),
    ],
)
def test_the_data_is_what_was_taken(name: str, digest: str) -> None:
    assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest


def test_a_close_is_known_from_half_past_three_and_not_a_microsecond_before() -> None:
    market = feed({"AAPL": [1_000_000, 1_010_000]})
    first, second = quote_us("2015-01-05"), quote_us("2015-01-06")
    assert market.quote("AAPL", first - 1) is None
    assert market.bars("AAPL", first - 1, 10) == []
    assert market.volatility_index_e4(first - 1) is None
    for at_us in (first, first + 1, second - 1):
        quote = market.quote("AAPL", at_us)
        assert quote is not None
        assert (quote.last, quote.at_us) == (1_000_000, first)  # its age grows
        assert [bar.close for bar in market.bars("AAPL", at_us, 10)] == [1_000_000]
    quote = market.quote("AAPL", second)
    assert quote is not None
    assert (quote.bid, quote.last, quote.ask) == (1_009_800, 1_010_000, 1_010_200)
    assert [bar.close for bar in market.bars("AAPL", second, 10)] == [1_000_000, 1_010_000]


def test_bars_are_the_newest_oldest_first() -> None:
    market = feed({"AAPL": [10_000, 20_000, 30_000]})
    bars = market.bars("AAPL", quote_us("2015-01-09"), 2)
    assert [(bar.session, bar.close) for bar in bars] == [
        ("2015-01-06", 20_000),
        ("2015-01-07", 30_000),
    ]
    assert market.bars("AAPL", quote_us("2015-01-09"), 0) == []
    assert market.bars("AAPL", quote_us("2015-01-09"), -1) == []


def test_an_unknown_symbol_has_nothing() -> None:
    market = feed({"AAPL": [10_000]})
    assert market.quote("MSFT", quote_us("2015-01-05")) is None
    assert market.bars("MSFT", quote_us("2015-01-05"), 1) == []


def test_without_a_volatility_index_there_is_no_quote_but_a_bar() -> None:
    late = HistoricalFeed(
        {"AAPL": series([1_000_000, 1_010_000])},
        dataclasses.replace(
            series([150_000]), sessions=("2015-01-06",), at_us=(quote_us("2015-01-06"),)
        ),
        SHIPPED_MODEL,
    )
    assert late.quote("AAPL", quote_us("2015-01-05")) is None
    assert len(late.bars("AAPL", quote_us("2015-01-05"), 1)) == 1
    assert late.quote("AAPL", quote_us("2015-01-06")) is not None


def test_a_close_within_the_spread_of_zero_is_no_quote() -> None:
    assert feed({"AAPL": [100]}).quote("AAPL", quote_us("2015-01-05")) is None
    assert feed({"AAPL": [200]}).quote("AAPL", quote_us("2015-01-05")) is not None


@pytest.mark.parametrize(
    ("at_us", "session"),
    [
        (quote_us("2015-01-05"), "2015-01-05"),
        (1_420_434_000_000_000 - 1, "2015-01-04"),  # a microsecond before midnight in New York
        (1_420_434_000_000_000, "2015-01-05"),
        (1_436_155_200_000_000 - 1, "2015-07-05"),  # the same in summer, four hours from UTC
        (1_436_155_200_000_000, "2015-07-06"),
    ],
)
def test_the_session_is_the_date_in_new_york(at_us: int, session: str) -> None:
    assert feed({"AAPL": [10_000]}).session(at_us) == session


def test_the_volatility_file_has_its_column_alone(tmp_path: Path) -> None:
    path = tmp_path / "vix.csv"
    path.write_text("session,VIX,VXN\n2015-01-02,17.79,18.00\n")
    with pytest.raises(InvalidInputError, match="columns"):
        load_feed(tmp_path / "vix.csv", path)


@pytest.mark.requirement("S2-06")
@pytest.mark.parametrize(
    ("now", "day"),
    [
        pytest.param("2015-01-05T00:00-05:00", "2015-01-05", id="a session's midnight"),
        pytest.param("2015-01-10T12:00-05:00", "2015-01-09", id="weekend"),
        pytest.param("2015-01-19T12:00-05:00", "2015-01-16", id="holiday"),
        pytest.param("2019-03-01T12:00-05:00", "2018-12-31", id="after the last session"),
        pytest.param("2014-12-30T12:00-05:00", None, id="before the first"),
    ],
)
def test_a_day_without_a_session_belongs_to_the_session_before(
    shipped: HistoricalFeed, now: str, day: str | None
) -> None:
    assert shipped.trading_day(utc_us(now)) == day
