"""Days and instants in New York, where the venue is."""

from __future__ import annotations

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


def sessions(first: date, last: date) -> list[Hours]:
    """The regular session of every working day of a period."""
    days = (first + timedelta(n) for n in range((last - first).days + 1))
    return [
        Hours(local_us(day, 9, 30), local_us(day, 16, 0))
        for day in days
        if day.weekday() < SATURDAY
    ]
