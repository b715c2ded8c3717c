"""The hours of the New York Stock Exchange on a day on which it trades: half-days among them.

Which days are sessions is told by the data; which of them ended early lies beside it, as the
exchange published it. Clocks are changed on Sundays, so within a session an hour is an hour.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from gateway.domain.market import Hours

EXCHANGE_ZONE: Final = "America/New_York"
OPENS: Final = time(9, 30)
CLOSES: Final = time(16, 0)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FILE: Final = "early_closes.csv"


@cache
def early_closes() -> Mapping[str, time]:
    """Session date -> the local time at which it closed, for those that closed before 16:00."""
    text = (files("gateway.market") / "data" / _FILE).read_text(encoding="ascii")
    _header, *rows = csv.reader(text.splitlines(), strict=True)
    return MappingProxyType({session: time.fromisoformat(closes) for session, closes in rows})


@lru_cache(maxsize=4_096)
def regular_hours(session: str) -> Hours:
    """When a session began and ended; ``session`` is its date in New York."""
    day = date.fromisoformat(session)
    closes = early_closes().get(session, CLOSES)
    return Hours(_instant_us(day, OPENS), _instant_us(day, closes))


def _instant_us(day: date, at: time) -> int:
    local = datetime.combine(day, at, ZoneInfo(EXCHANGE_ZONE))
    return (local - _EPOCH) // datetime.resolution
