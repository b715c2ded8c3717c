"""The simulator's file: tables, rows and the transaction around every change.

SQLite in WAL with synchronous=FULL, written in ``BEGIN IMMEDIATE`` transactions. Killed at any
moment, the file holds each change whole or not at all: an order that was answered is there, and
a quote that was traded is traded for every order and account, or for none and then again.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import apsw

from gateway.brokers.simulator.matching import Resting
from gateway.brokers.simulator.rows import (
    ORDER_COLUMNS,
    RESTING_COLUMNS,
    Row,
    Value,
    resting_order,
)
from gateway.domain.errors import InvalidInputError, UnavailableError

SCHEMA_VERSION: Final = 4
BUSY_TIMEOUT_MS: Final = 5_000
LOCK_TIMEOUT_S: Final = 30

_SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE accounts (
    account TEXT PRIMARY KEY,
    opening_micros INTEGER NOT NULL,
    cash_micros INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE positions (
    account TEXT NOT NULL REFERENCES accounts,
    symbol TEXT NOT NULL,
    qty INTEGER NOT NULL,
    qty_decimals INTEGER NOT NULL,
    PRIMARY KEY (account, symbol)
) STRICT, WITHOUT ROWID;
CREATE TABLE orders (
    row INTEGER PRIMARY KEY,
    broker_client_id TEXT NOT NULL UNIQUE,
    content TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    type TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    qty INTEGER NOT NULL,
    qty_decimals INTEGER NOT NULL,
    price_decimals INTEGER NOT NULL,
    limit_price INTEGER,
    stop_price INTEGER,
    protection_price INTEGER,
    reduce_only INTEGER NOT NULL DEFAULT 0,
    extended_hours INTEGER NOT NULL DEFAULT 0,
    accepted_us INTEGER NOT NULL,
    eligible_us INTEGER NOT NULL,
    status TEXT NOT NULL,
    code TEXT NOT NULL,
    filled_qty INTEGER NOT NULL DEFAULT 0 CHECK (filled_qty BETWEEN 0 AND qty),
    fills INTEGER NOT NULL DEFAULT 0,
    fee_micros INTEGER NOT NULL DEFAULT 0,
    triggered INTEGER NOT NULL DEFAULT 0,
    session TEXT NOT NULL DEFAULT '',
    multiplier INTEGER NOT NULL DEFAULT 1,
    rate_e8 INTEGER NOT NULL DEFAULT 100000000,
    expires_us INTEGER,
    placed_us INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX orders_open ON orders (row) WHERE status IN ('ACKNOWLEDGED', 'PARTIALLY_FILLED');
CREATE INDEX orders_symbol ON orders (symbol);
CREATE TABLE updates (
    cursor INTEGER PRIMARY KEY,
    order_row INTEGER NOT NULL REFERENCES orders,
    execution_id TEXT UNIQUE,
    qty INTEGER,
    price INTEGER,
    fee_micros INTEGER,
    market_us INTEGER,
    session TEXT,
    status TEXT,
    code TEXT,
    told_us INTEGER NOT NULL DEFAULT 0,
    CHECK ((execution_id IS NULL) = (status IS NOT NULL))
) STRICT;
"""

_FROM_1: Final = (
    "ALTER TABLE orders ADD COLUMN reduce_only INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE orders ADD COLUMN extended_hours INTEGER NOT NULL DEFAULT 0",
)
"""From the first version, whose orders could ask for neither."""

_FROM_2: Final = (
    "ALTER TABLE orders ADD COLUMN multiplier INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE orders ADD COLUMN rate_e8 INTEGER NOT NULL DEFAULT 100000000",
)
"""From the second version, which counted every order one to a unit in the base currency."""

_FROM_3: Final = (
    "ALTER TABLE orders ADD COLUMN expires_us INTEGER",
    "ALTER TABLE orders ADD COLUMN placed_us INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE updates ADD COLUMN told_us INTEGER NOT NULL DEFAULT 0",
)
"""From the third version, which knew no order with an end of its own, and noted no wall time: 0
stands for the time that nobody noted."""

_UPGRADES: Final = {1: _FROM_1 + _FROM_2 + _FROM_3, 2: _FROM_2 + _FROM_3, 3: _FROM_3}

OPEN: Final = "status IN ('ACKNOWLEDGED', 'PARTIALLY_FILLED')"
"""The condition under which an order is at rest; the same words as the partial index."""


class Database:
    """The few calls of a connection that the simulator needs, with exact types."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401  apsw's annotations need 3.12
        """Wrap an open connection."""
        self._connection = connection

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return bool(self._connection.in_transaction)

    def rows(self, sql: str, *values: Value) -> list[Row]:
        """Run one statement, or several without values, and return every row."""
        return self._connection.execute(sql, values or None).fetchall()

    def row(self, sql: str, *values: Value) -> Row | None:
        """Run one statement that yields at most one row."""
        found = self.rows(sql, *values)
        assert len(found) <= 1
        return found[0] if found else None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Store:
    """One connection, used by one thread at a time."""

    def __init__(self, path: Path, opening_micros: Mapping[str, int]) -> None:
        """Open the file, make it if there is none, and open accounts that it does not hold.

        An account that is already there keeps its cash: the file is the truth.

        Raises:
            InvalidInputError: ``simulator-book-version``: written by another version.
            UnavailableError: ``simulator-unavailable``: the file cannot be used.
        """
        self._lock = threading.Lock()
        self._broken = ""
        try:
            connection: Any = apsw.Connection(str(path))
            connection.set_busy_timeout(BUSY_TIMEOUT_MS)
            self._db = Database(connection)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                self._db.rows(f"PRAGMA {pragma}")
        except apsw.Error as error:
            raise _unavailable(type(error).__name__) from error
        with self.writing() as db:
            _prepare(db, opening_micros)

    @contextmanager
    def reading(self) -> Generator[Database]:
        """The connection, for statements that change nothing.

        Raises:
            UnavailableError: ``simulator-unavailable``.
        """
        if not self._lock.acquire(timeout=LOCK_TIMEOUT_S):
            raise _unavailable("it is busy")
        try:
            if self._broken:
                raise _unavailable(self._broken)
            yield self._db
        except apsw.Error as error:
            raise _unavailable(type(error).__name__) from error
        finally:
            self._lock.release()

    @contextmanager
    def writing(self) -> Generator[Database]:
        """The connection inside one transaction: committed at the end, undone by any exception.

        After an input or output error nobody knows what is on disk: the store then answers
        nothing more until it is opened anew and SQLite has recovered the file.

        Raises:
            UnavailableError: ``simulator-unavailable``; whether the change stands is not known.
        """
        with self.reading() as db:
            try:
                db.rows("BEGIN IMMEDIATE")
                yield db
                db.rows("COMMIT")
            except BaseException as error:
                if isinstance(error, apsw.IOError):
                    self._broken = "an input or output error; restart to recover"
                if db.in_transaction:
                    db.rows("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file once nobody uses it; closing twice is closing once.

        Raises:
            UnavailableError: ``simulator-unavailable``: somebody still uses it.
        """
        if not self._lock.acquire(timeout=LOCK_TIMEOUT_S):
            raise _unavailable("it is busy")
        try:
            self._broken = "it is closed"
            self._db.close()
        finally:
            self._lock.release()


def resting(db: Database, condition: str = "1", *values: Value) -> list[Resting]:
    """Open orders that meet a condition, in the order of their acceptance."""
    rows = db.rows(
        f"SELECT {RESTING_COLUMNS}, {ORDER_COLUMNS} "  # noqa: S608  constant text
        f"FROM orders WHERE {OPEN} AND {condition} ORDER BY row",
        *values,
    )
    return [resting_order(row) for row in rows]


def _prepare(db: Database, opening_micros: Mapping[str, int]) -> None:
    [(version,)] = db.rows("PRAGMA user_version")
    if version == 0:
        db.rows(_SCHEMA)
        db.rows("INSERT INTO meta VALUES ('matched_us', 0)")
        db.rows(f"PRAGMA user_version={SCHEMA_VERSION}")
    elif version in _UPGRADES:
        for statement in _UPGRADES[version]:
            db.rows(statement)
        db.rows(f"PRAGMA user_version={SCHEMA_VERSION}")
    elif version != SCHEMA_VERSION:
        raise InvalidInputError(
            "simulator-book-version",
            f"the simulator's book has version {version}, not {SCHEMA_VERSION}",
            "use the version of writ that wrote it, or start with another data folder",
        )
    for account, cash_micros in sorted(opening_micros.items()):
        db.rows(
            "INSERT INTO accounts VALUES (?1, ?2, ?2) ON CONFLICT DO NOTHING", account, cash_micros
        )


def _unavailable(why: str) -> UnavailableError:
    return UnavailableError(
        "simulator-unavailable",
        f"the simulator's book cannot be used: {why}",
        "check the disk and the data folder",
    )
