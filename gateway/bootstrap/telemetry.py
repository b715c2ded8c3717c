"""Metrics and alerts wired: what they read of a gateway that runs."""

from __future__ import annotations

import contextlib

from gateway.bootstrap.app import App
from gateway.bootstrap.clock import watch_clock
from gateway.bootstrap.readings import ledger_trouble, readings, unknown_age_ms
from gateway.domain.market import FeedSource
from gateway.telemetry.rules import Seen, StandingHalt


def keep_telemetry(app: App, stack: contextlib.AsyncExitStack) -> None:
    """Let metrics be read, alerts told and the clock watched, for as long as the gateway runs."""
    app.observer.metrics.reads(lambda: [*readings(app, app.observer), *app.alerting.readings()])
    if app.venue is not None:  # elsewhere market time is set, and says nothing of how long it took
        app.pushed.on_quote = lambda latency_us: app.observer.quoted("pushed", latency_us)
    watch_clock(app.clock_watch, stack)
    app.alerting.start(lambda: _seen(app), stack)


def _seen(app: App) -> Seen:
    """What alerts are judged by, as of now."""
    troubles = [why for why, stands in ledger_trouble(app).items() if stands]
    halts = [
        StandingHalt(
            halt.cause,
            "everything" if halt.scope.kind == "global" else f"{halt.scope.kind} {halt.scope.name}",
            halt.cancels,
        )
        for halt in app.book().halts.values()
    ]
    return Seen(
        halts=halts,
        unknown_ms=unknown_age_ms(app, app.observer),
        ledger=", ".join(troubles) or None,
        unpublished=app.ledger.publication_problem,
        clock=app.clock_watch.trouble(),
        dead_channels=[one.name for one in app.alerting.reports() if one.failing is not None],
        without_quotes=0 if app.feeds is None else app.feeds.counts()[FeedSource.NONE],
    )
