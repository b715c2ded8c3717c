"""Recording halts: the book stops at once, open orders are cancelled, the entry follows."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from gateway.domain.errors import WritError
from gateway.domain.halt import Halt, Scope
from gateway.domain.ids import new_id
from gateway.ports import Cancelling, Clock, Draft, Entropy, Journal

_log = logging.getLogger(__name__)


class Halting:
    """Engages halts, for people and for triggers alike."""

    def __init__(
        self, journal: Journal, cancels: Cancelling, clock: Clock, entropy: Entropy
    ) -> None:
        """Wire the record and the cancels."""
        self._journal = journal
        self._cancels = cancels
        self._clock = clock
        self._entropy = entropy

    async def halt(
        self,
        *,
        cause: str,
        scope: Scope,
        by: str,
        clear_by: str,
        cancels: bool = False,
        observed: int | None = None,
        limit: int | None = None,
        reason: str | None = None,
    ) -> Halt:
        """Engage a halt, unless one of this cause and scope stands already.

        Nothing is allowed from the moment this is called, before any waiting. Open orders are
        cancelled when the halt says so, whether or not the entry could be written.
        """
        for standing in self._journal.book.halts.values():
            if (standing.cause, standing.scope) == (cause, scope):
                return standing
        halt_id = new_id("halt", self._clock.wall_us(), self._entropy.token(10))
        payload: dict[str, Any] = {
            "halt_id": halt_id,
            "scope": {"kind": scope.kind, "name": scope.name},
            "cause": cause,
            "cancels": cancels,
            "reduce_allowed": False,
            "clear_by": clear_by,
            "by": by,
        }
        if observed is not None:
            payload["observed"] = observed
        if limit is not None:
            payload["limit"] = limit
        if reason is not None:
            payload["reason"] = reason
        recorded = self._journal.record([Draft("halt", payload)], owed=True)
        halt = self._journal.book.halts[halt_id]
        if cancels:
            await self._cancels.cancel_all(by, cause, scope)
        try:
            await asyncio.ensure_future(recorded)
        except WritError:
            _log.exception("halt %s stands but could not be recorded yet", halt_id)
        return halt
