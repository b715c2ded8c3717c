"""Timers put around the parts of a running gateway from outside.

Each thread's time is always on one stage: the innermost wrapped call that it is in. So the stages
of a thread never overlap, and what is outside of all of them (the event loop itself, the pool of
threads) is a stage too, without a name.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

OUTSIDE: Final = ""
LOOP: Final = "loop"
WORKER: Final = "worker"


def _wall_ns() -> int:
    return time.perf_counter_ns()


def _cpu_ns() -> int:
    return time.thread_time_ns()


@dataclass(slots=True)
class Clock:
    """One thread's account; ``wall_ns`` and ``cpu_ns`` by stage, ``calls`` by stage."""

    side: str
    stack: list[str] = field(default_factory=lambda: [OUTSIDE])
    wall_ns: Counter[str] = field(default_factory=Counter[str])
    cpu_ns: Counter[str] = field(default_factory=Counter[str])
    calls: Counter[str] = field(default_factory=Counter[str])
    last_wall_ns: int = field(default_factory=_wall_ns)
    last_cpu_ns: int = field(default_factory=_cpu_ns)

    def mark(self) -> None:
        """Charge what passed since the last mark to the stage that the thread is in."""
        wall, cpu = _wall_ns(), _cpu_ns()
        stage = self.stack[-1]
        self.wall_ns[stage] += wall - self.last_wall_ns
        self.cpu_ns[stage] += cpu - self.last_cpu_ns
        self.last_wall_ns, self.last_cpu_ns = wall, cpu

    def enter(self, stage: str) -> None:
        """The thread is in ``stage`` from now on."""
        self.mark()
        self.stack.append(stage)

    def leave(self) -> None:
        """The thread is back where it was."""
        self.mark()
        self.stack.pop()


class Timers:
    """All threads' accounts."""

    def __init__(self) -> None:
        """Made on the event loop's thread."""
        self._local = threading.local()
        self._clocks: list[Clock] = []
        self._loop_thread = threading.get_ident()

    def here(self) -> Clock:
        """The account of the thread that asks."""
        clock: Clock | None = getattr(self._local, "clock", None)
        if clock is None:
            clock = Clock(LOOP if threading.get_ident() == self._loop_thread else WORKER)
            self._local.clock = clock
            self._clocks.append(clock)
        return clock

    def reset(self) -> None:
        """Forget what was counted; what a thread is in the middle of goes on."""
        self.here().mark()
        for clock in self._clocks:
            for counter in (clock.wall_ns, clock.cpu_ns, clock.calls):
                counter.clear()

    def document(self) -> dict[str, dict[str, list[int]]]:
        """By side, then by stage: [CPU ns, wall ns, calls]."""
        self.here().mark()
        found: dict[str, dict[str, list[int]]] = {LOOP: {}, WORKER: {}}
        for clock in self._clocks:
            side = found[clock.side]
            for stage in list(clock.cpu_ns):
                row = side.setdefault(stage, [0, 0, 0])
                row[0] += clock.cpu_ns[stage]
                row[1] += clock.wall_ns[stage]
                row[2] += clock.calls[stage]
        return found

    def wrap(self, place: str, stage: str, inside: Mapping[str, str]) -> bool:
        """Time a function, method or coroutine function, ``module:name`` or ``module:Class.name``.

        ``inside`` names stages that count for another stage when they are called within it.

        Returns:
            Whether there is such a thing; parts get other names in time.
        """
        module, _, name = place.partition(":")
        *outer, last = name.split(".")
        owner: Any = importlib.import_module(module)
        for part in outer:
            owner = getattr(owner, part, None)
        original = inspect.getattr_static(owner, last, None)
        if original is None:
            return False
        if isinstance(original, classmethod | staticmethod):
            timed: object = staticmethod(
                self._timed(getattr(owner, last), stage, inside.get(stage))
            )
        else:
            timed = self._timed(original, stage, inside.get(stage))
        setattr(owner, last, timed)
        return True

    def _timed(
        self, function: Callable[..., Any], stage: str, within: str | None
    ) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def stepped(*args: Any, **named: Any) -> Any:  # noqa: ANN401  as the original
                self.here().calls[stage] += 1
                return await _Steps(function(*args, **named), stage, self)

            return stepped

        @functools.wraps(function)
        def called(*args: Any, **named: Any) -> Any:  # noqa: ANN401  as the original
            clock = self.here()
            clock.calls[stage] += 1
            clock.enter(within if within is not None and clock.stack[-1] == within else stage)
            try:
                return function(*args, **named)
            finally:
                clock.leave()

        return called


@dataclass(frozen=True, slots=True)
class _Steps:
    """Runs a coroutine and times its steps, not its waits."""

    coroutine: Any
    stage: str
    timers: Timers

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[..., Any] = self.coroutine.send
        given: Any = None
        while True:
            clock = self.timers.here()
            clock.enter(self.stage)
            try:
                waited_for = step(given)
            except StopIteration as ended:
                return ended.value
            finally:
                clock.leave()
            try:
                given, step = (yield waited_for), self.coroutine.send
            except BaseException as error:  # noqa: BLE001  handed on to the coroutine, whatever it is
                given, step = error, self.coroutine.throw
