"""The one place where parts are chosen and wired; everything that runs starts here.

``demo``, ``serve`` and the tests all come through :func:`running`: the gateway cannot tell a
demonstration from production. The order of the steps is the order of trust: keys, ledger, book,
release, mode, brokers, orders in doubt; only then is the first order taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.brokers.contract import AccountTerms, BrokerParts, MarketDriven, OpenBroker
from gateway.brokers.gate import Gate
from gateway.brokers.registry import open_broker
from gateway.config import Settings
from gateway.control.halting import Halting
from gateway.control.modes import Modes, check_mode
from gateway.control.owed import FOLDER, FolderOwedHalts
from gateway.control.sessions import MarketClockAdvance, MarketSteps, Sessions
from gateway.control.triggers import Triggers
from gateway.domain.book import Book, OrderState
from gateway.domain.errors import RefusedError
from gateway.domain.quantities import money_micros
from gateway.facts.document import Facts
from gateway.host import OsEntropy, SystemClock, ThreadRunner
from gateway.ledger.choice import open_chosen
from gateway.ledger.journal import Journal
from gateway.ledger.stored import StoredLedger
from gateway.market.historical import HistoricalFeed, shipped_feed
from gateway.pipeline import Parts, Pipeline
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.engine import open_engine
from gateway.policy.release import Release, load_release, shipped_directory
from gateway.ports import Draft, Ledger, PolicyEngine
from gateway.tracking.cancels import Cancels
from gateway.tracking.settlement import Settlement
from gateway.tracking.updates import Tracker
from signing.keys import Ed25519Signer, Vkey
from vault.signers import KeyFileError, open_key

BY: Final = "configuration"
"""Who set what came from settings."""

STOP_TIMEOUT_S: Final = 30
_log = logging.getLogger(__name__)


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
    engine: PolicyEngine
    catalogue: Catalogue
    feed: HistoricalFeed | None
    ledger: Ledger
    journal: Journal
    facts: Facts
    pipeline: Pipeline
    cancels: Cancels
    halting: Halting
    modes: Modes
    market_clock: MarketClockAdvance | None
    """Present with a historical feed only: there market time is set, not read."""
    trackers: Mapping[str, Tracker]
    """By broker name."""
    vkey: Vkey

    @property
    def clock(self) -> SystemClock:
        """All time."""
        return self.host.clock

    @property
    def runner(self) -> ThreadRunner:
        """All blocking work."""
        return self.host.runner

    @property
    def log_dir(self) -> Path:
        """The published log."""
        return self.settings.data / "log"

    def book(self) -> Book:
        """The state as of now; never keep a reference to it."""
        return self.journal.book


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncGenerator[App]:
    """Start a gateway, hand it out, and end it in order.

    Raises:
        WritError: it cannot start; the message says why and what to do.
    """
    async with contextlib.AsyncExitStack() as stack:
        feed = shipped_feed() if settings.market == "historical" else None
        host = Host(_clock(settings, feed), OsEntropy(), ThreadRunner())
        stack.callback(host.runner.close)
        folder = settings.release or shipped_directory()
        release, catalogue = load_release(folder), load_catalogue(folder)
        check_mode(settings.mode, release.label)
        engine = await stack.enter_async_context(open_engine(release, host.runner, settings))
        ledger, vkey = await _open_ledger(settings, host)
        stack.push_async_callback(ledger.close)
        journal = Journal(ledger, await ledger.replay())
        if host.clock.movable:  # a historical run goes on where its log ends, never before
            host.clock.set_market(max(host.clock.market_us(), journal.book.market_us))
        brokers = await _open_brokers(settings, host, feed, stack)
        opened = _Opened(
            settings=settings,
            host=host,
            release=release,
            engine=engine,
            catalogue=catalogue,
            feed=feed,
            ledger=ledger,
            journal=journal,
            brokers=brokers,
            vkey=vkey,
        )
        app = await _start(opened)
        core = asyncio.create_task(app.pipeline.run())
        stack.push_async_callback(_stop, core, app)
        for broker in set(brokers.values()):
            if isinstance(broker, MarketDriven):
                _follow(broker, app.trackers[broker.name], stack)
        await app.cancels.take_up()
        yield app


@dataclass(frozen=True, slots=True)
class _Opened:
    """What stands before the spine is wired."""

    settings: Settings
    host: Host
    release: Release
    engine: PolicyEngine
    catalogue: Catalogue
    feed: HistoricalFeed | None
    ledger: Ledger
    journal: Journal
    brokers: Mapping[str, OpenBroker]
    """By account alias."""
    vkey: Vkey


async def _open_brokers(
    settings: Settings,
    host: Host,
    feed: HistoricalFeed | None,
    stack: contextlib.AsyncExitStack,
) -> dict[str, OpenBroker]:
    """Open each broker that an account names, once, and say who holds which account."""
    by_alias: dict[str, OpenBroker] = {}
    for name in sorted({account.broker for account in settings.accounts.values()}):
        terms = {
            alias: AccountTerms(opening_cash_micros=money_micros(account.opening_cash))
            for alias, account in settings.accounts.items()
            if account.broker == name
        }
        section = {"seed": settings.simulator_seed} if name == "simulator" else {}
        broker = await open_broker(
            name, BrokerParts(terms, section, settings.data, feed, host.clock, host.runner)
        )
        stack.push_async_callback(broker.close)
        by_alias |= dict.fromkeys(terms, broker)
    return by_alias


async def _open_ledger(settings: Settings, host: Host) -> tuple[StoredLedger, Vkey]:
    log_signer = _signer(settings, "log.key")
    ledger = await open_chosen(
        settings,
        log_signer=log_signer,
        identity_signer=_signer(settings, "identity.key"),
        clock=host.clock,
        entropy=host.entropy,
        runner=host.runner,
    )
    return ledger, Vkey(settings.origin, log_signer.public)


def _signer(settings: Settings, name: str) -> Ed25519Signer:
    """The key in the data folder, made at the first start."""
    try:
        return Ed25519Signer(open_key(settings.data / "keys" / name))
    except KeyFileError as error:
        raise RefusedError(error.code, str(error), error.remedy) from error


async def _start(opened: _Opened) -> App:
    """Wire the spine, record what the configuration says, and settle what is in doubt."""
    host, journal, ledger = opened.host, opened.journal, opened.ledger
    release, engine, brokers = opened.release, opened.engine, opened.brokers
    facts = _facts(opened)
    gate = Gate(
        brokers, opened.vkey, host.clock, lambda: journal.book, opened.settings.broker_timeout_ms
    )
    cancels = Cancels(journal, gate)
    owed = FolderOwedHalts(opened.settings.data / FOLDER, host.runner)
    halting = Halting(journal, cancels, host.clock, host.entropy, owed, ledger.replay)
    await halting.take_up()
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
            sweep=cancels.sweep,
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
    triggers = Triggers(engine, journal, halting, facts.halt_document)
    return App(
        settings=opened.settings,
        host=host,
        release=release,
        engine=engine,
        catalogue=opened.catalogue,
        feed=opened.feed,
        ledger=ledger,
        journal=journal,
        facts=facts,
        pipeline=pipeline,
        cancels=cancels,
        halting=halting,
        modes=Modes(journal, host.clock, release.label),
        market_clock=_market_clock(opened, pipeline, sessions, trackers, triggers),
        trackers=trackers,
        vkey=opened.vkey,
    )


def _facts(opened: _Opened) -> Facts:
    release, journal = opened.release, opened.journal
    return Facts(
        book=lambda: journal.book,
        feed=opened.feed,
        clock=opened.host.clock,
        entropy=opened.host.entropy,
        instruments=release.instruments,
        collar_max_bps=release.limits.get("price_collar_max_bps"),
    )


def _market_clock(
    opened: _Opened,
    pipeline: Pipeline,
    sessions: Sessions,
    trackers: Mapping[str, Tracker],
    triggers: Triggers,
) -> MarketClockAdvance | None:
    """What follows the market clock, where it is set rather than read."""
    if opened.feed is None:
        return None
    clock = opened.host.clock
    venues = [b.on_market for b in set(opened.brokers.values()) if isinstance(b, MarketDriven)]
    steps = MarketSteps(
        quiesce=pipeline.quiesce,
        open_day=sessions.open_day,
        set_clock=clock.set_market,
        venues=venues,
        pulls=[tracker.pull for tracker in trackers.values()],
        triggers=triggers,
    )
    return MarketClockAdvance(clock.market_us, steps)


def _follow(broker: MarketDriven, tracker: Tracker, stack: contextlib.AsyncExitStack) -> None:
    """Pull a broker's updates whenever it says that there are new ones."""
    news = asyncio.Event()
    broker.on_update = news.set

    async def follow() -> None:
        while True:
            await news.wait()
            news.clear()
            try:
                await tracker.pull()
            except Exception:  # noqa: BLE001  the updates stay where they are until the next news
                _log.exception("updates could not be recorded")

    task = asyncio.create_task(follow())
    stack.callback(task.cancel)


async def _record_configuration(opened: _Opened, sessions: Sessions) -> None:
    """Enter release and mode as configured, and each new account as its broker states it."""
    journal, release = opened.journal, opened.release
    drafts: list[Draft] = []
    if journal.book.release_digest != release.digest:
        drafts.append(_release_draft(release))
    if journal.book.mode is not opened.settings.mode or not journal.book.accounts:
        drafts.append(Draft("mode", {"mode": opened.settings.mode.value, "by": BY}))
    for alias, broker in opened.brokers.items():
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


def _clock(settings: Settings, feed: HistoricalFeed | None) -> SystemClock:
    """Real time, or a market clock that begins with the feed or where the settings say."""
    if feed is None:
        return SystemClock()
    if settings.market_start is not None:
        return SystemClock(int(settings.market_start.timestamp()) * 1_000_000)
    return SystemClock(feed.sessions()[0][1])
