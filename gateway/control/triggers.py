"""Triggers: the release says when a halt is due; nothing is compared here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gateway.domain.decision import EngineFailure
from gateway.domain.halt import GLOBAL
from gateway.ports import Journal, PolicyEngine, Stops
from signing import canonical

BY: Final = "triggers"


class Triggers:
    """Asks the release's second query whenever facts have changed."""

    def __init__(
        self,
        engine: PolicyEngine,
        journal: Journal,
        stops: Stops,
        document: Callable[[], dict[str, Any]],
    ) -> None:
        """``document`` gathers the query's input (``Facts.halt_document``)."""
        self._engine = engine
        self._journal = journal
        self._stops = stops
        self._document = document

    async def evaluate(self) -> None:
        """Engage every halt that is due; an engine that cannot say is a halt as well.

        In RESEARCH nothing is forwarded and there is nothing to stop.
        """
        if not self._journal.book.mode.forwards:
            return
        due = await self._engine.triggered_halts(canonical.encode(self._document()))
        if isinstance(due, EngineFailure):
            await self._stops.halt(
                cause=due.code, scope=GLOBAL, by=BY, clear_by="admin", cancels=True
            )
            return
        for trigger in due:
            await self._stops.halt(
                cause=trigger.cause,
                scope=trigger.scope,
                by=BY,
                clear_by="admin",
                cancels=True,
                observed=trigger.observed,
                limit=trigger.limit,
            )
