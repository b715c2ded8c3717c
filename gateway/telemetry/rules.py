"""What is an alert, and how severe: pure rules over what is seen.

Texts name aliases, codes and what a halt covers; no person's words, no order and no amount.
The same thresholds stand in ``docs/operations/alerts.rules.yml`` for whoever reads the metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.telemetry.signs import Event, Signs

BROKER_FAILS_S: Final = 180
"""A broker's service that gave nothing but failures for longer is critical."""
WITHOUT_FUNDS_MAX: Final = 3
"""More rejections in a row than that, all for want of money, are an alert."""
MARKET_LATE_MS: Final = 500
"""A quote that comes later than that after its own instant is an alert."""
UNKNOWN_MAX_MS: Final = 30_000
"""An outcome that is unknown for longer is an alert: the broker was asked again and again."""
_NS_PER_S: Final = 1_000_000_000

CRITICAL_CAUSES: Final = frozenset(
    {
        *("BROKER_DOWN", "LIVE_LAPSED", "MANIFEST_LAPSED", "NO_PERMIT"),
        *("UNKNOWN_EXECUTION", "STATE_DRIFT"),
    }
)
"""Causes of halts that are critical though they cancel nothing."""


class Severity(StrEnum):
    """How soon somebody has to look: at once, within the hour, within the day."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"


RANK: Final = {severity: rank for rank, severity in enumerate(Severity)}
"""0 is the most severe."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that stands and that somebody should know of; ``key`` tells it from all others."""

    key: str
    severity: Severity
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class StandingHalt:
    """A halt as alerts tell of it."""

    cause: str
    scope: str
    """Such as ``account primary``; ``everything``."""
    cancels: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What is asked for anew at each look, beside the signs.

    ``ledger`` and ``clock`` say what is wrong in words; ``None`` where nothing is.
    ``unknown_ms`` is the age of the oldest unknown outcome.
    """

    halts: Sequence[StandingHalt]
    unknown_ms: int | None
    ledger: str | None
    unpublished: str | None
    clock: str | None
    without_quotes: int = 0
    """Symbols whose market is open and that have no quote which is young enough."""
    dead_channels: Sequence[str] = ()
    """Alert channels that take no notices; the others are told of it."""


def channel_key(name: str) -> str:
    """The key of the alert that a channel takes no notices."""
    return f"channel:{name}"


def due(signs: Signs, seen: Seen) -> list[Alert]:
    """Every alert that stands as of now."""
    return [*_halts(seen.halts), *_brokers(signs), *_gateway(seen), *_orders(signs, seen)]


def _halts(halts: Iterable[StandingHalt]) -> Iterator[Alert]:
    # Of several of one cause and scope one is told: the most severe.
    found: dict[str, Alert] = {}
    for halt in halts:
        critical = halt.cancels or halt.cause in CRITICAL_CAUSES
        key = f"halt:{halt.cause}:{halt.scope}"
        alert = Alert(
            key,
            Severity.CRITICAL if critical else Severity.HIGH,
            f"Halt {halt.cause}",
            f"{halt.cause} halts {halt.scope}"
            + ("; every working order in it is being cancelled" if halt.cancels else "")
            + ". `writ halt list` shows it; a named person lifts it.",
        )
        if key not in found or RANK[alert.severity] < RANK[found[key].severity]:
            found[key] = alert
    yield from found.values()


def _brokers(signs: Signs) -> Iterator[Alert]:
    for name, broker in signs.brokers.items():
        if broker.failing_for_ns > BROKER_FAILS_S * _NS_PER_S:
            yield Alert(
                f"broker:{name}",
                Severity.CRITICAL,
                f"Broker {name} fails",
                f"Every request to {name} has failed for more than {BROKER_FAILS_S // 60} minutes.",
            )
    for account, times in signs.without_funds.items():
        if times > WITHOUT_FUNDS_MAX:
            yield Alert(
                f"funds:{account}",
                Severity.HIGH,
                f"Insufficient funds in {account}",
                f"More than {WITHOUT_FUNDS_MAX} orders of {account} in a row were rejected: "
                "ERR_INSUFFICIENT_FUNDS.",
            )
    for account in sorted(signs.drifted):
        yield Alert(
            f"drift:{account}",
            Severity.CRITICAL,
            f"STATE_DRIFT in {account}",
            f"The last reconciliation of {account} found the broker's word far from the record. "
            "`writ reconcile` shows it.",
        )


def _gateway(seen: Seen) -> Iterator[Alert]:
    if seen.ledger is not None:
        yield Alert(
            "ledger",
            Severity.CRITICAL,
            "Nothing can be recorded",
            f"The ledger takes no entries: {seen.ledger}. Orders get 503; cancels go out.",
        )
    if seen.unpublished is not None:
        yield Alert(
            "publication",
            Severity.MEDIUM,
            "The published log is behind",
            "It is tried again by itself; the gateway's own log says why it failed.",
        )
    for name in seen.dead_channels:
        yield Alert(
            channel_key(name),
            Severity.HIGH,
            f"The alert channel {name} takes no notices",
            "What stands is told to it once it does; `writ alerts channels` says why it does not.",
        )
    if seen.clock is not None:
        text = f"{seen.clock[:1].upper()}{seen.clock[1:]}. LIVE is closed meanwhile."
        yield Alert("clock", Severity.CRITICAL, "This host's clock cannot be trusted", text)


def _orders(signs: Signs, seen: Seen) -> Iterator[Alert]:
    if seen.unknown_ms is not None and seen.unknown_ms > UNKNOWN_MAX_MS:
        yield Alert(
            "unknown",
            Severity.HIGH,
            "An outcome is unknown",
            "What became of an order at its broker could not be found out yet. "
            "`writ order doubtful` shows it; `writ order settle` settles it.",
        )
    for event in signs.events():
        yield _event(event)
    if seen.without_quotes:
        yield Alert(
            "feeds",
            Severity.MEDIUM,
            "Market data is stale",
            "Some symbols have no quote that is young enough, from either feed. "
            "Orders on them are denied.",
        )
    late_ms = signs.late_ms()
    if late_ms is not None:
        yield Alert(
            "market-latency",
            Severity.MEDIUM,
            "Market data is late",
            f"Quotes come more than {MARKET_LATE_MS} ms after their own instant. "
            "Orders are denied where a quote is too old.",
        )


def _event(event: Event) -> Alert:
    key = f"{event.kind}:{event.account}:{event.code}"
    if event.kind == "anomaly":
        return Alert(
            key,
            Severity.HIGH,
            f"Anomaly in {event.account}",
            f"A broker told of an order what cannot be: {event.code}. A person has to settle it.",
        )
    return Alert(
        key,
        Severity.HIGH,
        f"External order in {event.account}",
        "Somebody placed an order past the gateway. It is counted against limits and left alone.",
    )
