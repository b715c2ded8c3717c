"""One SQLite statement for many rows.

Each step of a statement hands the interpreter over to other threads and waits to get it back. A
group of 64 orders has hundreds of rows, so what can go in together goes in together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from gateway.ledger.rows import Column
from gateway.ledger.store import Bindings

SIZES: Final = (32, 8, 1)
"""Rows in one statement; few sizes, so that SQLite's prepared statements serve again."""

_VALUES: Final = re.compile(r"VALUES \((:\w+(?:, :\w+)*)\)")
"""A plain list of names; values that a statement works out are another thing for each row."""


def grouped(
    statement: str, rows: Sequence[Bindings]
) -> Iterator[tuple[str, Bindings | tuple[Column, ...]]]:
    """The statements, with what to bind, that insert all the rows in their order."""
    names = _names(statement)
    if names is None:
        yield from ((statement, row) for row in rows)
        return
    start = 0
    for size in SIZES:
        while len(rows) - start >= size:
            if size == 1:
                yield statement, rows[start]
            else:
                some = rows[start : start + size]
                yield (
                    _for_rows(statement, size),
                    tuple(row[name] for row in some for name in names),
                )
            start += size


@lru_cache(maxsize=64)
def _names(statement: str) -> tuple[str, ...] | None:
    """The names that an INSERT of plain values binds; None for any other statement."""
    found = _VALUES.search(statement)
    return None if found is None else tuple(name[1:] for name in found[1].split(", "))


@lru_cache(maxsize=64)
def _for_rows(statement: str, count: int) -> str:
    """The INSERT for so many rows, bound by position."""
    names = _names(statement)
    assert names is not None, "only an INSERT of plain values is grouped"
    row = f"({', '.join('?' * len(names))})"
    return _VALUES.sub(f"VALUES {', '.join([row] * count)}", statement)
