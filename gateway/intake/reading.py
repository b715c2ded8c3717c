"""Strict reading of a JSON body: one meaning or none.

The standard parser takes the last of two equal keys, ``NaN``, and numbers of any length. Here
each of these is refused, and a JSON number is kept as a mark that fits no field: every number
of the interface is a decimal string, because JSON readers differ on anything else.
"""

from __future__ import annotations

import json
from typing import Final, NoReturn

from gateway.domain.errors import InvalidInputError

BODY_MAX_BYTES: Final = 64 * 1024
"""The largest body that any door reads."""

_BOM: Final = b"\xef\xbb\xbf"
_OBJECT_REMEDY: Final = "send one JSON object in UTF-8, without a byte-order mark"


class JsonNumber:
    """Stands where the body had a JSON number; no field of a body takes it."""

    def __init__(self, _text: str) -> None:
        """The digits are dropped: converting 5,000 of them is work that nobody asked for."""


def read_object(data: bytes) -> dict[str, object]:
    """Read a body as one JSON object.

    Args:
        data: the body, at most :data:`BODY_MAX_BYTES`.

    Raises:
        InvalidInputError: ``body-too-large``, ``body-empty``, ``json-malformed`` (not UTF-8, a
            byte-order mark, not JSON, ``NaN``), ``json-duplicate-key``, ``json-too-deep`` or
            ``json-not-an-object``.
    """
    if len(data) > BODY_MAX_BYTES:
        raise InvalidInputError(
            "body-too-large",
            f"the body is longer than {BODY_MAX_BYTES} bytes",
            "send a smaller body",
        )
    if not data.strip():
        raise InvalidInputError("body-empty", "the body is empty", _OBJECT_REMEDY)
    value = _parse(data)
    if not isinstance(value, dict):
        raise InvalidInputError(
            "json-not-an-object", "the body is JSON, but no object", _OBJECT_REMEDY
        )
    return value  # pyright: ignore[reportUnknownVariableType]  json gives str keys, values are checked by the models


def _parse(data: bytes) -> object:
    if data.startswith(_BOM):
        raise InvalidInputError(
            "json-malformed", "the body begins with a byte-order mark", _OBJECT_REMEDY
        )
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=JsonNumber,
            parse_float=JsonNumber,
            parse_constant=_no_constant,
        )
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise InvalidInputError(
            "json-malformed", "the body is not JSON in UTF-8", _OBJECT_REMEDY
        ) from None
    except RecursionError:
        raise InvalidInputError(
            "json-too-deep", "the body is nested too deeply", _OBJECT_REMEDY
        ) from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidInputError(
            "json-duplicate-key",
            "an object of the body has the same key twice",
            "send each field once",
        )
    return found


def _no_constant(name: str) -> NoReturn:
    raise InvalidInputError(
        "json-malformed", f"{name} is not JSON", "send numbers as decimal strings"
    )
