"""The one place where parts are chosen and wired; everything that runs starts here.

``demo``, ``serve`` and the tests all come through :func:`running`: the gateway cannot tell a
demonstration from production. The order of the steps is the order of trust: keys, ledger, book,
release, mode, brokers, orders in doubt; only then is the first order taken.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.brokers.gate import Gate
from gateway.brokers.registry import Venues, open_venues
from gateway.config import Settings
from gateway.control.halting import Halting
from gateway.control.modes import Modes, check_mode
from gateway.control.sessions import MarketClockAdvance, MarketSteps, Sessions
from gateway.control.triggers import Triggers
from gateway.domain.book import Book, OrderState
from gateway.facts.document import Facts
from gateway.host import OsEntropy, SystemClock, ThreadRunner
from gateway.ledger.journal import Journal
from gateway.ledger.sqlite import SqliteLedger, open_ledger
from gateway.market.historical import HistoricalFeed, shipped_feed
from gateway.pipeline import Parts, Pipeline
from gateway.policy.catalogue import Catalogue
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import Release, load_release, shipped_release
from gateway.ports import Draft
from gateway.tracking.cancels import Cancels
from gateway.tracking.settlement import Settlement
from gateway.tracking.updates import Tracker
from signing.keys import Vkey
from vault.signers import open_signer

BY: Final = "configuration"
"""Who set what came from settings."""

STOP_TIMEOUT_S: Final = 30


@dataclass(frozen=True, slots=True)
class Host:
    """The host's clock, randomness and threads."""

    clock: SystemClock
    entropy: OsEntropy
    runner: ThreadRunner


@dataclass(frozen=True, slots=True)
class App:
    """A running gateway, as its doors see it."""

    settings: Settings
    host: Host
    release: Release
    catalogue: Catalogue
    feed: HistoricalFeed | None
    ledger: SqliteLedger
    journal: Journal
    facts: Facts
    pipeline: Pipeline
    cancels: Cancels
    halting: Halting
    modes: Modes
    market_clock: MarketClockAdvance | None
    """Present with a historical feed only: there market time is set, not read."""
    vkey: Vkey

    @property
    def clock(self) -> SystemClock:
        """All time."""
        return self.host.clock

    @property
    def log_dir(self) -> Path:
        """The published log."""
        return self.settings.data / "log"

    def book(self) -> Book:
        """The state as of now; never keep a reference to it."""
        return self.journal.book


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[App]:
    """Start a gateway, hand it out, and end it in order.

    Raises:
        WritError: it cannot start; the message says why and what to do.
    """
    async with contextlib.AsyncExitStack() as stack:
        host = Host(_clock(settings), OsEntropy(), ThreadRunner())
        stack.callback(host.runner.close)
        release = load_release(settings.release) if settings.release else shipped_release()
        check_mode(settings.mode, release.label)
        ledger, vkey = await _open_ledger(settings, host)
        stack.push_async_callback(ledger.close)
        journal = Journal(ledger, await ledger.replay())
        if host.clock.movable:  # a historical run goes on where its log ends, never before
            host.clock.set_market(max(host.clock.market_us(), journal.book.market_us))
        feed = shipped_feed() if settings.market == "historical" else None
        venues = await _open_venues(settings, host, feed)
        stack.push_async_callback(venues.close)
        app = await _start(_Opened(settings, host, release, feed, ledger, journal, venues, vkey))
        core = asyncio.create_task(app.pipeline.run())
        stack.push_async_callback(_stop, core, app)
        yield app


@dataclass(frozen=True, slots=True)
class _Opened:
    """What stands before the spine is wired."""

    settings: Settings
    host: Host
    release: Release
    feed: HistoricalFeed | None
    ledger: SqliteLedger
    journal: Journal
    venues: Venues
    vkey: Vkey


async def _open_ledger(settings: Settings, host: Host) -> tuple[SqliteLedger, Vkey]:
    keys = settings.data / "keys"
    log_signer = open_signer(keys / "log.key")
    ledger = await open_ledger(
        settings.data,
        origin=settings.origin,
        log_signer=log_signer,
        identity_signer=open_signer(keys / "identity.key"),
        clock=host.clock,
        entropy=host.entropy,
        runner=host.runner,
    )
    return ledger, Vkey(settings.origin, log_signer.public)


async def _start(opened: _Opened) -> App:
    """Wire the spine, record what the configuration says, and settle what is in doubt."""
    host, journal, ledger = opened.host, opened.journal, opened.ledger
    release, brokers = opened.release, opened.venues.brokers
    facts = Facts(
        book=lambda: journal.book,
        feed=opened.feed,
        clock=host.clock,
        entropy=host.entropy,
        instruments=release.instruments,
        collar_max_bps=release.limits.get("price_collar_max_bps"),
    )
    engine = WasmEngine(release, host.runner, opened.settings.engine_timeout_ms)
    gate = Gate(
        brokers, opened.vkey, host.clock, lambda: journal.book, opened.settings.broker_timeout_ms
    )
    cancels = Cancels(journal, gate)
    halting = Halting(journal, cancels, host.clock, host.entropy)
    settlements = {
        account: Settlement(broker, journal, halting, host.clock)
        for account, broker in brokers.items()
    }

    async def settle(order: OrderState) -> None:
        await settlements[order.account].settle(order)

    pipeline = Pipeline(
        Parts(
            clock=host.clock,
            entropy=host.entropy,
            facts=facts,
            engine=engine,
            release_digest=release.digest,
            ledger=ledger,
            journal=journal,
            door=gate,
            settle=settle,
        )
    )
    trackers = {
        broker.name: Tracker(broker, journal, ledger, halting, pipeline.first_answer)
        for broker in brokers.values()
    }
    sessions = Sessions(journal, facts.session, facts.equity_micros)
    await _record_configuration(opened, sessions)
    for account, settlement in settlements.items():
        await settlement.settle_restart(account, trackers[brokers[account].name].pull)
    steps = MarketSteps(
        quiesce=pipeline.quiesce,
        open_day=sessions.open_day,
        set_clock=host.clock.set_market,
        venues=opened.venues.matching,
        pulls=[tracker.pull for tracker in trackers.values()],
        triggers=Triggers(engine, journal, halting, facts.halt_document),
    )
    return App(
        settings=opened.settings,
        host=host,
        release=release,
        catalogue=release.catalogue,
        feed=opened.feed,
        ledger=ledger,
        journal=journal,
        facts=facts,
        pipeline=pipeline,
        cancels=cancels,
        halting=halting,
        modes=Modes(journal, host.clock, release.label),
        market_clock=MarketClockAdvance(host.clock.market_us, steps) if opened.feed else None,
        vkey=opened.vkey,
    )


async def _record_configuration(opened: _Opened, sessions: Sessions) -> None:
    """Enter release and mode as configured, and each new account as its broker states it."""
    journal, release = opened.journal, opened.release
    drafts: list[Draft] = []
    if journal.book.release_digest != release.digest:
        drafts.append(_release_draft(release))
    if journal.book.mode is not opened.settings.mode or not journal.book.accounts:
        drafts.append(Draft("mode", {"mode": opened.settings.mode.value, "by": BY}))
    for alias, broker in opened.venues.brokers.items():
        if alias not in journal.book.accounts:
            statement = await broker.statement(alias)
            drafts.append(
                Draft(
                    "statement",
                    {
                        "account": alias,
                        "broker": broker.name,
                        "cash_micros": statement.cash_micros,
                        "positions": {
                            symbol: {"qty": qty, "qty_decimals": decimals}
                            for symbol, (qty, decimals) in statement.positions.items()
                        },
                        "source": "broker",
                    },
                )
            )
    if drafts:
        await journal.record(drafts)
    if opened.feed is not None:
        await sessions.open_day(opened.host.clock.market_us())


def _release_draft(release: Release) -> Draft:
    """The release and everything in it: whoever holds the log can decide again."""
    return Draft(
        "release",
        {
            "release_digest": release.digest,
            "revision": release.revision,
            "label": release.label,
            "bundle_digest": release.bundle_digest,
            "wasm_digest": release.wasm_digest,
            "data_digest": release.data_digest,
            "by": BY,
        },
        (release.descriptor, release.bundle, release.wasm, release.data),
    )


async def _stop(core: asyncio.Task[None], app: App) -> None:
    """Let what was accepted end, then stop the core; bounded, because brokers may hang."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await app.pipeline.quiesce()
            await app.journal.settled()
    core.cancel()
    await asyncio.wait([core])


def _clock(settings: Settings) -> SystemClock:
    if settings.market != "historical":
        return SystemClock()
    if settings.market_start is not None:
        return SystemClock(int(settings.market_start.timestamp()) * 1_000_000)
    return SystemClock(shipped_feed().sessions()[0][1])
