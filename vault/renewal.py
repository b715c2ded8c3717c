"""When a lease is renewed: well before its end, and not at the moment when all others are.

Nothing runs here. The gateway's task asks when something is due, sleeps, and calls `renew`; a test
does the same with a clock of its own.
"""

from __future__ import annotations

from typing import Final

from vault.errors import ProviderError
from vault.ports import Jitter, Lease, Renewable
from vault.secret import Moment

_FIRST_PAUSE_NS: Final = 1_000_000_000
_LONGEST_PAUSE_NS: Final = 30_000_000_000
_DOUBLINGS_MAX: Final = 5
_SPREAD: Final = 5
"""A renewal is due after half of the lease and up to a fifth of it more."""


class Renewal:
    """Keeps one lease. Used by one task; what it renews may be used by many."""

    def __init__(self, held: Renewable, jitter: Jitter) -> None:
        """Keep `held`; `jitter` draws when exactly.

        Several processes that lost the same vault must not all come back in the same instant.
        """
        self._held = held
        self._jitter = jitter
        self._failures = 0
        self._lease: Lease | None = None
        self._due_ns = 0

    def next_due(self, now: Moment) -> int:
        """Return when `renew` is due, by the monotonic clock, in nanoseconds; perhaps past.

        After a failure that is after 1 second, then 2, 4, ... up to 30, and up to as much more.
        """
        lease = self._held.lease()
        if self._failures:
            return self._due_ns
        if lease is None:
            return now.monotonic_ns
        if lease != self._lease:  # also when somebody else has begun or renewed it
            length_ns = lease.end_ns - lease.begun_ns
            spread_ns = max(1, length_ns // _SPREAD)
            self._lease = lease
            self._due_ns = lease.begun_ns + length_ns // 2 + self._jitter(spread_ns)
        return self._due_ns

    def renew(self, now: Moment) -> Lease:
        """Renew, whether it is due or not; blocking and bounded.

        Raises:
            ProviderError: why it could not be had. The next try is due later, see `next_due`.
        """
        try:
            lease = self._held.renew(now)
        except ProviderError:
            pause_ns = min(
                _FIRST_PAUSE_NS << min(self._failures, _DOUBLINGS_MAX), _LONGEST_PAUSE_NS
            )
            self._failures += 1
            self._due_ns = now.monotonic_ns + pause_ns + self._jitter(pause_ns)
            raise
        self._failures = 0
        return lease
