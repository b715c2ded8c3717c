"""Group commit: many callers, one queue in their order, one transaction for all that wait.

While one group is on its way to the disk the next collects in the queue, so the slower the disk,
the larger the groups. A caller's future is resolved only after COMMIT has returned.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from gateway.ledger.faults import LASTING, Nature, StoreError, closed, queue_full
from gateway.ledger.sequencer import Outcome, Sequencer
from gateway.ledger.waiting import pause
from gateway.ports import Batch, BlockingRunner, Clock, Committed

QUEUE_MAX: Final = 1_024
GROUP_BATCHES_MAX: Final = 64
GROUP_ENTRIES_MAX: Final = 256
PROBE_INTERVAL_MS: Final = 1_000
DISK_TIMEOUT_MS: Final = 30_000
"""How long a group may take; a disk that does not answer leaves its outcome unknown."""

T = TypeVar("T")
_Waiting = tuple[Batch, "asyncio.Future[Committed]"]


class Committer:
    """The event loop's half of the writer. All its state belongs to one event loop."""

    def __init__(
        self,
        sequencer: Sequencer,
        runner: BlockingRunner,
        clock: Clock,
        on_durable: Callable[[], None],
        check_ms: int | None = None,
    ) -> None:
        """Start with an empty queue.

        Args:
            sequencer: does the writing.
            runner: runs it.
            clock: for the waits between probes and checks.
            on_durable: called after each group that reached the disk.
            check_ms: how long nothing may be written before the store is looked at; None: it
                cannot change by itself.
        """
        self._sequencer = sequencer
        self._runner = runner
        self._clock = clock
        self._on_durable = on_durable
        self._check_ms = check_ms
        self._suspected = False
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._fault: StoreError | None = None
        self._abandoned = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take batches from the queue."""
        self._task = asyncio.create_task(self._run(), name="ledger-writer")

    @property
    def fault(self) -> StoreError | None:
        """What the store suffers from; None when it takes batches."""
        return self._fault

    def suspect(self) -> None:
        """Have the store looked at soon: somebody could not read it."""
        self._suspected = True
        self._wake.set()

    @property
    def abandoned(self) -> bool:
        """Whether a call to the disk never came back: its connection must be left alone."""
        return self._abandoned

    async def commit(self, batch: Batch) -> Committed:
        """Queue a batch and wait until it is durable.

        A caller that stops waiting does not withdraw its batch: once queued, it is recorded.

        Raises:
            UnavailableError, ConflictError: as `gateway.ports.Ledger.commit`.
            ValueError: the batch is larger than a group.
        """
        if len(batch.drafts) > GROUP_ENTRIES_MAX:
            raise ValueError(f"a batch has at most {GROUP_ENTRIES_MAX} entries")
        if self._fault is not None:
            raise self._fault.fresh()
        if self._closing.is_set() or self._task is None:
            raise closed()
        if len(self._queue) >= QUEUE_MAX:
            raise queue_full(QUEUE_MAX)
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._queue.append((batch, future))
        self._wake.set()
        return await future

    async def close(self) -> None:
        """Take no more, write what waits, end the task."""
        self._closing.set()
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        try:
            while not self._latched():
                if self._fault is not None:
                    if await pause(self._clock, PROBE_INTERVAL_MS, self._closing):
                        return
                    await self._call(self._sequencer.probe)
                    self._take_fault()
                elif self._queue:
                    await self._write(self._next_group())
                elif self._closing.is_set():
                    return
                elif self._suspected:
                    self._suspected = False
                    await self._call(self._sequencer.check)
                    self._take_fault()
                else:
                    await self._idle()
        finally:
            # Ended by anything but closing: whatever is asked of this writer from now on, and
            # whoever still waits, gets an answer.
            if not self._closing.is_set() and not self._latched():
                self._latch("the writer ended unexpectedly")
            self._refuse_waiting()

    async def _idle(self) -> None:
        """Wait for work, or until the store should be looked at."""
        self._wake.clear()
        if self._check_ms is None:
            await self._wake.wait()
        elif not await pause(self._clock, self._check_ms, self._wake):
            self._suspected = True

    def _next_group(self) -> list[_Waiting]:
        group, entries = list[_Waiting](), 0
        while self._queue and len(group) < GROUP_BATCHES_MAX:
            entries += len(self._queue[0][0].drafts)
            if group and entries > GROUP_ENTRIES_MAX:
                break
            group.append(self._queue.popleft())
        return group

    async def _write(self, group: list[_Waiting]) -> None:
        outcomes: list[Outcome] | None = None
        try:
            batches = [batch for batch, _ in group]
            outcomes = await self._call(partial(self._sequencer.commit, batches))
        finally:
            if outcomes is None:
                # No answer from the disk, or this task cancelled while a thread was in COMMIT.
                unknown = self._latch("the outcome of a commit is not known")
                outcomes = [unknown.fresh() for _ in group]
            for (_, future), outcome in zip(group, outcomes, strict=True):
                _resolve(future, outcome)
        self._on_durable()
        self._take_fault()
        if self._fault is None and self._sequencer.wal_is_long:
            # After the callers have their answers: copying is nobody's commit.
            await self._call(self._sequencer.maintain)
            self._take_fault()

    async def _call(self, work: Callable[[], T]) -> T | None:
        """Run `work` on a worker thread; None, and latched, when it does not come back well."""
        try:
            call = asyncio.ensure_future(self._runner.run(work))
            done, _ = await asyncio.wait({call}, timeout=DISK_TIMEOUT_MS / 1_000)
        except asyncio.CancelledError:
            self._abandoned = True
            raise
        if not done:
            self._abandoned = True
            self._latch(f"the disk did not answer for {DISK_TIMEOUT_MS} ms")
            return None
        error = call.exception()
        if error is not None:
            self._latch(f"{type(error).__name__}: {error}")
            return None
        return call.result()

    def _take_fault(self) -> None:
        """Adopt the sequencer's fault; a lasting one fails everything that waits."""
        if not self._latched():
            self._fault = self._sequencer.fault
        if self._fault is not None:
            self._refuse_waiting()

    def _latched(self) -> bool:
        return self._fault is not None and self._fault.nature in LASTING

    def _latch(self, detail: str) -> StoreError:
        """Latch, unless it has; return what holds."""
        if self._fault is None or self._fault.nature not in LASTING:
            self._fault = StoreError(Nature.LATCH, detail)
        return self._fault

    def _refuse_waiting(self) -> None:
        while self._queue:
            _, future = self._queue.popleft()
            _resolve(future, self._fault.fresh() if self._fault is not None else closed())


def _resolve(future: asyncio.Future[Committed], outcome: Outcome) -> None:
    """Answer a caller, unless it stopped waiting."""
    if future.done():
        return
    if isinstance(outcome, Committed):
        future.set_result(outcome)
    else:
        future.set_exception(outcome)
