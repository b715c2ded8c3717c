"""What was seen lately that an alert may follow from: bounded, in memory, of this process alone.

Everything is told here as it happens; ``gateway.telemetry.rules`` says what of it is an alert.
Times are monotonic nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from gateway.telemetry.metrics import ANSWERED

EVENT_STANDS_NS: Final = 10 * 60 * 1_000_000_000
"""How long something that merely happened is told of: until nothing new came for ten minutes."""
LATE_STANDS_NS: Final = 60 * 1_000_000_000
"""How long market data counts as late after its last late quote."""
EVENTS_MAX: Final = 256
"""Events kept at once; beyond it the oldest goes."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: what it is, where, and its code; never what anybody typed."""

    kind: str
    account: str
    code: str


@dataclass(slots=True)
class BrokerSigns:
    """How a broker's service has answered: since when it fails, without one good answer."""

    failing_since_ns: int | None = None
    failed_ns: int = 0
    answered_ns: int | None = None

    @property
    def failing_for_ns(self) -> int:
        """From the first failure to the last one, with nothing good in between."""
        return 0 if self.failing_since_ns is None else self.failed_ns - self.failing_since_ns


class Signs:
    """Belongs to one event loop."""

    def __init__(self, monotonic_ns: Callable[[], int], brokers: Iterable[str]) -> None:
        """Begin having seen nothing."""
        self._now_ns = monotonic_ns
        self.brokers = {broker: BrokerSigns() for broker in brokers}
        self.without_funds: dict[str, int] = {}
        """Account -> orders in a row that its broker rejected for want of money."""
        self.drifted: set[str] = set()
        """Accounts whose last reconciliation found more than it could explain."""
        self.reconciled_ns: dict[str, int] = {}
        """Account -> when a reconciliation of it last ended otherwise than failed."""
        self._events: dict[Event, int] = {}
        self._unknown_ns: dict[str, int] = {}
        self._late: tuple[int, int] | None = None
        """The latency of the last quote that was late, in milliseconds, and when it came."""

    def requested(self, broker: str, outcome: str) -> None:
        """A request to a broker's service ended."""
        seen = self.brokers.get(broker)
        if seen is None:
            return
        if outcome in ANSWERED:
            seen.answered_ns, seen.failing_since_ns = self._now_ns(), None
            return
        seen.failed_ns = self._now_ns()
        if seen.failing_since_ns is None:
            seen.failing_since_ns = seen.failed_ns

    def answered(self, account: str, *, without_funds: bool) -> None:
        """A broker took an order of the account, or rejected it."""
        if without_funds:
            self.without_funds[account] = self.without_funds.get(account, 0) + 1
        else:
            self.without_funds.pop(account, None)

    def reconciled(self, account: str, outcome: str) -> None:
        """A reconciliation of the account ended."""
        if outcome == "failed":
            return
        self.reconciled_ns[account] = self._now_ns()
        if outcome == "drifted":
            self.drifted.add(account)
        elif outcome in ("agreed", "corrected"):
            self.drifted.discard(account)

    def happened(self, event: Event) -> None:
        """Something happened that is told of once."""
        self._events.pop(event, None)
        while len(self._events) >= EVENTS_MAX:
            del self._events[next(iter(self._events))]
        self._events[event] = self._now_ns()

    def events(self) -> list[Event]:
        """What happened in the last ten minutes."""
        now_ns = self._now_ns()
        over = [event for event, at in self._events.items() if now_ns - at > EVENT_STANDS_NS]
        for event in over:
            del self._events[event]
        return list(self._events)

    def late(self, latency_ms: int) -> None:
        """A quote came that was late."""
        self._late = (latency_ms, self._now_ns())

    def late_ms(self) -> int | None:
        """How late the last late quote of the last minute was; ``None``: there was none."""
        if self._late is None or self._now_ns() - self._late[1] > LATE_STANDS_NS:
            return None
        return self._late[0]

    def unknown(self, order_ids: Iterable[str]) -> int | None:
        """Take the orders whose outcome is unknown now; the age of the oldest, in milliseconds."""
        now_ns = self._now_ns()
        self._unknown_ns = {each: self._unknown_ns.get(each, now_ns) for each in order_ids}
        if not self._unknown_ns:
            return None
        return (now_ns - min(self._unknown_ns.values())) // 1_000_000
