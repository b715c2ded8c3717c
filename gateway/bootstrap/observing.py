"""Who watches the gateway for its metrics and alerts: told of entries, requests and quotes.

Everything here is beside the spine. Nothing waits for it, and what fails in it is logged and
changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from gateway.domain.book import NONE, Book
from gateway.domain.mode import Mode
from gateway.ledger.journal import Journal
from gateway.ports import Clock, Committed, Draft
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.rules import MARKET_LATE_MS
from gateway.telemetry.signs import Event, Signs

WITHOUT_FUNDS: Final = "ERR_INSUFFICIENT_FUNDS"
SENT: Final = frozenset({"accepted", "rejected", "unknown"})
"""Outcomes of an order that went out, or may have."""
DECIDED_MAX: Final = 8_192
"""Durable decisions whose submission is waited for; beyond it the oldest is forgotten."""
_NS_PER_MS: Final = 1_000_000
_log = logging.getLogger(__name__)


class Observer:
    """Takes what happens into metrics and signs. Belongs to one event loop."""

    def __init__(self, clock: Clock, brokers: Iterable[str]) -> None:
        """Begin having seen nothing; ``brokers`` are the names of those that accounts are at."""
        self._clock = clock
        names = sorted(brokers)
        self.metrics = Metrics(clock.monotonic_ns, names)
        self.signs = Signs(clock.monotonic_ns, names)
        self._book: Callable[[], Book] = Book
        self._decided_ns: dict[str, int] = {}
        """order_id -> when its allow was durable, until its submission."""
        self._handlers: Final[Mapping[str, Callable[[Mapping[str, Any]], None]]] = {
            "decision": self._decision,
            "submission": self._submission,
            "status": self._status,
            "anomaly": self._anomaly,
            "external": self._external,
        }

    def watch(self, journal: Journal) -> None:
        """Be told of every entry from now on; the book says whose order one is about."""
        self._book = lambda: journal.book
        journal.on_record.append(self.recorded)

    def heard(self, broker: str) -> Callable[[str], None]:
        """Who is told how each request to this broker ended."""

        def requested(outcome: str) -> None:
            self.metrics.requested(broker, outcome)
            self.signs.requested(broker, outcome)

        return requested

    def quoted(self, source: str, latency_us: int) -> None:
        """A quote came, so long after its own instant; one from ahead of our clock is not late."""
        latency_ms = max(0, latency_us) // 1_000
        self.metrics.quoted(source, latency_ms)
        if latency_ms > MARKET_LATE_MS:
            self.signs.late(latency_ms)

    def recorded(self, drafts: Sequence[Draft], commit: asyncio.Task[Committed]) -> None:
        """Entries are in the book; ``commit`` ends when they are durable, or are not."""
        try:
            for draft in drafts:
                handler = self._handlers.get(draft.kind)
                if handler is not None:
                    handler(draft.payload)
        except Exception:  # noqa: BLE001  no record depends on who watches it
            _log.exception("an entry could not be observed")

        def durable(task: asyncio.Task[Committed]) -> None:
            if task.cancelled() or task.exception() is not None:
                return
            for draft in drafts:
                self.metrics.entered(draft.kind)
                if draft.kind == "decision" and _forwards(draft.payload):
                    self._expect(str(draft.payload["order_id"]))

        commit.add_done_callback(durable)

    def _expect(self, order_id: str) -> None:
        if len(self._decided_ns) >= DECIDED_MAX:
            del self._decided_ns[next(iter(self._decided_ns))]
        self._decided_ns[order_id] = self._clock.monotonic_ns()

    def _decision(self, payload: Mapping[str, Any]) -> None:
        allow = bool(payload["allow"])
        verdict = payload["verdict"]
        unproven = () if allow else set(verdict["required"]) - set(verdict["passed"])
        self.metrics.decided(allow=allow, controls=sorted(unproven))

    def _submission(self, payload: Mapping[str, Any]) -> None:
        outcome = str(payload["outcome"])
        since_ns = self._decided_ns.pop(str(payload["order_id"]), None)
        latency_ms = None
        if since_ns is not None and outcome in SENT:
            latency_ms = -((since_ns - self._clock.monotonic_ns()) // _NS_PER_MS)
        self.metrics.submitted(str(payload["broker"]), outcome, latency_ms)
        if outcome in ("accepted", "rejected"):
            self._answered(payload, without_funds=payload["code"] == WITHOUT_FUNDS)

    def _status(self, payload: Mapping[str, Any]) -> None:
        if payload["status"] == "REJECTED":
            self._answered(payload, without_funds=payload["code"] == WITHOUT_FUNDS)

    def _answered(self, payload: Mapping[str, Any], *, without_funds: bool) -> None:
        order = self._book().orders.get(str(payload["order_id"]))
        if order is not None:
            self.signs.answered(order.account, without_funds=without_funds)

    def _anomaly(self, payload: Mapping[str, Any]) -> None:
        self.signs.happened(Event("anomaly", str(payload["account"]), str(payload["code"])))

    def _external(self, payload: Mapping[str, Any]) -> None:
        self.signs.happened(Event("external", str(payload["account"]), NONE))


def _forwards(decision: Mapping[str, Any]) -> bool:
    """Whether a submission follows: of an allow, unless it is one of research."""
    return bool(decision["allow"]) and Mode(decision["mode"]).forwards
