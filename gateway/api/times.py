"""Instants on the wire: RFC 3339 in UTC, from and to integer microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field, StringConstraints

from gateway.domain.errors import InvalidInputError
from gateway.domain.instants import instant_us

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

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
    found = instant_us(text)
    if found is None:
        raise InvalidInputError(
            "time-malformed",
            f"{field} is no instant with an offset",
            "for example 2015-01-05T15:30:00-05:00",
        )
    return found
