"""When a venue trades, as far as it was told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest

from gateway.domain.errors import InvalidInputError
from gateway.domain.market import Hours
from gateway.market.calendar import HELD_MAX_US, VenueCalendar, day_of, days_around
from support.real_time import at_us, session

FRIDAY = session("2027-03-12")
MONDAY = session("2027-03-15")
"""Summer time began on Sunday, the 14th."""
THANKSGIVING = [
    session("2027-11-24"),
    session("2027-11-26", closes="13:00"),
    session("2027-11-29"),
]


def told(days: Sequence[Hours], first: str, last: str, at: str) -> VenueCalendar:
    calendar = VenueCalendar()
    calendar.tell(date.fromisoformat(first), date.fromisoformat(last), days, at_us(at))
    return calendar


def spring(at: str = "2027-03-13T12:00") -> VenueCalendar:
    return told([FRIDAY, MONDAY], "2027-03-12", "2027-03-15", at)


def autumn(at: str = "2027-11-26T12:00") -> VenueCalendar:
    return told(THANKSGIVING, "2027-11-24", "2027-11-29", at)


def test_nothing_is_known_before_it_was_told() -> None:
    assert VenueCalendar().hours(at_us("2027-03-12T10:00")) is None
    assert VenueCalendar().previous(at_us("2027-03-12T10:00")) is None


@pytest.mark.requirement("S3-07")
@pytest.mark.parametrize(
    ("now", "found", "is_open"),
    [
        pytest.param("2027-03-12T00:00", FRIDAY, False, id="first instant"),
        pytest.param("2027-03-12T09:29", FRIDAY, False, id="before the opening"),
        pytest.param("2027-03-12T09:30", FRIDAY, True, id="opening"),
        pytest.param("2027-03-12T15:59", FRIDAY, True, id="last minute"),
        pytest.param("2027-03-12T16:00", MONDAY, False, id="close"),
        pytest.param("2027-03-13T12:00", MONDAY, False, id="weekend"),
        pytest.param("2027-03-15T09:30", MONDAY, True, id="opening in summer time"),
        pytest.param("2027-03-15T16:00", None, False, id="nothing further is known"),
    ],
)
def test_the_session_that_is_on_or_else_the_next(
    now: str, found: Hours | None, is_open: bool
) -> None:
    hours = spring().hours(at_us(now))
    assert hours == found
    assert (hours is not None and hours.open_at(at_us(now))) is is_open


def test_hours_are_those_of_new_york_in_winter_and_in_summer() -> None:
    assert FRIDAY.opens_us == 1_804_861_800_000_000  # 14:30 UTC
    assert MONDAY.opens_us == 1_805_117_400_000_000  # 13:30 UTC
    assert FRIDAY.closes_us - FRIDAY.opens_us == MONDAY.closes_us - MONDAY.opens_us


@pytest.mark.requirement("S3-07")
def test_a_day_without_a_session_is_a_holiday_and_a_short_day_closes_early() -> None:
    holiday, early = at_us("2027-11-25T11:00"), at_us("2027-11-26T12:00")
    hours = autumn().hours(holiday)
    assert hours is not None
    assert hours == THANKSGIVING[1]
    assert not hours.open_at(holiday)
    short = autumn().hours(early)
    assert short is not None
    assert short.to_close_ms(early) == 3_600_000
    assert autumn().hours(at_us("2027-11-26T13:00")) == THANKSGIVING[2]


@pytest.mark.parametrize(
    ("now", "before"),
    [
        pytest.param("2027-11-24T18:00", None, id="none is known"),
        pytest.param("2027-11-25T11:00", 0, id="holiday"),
        pytest.param("2027-11-26T18:00", 0, id="its own session does not count"),
        pytest.param("2027-11-27T12:00", 1, id="weekend"),
        pytest.param("2027-11-29T10:00", 1, id="monday"),
    ],
)
def test_the_session_before_is_of_an_earlier_day(now: str, before: int | None) -> None:
    expected = None if before is None else THANKSGIVING[before]
    assert autumn().previous(at_us(now)) == expected


@pytest.mark.requirement("S3-07")
def test_outside_of_the_days_that_were_told_nothing_is_known() -> None:
    calendar = spring()
    for now in (at_us("2027-03-12T00:00") - 1, at_us("2027-03-16T00:00")):
        assert calendar.hours(now) is None
        assert calendar.previous(now) is None
    assert calendar.previous(at_us("2027-03-16T00:00") - 1) == FRIDAY


@pytest.mark.requirement("S3-07")
def test_what_was_told_days_ago_is_not_known_any_more() -> None:
    asked = at_us("2027-11-24T10:00")
    calendar = autumn("2027-11-24T10:00")
    assert calendar.hours(asked + HELD_MAX_US) is not None
    assert calendar.hours(asked + HELD_MAX_US + 1) is None
    late = autumn("2027-11-29T10:00")
    assert late.hours(at_us("2027-11-29T10:00") - HELD_MAX_US - 1) is None  # the clock went back


@pytest.mark.parametrize(
    "days",
    [
        pytest.param([MONDAY, FRIDAY], id="out of order"),
        pytest.param([FRIDAY, FRIDAY], id="twice a day"),
        pytest.param([session("2027-03-11")], id="before the first day"),
        pytest.param([session("2027-03-16")], id="after the last day"),
        pytest.param([Hours(FRIDAY.closes_us, FRIDAY.opens_us)], id="closes before it opens"),
        pytest.param([Hours(FRIDAY.opens_us, FRIDAY.opens_us)], id="empty"),
        pytest.param([Hours(FRIDAY.opens_us, MONDAY.closes_us)], id="over days"),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused_and_the_last_one_stays(
    days: list[Hours],
) -> None:
    calendar = spring()
    with pytest.raises(InvalidInputError) as error:
        calendar.tell(date(2027, 3, 12), date(2027, 3, 15), days, at_us("2027-03-13T13:00"))
    assert error.value.code == "venue-hours-invalid"
    assert calendar.hours(at_us("2027-03-12T10:00")) == FRIDAY


def test_days_around_an_instant_are_those_of_new_york() -> None:
    night = at_us("2027-03-12T23:59")
    assert day_of(night) == date(2027, 3, 12)
    assert days_around(night) == (date(2027, 3, 2), date(2027, 3, 22))


@pytest.mark.requirement("S2-06")
@pytest.mark.parametrize(
    ("now", "day"),
    [
        pytest.param("2027-11-24T00:00", "2027-11-24", id="a session's midnight"),
        pytest.param("2027-11-24T23:59", "2027-11-24", id="its evening"),
        pytest.param("2027-11-25T11:00", "2027-11-24", id="holiday"),
        pytest.param("2027-11-26T18:00", "2027-11-26", id="after an early close"),
        pytest.param("2027-11-28T12:00", "2027-11-26", id="weekend"),
        pytest.param("2027-11-23T12:00", None, id="before all that was told"),
        pytest.param("2027-11-30T00:00", None, id="after it"),
    ],
)
def test_a_day_without_a_session_belongs_to_the_session_before(now: str, day: str | None) -> None:
    expected = None if day is None else date.fromisoformat(day)
    assert autumn().trading_day(at_us(now)) == expected


def test_where_no_session_was_told_there_is_no_day() -> None:
    late = told([THANKSGIVING[1]], "2027-11-25", "2027-11-26", "2027-11-25T10:00")
    assert late.trading_day(at_us("2027-11-25T10:00")) is None
    assert VenueCalendar().trading_day(at_us("2027-11-24T10:00")) is None
