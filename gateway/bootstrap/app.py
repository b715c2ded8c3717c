"""A gateway's parts, as the steps of its start hand them on, and as its doors see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.bootstrap.alerting import Alerting
from gateway.bootstrap.custody import Custodian
from gateway.bootstrap.market import VenueMarket
from gateway.bootstrap.observing import Observer
from gateway.bootstrap.tracking import Tracking
from gateway.bootstrap.trust import Trust
from gateway.brokers.contract import OpenBroker
from gateway.config import Settings
from gateway.control.acceptance import Acceptance
from gateway.control.clock_skew import ClockWatch
from gateway.control.exit_only import ExitOnlyStates
from gateway.control.halting import Halting
from gateway.control.live.unlocking import Unlocking
from gateway.control.modes import Modes
from gateway.control.permission import Permissions
from gateway.control.real_time import RealTime
from gateway.control.sessions import MarketClockAdvance
from gateway.control.triggers import Triggers
from gateway.domain.book import Book
from gateway.domain.mode import Mode
from gateway.domain.passkeys import PasskeyOrigin
from gateway.domain.permission import Route
from gateway.facts.document import Facts
from gateway.facts.pushed import PushedFacts
from gateway.host import OsEntropy, SystemClock, ThreadRunner
from gateway.ledger.journal import Journal
from gateway.market.feeds import FeedWatch
from gateway.market.historical import HistoricalFeed
from gateway.pipeline import Pipeline
from gateway.policy.catalogue import Catalogue
from gateway.policy.engine import EngineMaker
from gateway.policy.in_force import ReleaseHolder, ReleaseInForce
from gateway.policy.recorded_words import RecordedWords
from gateway.policy.release import Release
from gateway.policy.switching import Switching
from gateway.ports import Ledger, MarketFeed, PolicyEngine
from gateway.tracking.cancels import Cancels
from gateway.tracking.end_of_day import EndOfDay
from gateway.tracking.reconciliation.schedule import Reconciliations
from gateway.tracking.updates import Tracker
from signing.keys import Vkey


@dataclass(frozen=True, slots=True)
class Host:
    """The host's clock, randomness and threads."""

    clock: SystemClock
    entropy: OsEntropy
    runner: ThreadRunner


@dataclass(frozen=True, slots=True)
class Brought:
    """What whoever starts a gateway brings along, so that it is not made at the start.

    A simulation brings a host of virtual time, and one release for thousands of gateways.
    """

    host: Host
    in_force: ReleaseInForce


@dataclass(frozen=True, slots=True)
class Opened:
    """What stands before the spine is wired."""

    settings: Settings
    host: Host
    releases: ReleaseHolder
    maker: EngineMaker
    feed: HistoricalFeed | None
    ledger: Ledger
    journal: Journal
    brokers: Mapping[str, OpenBroker]
    """By account alias."""
    pushed: PushedFacts
    venue: VenueMarket | None
    """Present in real time only."""
    caps: Mapping[str, int]
    """The operator's caps, by the limit that each tightens."""
    mode_max: Mode
    """The most that the operator's file allows."""
    trust: Trust
    permissions: Permissions
    """What officers permit as of now."""
    routes: Mapping[str, Route]
    """By account alias: where its orders go, fixed when its broker was opened."""
    custody: Custodian
    """The accounts' credentials, and how good they still are."""
    clock_watch: ClockWatch
    """How far our clock is off, if anybody tells."""
    observer: Observer
    """Who watches for metrics and alerts."""
    alerting: Alerting
    """Which alerts stand, and whom they are told to."""
    vkey: Vkey

    @property
    def market(self) -> MarketFeed | None:
        """The primary feed: of recorded prices, or in real time."""
        return _market(self.feed, self.venue)


@dataclass(frozen=True, slots=True)
class App:
    """A running gateway, as its doors see it."""

    settings: Settings
    host: Host
    releases: ReleaseHolder
    switching: Switching
    words: RecordedWords
    """What the controls of each recorded release mean."""
    feed: HistoricalFeed | None
    venue: VenueMarket | None
    """Present in real time only."""
    ledger: Ledger
    journal: Journal
    facts: Facts
    pushed: PushedFacts
    """What services upstream have said."""
    pipeline: Pipeline
    cancels: Cancels
    halting: Halting
    exit_only: ExitOnlyStates
    modes: Modes
    triggers: Triggers
    market_clock: MarketClockAdvance | None
    """Present with a historical feed only: there market time is set, not read."""
    real_time: RealTime | None
    """Present in real time only: what follows the passing of time."""
    end_of_day: EndOfDay | None
    """Who cancels day orders before the close, where there is a market."""
    tracking: Tracking
    """Who follows orders after they were sent: updates, settlements, brokers' health."""
    reconciliations: Reconciliations
    """Who compares accounts with what their brokers say."""
    trust: Trust
    """Whose attestations and overrides count."""
    permissions: Permissions
    """What officers permit as of now."""
    acceptance: Acceptance
    """Who accepts what they sign, and lets go of it."""
    routes: Mapping[str, Route]
    """By account alias: where its orders go."""
    live: Unlocking
    """The steps to LIVE, and whether it is open."""
    passkey_origin: PasskeyOrigin | None
    """Where a browser may use passkeys; they open nothing without."""
    custody: Custodian
    """How good the secrets still are."""
    feeds: FeedWatch | None
    """Present in real time only: who enters that quotes fall back and forward."""
    clock_watch: ClockWatch
    """How far our clock is off, if anybody tells."""
    observer: Observer
    """Who watches for metrics and alerts."""
    alerting: Alerting
    """Which alerts stand, and whom they are told to."""
    vkey: Vkey

    @property
    def trackers(self) -> Mapping[str, Tracker]:
        """By broker name."""
        return self.tracking.trackers

    @property
    def release(self) -> Release:
        """The release in force as of now."""
        return self.releases.current.release

    @property
    def engine(self) -> PolicyEngine:
        """The engine of the release in force."""
        return self.releases.current.engine

    @property
    def catalogue(self) -> Catalogue:
        """The words of the release in force."""
        return self.releases.current.catalogue

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

    @property
    def market(self) -> MarketFeed | None:
        """The primary feed: of recorded prices, or in real time."""
        return _market(self.feed, self.venue)

    def book(self) -> Book:
        """The state as of now; never keep a reference to it."""
        return self.journal.book


def _market(feed: HistoricalFeed | None, venue: VenueMarket | None) -> MarketFeed | None:
    return feed if venue is None else venue.feed
