"""Canonical JSON: one value, one sequence of bytes (RFC 8785, without floating point numbers).

Whatever is signed or hashed in Writ is written by `encode` and read by `decode`. Numbers are
integers within ±(2**53 - 1), the range that every JSON reader keeps exactly.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final, TypeAlias, cast

INT_MAX: Final = 2**53 - 1
"""The largest magnitude of an integer in any document."""

DEPTH_MAX: Final = 64
"""How deep objects and lists may be nested."""

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"
"""A decoded value."""

JsonObject: TypeAlias = dict[str, Any]
"""A decoded object whose fields a table of records has checked, or is about to check."""

_WRITER: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False
)
# For objects that were put in order by hand, because code point order is not UTF-16 order.
_WRITER_AS_GIVEN: Final = json.JSONEncoder(
    ensure_ascii=False,
    sort_keys=False,
    separators=(",", ":"),
    allow_nan=False,
    check_circular=False,
)


class CanonicalError(ValueError):
    """A value without a canonical form, or bytes that are not the canonical form of their value."""


def encode(value: object) -> bytes:
    """Write `value` (dict, list, tuple, str, int, bool, None) as canonical JSON in UTF-8.

    Raises:
        CanonicalError: a float, an integer beyond ±INT_MAX, a key that is not a string, a lone
            surrogate, nesting beyond DEPTH_MAX, or any other type.
    """
    if _check(value, 0):
        text = _WRITER.encode(value)
    else:
        text = _WRITER_AS_GIVEN.encode(_in_utf16_order(value))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CanonicalError("a string holds a lone surrogate") from error


def decode(data: bytes) -> Json:
    """Read canonical JSON.

    The value is written again and compared, so duplicate keys, white space, another order,
    another escape, a byte order mark or a fraction cannot pass: each has other bytes.

    Raises:
        CanonicalError: `data` is not exactly what `encode` writes for its value.
    """
    try:
        value: Json = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CanonicalError("not JSON in UTF-8") from error
    if encode(value) != data:
        raise CanonicalError("not in canonical form")
    return value


def decode_object(data: bytes) -> JsonObject:
    """Read canonical JSON whose value is an object.

    Raises:
        CanonicalError: as `decode`, and where the value is not an object.
    """
    value = decode(data)
    if not isinstance(value, dict):
        raise CanonicalError("not a JSON object")
    return value


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _check(value: object, depth: int) -> bool:
    """Refuse what has no canonical form; tell whether every key is ASCII."""
    if isinstance(value, str | bool) or value is None:
        return True
    if isinstance(value, int):
        if not -INT_MAX <= value <= INT_MAX:
            raise CanonicalError("an integer is beyond 2**53 - 1")
        return True
    if depth >= DEPTH_MAX:
        raise CanonicalError(f"nested deeper than {DEPTH_MAX}")
    if isinstance(value, dict):
        return _check_object(cast("dict[object, object]", value), depth)
    if isinstance(value, list | tuple):
        plain = True
        for item in cast("list[object] | tuple[object, ...]", value):
            plain &= _check(item, depth + 1)
        return plain
    raise CanonicalError(f"a {type(value).__name__} has no canonical form")


def _check_object(value: dict[object, object], depth: int) -> bool:
    plain = True
    for key, item in value.items():
        if not isinstance(key, str):
            raise CanonicalError("a key is not a string")
        plain &= key.isascii()
        # Every document passes here several times over, so its leaves cost no call of their own.
        kind = type(item)
        if kind is not str and (kind is not int or not -INT_MAX <= cast("int", item) <= INT_MAX):
            plain &= _check(item, depth + 1)
    return plain


def _in_utf16_order(value: object) -> object:
    """Rebuild a checked value with the keys of its objects in the order of their UTF-16 units."""
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        ordered = sorted(items, key=lambda item: item[0].encode("utf-16-be", "surrogatepass"))
        return {key: _in_utf16_order(item) for key, item in ordered}
    if isinstance(value, list | tuple):
        return [_in_utf16_order(item) for item in cast("list[object]", value)]
    return value
