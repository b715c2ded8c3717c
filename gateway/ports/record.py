"""The record: what is entered, and the one log and its tables."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway.domain.book import Book, OrderState
from signing.keys import Vkey


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


@dataclass(frozen=True, slots=True)
class Fill:
    """An execution, or a correction of one, and its index in the log."""

    index: int
    payload: Mapping[str, Any]


class Ledger(Protocol):
    """The append-only log and its tables: one writer, durable or an error, never in between."""

    async def commit(self, batch: Batch) -> Committed:
        """Seal, sign and store a batch; returns when it is on disk. Batches keep their order.

        Raises:
            UnavailableError: ``ledger-latched`` (an fsync error or unknown commit: for good),
                ``ledger-fenced`` (another gateway has taken the database over: for good),
                ``ledger-full`` (disk full), ``ledger-unreachable`` (no database server; both
                until a probe succeeds), ``ledger-uncertified`` (until the identity key answers),
                ``ledger-busy`` (queue full).
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
    def uncertified(self) -> str | None:
        """Why nothing can be recorded until the identity key answers, or ``None``."""
        ...

    @property
    def certificate_problem(self) -> str | None:
        """Why the identity key has not certified the next key yet, or ``None``."""
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

    async def order_of(self, broker_client_id: str) -> OrderState | None:
        """The newest durable row of the order that a broker knows by this id."""
        ...

    async def trade(self, broker_client_id: str, execution_id: str) -> Fill | None:
        """The entry of one execution, or of one correction of a trade."""
        ...

    async def trades(self, broker_client_id: str) -> list[Fill]:
        """Every execution of an order and every correction of one, oldest first."""
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

        ``owed`` entries (halts, cancels, submissions, and settlements that void an order) stand
        even when they cannot be written: they are kept and entered as soon as the ledger takes
        entries again.
        """
        ...

    async def repair(self) -> None:
        """Build the book anew if it ran ahead of a commit that failed.

        Raises:
            UnavailableError: it cannot be, yet; nothing may be decided or read against the book.
        """
        ...
