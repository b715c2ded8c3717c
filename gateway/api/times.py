"""Instants on the wire: RFC 3339 in UTC, from and to integer microseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from gateway.domain.errors import InvalidInputError

# The standard parser also takes digits of any script, ISO weeks, blanks and a NUL at the end.
_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(2200, 1, 1, tzinfo=UTC)
"""Later instants would leave the integers that a document may hold (2255)."""

Instant = Annotated[
    str, StringConstraints(max_length=40), Field(json_schema_extra={"format": "date-time"})
]
"""An instant as callers send it; :func:`read` is its only reader."""


def written(at_us: int) -> str:
    """``2015-01-05T20:30:00.000000Z``."""
    return f"{_EPOCH + timedelta(microseconds=at_us):%Y-%m-%dT%H:%M:%S.%f}Z"


def read(text: str, field: str) -> int:
    """The microseconds since the epoch of an instant with an offset.

    Raises:
        InvalidInputError: ``time-malformed``.
    """
    moment = _moment(text)
    if moment is None or not _EPOCH <= moment < _END:
        raise InvalidInputError(
            "time-malformed",
            f"{field} is no instant with an offset",
            "for example 2015-01-05T15:30:00-05:00",
        )
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(text: str) -> datetime | None:
    if _RFC_3339.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
