"""The journal: an entry changes the book at once and becomes durable in the same order.

The book runs ahead of the disk, so that the next turn sees a reservation while its commit is
still under way. If a commit fails, the book has seen entries that do not exist: it is built anew
from the log before the next turn. Until then it holds too much rather than too little, because
a reservation that never became durable only tightens what is allowed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gateway.domain.book import NONE, Book, BookError, OrderState
from gateway.domain.errors import UnavailableError
from gateway.domain.projection import apply
from gateway.ports import Batch, Committed, Draft, KeyClaim, Ledger

OWED_MAX: Final = 10_000
"""Entries that may wait for a ledger that takes none; beyond that nothing is allowed any more."""

_log = logging.getLogger(__name__)


class Journal:
    """Implements :class:`gateway.ports.Journal` over any ledger."""

    def __init__(self, ledger: Ledger, book: Book) -> None:
        """Start from a book that the ledger replayed."""
        self._ledger = ledger
        self._book = book
        self._owed: deque[Draft] = deque()
        """What stands and waits to be written; bounded by :meth:`_owe`."""
        self._lost = 0
        self._under_way: set[asyncio.Task[Committed]] = set()
        self._ahead = False
        self._mending = asyncio.Lock()
        self._since: list[Draft] | None = None
        """What was recorded while a new book is being built; ``None`` at any other time."""
        self.on_record: list[Callable[[Sequence[Draft], asyncio.Task[Committed]], object]] = []
        """Each is called with every batch once the book has it, and with its commit; none of them
        may raise."""

    @property
    def book(self) -> Book:
        """The state as of everything recorded or about to be."""
        return self._book

    @property
    def waiting(self) -> int:
        """How many batches are on their way to the disk."""
        return len(self._under_way)

    @property
    def owed(self) -> int:
        """How many entries stand and wait for a ledger that takes them."""
        return len(self._owed)

    @property
    def lost(self) -> int:
        """How many entries that stand could not be kept; unless 0, nothing is decided any more.

        A book built without them may know too little of what brokers hold. A restart knows again:
        it asks the brokers, and takes up the halts and cancels that were kept beside the ledger.
        """
        return self._lost

    def record(
        self,
        drafts: Sequence[Draft],
        *,
        keys: Sequence[KeyClaim] = (),
        cursors: Mapping[str, int] | None = None,
        owed: bool = False,
    ) -> asyncio.Task[Committed]:
        """Apply entries to the book now; the task ends when they are durable.

        Raises:
            BookError: an entry contradicts the book; nothing of the batch is recorded.
        """
        rows: dict[str, OrderState] = {}
        try:
            for draft in drafts:
                for row in apply(self._book, draft.kind, draft.payload, draft.document):
                    rows[row.order_id] = row
        except BookError:
            self._ahead = True
            raise
        if self._since is not None:
            self._since.extend(drafts)
        batch = Batch(tuple(drafts), tuple(rows.values()), tuple(keys), cursors or {})
        task = asyncio.create_task(self._commit(batch, owed=owed))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        for watcher in self.on_record:
            watcher(drafts, task)
        return task

    async def _commit(self, batch: Batch, *, owed: bool) -> Committed:
        try:
            return await self._ledger.commit(batch)
        except Exception:  # whatever it is, the book has seen what the log has not
            self._ahead = True
            if owed:
                self._owe(batch.drafts)
            raise

    def _owe(self, drafts: Sequence[Draft]) -> None:
        """Keep what stands until it can be written; what finds no room is lost.

        A halt always finds room: one stands for each cause and scope, so they are few.
        """
        for draft in drafts:
            if len(self._owed) < OWED_MAX or draft.kind == "halt":
                self._owed.append(draft)
                continue
            self._lost += 1
            order_id = draft.payload.get("order_id", NONE)
            _log.error("a %s that stands could not be kept: order %s", draft.kind, order_id)

    async def settled(self) -> None:
        """Wait until every commit under way has ended, well or badly."""
        while self._under_way:
            await asyncio.wait(tuple(self._under_way))

    async def repair(self) -> None:
        """Build the book anew if it ran ahead of a failed commit, and enter what is owed.

        What stands although it could not be written (halts, cancels, what the gate did) is applied
        again first, so that no turn is ever decided without it; it is written as soon as the ledger
        takes entries.

        Raises:
            UnavailableError: the log cannot be read, or more was owed than can be kept
                (``record-lost``, until a restart); nothing may be decided.
        """
        async with self._mending:  # a turn and the core's own look may ask at once
            if self._ahead:
                await self._rebuild()
        if self._lost:
            raise UnavailableError(
                "record-lost",
                f"{self._lost} entries that stand could neither be written nor be kept",
                "restart the gateway: it then asks the brokers",
            )

    async def _rebuild(self) -> None:
        await self.settled()
        # Nothing is under way, and nothing is awaited before the ledger notes how far to read:
        # what is recorded from here on is missing from the new book, and is applied to it after.
        self._ahead, self._since = False, []
        try:
            book = await self._ledger.replay()
            for draft in self._since:
                apply(book, draft.kind, draft.payload, draft.document)
        except BookError as error:
            self._ahead = True
            raise UnavailableError(
                "ledger-unreadable", f"the log does not replay: {error}", "run writ audit verify"
            ) from error
        except BaseException:
            self._ahead = True
            raise
        finally:
            self._since = None
        self._book = book
        waiting = list(self._owed)
        self._owed.clear()
        ahead = self._ahead  # a commit may have failed while the log was read
        for draft in waiting:
            try:
                self.record([draft], owed=True).add_done_callback(_observed)
            except BookError:
                # The order it speaks of never became durable, or the log knows more of it by now;
                # a single entry that does not fit has changed nothing.
                self._ahead = ahead


def _observed(task: asyncio.Task[Committed]) -> None:
    """Take a failed commit's exception: the drafts are owed again, the next repair retries."""
    if not task.cancelled():
        task.exception()
