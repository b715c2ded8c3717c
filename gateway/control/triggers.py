"""Triggers: the release says when a halt is due; nothing is compared here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from gateway.domain.decision import EngineFailure, HaltTriggers
from gateway.domain.halt import GLOBAL
from gateway.ports import Journal, Stops
from signing import canonical

BY: Final = "triggers"
VOLATILITY: Final = "OMEGA2_VOLATILITY"


class HaltDocument(Protocol):
    """Gathers the input of the second query (``gateway.facts.document.Facts.halt_document``)."""

    def __call__(self, *, known_only: bool) -> dict[str, Any]:
        """As of now; ``known_only`` leaves out the accounts that cannot be valued."""
        ...


class Triggers:
    """Asks the release's second query whenever facts have changed."""

    def __init__(
        self,
        ask: Callable[[bytes], Awaitable[HaltTriggers]],
        journal: Journal,
        stops: Stops,
        document: HaltDocument,
        told: Callable[[], bool] = lambda: True,
    ) -> None:
        """Ask of the facts as they are.

        Args:
            ask: asks the release in force.
            journal: the book, for its mode.
            stops: engages what is due.
            document: gathers the input.
            told: whether anybody has spoken of volatility since the start. Before that its absence
                is no halt: no order that needs it was allowed either. Silence afterwards is one.
        """
        self._asking = asyncio.Lock()
        self._waiting: dict[bool, asyncio.Task[None]] = {}
        """By ``known_only``: the evaluation that has not read its facts yet."""
        self._ask = ask
        self._journal = journal
        self._stops = stops
        self._document = document
        self._told = told

    async def evaluate(self, *, known_only: bool = False) -> None:
        """Engage every halt that is due; an engine that cannot say is a halt as well.

        In RESEARCH nothing is forwarded and there is nothing to stop. However many facts come at
        once, one evaluation is under way and one waits for all that came meanwhile: an engine
        that is asked too much at once could not say, and that is a halt.

        Args:
            known_only: judge only the accounts that can be valued. A new fact is a reason to look
                at those; that another fact is still missing is not its doing.
        """
        if known_only not in self._waiting:
            self._waiting[known_only] = asyncio.create_task(self._evaluate(known_only=known_only))
        await asyncio.shield(self._waiting[known_only])

    async def first_look(self) -> bool:
        """Engage what a mode or release that came with the start asks for.

        Returns:
            ``False`` if the engine cannot say yet. That alone is no halt: it has not allowed an
            order either.
        """
        async with self._asking:
            due = await self._due(known_only=True)
        if isinstance(due, EngineFailure):
            return False
        await self._engage(due)
        return True

    async def _evaluate(self, *, known_only: bool) -> None:
        async with self._asking:
            del self._waiting[known_only]  # whoever comes from here on may bring newer facts
            due = await self._due(known_only=known_only)
        await self._engage(due)

    async def _due(self, *, known_only: bool) -> HaltTriggers:
        if not self._journal.book.mode.forwards:
            return []
        due = await self._ask(canonical.encode(self._document(known_only=known_only)))
        if isinstance(due, EngineFailure) or self._told():
            return due
        return [one for one in due if one.cause != VOLATILITY or one.observed is not None]

    async def _engage(self, due: HaltTriggers) -> None:
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
