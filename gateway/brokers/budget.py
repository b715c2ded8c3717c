"""How many requests an account may still make at a broker: a bucket that fills by the minute.

Reads and orders count alike. Reads leave a part of the bucket to orders; a cancel waits for
nothing, and what it takes too much is paid back by reads. What the broker says itself of its own
count goes before ours.
"""

from __future__ import annotations

from typing import Final

from gateway.ports import Clock

_NS_PER_MINUTE: Final = 60_000_000_000
_NS_PER_MS: Final = 1_000_000
_PAUSE_MS: Final = 50


class BudgetSpentError(Exception):
    """No request was free in time; none was made."""


class Budget:
    """One account's bucket, full at the start."""

    def __init__(self, clock: Clock, per_minute: int) -> None:
        """``per_minute`` is both how much it holds and how much flows in each minute."""
        self._clock = clock
        self._per_minute = per_minute
        self._kept_for_orders = per_minute // 5
        # Counted in units of which one request takes _NS_PER_MINUTE: then filling is exact.
        self._full = per_minute * _NS_PER_MINUTE
        self._held = self._full
        self._at_ns = clock.monotonic_ns()
        self._not_before_ns = 0

    async def take_for_read(self, wait_ms: int) -> None:
        """Take a request for a read, leaving those that are kept for orders.

        Raises:
            BudgetSpentError: none was free within ``wait_ms``.
        """
        await self._take(self._kept_for_orders, wait_ms)

    async def take_for_order(self, wait_ms: int) -> None:
        """Take a request for an order.

        Raises:
            BudgetSpentError: none was free within ``wait_ms``.
        """
        await self._take(0, wait_ms)

    def take_for_cancel(self) -> None:
        """Take a request even if there is none: taking risk off never waits for a count."""
        self._fill()
        self._held = max(self._held - _NS_PER_MINUTE, -self._full)

    def hold_off(self, wait_ms: int) -> None:
        """Neither reads nor orders for so long: the broker said so. The caller bounds it."""
        until_ns = self._clock.monotonic_ns() + wait_ms * _NS_PER_MS
        self._not_before_ns = max(self._not_before_ns, until_ns)

    async def _take(self, kept: int, wait_ms: int) -> None:
        waited_ms = 0
        while True:
            self._fill()
            if self._held >= (kept + 1) * _NS_PER_MINUTE and self._at_ns >= self._not_before_ns:
                self._held -= _NS_PER_MINUTE
                return
            if waited_ms >= wait_ms or self._held_off_ms() > wait_ms - waited_ms:
                raise BudgetSpentError
            await self._clock.sleep_ms(_PAUSE_MS)
            waited_ms += _PAUSE_MS

    def _held_off_ms(self) -> int:
        return (self._not_before_ns - self._at_ns) // _NS_PER_MS

    def _fill(self) -> None:
        now_ns = self._clock.monotonic_ns()
        flowed = max(0, now_ns - self._at_ns) * self._per_minute
        self._held = min(self._full, self._held + flowed)
        self._at_ns = now_ns
