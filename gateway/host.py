"""The host's own clock, randomness and worker threads, behind the ports."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
WORKERS = 4
ENTROPY_PAGE_BYTES = 4_096


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

    def run(self, work: Callable[[], T]) -> Awaitable[T]:
        """Run ``work`` on a worker thread."""
        return asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Wait for what is running and end the threads."""
        self._pool.shutdown(wait=True)
