"""Ids and numbers in addresses, and cursors: opaque to callers, a row or an index to us."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Path
from pydantic import BeforeValidator, WithJsonSchema

from gateway.domain.errors import InvalidInputError

Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
"""An order's, a decision's or a halt's id in an address."""

_PLAIN: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_CURSOR: Final = re.compile(r"c([0-9a-f]{1,13})")

Cursor = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": f"^{_CURSOR.pattern}$", "examples": ["cf"]})
]
"""The ``next`` of a page; :func:`row_of` is its only reader."""


def _plain(value: object) -> object:
    # The model would take "1_000", " 10 ", "+10", "10.0" and digits of any script as well.
    if isinstance(value, str) and _PLAIN.fullmatch(value) is None:
        raise ValueError("a plain whole number")
    return value


PlainInt = Annotated[int, BeforeValidator(_plain)]
"""A whole number in an address: ASCII digits and nothing else."""


def cursor_of(row: int) -> str:
    """The cursor that continues after ``row``."""
    return f"c{row:x}"


def row_of(cursor: str) -> int:
    """The row of a cursor.

    Raises:
        InvalidInputError: ``cursor-malformed``.
    """
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise InvalidInputError(
            "cursor-malformed", "cursor is none of ours", "send the next of the page before"
        )
    return int(match[1], 16)
