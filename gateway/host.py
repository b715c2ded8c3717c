"""The host's own clock, randomness and worker threads, behind the ports."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import uvloop

T = TypeVar("T")
_Quick: TypeAlias = "tuple[Callable[[], object], asyncio.Future[Any]]"
WORKERS = 4
SWITCH_INTERVAL_US = 500
COLLECT_AFTER_OBJECTS = 10_000
ENTROPY_PAGE_BYTES = 4_096


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The event loop of a gateway, in a process whose threads take turns quickly.

    The ledger's thread lets go of the interpreter several times for each entry, to sign and to
    write, and then waits for it again. At Python's 5 ms a turn that is most of a commit's time.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_US / 1_000_000)
    return uvloop.new_event_loop()


def keep_loaded() -> None:
    """Tell the garbage collector that what is loaded by now stays; call it once, after the start.

    It would go through all of it, a release of 100,000 instruments too, again and again: every
    order makes and drops hundreds of objects, and nearly all of them go without its help.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)


class SystemClock:
    """Real time; market time is wall time, unless a historical feed has it set."""

    def __init__(self, market_us: int | None = None) -> None:
        """``market_us`` starts a market clock that only :meth:`set_market` moves."""
        self._market_us = market_us

    @property
    def movable(self) -> bool:
        """Whether market time is set rather than read."""
        return self._market_us is not None

    def wall_us(self) -> int:
        """UTC wall time in microseconds."""
        return time.time_ns() // 1000

    def market_us(self) -> int:
        """Market time in microseconds."""
        return self.wall_us() if self._market_us is None else self._market_us

    def set_market(self, market_us: int) -> None:
        """Move a movable market clock."""
        self._market_us = market_us

    def monotonic_ns(self) -> int:
        """The host's monotonic clock."""
        return time.monotonic_ns()

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait."""
        await asyncio.sleep(duration_ms / 1000)


class OsEntropy:
    """The operating system's random bytes, drawn by the page: each draw is a system call.

    No byte is handed out twice, and none is kept once it was handed out. A process that forks
    would share what is left of the page with its child; the gateway does not fork.
    """

    def __init__(self) -> None:
        """Start with an empty page."""
        self._page = bytearray()
        self._lock = threading.Lock()  # keys are made on worker threads

    def token(self, size: int) -> bytes:
        """``size`` random bytes."""
        if size > ENTROPY_PAGE_BYTES:
            return os.urandom(size)
        with self._lock:
            if len(self._page) < size:
                self._page = bytearray(os.urandom(ENTROPY_PAGE_BYTES))
            taken = bytes(self._page[-size:]) if size else b""
            del self._page[len(self._page) - size :]
        return taken


class ThreadRunner:
    """One bounded pool of threads for all blocking work."""

    def __init__(self) -> None:
        """Start with no thread; they are made as needed."""
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="writ")
        self._lanes: dict[str, _Lane] = {}

    def run(self, work: Callable[[], T]) -> Awaitable[T]:
        """Run ``work`` on a worker thread."""
        return asyncio.get_running_loop().run_in_executor(self._pool, work)

    def run_quick(self, lane: str, work: Callable[[], T]) -> Awaitable[T]:
        """Run ``work`` on a worker thread, together with whatever waits in its lane by then.

        Handing a piece of work to a thread and back costs more than most questions to a database
        or a file that is in memory anyway; under load one hand-over carries many of them.
        """
        found = self._lanes.get(lane)
        if found is None:
            found = self._lanes[lane] = _Lane(self._pool)
        return found.run(work)

    def close(self) -> None:
        """Wait for what is running and end the threads."""
        self._pool.shutdown(wait=True)


class LooseRunner:
    """A thread for each piece of work, which nobody waits for at the end.

    For what is sent to places that may drip for ever: a pool would wait for it when the gateway
    ends. Whoever uses it has a bound on how much is under way at once.
    """

    def run(self, work: Callable[[], T]) -> Awaitable[T]:
        """Run ``work`` on a thread of its own."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        waiting: list[_Quick] = [(work, future)]

        def body() -> None:
            answers = _answers([work])
            with contextlib.suppress(RuntimeError):  # the gateway has ended meanwhile
                loop.call_soon_threadsafe(_deliver, waiting, answers)

        threading.Thread(target=body, name="writ-loose", daemon=True).start()
        return future


class _Lane:
    """Quick work of one kind: one hand-over to a thread at a time."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._waiting: list[_Quick] = []
        self._under_way = False

    def run(self, work: Callable[[], T]) -> Awaitable[T]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((work, future))
        if not self._under_way:
            self._under_way = True
            # After this step of the loop, so that everything it asks for goes together.
            loop.call_soon(self._start, loop)
        return future

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            running = self._pool.submit(_answers, [work for work, _ in waiting])
        except RuntimeError as error:  # closed: as ``run`` says it
            self._under_way = False
            _deliver(waiting, [_Raised(error)] * len(waiting))
            return

        def done(finished: Future[list[object]]) -> None:
            loop.call_soon_threadsafe(self._finish, loop, waiting, finished.result())

        running.add_done_callback(done)

    def _finish(
        self, loop: asyncio.AbstractEventLoop, waiting: list[_Quick], answers: list[object]
    ) -> None:
        _deliver(waiting, answers)
        self._under_way = bool(self._waiting)
        if self._under_way:
            self._start(loop)


@dataclass(frozen=True, slots=True)
class _Raised:
    """An answer that is an exception; a value may be one too."""

    error: Exception


def _answers(works: list[Callable[[], object]]) -> list[object]:
    """Each piece of work's value, or what it raised."""
    answers: list[object] = []
    for work in works:
        try:
            answers.append(work())
        except Exception as error:  # noqa: BLE001  it is raised where the work was asked for
            answers.append(_Raised(error))
    return answers


def _deliver(waiting: list[_Quick], answers: list[object]) -> None:
    for (_, future), answer in zip(waiting, answers, strict=True):
        if future.done():  # nobody waits for it any more
            continue
        if isinstance(answer, _Raised):
            future.set_exception(answer.error)
        else:
            future.set_result(answer)
