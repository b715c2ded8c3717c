"""Instants as people and programs write them: RFC 3339 with an offset, and nothing looser."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

# The standard parser also takes digits of any script, ISO weeks, blanks and a NUL at the end.
_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Later instants would leave the integers that a document may hold (2255)."""


def instant_us(text: str) -> int | None:
    """The microseconds since 1970 of an instant; ``None`` for any other text."""
    if _RFC_3339.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return (moment - _EPOCH) // timedelta.resolution if _EPOCH <= moment < _END else None
