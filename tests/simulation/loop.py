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
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from itertools import count
from random import Random
from types import CoroutineType
from typing import Any, Final, TypeVar

T = TypeVar("T")

STEPS_MAX: Final = 3_000_000
"""Steps of one world; more than that goes round in circles."""
CLOSINGS_MAX: Final = 100
"""How often a killed task may wait for something more while it is taken down."""
CANCELLED_MAX: Final = 1_000
"""Timers that were cancelled and still lie in the heap, before they are swept out."""

ALONE: Final = 2
"""References to an object that one variable holds, as ``sys.getrefcount`` counts itself."""


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
        # In the order in which they were begun: sets of them are ordered by address.
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._raised: list[asyncio.Task[Any]] = []
        self.waiting: dict[asyncio.Future[Any], None] = {}
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
        self._end_tasks()
        self._raised.clear()
        for generator in self.generators:
            awaited = getattr(generator, "ag_await", None)
            if isinstance(awaited, CoroutineType):
                self.context.run(_take_down, awaited)
        self.generators.clear()
        self._end_tasks()
        for tidy in self.at_death:
            tidy()

    def _end_tasks(self) -> None:
        while self._tasks:  # on its way out one may begin another
            task, _ = self._tasks.popitem()
            task._log_destroy_pending = False  # type: ignore[attr-defined]  of asyncio's own
            self.context.run(_take_down, task.get_coro())

    def begun(self, task: asyncio.Task[Any]) -> None:
        """Take note of a task; it ends with the process."""
        self._tasks[task] = None
        task.add_done_callback(self._ended, context=self.context)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        # Not its method: that takes the failure for one that somebody has looked at.
        if task._exception is not None:  # type: ignore[attr-defined]  of asyncio's own
            self._raised.append(task)

    def unseen(self, *, over: bool) -> list[str]:
        """What tasks have raised and nobody has looked at, nor can any more, each once.

        When it is ``over`` with the process, nobody will who has not yet.
        """
        raised, self._raised = self._raised, []
        found: list[str] = []
        while raised:
            task = raised.pop()
            if not task._log_traceback:  # type: ignore[attr-defined]  of asyncio's own
                continue
            if over or sys.getrefcount(task) == ALONE:
                found.append(f"{task!r}")
            else:
                self._raised.append(task)
        return found


PROCESS: ContextVar[Process | None] = ContextVar("PROCESS", default=None)


def _take_down(coro: Any) -> None:  # noqa: ANN401  a coroutine of any kind
    """Free a coroutine's frames; what it does on the way out reaches nothing any more."""
    for _ in range(CLOSINGS_MAX):
        with contextlib.suppress(Exception):
            coro.close()
            return
    raise AssertionError("a task that was killed does not end")


class Step:
    """A callback that is due; as much of ``asyncio.TimerHandle`` as anybody uses."""

    __slots__ = ("_cancelled", "_loop", "_when", "args", "callback", "context")

    def __init__(
        self,
        loop: VirtualLoop,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: Context | None,
    ) -> None:
        self._loop = loop
        self._when = when
        self._cancelled = False
        self.callback = callback
        self.args = args
        self.context = copy_context() if context is None else context

    def cancel(self) -> None:
        """Let it never run."""
        if not self._cancelled:
            self._cancelled = True
            self.callback, self.args = _nothing, ()
            self._loop.cancelled()

    def cancelled(self) -> bool:
        """Whether it never runs."""
        return self._cancelled

    def when(self) -> float:
        """The virtual time at which it is due."""
        return self._when


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop whose time is a number that only it moves."""

    def __init__(self) -> None:
        """Begin at time zero."""
        super().__init__()
        self._steps: deque[Step] = deque()
        self._timers: list[tuple[float, int, Step]] = []
        self._numbers = count()
        self._cancelled = 0
        self._asyncgens: Any
        self._now = 0.0
        self.steps = 0
        self.failures: list[str] = []
        """What callbacks raised."""
        self.shuffles: Random | None = None
        """Draws the order of what is ready at the same time; without it, as it was asked for."""
        self.set_exception_handler(self._failed)

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self._now

    def call_soon(  # type: ignore[override]  narrower
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Step:
        """See asyncio."""
        step = Step(self, self._now, callback, args, context)
        self._steps.append(step)
        return step

    def call_at(  # type: ignore[override]  narrower
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> Step:
        """See asyncio; what is due at the same time runs in the order in which it was asked for."""
        step = Step(self, when, callback, args, context)
        heapq.heappush(self._timers, (when, next(self._numbers), step))
        return step

    def call_later(  # type: ignore[override]  narrower
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> Step:
        """See asyncio."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_task(
        self,
        coro: Any,  # noqa: ANN401  as asyncio has it
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[Any]:
        """See asyncio; the task belongs to the process that it is begun in."""
        chosen = context if context is not None else copy_context()
        named = None if name is None else str(name)
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=named, context=chosen)
        process = chosen.get(PROCESS)
        if process is not None:
            process.begun(task)
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
        process.waiting[answer] = None
        task = self.create_task(work, context=process.context.copy())
        task.add_done_callback(lambda done: _hand_over(done, answer), context=copy_context())
        try:
            return await answer
        finally:
            process.waiting.pop(answer, None)

    def close(self) -> None:
        """End what is left: nobody waits for it any more."""
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  of asyncio's own
            _take_down(task.get_coro())
        self._steps.clear()
        self._timers.clear()
        super().close()

    # ---- what asyncio asks of a loop

    def _run_once(self) -> None:
        timers, steps = self._timers, self._steps
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not steps:
            if not timers:
                raise StalledError("nothing is ready and no timer runs")
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            steps.append(heapq.heappop(timers)[2])
        if self.shuffles is not None and len(steps) > 1:
            self._shuffle(self.shuffles)
        for _ in range(len(steps)):
            step = steps.popleft()
            if step._cancelled:
                continue
            process = step.context.get(PROCESS)
            if process is None or self._may_run(process):
                self._run(step)

    def _shuffle(self, random: Random) -> None:
        """Put what is ready in another order; the world's own steps keep their places."""
        steps = self._steps
        places = [n for n, step in enumerate(steps) if step.context.get(PROCESS) is not None]
        drawn = [steps[n] for n in places]
        random.shuffle(drawn)
        for place, step in zip(places, drawn, strict=True):
            steps[place] = step

    def _run(self, step: Step) -> None:
        self.steps += 1
        assert self.steps <= STEPS_MAX, "the world goes round in circles"
        try:
            step.context.run(step.callback, *step.args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001  as asyncio has it: the loop goes on
            told = {"message": "a callback failed", "exception": error}
            step.context.run(self.call_exception_handler, told)

    def _may_run(self, process: Process) -> bool:
        if process.alive:
            process.steps += 1
            if process.steps == process.dies_at:
                process.kill()
        return process.alive

    def cancelled(self) -> None:
        """A step was cancelled; many that lie among the timers are swept out."""
        self._cancelled += 1
        if self._cancelled > CANCELLED_MAX:
            self._cancelled = 0
            self._timers = [timer for timer in self._timers if not timer[2]._cancelled]
            heapq.heapify(self._timers)

    def _process_events(self, event_list: object) -> None:
        """Nothing: there is no selector."""

    def _write_to_self(self) -> None:
        """Nothing: there are no other threads."""

    def _asyncgen_finalizer_hook(self, agen: object) -> None:
        """Forget a generator that nobody goes on with: its process is dead."""
        self._asyncgens.discard(agen)

    def _failed(self, _loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        if "future" not in told:  # what tasks raise, their process knows
            self.failures.append(f"{told.get('message')}: {told.get('exception')!r}")


def _nothing() -> None:
    """What a cancelled step does."""


def _hand_over(done: asyncio.Task[T], answer: asyncio.Future[T]) -> None:
    if answer.done() or done.cancelled():
        return
    error = done.exception()
    if error is None:
        answer.set_result(done.result())
    else:
        answer.set_exception(error)
