"""Lifting halts: only by a named person, with a reason, on the record."""

from __future__ import annotations

from typing import Final

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


async def resume(
    journal: Journal, halt_id: str, *, by: str, scopes: frozenset[str], reason: str
) -> Halt:
    """Lift one standing halt.

    Raises:
        NotFoundError: ``halt-not-standing``.
        RefusedError: ``halt-not-yours``: it needs another person.
        UnavailableError: it could not be recorded; the halt stands.
    """
    halt = journal.book.halts.get(halt_id)
    if halt is None:
        raise NotFoundError("halt-not-standing", "no halt of that id stands", "list the halts")
    check_may_lift(halt, scopes)
    await journal.record([Draft("resume", {"halt_id": halt_id, "by": by, "reason": reason})])
    return halt
