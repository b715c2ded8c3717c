"""Triggers: the release says when a halt is due; nothing is compared here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from gateway.domain.decision import EngineFailure, HaltTriggers
from gateway.domain.halt import GLOBAL
from gateway.ports import Journal, Stops
from signing import canonical

BY: Final = "triggers"


class Triggers:
    """Asks the release's second query whenever facts have changed."""

    def __init__(
        self,
        ask: Callable[[bytes], Awaitable[HaltTriggers]],
        journal: Journal,
        stops: Stops,
        document: Callable[[], dict[str, Any]],
    ) -> None:
        """``ask`` asks the release in force; ``document`` gathers the input for it."""
        self._ask = ask
        self._journal = journal
        self._stops = stops
        self._document = document

    async def evaluate(self) -> None:
        """Engage every halt that is due; an engine that cannot say is a halt as well.

        In RESEARCH nothing is forwarded and there is nothing to stop.
        """
        if not self._journal.book.mode.forwards:
            return
        due = await self._ask(canonical.encode(self._document()))
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
