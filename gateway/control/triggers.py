"""Triggers: the release says when a halt is due; nothing is compared here.

Whatever cannot be evaluated is a halt: orders never go on because nobody could say that they must
not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from gateway.domain.decision import EngineFailure, HaltTriggers
from gateway.domain.halt import GLOBAL, HaltTrigger
from gateway.ports import Draft, Journal, Stops
from signing import canonical
from signing.lifecycle import State

BY: Final = "triggers"
CLEAR_BY: Final = "admin"
TRIGGERS_ERROR: Final = "TRIGGERS_ERROR"
"""Cause of the halt where the facts that triggers are judged by could not be gathered."""
PAUSE_MS: Final = 40
"""Between two looks at what is recorded, so that a burst of fills is no burst of questions."""
UNREADY_PAUSE_MS: Final = 500
"""Until an engine that was not ready is looked at again; it allows nothing meanwhile."""

_MOVES_FACTS: Final = frozenset({"execution", "trade-correction", "correction", "reconciliation"})
"""Kinds of entries after which a fact that triggers are judged by may be another one."""

_log = logging.getLogger(__name__)


class HaltDocument(Protocol):
    """Gathers the input of the second query (``gateway.facts.document.Facts.halt_document``)."""

    def __call__(self, *, known_only: bool) -> dict[str, Any]:
        """As of now; ``known_only`` asks that what cannot be valued be no halt."""
        ...


class Triggers:
    """Asks the release's second query whenever facts have changed."""

    def __init__(
        self,
        ask: Callable[[bytes], Awaitable[HaltTriggers]],
        journal: Journal,
        stops: Stops,
        document: HaltDocument,
    ) -> None:
        """Ask of the facts as they are.

        Args:
            ask: asks the release in force.
            journal: the book, for its mode.
            stops: engages what is due.
            document: gathers the input.
        """
        self._asking = asyncio.Lock()
        self._waiting: dict[bool, asyncio.Task[None]] = {}
        """By ``known_only``: the evaluation that has not read its facts yet."""
        self._engaging: set[asyncio.Task[None]] = set()
        """Evaluations that :meth:`follow` began; brokers may take their time over cancels."""
        self._news = asyncio.Event()
        self._ask = ask
        self._journal = journal
        self._stops = stops
        self._document = document

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
            ``False`` if the engine cannot say yet. That alone is no halt: one that is not ready
            has not allowed an order either.
        """
        async with self._asking:
            due = await self._due(known_only=True)
        if isinstance(due, EngineFailure) and due.code != TRIGGERS_ERROR:
            return False
        await self._engage(due)
        return True

    async def _evaluate(self, *, known_only: bool) -> None:
        async with self._asking:
            del self._waiting[known_only]  # whoever comes from here on may bring newer facts
            due = await self._due(known_only=known_only)
        await self._engage(due)

    def heed(self, drafts: Sequence[Draft], _commit: object) -> None:
        """Take note of what was recorded; :meth:`follow` looks. Never waits and never raises."""
        if any(_tells(draft) for draft in drafts):
            self._news.set()

    async def follow(
        self,
        sleep_ms: Callable[[int], Awaitable[None]],
        unready: Callable[[], Awaitable[str | None]],
    ) -> None:
        """Evaluate soon after each record that matters, for as long as the gateway runs.

        Args:
            sleep_ms: the clock's, for the pauses.
            unready: says why the engine cannot be asked now, or ``None``.
        """
        while True:
            await self._news.wait()
            while not await _may_be_asked(unready):
                await sleep_ms(UNREADY_PAUSE_MS)
            self._news.clear()
            # Not awaited: a broker that hangs over a cancel must not hide the next account's loss.
            looking = asyncio.create_task(self.evaluate(known_only=True))
            self._engaging.add(looking)
            looking.add_done_callback(self._looked)
            await sleep_ms(PAUSE_MS)

    def _looked(self, looking: asyncio.Task[None]) -> None:
        """What failed is in the log of the process; the halts themselves stand or are owed."""
        self._engaging.discard(looking)
        if not looking.cancelled() and (error := looking.exception()) is not None:
            _log.error("halts that are due could not be followed up", exc_info=error)

    async def _due(self, *, known_only: bool) -> HaltTriggers:
        if not self._journal.book.mode.forwards:
            return []
        try:
            document = canonical.encode(self._document(known_only=known_only))
            return await self._ask(document)
        except Exception:  # noqa: BLE001  whatever it was, nobody can say that no halt is due
            _log.exception("the facts that halts are judged by could not be gathered")
            return EngineFailure(TRIGGERS_ERROR)

    async def _engage(self, due: HaltTriggers) -> None:
        """Engage all of them at once: none waits while another's orders are being cancelled."""
        if isinstance(due, EngineFailure):
            due = [HaltTrigger(due.code, GLOBAL, None, None)]
        engaged = await asyncio.gather(
            *(
                self._stops.halt(
                    cause=trigger.cause,
                    scope=trigger.scope,
                    by=BY,
                    clear_by=CLEAR_BY,
                    cancels=True,
                    observed=trigger.observed,
                    limit=trigger.limit,
                )
                for trigger in due
            ),
            return_exceptions=True,
        )
        for outcome in engaged:
            if isinstance(outcome, BaseException):
                raise outcome


async def _may_be_asked(unready: Callable[[], Awaitable[str | None]]) -> bool:
    """Whether the engine is ready; where nobody can say, it is asked, and its failure is a halt."""
    try:
        return await unready() is None
    except Exception:  # noqa: BLE001  whoever follows must not end, or no loss would be seen
        _log.exception("whether the engine is ready could not be told")
        return True


def _tells(draft: Draft) -> bool:
    """Whether an entry may have made a halt due: money moved, was compared, or was rejected."""
    if draft.kind == "submission":
        return draft.payload["outcome"] == "rejected"
    if draft.kind == "status":
        return draft.payload["status"] == State.REJECTED
    return draft.kind in _MOVES_FACTS
