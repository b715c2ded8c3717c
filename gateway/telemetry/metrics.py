"""The gateway's metrics, in a registry of their own: counted as things happen, read on demand.

Labels are brokers, account aliases, channels and codes of our own. No caller, symbol, strategy,
account number or text that anybody typed is ever one: metrics leave the house.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.telemetry.gauges import GAUGES, Reading
from gateway.telemetry.windows import Share

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format."""
LATENCY_BOUNDS_MS: Final = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(1_000, 2_000, 5_000, 10_000, 30_000, 60_000),
)
ANSWERED: Final = frozenset({"ok", "limited"})
"""Outcomes of a request in which the broker's own service worked as it should."""
CONTROLS_MAX: Final = 512
"""Codes of controls that denials are counted by; the rest are counted as ``other``."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a counter or histogram counts: its help, and its labels in order."""

    help: str
    labels: tuple[str, ...] = ()


COUNTERS: Final = {
    "writ_broker_requests_total": Counted(
        "Requests to brokers by outcome: ok, limited, failed, unreachable, unreadable",
        ("broker", "outcome"),
    ),
    "writ_decisions_total": Counted("Decisions by result: allowed, denied", ("result",)),
    "writ_denials_total": Counted("Controls that denials name", ("control",)),
    "writ_submissions_total": Counted(
        "What became of sending: accepted, rejected, unknown, refused", ("broker", "outcome")
    ),
    "writ_entries_total": Counted("Entries of the log by kind", ("kind",)),
    "writ_alerts_sent_total": Counted(
        "Notices that a channel took: raised, resolved, test", ("channel", "what")
    ),
    "writ_alerts_failed_total": Counted(
        "Attempts to send that a channel did not take", ("channel",)
    ),
    "writ_alerts_lost_total": Counted("Notices given up after the last attempt", ("channel",)),
}
HISTOGRAMS: Final = {
    "order_submission_latency_ms": Counted(
        "From the durable decision to the broker's first answer, or to giving it up as unknown",
        ("broker", "outcome"),
    ),
    "writ_market_data_latency_ms": Counted(
        "From a quote's own instant to its receipt here", ("source",)
    ),
}


class Metrics:
    """Counts; one object per gateway. Belongs to one event loop."""

    def __init__(self, monotonic_ns: Callable[[], int], brokers: Iterable[str]) -> None:
        """Count for these brokers; what is read on demand is told by :meth:`reads`."""
        self.registry = CollectorRegistry(auto_describe=False)
        self._counters = {
            name: Counter(name, told.help, told.labels, registry=self.registry)
            for name, told in COUNTERS.items()
        }
        self._histograms = {
            name: Histogram(
                name, told.help, told.labels, registry=self.registry, buckets=LATENCY_BOUNDS_MS
            )
            for name, told in HISTOGRAMS.items()
        }
        self._counting: dict[tuple[str, ...], Counter] = {}
        """Name and labels -> the one counter that counts them: looked up for every order."""
        self._timing: dict[tuple[str, ...], Histogram] = {}
        self._controls: set[str] = set()
        self.broker_errors = {broker: Share(monotonic_ns) for broker in brokers}
        """By broker: of its requests of the last five minutes, those that failed."""
        self.denials = Share(monotonic_ns)
        """Of the decisions of the last five minutes, those that denied."""

    def reads(self, look: Callable[[], Sequence[Reading]]) -> None:
        """Ask this for the gauges of ``gateway.telemetry.gauges`` at every reading."""
        self.registry.register(_Looked(look))

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)

    def requested(self, broker: str, outcome: str) -> None:
        """A request to a broker ended."""
        self._count("writ_broker_requests_total", broker, outcome)
        if broker in self.broker_errors:
            self.broker_errors[broker].add(bad=outcome not in ANSWERED)

    def decided(self, *, allow: bool, controls: Iterable[str]) -> None:
        """An order was decided; ``controls`` are those that a denial names."""
        self._count("writ_decisions_total", "allowed" if allow else "denied")
        self.denials.add(bad=not allow)
        for control in controls:
            if len(self._controls) < CONTROLS_MAX:
                self._controls.add(control)
            named = control if control in self._controls else "other"
            self._count("writ_denials_total", named)

    def submitted(self, broker: str, outcome: str, latency_ms: int | None) -> None:
        """A submission ended; the latency is that of orders that went out."""
        self._count("writ_submissions_total", broker, outcome)
        if latency_ms is not None:
            self._time("order_submission_latency_ms", latency_ms, broker, outcome)

    def entered(self, kind: str) -> None:
        """An entry of the log is durable."""
        self._count("writ_entries_total", kind)

    def quoted(self, source: str, latency_ms: int) -> None:
        """A quote came, so long after its own instant."""
        self._time("writ_market_data_latency_ms", latency_ms, source)

    def told(self, channel: str, what: str) -> None:
        """A channel took a notice."""
        self._count("writ_alerts_sent_total", channel, what)

    def untold(self, channel: str) -> None:
        """A channel did not take a notice."""
        self._count("writ_alerts_failed_total", channel)

    def lost(self, channel: str) -> None:
        """A notice is given up."""
        self._count("writ_alerts_lost_total", channel)

    def _count(self, name: str, *labels: str) -> None:
        key = (name, *labels)
        found = self._counting.get(key)
        if found is None:
            found = self._counting[key] = self._counters[name].labels(*labels)
        found.inc()

    def _time(self, name: str, latency_ms: int, *labels: str) -> None:
        key = (name, *labels)
        found = self._timing.get(key)
        if found is None:
            found = self._timing[key] = self._histograms[name].labels(*labels)
        found.observe(latency_ms)


class _Looked(Collector):
    """The gauges: looked at when somebody reads."""

    def __init__(self, look: Callable[[], Sequence[Reading]]) -> None:
        self._look = look

    def collect(self) -> Iterable[GaugeMetricFamily]:
        families = {
            name: GaugeMetricFamily(name, told.help, labels=told.labels)
            for name, told in GAUGES.items()
        }
        for reading in self._look():
            families[reading.name].add_metric(reading.labels, reading.value)
        return families.values()
