"""Lifting halts: only by a named person, with a reason, on the record."""

from __future__ import annotations

from typing import Final

from gateway.domain.book import Book
from gateway.domain.errors import NotFoundError, RefusedError
from gateway.domain.halt import Halt
from gateway.ports import Draft, Journal

PROBE: Final = "probe"
"""The ``clear_by`` of halts that end by themselves when their reason is gone, and the one scope
of the part that finds so: no key has it."""
MAY_CLEAR: Final = {
    PROBE: frozenset({PROBE, "operate", "admin"}),
    "operator": frozenset({"operate", "admin"}),
    "admin": frozenset({"admin"}),
}
"""Which scopes may lift a halt, by its ``clear_by``."""


def check_may_lift(halt: Halt, scopes: frozenset[str]) -> None:
    """Refuse whoever may not lift the halt.

    Raises:
        RefusedError: ``halt-not-yours``: it needs another person.
    """
    if not scopes & MAY_CLEAR.get(halt.clear_by, frozenset()):
        raise RefusedError(
            "halt-not-yours", f"halt {halt.halt_id} is lifted by an {halt.clear_by}", "ask one"
        )


def standing_halt(book: Book, halt_id: str, scopes: frozenset[str]) -> Halt:
    """A halt that stands, for somebody who may lift it.

    Raises:
        NotFoundError: ``halt-not-standing``.
        RefusedError: ``halt-not-yours``: it needs another person.
    """
    halt = book.halts.get(halt_id)
    if halt is None:
        raise NotFoundError("halt-not-standing", "no halt of that id stands", "list the halts")
    check_may_lift(halt, scopes)
    return halt


async def resume(
    journal: Journal, halt_id: str, *, by: str, scopes: frozenset[str], reason: str
) -> Halt:
    """Lift one standing halt.

    Raises:
        NotFoundError, RefusedError: as :func:`standing_halt`.
        UnavailableError: it could not be recorded; the halt stands.
    """
    halt = standing_halt(journal.book, halt_id, scopes)
    await journal.record([Draft("resume", {"halt_id": halt_id, "by": by, "reason": reason})])
    return halt
