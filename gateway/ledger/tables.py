"""The tables of both stores, described once with SQLModel; the migrations follow them.

`entries`, `blobs` and `checkpoints` are the log. The others are projections of it or belong to
the transaction of one of its entries: they let a caller's question be answered without reading
the log. Numbers are 64-bit integers, text is UTF-8, and on SQLite every table is STRICT, so that
no value can quietly become a floating point number.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel, UniqueConstraint

SCHEMA_VERSION: Final = 3
"""The newest revision in `migrations/versions`, as a number."""

POSTGRESQL_ONLY: Final = {"store": "postgresql"}
"""A table's `info` when SQLite, whose lock is the kernel's, does without it."""

_STRICT: Final = {"sqlite_strict": True}


class Whole(BigInteger):
    """A 64-bit integer: BIGINT on PostgreSQL; on SQLite the one integer type that STRICT takes."""


@compiles(Whole, "sqlite")
def _whole_on_sqlite(_type: Whole, _compiler: object, **_options: object) -> str:  # pyright: ignore[reportUnusedFunction]  # registered by its decorator
    return "INTEGER"


_GIVEN: Final = {"autoincrement": False}
"""Of a key that is counted here and not by the database."""
_NO_BEFORE: Final = {"server_default": text("0")}
"""Of a column that rows of before it take as 0: no order was of that kind then."""
_NONE_BEFORE: Final = {"server_default": text("'none'")}
"""As :data:`_NO_BEFORE`, of a column of text."""


class LedgerTable(SQLModel, registry=registry()):
    """The tables of the ledger, in a registry of their own; a class is named as its table is."""


class Entries(LedgerTable, table=True):
    """One leaf of the log: the envelope as signed, and what it is found by."""

    __table_args__ = (
        # One decision per id and per order, one submission per decision: a log that breaks this
        # would be refused by every verifier, so it cannot be written.
        Index(
            "one_decision",
            "decision_id",
            unique=True,
            sqlite_where=text("kind = 'decision'"),
            postgresql_where=text("kind = 'decision'"),
        ),
        Index(
            "one_decision_per_order",
            "order_id",
            unique=True,
            sqlite_where=text("kind = 'decision'"),
            postgresql_where=text("kind = 'decision'"),
        ),
        Index(
            "one_submission",
            "decision_id",
            unique=True,
            sqlite_where=text("kind = 'submission'"),
            postgresql_where=text("kind = 'submission'"),
        ),
        _STRICT,
    )

    entry_index: int = Field(primary_key=True, sa_type=Whole, sa_column_kwargs=_GIVEN)
    kind: str = Field(sa_type=Text)
    at_us: int = Field(sa_type=Whole)
    decision_id: str | None = Field(sa_type=Text)
    order_id: str | None = Field(sa_type=Text)
    envelope: bytes
    leaf_hash: bytes


class Blobs(LedgerTable, table=True):
    """A document that an entry names by its SHA-256; retention may delete it."""

    __table_args__ = (_STRICT,)

    sha256: str = Field(primary_key=True, sa_type=Text)
    entry_index: int = Field(foreign_key="entries.entry_index", index=True, sa_type=Whole)
    """The first entry that names it; publication walks the log by it."""
    content: bytes


class Checkpoints(LedgerTable, table=True):
    """The signed checkpoint that was committed together with the entries below `size`."""

    __table_args__ = (_STRICT,)

    size: int = Field(primary_key=True, sa_type=Whole, sa_column_kwargs=_GIVEN)
    note: bytes


class Orders(LedgerTable, table=True):
    """An order as the book says, one column for each field of `OrderState`."""

    __table_args__ = (
        Index(
            "one_client_order_id",
            "principal",
            "client_order_id",
            unique=True,
            sqlite_where=text("client_order_id <> 'none'"),
            postgresql_where=text("client_order_id <> 'none'"),
        ),
        Index("orders_of_account", "account", "number"),
        _STRICT,
    )

    order_id: str = Field(primary_key=True, sa_type=Text)
    number: int = Field(unique=True, sa_type=Whole)
    """Counts orders in the order of their decisions; pages are cut by it."""
    decision_id: str = Field(unique=True, sa_type=Text)
    broker_client_id: str = Field(unique=True, sa_type=Text)
    account: str = Field(sa_type=Text)
    principal: str = Field(sa_type=Text)
    client_order_id: str = Field(sa_type=Text)
    strategy_id: str = Field(sa_type=Text)
    symbol: str = Field(sa_type=Text)
    side: str = Field(sa_type=Text)
    type: str = Field(sa_type=Text)
    time_in_force: str = Field(sa_type=Text)
    qty: int = Field(sa_type=Whole)
    qty_decimals: int = Field(sa_type=Whole)
    price_decimals: int = Field(sa_type=Whole)
    limit_price: int | None = Field(sa_type=Whole)
    stop_price: int | None = Field(sa_type=Whole)
    worst_price: int | None = Field(sa_type=Whole)
    mode: str = Field(sa_type=Text)
    label: str = Field(sa_type=Text)
    allow: int = Field(sa_type=Whole)
    """1 or 0."""
    failure: str = Field(sa_type=Text)
    reasons: str = Field(sa_type=Text)
    """Canonical JSON: a list of [control, observed, limit, source]; all but the first may be null.

    Rows of before limits had sources end after the limit."""
    input_digest: str = Field(sa_type=Text)
    release_digest: str = Field(sa_type=Text)
    market_us: int = Field(sa_type=Whole)
    status: str = Field(sa_type=Text)
    filled_qty: int = Field(sa_type=Whole)
    filled_value: str = Field(sa_type=Text)
    """A decimal integer as text: quantity times price outgrows 64 bits at 8 decimals each."""
    fee_micros: int = Field(sa_type=Whole)
    broker: str = Field(sa_type=Text)
    broker_order_id: str = Field(sa_type=Text)
    code: str = Field(sa_type=Text)
    reduce_only: int = Field(sa_type=Whole, sa_column_kwargs=_NO_BEFORE)
    """1 or 0."""
    extended_hours: int = Field(sa_type=Whole, sa_column_kwargs=_NO_BEFORE)
    """1 or 0."""
    expires_us: int | None = Field(sa_type=Whole)
    replaces: str = Field(sa_type=Text, sa_column_kwargs=_NONE_BEFORE)
    replaced_by: str = Field(sa_type=Text, sa_column_kwargs=_NONE_BEFORE)
    anomaly: str = Field(sa_type=Text, sa_column_kwargs=_NONE_BEFORE)


class Executions(LedgerTable, table=True):
    """Which entry records a broker's execution: each execution counts once."""

    __table_args__ = (
        UniqueConstraint("broker_client_id", "execution_id"),
        Index("executions_of_account", "account", "entry_index"),
        _STRICT,
    )

    entry_index: int = Field(primary_key=True, foreign_key="entries.entry_index", sa_type=Whole)
    broker_client_id: str = Field(sa_type=Text)
    execution_id: str = Field(sa_type=Text)
    account: str = Field(sa_type=Text)


class Claims(LedgerTable, table=True):
    """A caller's key bound to the decision it led to, stored in the decision's transaction."""

    __table_args__ = (_STRICT,)

    principal: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    request_digest: str = Field(sa_type=Text)
    decision_id: str = Field(sa_type=Text)
    order_id: str = Field(sa_type=Text)
    status: int = Field(sa_type=Whole)


class Cursors(LedgerTable, table=True):
    """How far a named reader has come."""

    __table_args__ = (_STRICT,)

    name: str = Field(primary_key=True, sa_type=Text)
    position: int = Field(sa_type=Whole)


class Meta(LedgerTable, table=True):
    """Facts about the store itself: `schema_version`, `origin`, and the probe's scratch row."""

    __table_args__ = (_STRICT,)

    name: str = Field(primary_key=True, sa_type=Text)
    value: str = Field(sa_type=Text)


class Writer(LedgerTable, table=True):
    """Who may append: the one row that every transaction changes and every take-over changes.

    A transaction is known by (epoch, number) afterwards, whatever became of its connection.
    """

    __table_args__ = (CheckConstraint("one = 1", name="one_writer"), {"info": POSTGRESQL_ONLY})

    one: int = Field(primary_key=True, sa_type=Whole, sa_column_kwargs=_GIVEN)
    epoch: int = Field(sa_type=Whole)
    """Counts openings; a process that was taken over has an older one, and can write no more."""
    number: int = Field(sa_type=Whole)
    """Counts the transactions of this epoch."""


TABLES: Final = tuple(
    LedgerTable.metadata.tables[name]
    for name in (
        "entries",
        "blobs",
        "checkpoints",
        "orders",
        "executions",
        "claims",
        "cursors",
        "meta",
        "writer",
    )
)
"""In an order in which they can be created: what is referred to comes first."""
