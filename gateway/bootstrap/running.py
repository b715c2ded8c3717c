"""The one place where parts are chosen and wired; everything that runs starts here.

``demo``, ``serve`` and the tests all come through :func:`running`: the gateway cannot tell a
demonstration from production. The order of the steps is the order of trust: keys, ledger, book,
release, mode, brokers, orders in doubt; only then is the first order taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Final, TypeAlias

from gateway.bootstrap.alerting import open_alerting
from gateway.bootstrap.app import App, Brought, Host, Opened
from gateway.bootstrap.broker_file import operator_file
from gateway.bootstrap.clock import BROKER, ask_broker, ask_time_server, teller_of
from gateway.bootstrap.custody import open_custody
from gateway.bootstrap.live import open_live, passkey_origin, watch_live
from gateway.bootstrap.market import keep_hours, open_venue
from gateway.bootstrap.observing import Observer
from gateway.bootstrap.opening import open_brokers, open_clock, open_ledger
from gateway.bootstrap.permission import (
    check_settings,
    keep_permission,
    mode_check,
    open_acceptance,
    open_permissions,
)
from gateway.bootstrap.quotes import keep_quotes, open_feed_watch
from gateway.bootstrap.reconciling import keep_reconciled, open_reconciliations
from gateway.bootstrap.recorded import record_configuration
from gateway.bootstrap.sources import (
    end_of_day,
    market_clock,
    open_facts,
    open_sessions,
    open_switching,
    open_triggers,
    real_time,
    worth_at,
)
from gateway.bootstrap.telemetry import keep_telemetry
from gateway.bootstrap.tracking import Tracking, TrackingParts
from gateway.bootstrap.trust import open_trust
from gateway.brokers.contract import OpenBroker
from gateway.brokers.gate import Gate
from gateway.config import Settings
from gateway.control.exit_only import ExitOnlyStates
from gateway.control.halting import Halting
from gateway.control.latching import Latches
from gateway.control.modes import Modes
from gateway.control.owed import FOLDER, FolderOwedHalts
from gateway.facts.document import Facts
from gateway.facts.pushed import PushedFacts
from gateway.host import OsEntropy, SystemClock, ThreadRunner
from gateway.ledger.journal import Journal
from gateway.market.historical import HistoricalFeed, shipped_feed
from gateway.pipeline import Parts, Pipeline
from gateway.policy.catalogue import Catalogue, catalogue_of
from gateway.policy.engine import assemble, engine_maker
from gateway.policy.in_force import ReleaseHolder, ReleaseInForce, named
from gateway.policy.recorded_words import RecordedWords
from gateway.policy.release import Release, load_release, release_folder, shipped_directory
from gateway.ports import MarketReading, moment
from gateway.tracking.cancels import Cancels

STOP_TIMEOUT_S: Final = 30
LOOK_PAUSE_MS: Final = 500
"""Until an OPA server that was not ready is asked again."""
LOOKS_MAX: Final = 10
"""How often an engine that is ready may fail to say whether a halt is due at the start."""
_log = logging.getLogger(__name__)
Brokers: TypeAlias = dict[str, OpenBroker]


@contextlib.asynccontextmanager
async def running(
    settings: Settings, clock: SystemClock | None = None, brought: Brought | None = None
) -> AsyncGenerator[App]:
    """Start a gateway, hand it out, and end it in order.

    Args:
        settings: what the operator chose.
        clock: all time, for who brings a time of his own; the host's otherwise.
        brought: a host and a release of the caller's own, in the place of those made here.

    Raises:
        WritError: it cannot start; the message says why and what to do.
    """
    async with contextlib.AsyncExitStack() as stack:
        feed = shipped_feed() if settings.market == "historical" else None
        host = _own_host(settings, clock, feed) if brought is None else brought.host
        stack.callback(host.runner.close)
        release, catalogue = _loaded(settings) if brought is None else _of(brought.in_force)
        check_settings(settings, named(release))
        operator = operator_file(settings, release.parsed.base_currency)
        maker = engine_maker(host.runner, settings, moment(host.clock))
        ready = None if brought is None else brought.in_force
        releases = ReleaseHolder(ready or await assemble(release, catalogue, maker))
        stack.push_async_callback(releases.close)
        time_server = await ask_time_server(settings, host)
        custody = await open_custody(settings, host.clock, host.entropy, stack)
        pushed = PushedFacts()
        worth = worth_at(releases, pushed)
        observer = Observer(host.clock, {held.broker for held in settings.accounts.values()})

        async def opening(chosen: Settings, ends: contextlib.AsyncExitStack) -> Brokers:
            return await open_brokers(chosen, host, feed, worth, custody, observer, ends)

        clock_watch = time_server or await ask_broker(settings, host, opening)
        ledger, vkey = await open_ledger(settings, host, custody)
        stack.push_async_callback(ledger.close)
        journal = Journal(ledger, await ledger.replay())
        if host.clock.movable:  # a historical run goes on where its log ends, never before
            host.clock.set_market(max(host.clock.market_us(), journal.book.market_us))
        brokers = await opening(settings, stack)
        if settings.clock_source == BROKER:
            clock_watch.ask_now(teller_of(brokers))
        permissions = open_permissions(journal, host.clock, releases)
        opened = Opened(
            settings=settings,
            host=host,
            releases=releases,
            maker=maker,
            feed=feed,
            ledger=ledger,
            journal=journal,
            brokers=brokers,
            pushed=pushed,
            venue=open_venue(settings, brokers, pushed, releases),
            caps=operator.caps,
            mode_max=operator.mode_max,
            trust=await open_trust(settings, host.runner, host.clock, stack, permissions),
            permissions=permissions,
            routes={alias: broker.route(alias) for alias, broker in brokers.items()},
            custody=custody,
            clock_watch=clock_watch,
            observer=observer,
            alerting=open_alerting(settings, host.clock, custody, observer),
            vkey=vkey,
        )
        app = await _start(opened)
        stack.push_async_callback(app.tracking.close)
        await _begin(app, stack)
        yield app


async def _begin(app: App, stack: contextlib.AsyncExitStack) -> None:
    """Begin whatever goes on for as long as the gateway runs; then it is ready for orders."""
    await keep_reconciled(app, stack)
    keep_telemetry(app, stack)
    core = asyncio.create_task(app.pipeline.run())
    stack.push_async_callback(_stop, core, app)
    await app.tracking.follow(stack)
    stack.callback(asyncio.create_task(app.cancels.run()).cancel)
    await app.cancels.take_up()
    await keep_permission(app, stack)
    watch_live(app.live, app.clock, stack)
    if app.market is not None:
        await _first_look(app, stack)
    _in_real_time(app, stack)


def _own_host(settings: Settings, clock: SystemClock | None, feed: HistoricalFeed | None) -> Host:
    return Host(clock or open_clock(settings, feed), OsEntropy(), ThreadRunner())


def _loaded(settings: Settings) -> tuple[Release, Catalogue]:
    """The release that the settings name, and its words."""
    folder = release_folder(settings.release or shipped_directory())
    release = load_release(folder)
    return release, catalogue_of(release, folder)


def _of(in_force: ReleaseInForce) -> tuple[Release, Catalogue]:
    return in_force.release, in_force.catalogue


async def _first_look(app: App, stack: contextlib.AsyncExitStack) -> None:
    """Engage what a mode or release that came with the start asks for, before the first order.

    From then on whatever is recorded is looked at as it comes.

    An OPA server fetches its release from this very gateway, so it is asked when it is first
    ready; until then it allows nothing either.
    """
    following = app.triggers.follow(app.clock.sleep_ms, app.releases.readiness)
    stack.callback(asyncio.create_task(following).cancel)
    if await _looked(app):
        return

    async def look() -> None:
        ready = 0
        while not await _looked(app):
            # Ready to decide, but not to say whether a halt is due: its silence is one by now.
            ready += await app.releases.readiness() is None
            if ready > LOOKS_MAX:
                await app.triggers.evaluate(known_only=True)
                return
            await app.clock.sleep_ms(LOOK_PAUSE_MS)

    task = asyncio.create_task(look())
    task.add_done_callback(_look_ended)
    stack.callback(task.cancel)


async def _looked(app: App) -> bool:
    return await app.releases.readiness() is None and await app.triggers.first_look()


def _look_ended(task: asyncio.Task[None]) -> None:
    """What the ledger did not take is logged here; the halt itself stands or is owed."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("the first look at the halts failed", exc_info=error)


async def _start(opened: Opened) -> App:
    """Wire the spine, record what the configuration says, and settle what is in doubt."""
    host, journal, ledger = opened.host, opened.journal, opened.ledger
    releases = opened.releases
    opened.observer.watch(journal)
    facts = open_facts(opened)
    gate = _gate(opened, facts.market)
    cancels = Cancels(journal, gate, host.clock)
    owed = FolderOwedHalts(opened.settings.data / FOLDER, host.runner)
    halting = Halting(journal, cancels, host.clock, host.entropy, owed, ledger.replay)
    await halting.take_up()
    acceptance = open_acceptance(opened, halting)
    origin = passkey_origin(opened.settings)
    live = open_live(opened, facts, halting)
    await acceptance.look()
    check_mode = mode_check(opened.settings, opened.permissions)
    check_mode(opened.settings.mode, releases.current.named)
    tracking = _tracking(opened, halting, cancels)
    pipeline = _spine(opened, facts, gate, cancels, halting, tracking)
    tracking.answered = pipeline.first_answer
    sessions, ends = open_sessions(opened, facts), end_of_day(opened, cancels)
    await record_configuration(opened, sessions)
    await tracking.settle_restart()
    triggers = open_triggers(opened, facts, halting)
    journal.on_record.append(triggers.heed)
    halting.on_halt.append(pipeline.overtake)
    modes = Modes(journal, host.clock, releases.named, check_mode, opened.mode_max)
    modes.on_mode = opened.permissions.live  # who leaves LIVE for a moment has left it
    return App(
        settings=opened.settings,
        host=host,
        releases=releases,
        switching=open_switching(opened, pipeline, check_mode),
        words=RecordedWords(ledger, lambda: journal.book, releases),
        feed=opened.feed,
        venue=opened.venue,
        ledger=ledger,
        journal=journal,
        facts=facts,
        pushed=opened.pushed,
        pipeline=pipeline,
        cancels=cancels,
        halting=halting,
        exit_only=ExitOnlyStates(journal, host.clock),
        modes=modes,
        triggers=triggers,
        market_clock=market_clock(opened, pipeline, sessions, tracking.trackers, triggers, ends),
        real_time=real_time(opened, sessions, triggers),
        end_of_day=ends,
        tracking=tracking,
        reconciliations=open_reconciliations(opened, facts, halting, tracking),
        live=live,
        passkey_origin=origin,
        trust=opened.trust,
        permissions=opened.permissions,
        acceptance=acceptance,
        routes=opened.routes,
        custody=opened.custody,
        feeds=open_feed_watch(opened, facts),
        clock_watch=opened.clock_watch,
        observer=opened.observer,
        alerting=opened.alerting,
        vkey=opened.vkey,
    )


def _tracking(opened: Opened, halting: Halting, cancels: Cancels) -> Tracking:
    return Tracking(
        TrackingParts(
            brokers=opened.brokers,
            settle_ms=opened.settings.settle_ms,
            journal=opened.journal,
            ledger=opened.ledger,
            clock=opened.host.clock,
            halting=halting,
            cancels=cancels,
        )
    )


def _spine(
    opened: Opened,
    facts: Facts,
    gate: Gate,
    cancels: Cancels,
    halting: Halting,
    tracking: Tracking,
) -> Pipeline:
    return Pipeline(
        Parts(
            clock=opened.host.clock,
            entropy=opened.host.entropy,
            facts=facts,
            releases=opened.releases,
            ledger=opened.ledger,
            journal=opened.journal,
            door=gate,
            settle=tracking.settle,
            heard=tracking.heard,
            sweep=cancels.sweep,
            latch=Latches(halting, lambda: opened.journal.book).engage,
            stops=halting,
            broker_names={account: broker.name for account, broker in opened.brokers.items()},
        )
    )


def _gate(opened: Opened, market: Callable[[], MarketReading]) -> Gate:
    return Gate(
        opened.brokers,
        opened.vkey,
        opened.host.clock,
        lambda: opened.journal.book,
        market,
        opened.settings.broker_timeout_ms,
        opened.routes,
        opened.permissions,
    )


def _in_real_time(app: App, stack: contextlib.AsyncExitStack) -> None:
    """What goes on by itself where market time is wall time."""
    if app.venue is None or app.real_time is None:
        return
    hours = keep_hours(app.venue, app.clock, app.real_time.open_day)
    ends = () if app.end_of_day is None else (app.end_of_day.run(app.clock),)
    feeds = () if app.feeds is None else (app.feeds.run(),)
    for work in (hours, keep_quotes(app, app.venue), app.real_time.run(), *feeds, *ends):
        stack.callback(asyncio.create_task(work).cancel)


async def _stop(core: asyncio.Task[None], app: App) -> None:
    """Let what was accepted end, then stop the core; bounded, because brokers may hang."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await app.pipeline.quiesce()
            await app.journal.settled()
    core.cancel()
    await asyncio.wait([core])
