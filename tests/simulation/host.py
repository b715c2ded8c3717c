"""A host that is simulated: its clock, its randomness, and its disk's pace."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Generator
from random import Random
from typing import Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.host import OsEntropy, SystemClock, ThreadRunner
from gateway.ledger.opening import Opened
from simulation.loop import VirtualLoop

T = TypeVar("T")
JITTER_S: Final = 0.0009
"""How much later than asked a wait may end."""
BOOT_NS: Final = 10**12


class VirtualClock(SystemClock):
    """Wall time that goes with the loop's, and can jump; market time is wall time."""

    def __init__(self, loop: VirtualLoop, start_us: int, random: Random) -> None:
        """Begin at ``start_us`` when the loop begins."""
        super().__init__()
        self._loop = loop
        self._random = random
        self.start_us = start_us

    def wall_us(self) -> int:
        """See ``gateway.ports.Clock``."""
        return self.start_us + round(self._loop.time() * 1_000_000)

    def monotonic_ns(self) -> int:
        """Never jumps."""
        return BOOT_NS + round(self._loop.time() * 1_000_000_000)

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait a little longer than that."""
        await asyncio.sleep(duration_ms / 1_000 + self._random.random() * JITTER_S)


class SeededEntropy(OsEntropy):
    """Random bytes that a seed repeats."""

    def __init__(self, random: Random) -> None:
        """Draw from ``random``."""
        super().__init__()
        self._random = random

    def token(self, size: int) -> bytes:
        """See ``gateway.ports.Entropy``."""
        return self._random.randbytes(size)


@contextlib.contextmanager
def seeded_keys(random: Random) -> Generator[None]:
    """Make the private keys that the gateway puts into files of ``random``.

    They are the one thing that it does not draw from its host's entropy.
    """
    generate = Ed25519PrivateKey.generate

    def seeded() -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(random.randbytes(32))

    Ed25519PrivateKey.generate = seeded  # type: ignore[method-assign]  for a while
    try:
        yield
    finally:
        Ed25519PrivateKey.generate = generate  # type: ignore[method-assign]  for a while


class InlineRunner(ThreadRunner):
    """Blocking work without threads: each piece is done at once, after a delay of the disk's.

    What opens a ledger passes through here as well. A process that is killed leaves its files
    open; :meth:`cut` closes them, so that the next one finds what a dead process would leave.
    """

    def __init__(self, loop: VirtualLoop, delay_s: Callable[[], float]) -> None:
        """``delay_s`` says how long the next piece of work waits, and its answer again."""
        super().__init__()
        self._loop = loop
        self._delay_s = delay_s
        self._opened: list[Opened] = []

    def run(self, work: Callable[[], T]) -> Awaitable[T]:
        """See ``gateway.ports.BlockingRunner``."""
        future: asyncio.Future[T] = self._loop.create_future()
        delay_s = self._delay_s()
        if delay_s:
            self._loop.call_later(delay_s, self._do, work, future)
        else:
            self._loop.call_soon(self._do, work, future)
        return future

    def run_quick(self, lane: str, work: Callable[[], T]) -> Awaitable[T]:
        """See ``gateway.ports.BlockingRunner``."""
        return self.run(work)

    def _do(self, work: Callable[[], T], future: asyncio.Future[T]) -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001  it is raised where the work was asked for
            self._later(_fail, future, error)
            return
        if isinstance(result, Opened):
            self._opened.append(result)
        self._later(_set, future, result)

    def _later(self, tell: Callable[..., None], future: asyncio.Future[T], value: object) -> None:
        delay_s = self._delay_s()
        if delay_s:
            self._loop.call_later(delay_s, tell, future, value)
        else:
            tell(future, value)

    def cut(self) -> None:
        """Close what a killed process held open."""
        for opened in self._opened:
            opened.close()
        self._opened.clear()


def _set(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
