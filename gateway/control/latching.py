"""Latches: halts that a control asked for when it was not proven; a named person ends each.

A trigger looks at the whole gateway whenever facts have changed; a latch follows from one denied
order, and stops what that order belongs to before the next one is decided.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from gateway.domain.book import Book
from gateway.domain.halt import HaltTrigger, Scope
from gateway.ports import Stops

BY: Final = "policy"
CLEAR_BY: Final = "operator"

_log = logging.getLogger(__name__)


class Latches:
    """Engages what denials ask for, each once for as long as it stands."""

    def __init__(self, stops: Stops, book: Callable[[], Book]) -> None:
        """``book`` is the state as of now: it tells what stands already."""
        self._stops = stops
        self._book = book
        self._engaging: set[tuple[str, Scope]] = set()

    async def engage(self, halts: Sequence[HaltTrigger]) -> None:
        """Engage each halt unless it stands already; orders that work are left alone.

        A halt that could not be recorded stands all the same, so one that fails does not keep the
        next from being engaged.
        """
        for halt in halts:
            try:
                await self._engage(halt)
            except Exception:  # noqa: BLE001  whatever failed, the next one must be engaged
                _log.exception("halt %s of %s could not be followed up", halt.cause, halt.scope)

    async def _engage(self, halt: HaltTrigger) -> None:
        key = (halt.cause, halt.scope)
        # Many orders exceed a limit at once. The first one's halt stands and is being written: to
        # ask again meanwhile would change nothing, and queue behind a disk that may hang.
        if key in self._engaging and self._stands(*key):
            return
        self._engaging.add(key)
        try:
            await self._stops.halt(
                cause=halt.cause,
                scope=halt.scope,
                by=BY,
                clear_by=CLEAR_BY,
                observed=halt.observed,
                limit=halt.limit,
            )
        finally:
            self._engaging.discard(key)

    def _stands(self, cause: str, scope: Scope) -> bool:
        standing = self._book().halts.values()
        return any((halt.cause, halt.scope) == (cause, scope) for halt in standing)
