"""Where facts come from, what follows the market clock, and what switches releases."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.bootstrap.app import Opened
from gateway.bootstrap.current import CurrentInstruments, CurrentLimits
from gateway.brokers.contract import MarketDriven, WorthAt
from gateway.control.halting import Halting
from gateway.control.modes import ModeCheck
from gateway.control.real_time import LastWorth, RealTime
from gateway.control.sessions import MarketClockAdvance, MarketSteps, Sessions
from gateway.control.triggers import Triggers
from gateway.domain.book import OrderState
from gateway.domain.quantities import Worth
from gateway.facts.document import Facts
from gateway.facts.pushed import PushedFacts
from gateway.facts.rates import Conversions, PushedRates
from gateway.market.health import HistoricalHealth
from gateway.market.pushed import PushedQuotes
from gateway.pipeline import Pipeline
from gateway.policy.in_force import ReleaseHolder
from gateway.policy.release import shipped_directory
from gateway.policy.switching import Switching, SwitchParts
from gateway.tracking.cancels import Cancels
from gateway.tracking.end_of_day import EndOfDay
from gateway.tracking.updates import Tracker


def open_facts(opened: Opened) -> Facts:
    """Every source of facts, behind the one call that the spine makes."""
    releases, journal = opened.releases, opened.journal
    instruments = CurrentInstruments(releases)

    def price_decimals(symbol: str) -> int | None:
        listed = instruments.get(symbol)
        return listed.price_decimals if listed is not None else None

    return Facts(
        book=lambda: journal.book,
        feed=opened.market,
        clock=opened.host.clock,
        entropy=opened.host.entropy,
        instruments=instruments,
        limits=CurrentLimits(releases),
        caps=opened.caps,
        runs=opened.trust.attested,
        officers=opened.trust.officer_keys,
        log=opened.vkey,
        base_currency=releases.current.release.parsed.base_currency,
        rates=PushedRates(opened.pushed),
        venues=opened.brokers,
        permits=opened.permissions,
        routes=opened.routes,
        secondary=PushedQuotes(opened.pushed, price_decimals),
        pushed=opened.pushed,
        health=HistoricalHealth(opened.feed.volatility) if opened.feed is not None else None,
    )


def worth_at(releases: ReleaseHolder, pushed: PushedFacts) -> WorthAt:
    """What one unit of a symbol comes to, by the release in force and the rates that stand."""
    rates = PushedRates(pushed)

    def worth(symbol: str, at_us: int) -> Worth | None:
        release = releases.current.release
        listed = release.instruments.get(symbol)
        return listed and Conversions(rates, release.parsed.base_currency, at_us).worth(listed)

    return worth


def market_clock(
    opened: Opened,
    pipeline: Pipeline,
    sessions: Sessions,
    trackers: Mapping[str, Tracker],
    triggers: Triggers,
    ends: EndOfDay | None,
) -> MarketClockAdvance | None:
    """What follows the market clock, where it is set rather than read."""
    if opened.feed is None or ends is None:
        return None
    clock = opened.host.clock
    venues = [b.on_market for b in set(opened.brokers.values()) if isinstance(b, MarketDriven)]
    steps = MarketSteps(
        quiesce=pipeline.quiesce,
        open_day=sessions.open_day,
        set_clock=clock.set_market,
        venues=venues,
        pulls=[tracker.pull for tracker in trackers.values()],
        end_day=ends.look,
        next_end=ends.next_us,
        triggers=triggers,
    )
    return MarketClockAdvance(clock.market_us, steps)


def end_of_day(opened: Opened, cancels: Cancels) -> EndOfDay | None:
    """Who cancels day orders before the close; nobody where there is no market."""
    historical, market = opened.feed, opened.market
    if market is None:
        return None

    def closes_at(order: OrderState, market_us: int) -> int | None:
        # Recorded prices have one quote a session: an order that came after it fills in the next.
        if historical is not None:
            hours = historical.fillable(order.symbol, order.market_us)
        else:
            hours = market.hours(order.symbol, market_us)
        return None if hours is None else hours.closes_us

    before_ms = opened.settings.cancel_before_close_ms
    return EndOfDay(lambda: opened.journal.book, cancels, closes_at, before_ms)


def open_sessions(opened: Opened, facts: Facts) -> Sessions:
    """What opens days, by what accounts are worth; recorded prices do not fall silent."""
    equity = facts.equity_micros
    known = equity if opened.venue is None else LastWorth(equity)
    return Sessions(opened.journal, facts.trading_day, known)


def open_triggers(opened: Opened, facts: Facts, halting: Halting) -> Triggers:
    """What looks for halts that are due."""
    ask = opened.releases.triggered_halts
    return Triggers(ask, opened.journal, halting, facts.halt_document)


def real_time(opened: Opened, sessions: Sessions, triggers: Triggers) -> RealTime | None:
    """What follows the passing of time, where market time is wall time."""
    if opened.venue is None:
        return None
    return RealTime(
        opened.host.clock,
        sessions,
        triggers,
        opened.releases.readiness,
    )


def open_switching(opened: Opened, pipeline: Pipeline, check_mode: ModeCheck) -> Switching:
    """What puts another release of the same folder into force."""
    return Switching(
        SwitchParts(
            holder=opened.releases,
            maker=opened.maker,
            folder=opened.settings.release or shipped_directory(),
            journal=opened.journal,
            repair=opened.journal.repair,
            ledger=opened.ledger,
            clock=opened.host.clock,
            drained=pipeline.drained,
            check_mode=check_mode,
        )
    )
