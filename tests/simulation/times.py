"""Days and instants in New York, where the venue is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.domain.market import Hours

EXCHANGE: Final = ZoneInfo("America/New_York")
SATURDAY: Final = 5
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def day_of(at_us: int) -> date:
    """The date at an instant."""
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(EXCHANGE).date()


def local_us(day: date, hour: int, minute: int) -> int:
    """An instant of a day."""
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=EXCHANGE)
    return (local - _EPOCH) // timedelta.resolution


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the venue trades: on working days from 9:30 to 16:00, on half days to 13:00."""

    half_days: frozenset[date] = frozenset()

    def sessions(self, first: date, last: date) -> Sequence[Hours]:
        """The session of every working day of a period, both ends included."""
        days = (first + timedelta(n) for n in range((last - first).days + 1))
        return [self.session(day) for day in days if day.weekday() < SATURDAY]

    def session(self, day: date) -> Hours:
        """The session of a working day."""
        closes = 13 if day in self.half_days else 16
        return Hours(local_us(day, 9, 30), local_us(day, closes, 0))

    def before(self, day: date) -> Hours:
        """The last session of an earlier day."""
        return self.sessions(day - timedelta(7), day - timedelta(1))[-1]

    def after(self, day: date) -> Hours:
        """The first session of a later day."""
        return self.sessions(day + timedelta(1), day + timedelta(7))[0]

    def open_at(self, at_us: int) -> bool:
        """Whether the venue trades at an instant."""
        day = day_of(at_us)
        return any(hours.open_at(at_us) for hours in self.sessions(day, day))
