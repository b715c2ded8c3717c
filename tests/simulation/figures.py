"""What a world's log tells in figures: outcomes that were unknown, and how long they stayed so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from signing.envelope import open_envelope

_ENTRIES: Final = """
SELECT kind, at_us, order_id, envelope FROM entries
WHERE kind IN ('submission', 'settlement', 'execution', 'status') ORDER BY entry_index
"""


@dataclass(frozen=True, slots=True)
class Unknowns:
    """Orders whose outcome was unknown at some time."""

    all: int
    by_hand: int
    """Settled by a person."""
    known_after_ms: tuple[int, ...]
    """How long it took until the record knew what had become of each of the others."""


def unknowns_of(database: Path) -> Unknowns:
    """Read them out of the log of one world."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    since: dict[str, int] = {}
    after_ms: list[int] = []
    by_hand = found = 0
    for kind, at_us, order_id, envelope in connection.execute(_ENTRIES):
        payload = open_envelope(envelope).payload
        if kind == "submission":
            if payload["outcome"] == "unknown":
                since[order_id] = at_us
                found += 1
        elif order_id in since:
            took_us = at_us - since.pop(order_id)
            if kind == "settlement" and "by" in payload:
                by_hand += 1
            else:
                after_ms.append(took_us // 1_000)
    connection.close()
    return Unknowns(found, by_hand, tuple(after_ms))
