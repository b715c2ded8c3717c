"""What is read on demand: the table of gauges, and one reading of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Gauge:
    """What a gauge shows: its help, and its labels in order."""

    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a gauge; a share may be a fraction, all else is whole."""

    name: str
    value: int | float
    labels: tuple[str, ...] = ()


GAUGES: Final = {
    "broker_api_error_rate": Gauge(
        "Of the requests of the last five minutes, the share that failed: 0 to 1", ("broker",)
    ),
    "signal_rejection_percentage": Gauge(
        "Of the decisions of the last five minutes, those that denied, in per cent"
    ),
    "writ_queue_depth": Gauge(
        "What waits: proposals, sending, ledger (commits under way), owed (entries)", ("queue",)
    ),
    "writ_orders_open": Gauge("Orders that may still fill, by state", ("state",)),
    "writ_unknown_oldest_age_ms": Gauge("How long the oldest unknown outcome is waited for"),
    "writ_without_funds": Gauge(
        "Orders in a row that the broker rejected: ERR_INSUFFICIENT_FUNDS", ("account",)
    ),
    "writ_halts_standing": Gauge("Halts that stand, by cause", ("cause",)),
    "writ_reconciliation_age_ms": Gauge(
        "Since the last reconciliation that ended otherwise than failed", ("account",)
    ),
    "writ_broker_answer_age_ms": Gauge("Since a broker last answered a request", ("broker",)),
    "writ_quote_age_max_ms": Gauge("Age of the oldest quote among what is held or worked"),
    "writ_quotes_missing": Gauge("Symbols held or worked without any sound quote"),
    "writ_feed_symbols": Gauge(
        "Symbols whose market is open, by the feed of their quotes: primary, secondary, none",
        ("source",),
    ),
    "writ_log_entries": Gauge("Entries of the log that are durable"),
    "writ_log_unpublished": Gauge("Durable entries that the published log lacks"),
    "writ_ledger_trouble": Gauge(
        "1 while nothing can be recorded: latched, full, unreachable, uncertified, lost", ("why",)
    ),
    "writ_clock_skew_ms": Gauge("The time source's clock minus ours, as last told"),
    "writ_clock_trouble": Gauge("1 while the clock is too far off, or its source is silent"),
    "writ_alerts_standing": Gauge("Alerts that stand, by severity", ("severity",)),
    "writ_alert_channel_failing": Gauge("1 while a channel takes no notices", ("channel",)),
    "writ_live_open": Gauge("1 while LIVE is open"),
}
"""Every gauge, by name. One without a value is left out: nothing is known of it."""
