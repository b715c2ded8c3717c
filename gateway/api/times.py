"""Instants on the wire: RFC 3339 in UTC, from and to integer microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.domain.errors import InvalidInputError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def written(at_us: int) -> str:
    """``2015-01-05T20:30:00.000000Z``."""
    return f"{_EPOCH + timedelta(microseconds=at_us):%Y-%m-%dT%H:%M:%S.%f}Z"


def read(text: str, field: str) -> int:
    """The microseconds since the epoch of an instant with an offset.

    Raises:
        InvalidInputError: ``time-malformed``.
    """
    moment = _moment(text)
    if moment is None or moment < _EPOCH:
        raise InvalidInputError(
            "time-malformed",
            f"{field} is no instant with an offset",
            "for example 2015-01-05T15:30:00-05:00",
        )
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(text: str) -> datetime | None:
    # The standard parser takes digits of any script.
    if not text.isascii():
        return None
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
