"""Wires reconciliation: every account against its broker, at the start and ever after."""

from __future__ import annotations

import asyncio
import contextlib

from gateway.bootstrap.app import App, Opened
from gateway.bootstrap.sources import worth_at
from gateway.bootstrap.tracking import Tracking
from gateway.control.halting import Halting
from gateway.domain.book import AccountBook
from gateway.domain.quantities import Worth, money_micros
from gateway.facts.document import Facts
from gateway.tracking.reconciliation.job import Reconciler
from gateway.tracking.reconciliation.parts import Parts
from gateway.tracking.reconciliation.schedule import Paces, Reconciliations


def open_reconciliations(
    opened: Opened, facts: Facts, halting: Halting, tracking: Tracking
) -> Reconciliations:
    """Every account's reconciliation; whoever follows brokers tells it what happens."""
    settings, journal, clock = opened.settings, opened.journal, opened.host.clock
    pulls = {alias: tracking.trackers[broker.name].pull for alias, broker in opened.brokers.items()}
    reconcilers = {
        alias: Reconciler(alias, broker, _parts(opened, facts, tracking, broker.name))
        for alias, broker in opened.brokers.items()
    }
    paces = Paces(
        in_flight_ms=settings.reconcile_in_flight_ms,
        orders_ms=settings.reconcile_orders_ms,
        positions_ms=settings.reconcile_positions_ms,
        full_ms=settings.reconcile_full_ms,
    )
    found = Reconciliations(reconcilers, pulls, lambda: journal.book, halting, clock, paces)
    tracking.drifted = found.on_drift
    for health in tracking.health.values():
        health.reconciled = found.on_reconnect
    return found


async def keep_reconciled(app: App, stack: contextlib.AsyncExitStack) -> None:
    """Compare every account before the first order is taken, and go on from there."""
    await app.reconciliations.at_start()
    for account in app.reconciliations.accounts():
        following = asyncio.create_task(app.reconciliations.follow(account))
        stack.callback(following.cancel)


def _parts(opened: Opened, facts: Facts, tracking: Tracking, broker: str) -> Parts:
    tracker = tracking.trackers[broker]
    worth_then = worth_at(opened.releases, opened.pushed)

    def worth(symbol: str) -> Worth | None:
        return worth_then(symbol, opened.host.clock.market_us())

    def value_micros(symbol: str, qty: int, decimals: int) -> int | None:
        """As an account would be valued that holds nothing else."""
        return facts.equity_micros(AccountBook("none", 0, {symbol: (qty, decimals)}))

    return Parts(
        journal=opened.journal,
        clock=opened.host.clock,
        entropy=opened.host.entropy,
        pull=tracker.pull,
        alive=tracker.alive,
        ended=opened.observer.signs.reconciled,
        equity_micros=facts.equity_micros,
        value_micros=value_micros,
        worth=worth,
        session=facts.session,
        settle_ms=opened.settings.reconcile_settle_ms,
        cash_tolerance_micros=money_micros(opened.settings.reconcile_cash_tolerance),
    )
