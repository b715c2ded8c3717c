"""The exchange's half-days, held against a calendar that other people keep."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta

import exchange_calendars
import pytest

from gateway.market.exchange import early_closes, regular_hours
from gateway.market.historical import shipped_feed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = "1990-01-02", "2028-12-31"


@pytest.fixture(scope="module")
def oracle() -> exchange_calendars.ExchangeCalendar:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the oracle makes of its own dependencies
        return exchange_calendars.get_calendar("XNYS", start=FIRST, end=LAST)


@pytest.mark.requirement("S3-07")
@pytest.mark.requirement("S2-06")
def test_every_session_begins_and_ends_when_the_oracle_says(
    oracle: exchange_calendars.ExchangeCalendar,
) -> None:
    us = timedelta.resolution
    early = 0
    for day in oracle.sessions:
        hours = regular_hours(day.date().isoformat())
        assert hours.opens_us * us == oracle.session_open(day).to_pydatetime() - EPOCH
        assert hours.closes_us * us == oracle.session_close(day).to_pydatetime() - EPOCH
        early += day.date().isoformat() in early_closes()
    assert early == len(early_closes()) == 82


@pytest.mark.requirement("S2-06")
def test_the_shipped_closes_are_of_the_sessions_that_the_oracle_has(
    oracle: exchange_calendars.ExchangeCalendar,
) -> None:
    days = [session for session, _ in shipped_feed().sessions()]
    expected = oracle.sessions_in_range(days[0], days[-1])
    assert days == [day.date().isoformat() for day in expected]
