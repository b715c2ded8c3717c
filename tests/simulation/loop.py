"""Virtual time: an event loop that never waits, and processes that can die between any two steps.

When nothing is ready the loop jumps to its next timer. Callbacks that are ready run in the order in
which they were asked for, as asyncio promises and the gateway relies on; what a seed changes is
when timers end. Whatever a process has started carries the process in its context, so that killing
it needs no help of its code: nothing of it ever runs again, not even what would tidy up.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from types import CoroutineType
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

STEPS_MAX: Final = 3_000_000
"""Steps of one world; more than that goes round in circles."""
CLOSINGS_MAX: Final = 100
"""How often a killed task may wait for something more while it is taken down."""
CANCELLED_MAX: Final = 1_000
"""Timers that were cancelled and still lie in the heap, before they are swept out."""


class StalledError(AssertionError):
    """Nothing is ready and nothing is due: whoever waits now waits for ever."""


class DiedError(Exception):
    """The process died before it answered."""


class Process:
    """One life of a gateway: everything that was started in its context."""

    def __init__(self, name: str) -> None:
        """Begin alive, with nothing started."""
        self.name = name
        self.alive = True
        self.steps = 0
        self.dies_at: int | None = None
        """The step before which it is killed, counted from its beginning."""
        self.tasks: set[asyncio.Task[Any]] = set()
        self.waiting: set[asyncio.Future[Any]] = set()
        """Who outside of it waits for an answer."""
        self.generators: list[AsyncGenerator[Any, None]] = []
        """Those that it is inside of, and that end with it."""
        self.at_death: list[Callable[[], None]] = []
        """What the host does once it is dead: files and locks go back to the system."""
        self.context: Context = copy_context()
        self.context.run(PROCESS.set, self)

    def kill(self) -> None:
        """Let nothing of it run again, and tell whoever waits for it that it is gone."""
        self.alive = False
        for future in self.waiting:
            if not future.done():
                future.set_exception(DiedError(self.name))
        self.waiting.clear()
        for task in tuple(self.tasks):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            self.context.run(_take_down, task.get_coro())
        self.tasks.clear()
        for generator in self.generators:
            awaited = getattr(generator, "ag_await", None)
            if isinstance(awaited, CoroutineType):
                self.context.run(_take_down, awaited)
        self.generators.clear()
        for tidy in self.at_death:
            tidy()


PROCESS: ContextVar[Process | None] = ContextVar("PROCESS", default=None)


def _take_down(coro: Any) -> None:  # noqa: ANN401  a coroutine of any kind
    """Free a coroutine's frames; what it does on the way out reaches nothing any more."""
    for _ in range(CLOSINGS_MAX):
        with contextlib.suppress(Exception):
            coro.close()
            return
    raise AssertionError("a task that was killed does not end")


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop whose time is a number that only it moves."""

    def __init__(self) -> None:
        """Begin at time zero."""
        super().__init__()
        self._ready: deque[Any]
        self._scheduled: list[Any]
        self._asyncgens: Any
        self._now = 0.0
        self.steps = 0
        self.failures: list[str] = []
        """What tasks of living processes raised and nobody looked at."""
        self._processes: WeakKeyDictionary[asyncio.Task[Any], Process] = WeakKeyDictionary()
        self.set_exception_handler(self._failed)

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self._now

    def create_task(
        self,
        coro: Any,  # noqa: ANN401  as asyncio has it
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[Any]:
        """See asyncio; the task belongs to the process that it is begun in."""
        chosen = context if context is not None else copy_context()
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, context=chosen)
        task.set_name(name or task.get_name())
        process = chosen.get(PROCESS)
        if process is not None:
            process.tasks.add(task)
            self._processes[task] = process
            task.add_done_callback(process.tasks.discard, context=chosen)
        return task

    async def ask(self, process: Process, work: Coroutine[Any, Any, T]) -> T:
        """Have a process do some work, and wait for its answer outside of it.

        Raises:
            DiedError: it was dead, or died before it answered.
        """
        if not process.alive:
            work.close()
            raise DiedError(process.name)
        answer: asyncio.Future[T] = self.create_future()
        process.waiting.add(answer)
        task = self.create_task(work, context=process.context.copy())
        task.add_done_callback(lambda done: _hand_over(done, answer), context=copy_context())
        try:
            return await answer
        finally:
            process.waiting.discard(answer)

    def close(self) -> None:
        """End what is left: nobody waits for it any more."""
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            _take_down(task.get_coro())
        super().close()

    # ---- what asyncio asks of a loop

    def _run_once(self) -> None:
        scheduled = self._scheduled
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        if not self._ready:
            if not scheduled:
                raise StalledError("nothing is ready and no timer runs")
            self._now = max(self._now, scheduled[0]._when)
        while scheduled and scheduled[0]._when <= self._now:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            self._ready.append(handle)
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle._cancelled and self._may_run(handle._context.get(PROCESS)):
                handle._run()
        handle = None

    def _may_run(self, process: Process | None) -> bool:
        self.steps += 1
        assert self.steps <= STEPS_MAX, "the world goes round in circles"
        if process is None:
            return True
        if process.alive:
            process.steps += 1
            if process.steps == process.dies_at:
                process.kill()
        return process.alive

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._timer_cancelled_count += 1
        if self._timer_cancelled_count > CANCELLED_MAX:
            self._timer_cancelled_count = 0
            left = [timer for timer in self._scheduled if not timer._cancelled]
            heapq.heapify(left)
            self._scheduled[:] = left

    def _process_events(self, event_list: object) -> None:
        """Nothing: there is no selector."""

    def _write_to_self(self) -> None:
        """Nothing: there are no other threads."""

    def _asyncgen_finalizer_hook(self, agen: object) -> None:
        """Forget a generator that nobody goes on with: its process is dead."""
        self._asyncgens.discard(agen)

    def _failed(self, _loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        task, error = told.get("future"), told.get("exception")
        process = self._processes.get(task) if isinstance(task, asyncio.Task) else None
        if process is not None and process.alive:  # the dead leave much behind
            self.failures.append(f"{told.get('message')}: {error!r}")


def _hand_over(done: asyncio.Task[T], answer: asyncio.Future[T]) -> None:
    if answer.done() or done.cancelled():
        return
    error = done.exception()
    if error is None:
        answer.set_result(done.result())
    else:
        answer.set_exception(error)
