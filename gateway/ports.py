"""The few Protocols the spine needs; rooms meet here and nowhere else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from gateway.domain.book import Book, OrderState
from gateway.domain.decision import EngineFailure, HaltTriggers, Verdict
from gateway.domain.execution import (
    Accepted,
    BrokerOrderState,
    BrokerStatement,
    BrokerUpdate,
    Rejected,
    Submission,
)
from gateway.domain.fact import Reading
from gateway.domain.halt import Halt, Scope
from gateway.domain.market import Bar, Hours, Quote, Rate
from gateway.domain.order import BrokerOrder
from gateway.domain.venue import VenueTerms
from signing.keys import Vkey

T = TypeVar("T")


class Clock(Protocol):
    """All time comes in here: wall time for records, market time for facts, monotonic for waits."""

    def wall_us(self) -> int:
        """UTC wall time in microseconds since the epoch."""
        ...

    def market_us(self) -> int:
        """Market time in microseconds since the epoch; in a historical run it is set, not read."""
        ...

    def monotonic_ns(self) -> int:
        """A clock that never goes back, for time-outs and ages of approvals."""
        ...

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait; virtual in a simulation."""
        ...


class Entropy(Protocol):
    """All randomness comes in here."""

    def token(self, size: int) -> bytes:
        """``size`` random bytes."""
        ...


class BlockingRunner(Protocol):
    """All blocking work goes through here, off the event loop, one pool for everything."""

    def run(self, work: Callable[[], T]) -> Awaitable[T]:
        """Run ``work`` on a worker thread and await its result."""
        ...

    def run_quick(self, lane: str, work: Callable[[], T]) -> Awaitable[T]:
        """As :meth:`run`, for work of microseconds: what waits together shares one thread's turn.

        Work that takes long keeps the rest of its lane waiting, and no other lane.
        """
        ...


class PolicyEngine(Protocol):
    """A policy decision point holding exactly one release."""

    @property
    def name(self) -> str:
        """``opa-wasm`` or ``opa-server``; recorded in each decision."""
        ...

    @property
    def version(self) -> str:
        """The engine's version as recorded in each decision."""
        ...

    async def decide(self, documents: Sequence[bytes]) -> list[Verdict | EngineFailure]:
        """Decide up to 16 canonical input documents in one call, in order.

        Never raises for an engine's fault: what cannot be decided is an ``EngineFailure``.
        """
        ...

    async def triggered_halts(self, document: bytes) -> HaltTriggers:
        """Ask which halts are due; an ``EngineFailure`` means: treat as a halt."""
        ...

    async def readiness(self) -> str | None:
        """Why it cannot decide at this moment, as a sentence; ``None`` when it can."""
        ...


class SignedLimits(Protocol):
    """The signed limits, for the few facts that depend on one."""

    def strictest(
        self, name: str, *, account: str = "", strategy: str = "", symbol: str = ""
    ) -> int:
        """The limit as it counts for such an order; 0 if it stands nowhere."""
        ...


class Quotes(Protocol):
    """Quotes as known at a market time; never the future. Reads are from memory."""

    def quote(self, symbol: str, at_us: int) -> Quote | None:
        """The newest quote at or before ``at_us``."""
        ...


class MarketFeed(Quotes, Protocol):
    """Quotes, bars and hours as known at a market time; never the future. Reads are from memory."""

    def bars(self, symbol: str, until_us: int, limit: int) -> list[Bar]:
        """Up to ``limit`` newest bars known at ``until_us``, oldest first."""
        ...

    def volatility_index_e4(self, at_us: int) -> int | None:
        """The volatility index (VIX) times 10,000, as known at ``at_us``."""
        ...

    def session(self, at_us: int) -> str:
        """The session date ``YYYY-MM-DD`` (New York) at ``at_us``."""
        ...

    def hours(self, symbol: str, at_us: int) -> Hours | None:
        """The symbol's regular session that contains or follows ``at_us``.

        The calendar is published in advance, so the hours of a coming session are no look ahead.
        """
        ...


class MarketReading(Protocol):
    """The market as of one instant, every feed considered: what a decision and the gate see."""

    @property
    def now_us(self) -> int:
        """The instant, in market time."""
        ...

    def quote(self, symbol: str, price_decimals: int) -> Quote | None:
        """The symbol's sound quote at this scale; ``None`` when there is none."""
        ...

    def hours(self, symbol: str) -> Hours | None:
        """The symbol's session that contains or follows the instant."""
        ...


class Rates(Protocol):
    """Exchange rates as known at a market time; never the future. Reads are from memory."""

    def rate(self, currency: str, at_us: int) -> Rate | None:
        """What one unit of ``currency`` is worth in the base currency, if that is known."""
        ...


class ModelHealth(Protocol):
    """What a model states of the market and of itself, as known at a market time; from memory."""

    def reading(self, name: str, at_us: int) -> Reading | None:
        """The newest value of a name of ``gateway.domain.fact`` at or before ``at_us``."""
        ...


class PushedReadings(Protocol):
    """What services upstream have pushed; see ``gateway.facts.pushed``."""

    def reading(self, name: str, at_us: int) -> Reading | None:
        """The value that stands at ``at_us``; ``None`` when none does, or no longer."""
        ...

    def pushed(self, name: str) -> bool:
        """Whether this name was ever pushed: from then on nothing else speaks for it."""
        ...


class Venue(Protocol):
    """Who says which orders it takes."""

    def terms(self, account: str, symbol: str) -> VenueTerms | None:
        """Which orders it takes for an account in a symbol; ``None``: it does not say.

        Read from memory, whenever facts are gathered: it never blocks and asks nobody.
        """
        ...


class Broker(Venue, Protocol):
    """An order's destination. Its answers are facts about the broker, never about us."""

    @property
    def name(self) -> str:
        """Recorded in every submission."""
        ...

    async def submit(self, order: BrokerOrder) -> Accepted | Rejected:
        """Send once. Raises ``OutcomeUnknownError`` when the answer is not known."""
        ...

    async def cancel(self, broker_client_id: str) -> None:
        """Ask for a cancel; the result arrives as an update. Unknown ids are not an error."""
        ...

    async def order(self, broker_client_id: str) -> BrokerOrderState | None:
        """What the broker knows of the order; ``None``: it knows none by that id."""
        ...

    async def statement(self, account: str) -> BrokerStatement:
        """Cash and positions of an account as of now."""
        ...

    async def updates(self, after: int, limit: int) -> list[BrokerUpdate]:
        """Events with a cursor above ``after``, oldest first, at most ``limit``."""
        ...


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be recorded: its kind, its fields without ``at_us``, the blobs it names."""

    kind: str
    payload: Mapping[str, Any]
    blobs: tuple[bytes, ...] = ()
    document: Mapping[str, Any] | None = None
    """The parsed input document of a decision, for the book; its bytes are among the blobs."""


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """A caller's key bound to the decision it led to; unique per principal, kind and key.

    ``kind`` is ``idempotency`` or ``client_order_id``; ``request_digest`` is the SHA-256 of
    the canonical request, so that the same key with another body is seen.
    """

    principal: str
    kind: str
    key: str
    request_digest: str
    decision_id: str
    order_id: str
    status: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries that become durable together, in this order, or not at all."""

    drafts: tuple[Draft, ...]
    orders: tuple[OrderState, ...] = ()
    """The rows that change with them, as the book says."""
    keys: tuple[KeyClaim, ...] = ()
    cursors: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Committed:
    """A durable batch: the index of each entry, and the signed checkpoint that covers them."""

    indices: tuple[int, ...]
    checkpoint: bytes


class Ledger(Protocol):
    """The append-only log and its tables: one writer, durable or an error, never in between."""

    async def commit(self, batch: Batch) -> Committed:
        """Seal, sign and store a batch; returns when it is on disk. Batches keep their order.

        Raises:
            UnavailableError: ``ledger-latched`` (an fsync error or unknown commit: for good),
                ``ledger-fenced`` (another gateway has taken the database over: for good),
                ``ledger-full`` (disk full), ``ledger-unreachable`` (no database server; both
                until a probe succeeds), ``ledger-busy`` (queue full).
            ConflictError: ``ledger-duplicate``: this batch alone broke a uniqueness rule.
        """
        ...

    @property
    def latched(self) -> str | None:
        """Why nothing more can be recorded, or ``None``."""
        ...

    @property
    def full(self) -> str | None:
        """Why nothing can be recorded until there is room again, or ``None``."""
        ...

    @property
    def unreachable(self) -> str | None:
        """Why nothing can be recorded until the database's server answers, or ``None``."""
        ...

    @property
    def vkey(self) -> Vkey:
        """The key to verify the log and its receipts with."""
        ...

    @property
    def size(self) -> int:
        """How many entries are durable."""
        ...

    @property
    def published_size(self) -> int:
        """How many entries the published checkpoint covers."""
        ...

    @property
    def publication_problem(self) -> str | None:
        """Why the published log is behind, or ``None``; it is tried again by itself."""
        ...

    async def publish_now(self) -> None:
        """Return once everything that is durable now is published.

        Raises:
            UnavailableError: ``log-unpublished``.
        """
        ...

    async def receipt(self, index: int) -> bytes:
        """The tlog-proof of a committed entry under the newest checkpoint."""
        ...

    async def replay(self) -> Book:
        """Build the book anew from the log alone."""
        ...

    async def find_key(self, principal: str, kind: str, key: str) -> KeyClaim | None:
        """The claim recorded for a caller's key."""
        ...

    async def entry(self, decision_id: str) -> tuple[int, Mapping[str, Any]] | None:
        """Index and payload of a decision."""
        ...

    async def document(self, digest: str) -> bytes | None:
        """A blob by its SHA-256; ``None`` when retention removed it."""
        ...

    async def order(self, order_id: str) -> OrderState | None:
        """An order's newest durable row."""
        ...

    async def orders(
        self, *, account: str | None, status: str | None, before: int | None, limit: int
    ) -> list[tuple[int, OrderState]]:
        """Order rows, newest first, with their row number for paging (``before`` excludes)."""
        ...

    async def executions(self, *, account: str | None, after: int, limit: int) -> list[Fill]:
        """Execution payloads with an entry index above ``after``, oldest first."""
        ...

    async def cursor(self, name: str) -> int:
        """How far a named reader has come; 0 at first."""
        ...


class Journal(Protocol):
    """The one way into the record: an entry changes the book and goes to the ledger, in order."""

    @property
    def book(self) -> Book:
        """The state as of everything recorded or about to be; never keep a reference to it."""
        ...

    def record(
        self,
        drafts: Sequence[Draft],
        *,
        keys: Sequence[KeyClaim] = (),
        cursors: Mapping[str, int] | None = None,
        owed: bool = False,
    ) -> Awaitable[Committed]:
        """Apply entries to the book now, and return an awaitable for their being durable.

        ``owed`` entries (halts, cancels) stand even when they cannot be written: they are kept
        and entered as soon as the ledger takes entries again.
        """
        ...


class Door(Protocol):
    """The gate as the rooms see it: the only way to a broker."""

    async def forward(self, permit: bytes, approved_ns: int) -> Submission:
        """Send what a permit says, once; see ``gateway.brokers.gate``."""
        ...

    async def cancel(self, account: str, broker_client_id: str) -> None:
        """The second door: take risk off, whatever else stands still."""
        ...


class Stops(Protocol):
    """Who can stop trading; ``gateway.control.halting``."""

    async def halt(
        self,
        *,
        cause: str,
        scope: Scope,
        by: str,
        clear_by: str,
        cancels: bool = False,
        observed: int | None = None,
        limit: int | None = None,
        reason: str | None = None,
    ) -> Halt:
        """Engage a halt, unless one of this cause and scope stands already."""
        ...


class Cancelling(Protocol):
    """Who can take working orders off; ``gateway.tracking.cancels``."""

    async def cancel_all(self, by: str, cause: str, scope: Scope) -> int:
        """Cancel every open order in the scope; returns how many were asked for."""
        ...


@dataclass(frozen=True, slots=True)
class Fill:
    """An execution entry and its index in the log."""

    index: int
    payload: Mapping[str, Any]
