"""The host: time, randomness and threads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from vault.secret import Moment

T = TypeVar("T")


class Clock(Protocol):
    """All time comes in here: wall time for records, market time for facts, monotonic for waits."""

    def wall_us(self) -> int:
        """UTC wall time in microseconds since the epoch."""
        ...

    def market_us(self) -> int:
        """Market time in microseconds since the epoch; in a historical run it is set, not read."""
        ...

    def monotonic_ns(self) -> int:
        """A clock that never goes back, for time-outs and ages of approvals."""
        ...

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait; virtual in a simulation."""
        ...


def moment(clock: Clock) -> Moment:
    """One reading of both clocks, as custody wants it."""
    return Moment(clock.wall_us(), clock.monotonic_ns())


class Entropy(Protocol):
    """All randomness comes in here."""

    def token(self, size: int) -> bytes:
        """``size`` random bytes."""
        ...


class BlockingRunner(Protocol):
    """All blocking work goes through here, off the event loop, one pool for everything."""

    def run(self, work: Callable[[], T]) -> Awaitable[T]:
        """Run ``work`` on a worker thread and await its result."""
        ...

    def run_quick(self, lane: str, work: Callable[[], T]) -> Awaitable[T]:
        """As :meth:`run`, for work of microseconds: what waits together shares one thread's turn.

        Work that takes long keeps the rest of its lane waiting, and no other lane.
        """
        ...
