"""Exit-only states: a named person lets positions be reduced under a halt, on the record.

What passes is proven order by order, by the policy and again at the gate; this only says where
such orders are let through at all.
"""

from __future__ import annotations

from typing import Final

from gateway.domain.book import NONE
from gateway.domain.errors import InvalidInputError, NotFoundError, RefusedError
from gateway.domain.halt import Scope
from gateway.ports import Clock, Draft, Journal

STATES_MAX: Final = 64
"""States that may stand open at once, those past their end among them."""


class ExitOnlyStates:
    """Opens and closes them; there is at most one for each scope."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        """Wire the record."""
        self._journal = journal
        self._clock = clock

    async def open(self, scope: Scope, *, by: str, reason: str, until_us: int | None) -> None:
        """Let orders in the scope through halts if they only reduce; survives restarts.

        It lasts until a wall time, or until it is closed. Opening one that is open replaces it.

        Raises:
            InvalidInputError: ``time-past``.
            RefusedError: ``exit-only-too-many``.
            UnavailableError: it could not be recorded; it is not open, or will be closed again.
        """
        if until_us is not None and until_us <= self._clock.wall_us():
            raise InvalidInputError("time-past", "the end is past", "give a later time")
        states = self._journal.book.exit_only
        if scope not in states and len(states) >= STATES_MAX:
            raise RefusedError(
                "exit-only-too-many",
                f"{STATES_MAX} exit-only states were opened and not closed",
                "close those that have ended",
            )
        until = NONE if until_us is None else until_us
        await self._record(scope, opened=True, by=by, reason=reason, until=until)

    async def close(self, scope: Scope, *, by: str, reason: str) -> None:
        """Hold everything again that a halt in the scope covers; working orders go on.

        Raises:
            NotFoundError: ``exit-only-not-open``.
            UnavailableError: it could not be recorded; it is closed, or will be open again.
        """
        if scope not in self._journal.book.exit_only:
            raise NotFoundError(
                "exit-only-not-open",
                f"no exit-only state of {scope.kind} {scope.name} is open",
                "GET /v1/mode lists those that are",
            )
        await self._record(scope, opened=False, by=by, reason=reason, until=NONE)

    async def _record(
        self, scope: Scope, *, opened: bool, by: str, reason: str, until: int | str
    ) -> None:
        payload = {
            "opened": opened,
            "scope": {"kind": scope.kind, "name": scope.name},
            "by": by,
            "reason": reason,
            "until_us": until,
        }
        await self._journal.record([Draft("exit-only", payload)])
