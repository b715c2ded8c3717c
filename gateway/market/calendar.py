"""When a venue trades: its calendar as it was told, for some days around now and no longer.

What was told covers whole days in New York, from a first to a last one. Inside of them a day
without a session is a holiday; outside nothing is known, and an order is denied. What was told
days ago is not known any more either: a venue that cannot be asked may have changed its mind.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from gateway.domain.errors import InvalidInputError
from gateway.domain.market import Hours
from gateway.market.exchange import EXCHANGE_ZONE

DAYS_BEFORE: Final = 10
"""Days asked for before today: the longest closure since 1933 was of four sessions."""
DAYS_AFTER: Final = 10
HELD_MAX_US: Final = timedelta(days=3) // timedelta.resolution
"""How long a calendar counts after it was told."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ZONE: Final = ZoneInfo(EXCHANGE_ZONE)


def day_of(at_us: int) -> date:
    """The date in New York at an instant."""
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(_ZONE).date()


def days_around(at_us: int) -> tuple[date, date]:
    """The first and the last day that a calendar is asked for at an instant."""
    today = day_of(at_us)
    return today - timedelta(days=DAYS_BEFORE), today + timedelta(days=DAYS_AFTER)


@dataclass(frozen=True, slots=True)
class _Told:
    from_us: int
    until_us: int
    at_us: int
    hours: tuple[Hours, ...]
    days: tuple[date, ...]


class VenueCalendar:
    """The newest calendar of a venue, in memory; replaced whole or not at all."""

    def __init__(self) -> None:
        """Begin knowing nothing."""
        self._told: _Told | None = None

    def tell(self, first: date, last: date, hours: Sequence[Hours], at_us: int) -> None:
        """Take the regular sessions of the days from ``first`` to ``last``, both included.

        Args:
            first: the first day, in New York.
            last: the last day.
            hours: every session of these days, in their order; at most one a day.
            at_us: market time at which they were asked for.

        Raises:
            InvalidInputError: ``venue-hours-invalid``; what was told before goes on.
        """
        days = tuple(day_of(one.opens_us) for one in hours)
        within = all(first <= day <= last for day in days)
        rising = all(before < after for before, after in pairwise(days))
        whole = all(
            one.opens_us < one.closes_us and day_of(one.closes_us) == day
            for one, day in zip(hours, days, strict=True)
        )
        if not (within and rising and whole):
            raise InvalidInputError(
                "venue-hours-invalid",
                "the venue's calendar is not one session a day within the days asked for",
                "orders are denied once the last good calendar is too old; ask the broker",
            )
        until = _midnight_us(last + timedelta(days=1))
        self._told = _Told(_midnight_us(first), until, at_us, tuple(hours), days)

    def hours(self, at_us: int) -> Hours | None:
        """The session that contains or follows an instant, as far as the calendar goes."""
        told = self._known(at_us)
        if told is None:
            return None
        closes = [one.closes_us for one in told.hours]
        index = bisect_right(closes, at_us)
        return told.hours[index] if index < len(closes) else None

    def trading_day(self, at_us: int) -> date | None:
        """The day of an instant if it has a session, or else that of the session before it."""
        told = self._known(at_us)
        if told is None:
            return None
        days = [day for day in told.days if day <= day_of(at_us)]
        return days[-1] if days else None

    def previous(self, at_us: int) -> Hours | None:
        """The last session of an earlier day than that of an instant."""
        told = self._known(at_us)
        if told is None:
            return None
        today = day_of(at_us)
        earlier = [one for one, day in zip(told.hours, told.days, strict=True) if day < today]
        return earlier[-1] if earlier else None

    def _known(self, at_us: int) -> _Told | None:
        told = self._told
        if told is None or not told.from_us <= at_us < told.until_us:
            return None
        # A clock that goes back makes it no younger, and no older than it is either.
        return told if abs(at_us - told.at_us) <= HELD_MAX_US else None


def _midnight_us(day: date) -> int:
    local = datetime.combine(day, time(), _ZONE)
    return (local - _EPOCH) // timedelta.resolution
