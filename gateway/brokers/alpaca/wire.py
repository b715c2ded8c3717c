"""What Alpaca writes, read strictly: JSON without doubts, decimal strings, instants, days.

Everything here raises :class:`UnreadableError` and nothing else. What cannot be read exactly is
never guessed: the caller says what an unreadable answer means.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NoReturn, cast
from zoneinfo import ZoneInfo

from gateway.domain.quantities import INT_LIMIT

NEW_YORK: Final = ZoneInfo("America/New_York")
_DECIMAL: Final = re.compile(r"(-?)([0-9]{1,18})(?:\.([0-9]{1,24}))?")
_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO: Final = timedelta(microseconds=1)
_US_DIGITS: Final = 6
_DIGITS: Final = 40


class UnreadableError(Exception):
    """Something that cannot be read exactly; the message never repeats it."""


Fields = dict[str, Any]
"""A JSON object, its values not looked at yet."""


def read_json(data: bytes) -> object:
    """One JSON document in UTF-8; no name twice, no number that is none."""
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=Decimal,
        )
    except (ValueError, RecursionError):
        raise UnreadableError("no sound JSON") from None


def an_object(value: object) -> Fields:
    """The value, which must be an object."""
    if not isinstance(value, dict):
        raise UnreadableError("no object")
    return cast("Fields", value)


def objects(value: object) -> list[Fields]:
    """The value, which must be a list of objects."""
    if not isinstance(value, list):
        raise UnreadableError("no list")
    return [an_object(item) for item in cast("list[object]", value)]


def text(fields: Fields, name: str) -> str:
    """A field that must be a text of at most 200 characters, and not empty."""
    value = fields.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= 200:  # noqa: PLR2004  as it says
        raise UnreadableError(f"{name} is no text")
    return value


def flag(fields: Fields, name: str) -> bool:
    """A field that must be true or false."""
    value = fields.get(name)
    if not isinstance(value, bool):
        raise UnreadableError(f"{name} is neither true nor false")
    return value


def exact(fields: Fields, name: str, decimals: int) -> int:
    """A decimal string as an integer at ``decimals``; it must fit exactly."""
    value, rest = _scaled(fields, name, decimals)
    if rest:
        raise UnreadableError(f"{name} has more than {decimals} decimals")
    return value


def floored(fields: Fields, name: str, decimals: int) -> int:
    """A decimal string as an integer at ``decimals``, rounded down: never more than it says."""
    return _scaled(fields, name, decimals)[0]


def shortest(fields: Fields, name: str, most: int, least: int = 0) -> tuple[int, int]:
    """A decimal string as an integer at as few decimals as it needs, and how many: within these."""
    for decimals in range(least, most):
        value, rest = _scaled(fields, name, decimals)
        if not rest:
            return value, decimals
    return exact(fields, name, most), most


def floored_number(fields: Fields, name: str, decimals: int) -> tuple[int, bool]:
    """A JSON number as an integer at ``decimals``, rounded down, and whether anything was left."""
    value = fields.get(name)
    if type(value) is int:
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite():
        raise UnreadableError(f"{name} is no number")
    sign, digits, exponent = value.as_tuple()
    # First the bounds: a short text can stand for a number of a million digits.
    if not isinstance(exponent, int) or len(digits) > _DIGITS or abs(exponent) > _DIGITS:
        raise UnreadableError(f"{name} is out of bounds")
    whole = int("".join(map(str, digits))) * (-1 if sign else 1)
    shift = exponent + decimals
    scaled, rest = (whole * 10**shift, 0) if shift >= 0 else divmod(whole, 10**-shift)
    if not -INT_LIMIT < scaled < INT_LIMIT:
        raise UnreadableError(f"{name} is out of bounds")
    return scaled, bool(rest)


def exact_or_none(fields: Fields, name: str, decimals: int) -> int | None:
    """As :func:`exact`; ``None`` where the field is null or not there."""
    return None if fields.get(name) is None else exact(fields, name, decimals)


def instant_us(fields: Fields, name: str) -> int:
    """An RFC 3339 instant in microseconds since 1970; what is finer is cut off."""
    found = _INSTANT.fullmatch(text(fields, name))
    if found is None:
        raise UnreadableError(f"{name} is no instant")
    whole, fraction, offset = found.groups()
    try:
        moment = datetime.fromisoformat(whole + ("+00:00" if offset == "Z" else offset))
    except ValueError:
        raise UnreadableError(f"{name} is no instant") from None
    at_us = micros(moment) + int((fraction or "").ljust(_US_DIGITS, "0")[:_US_DIGITS])
    if not 0 <= at_us < INT_LIMIT:
        raise UnreadableError(f"{name} is out of bounds")
    return at_us


def instant_text(at_us: int) -> str:
    """Microseconds since 1970 as an RFC 3339 instant."""
    moment = _EPOCH + timedelta(microseconds=at_us)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // _MICRO


def new_york_day(at_us: int) -> str:
    """The day ``YYYY-MM-DD`` in New York at an instant."""
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(NEW_YORK).date().isoformat()


def new_york_us(day: date, wall: str) -> int:
    """A time of the day ``HH:MM`` in New York as microseconds since 1970."""
    if re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", wall) is None:
        raise UnreadableError("no time of the day")
    moment = datetime(day.year, day.month, day.day, int(wall[:2]), int(wall[3:]), tzinfo=NEW_YORK)
    return micros(moment.astimezone(UTC))


def day(fields: Fields, name: str) -> date:
    """A day ``YYYY-MM-DD``."""
    value = text(fields, name)
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise UnreadableError(f"{name} is no day") from None
    if found.isoformat() != value:
        raise UnreadableError(f"{name} is no day")
    return found


def _scaled(fields: Fields, name: str, decimals: int) -> tuple[int, bool]:
    """The integer at or below the value, and whether anything was left over."""
    found = _DECIMAL.fullmatch(text(fields, name))
    if found is None:
        raise UnreadableError(f"{name} is no decimal number")
    sign, whole, fraction = found[1], found[2], found[3] or ""
    kept, rest = fraction[:decimals].ljust(decimals, "0"), fraction[decimals:].strip("0")
    value = int(whole + kept)
    if sign:
        value = -value - (1 if rest else 0)
    if not -INT_LIMIT < value < INT_LIMIT:
        raise UnreadableError(f"{name} is out of bounds")
    return value, bool(rest)


def _unique(pairs: list[tuple[str, Any]]) -> Fields:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnreadableError("a name twice")
    return found


def _no_constant(_name: str) -> NoReturn:
    raise UnreadableError("a number that is none")
