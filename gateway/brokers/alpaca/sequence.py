"""The sequence of updates, on disk: what the venue has told, in the order in which we heard it.

Alpaca has fills of each account in one list and orders in another, and no number that counts both.
So what is heard is numbered here, once, and kept: a cursor never goes back and nothing is told
twice, whatever order the venue's lists come in.

If we crash before a commit, the same is read from the venue again, and numbered then. If the file
is lost, or is older than the ledger, numbers go on above the ledger's cursor, and what is told
again has another number then: whoever records it knows executions by their own ids.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Generator
from collections.abc import Sequence as Rows
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from gateway.brokers.alpaca.mapping import OURS, Held
from gateway.domain.errors import InvalidInputError, UnavailableError
from gateway.domain.execution import BrokerUpdate, Execution, StatusChange
from gateway.domain.order import Side

UPDATES_MAX: Final = 1_000
BUSY_TIMEOUT_S: Final = 5
_VERSION: Final = 2
_SCHEMA: Final = """
CREATE TABLE accounts (
    account TEXT PRIMARY KEY, number TEXT NOT NULL, fill_mark TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE orders (
    client_id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL,
    account TEXT NOT NULL,
    over INTEGER NOT NULL DEFAULT 0,
    pending TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_working ON orders (account) WHERE over = 0;
CREATE INDEX orders_by_id ON orders (order_id);
CREATE TABLE updates (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id TEXT NOT NULL,
    name TEXT NOT NULL,
    qty INTEGER NOT NULL,
    event TEXT NOT NULL,
    UNIQUE (client_id, name)
) STRICT;
"""
_SECOND_VERSION: Final = """
BEGIN; ALTER TABLE orders ADD COLUMN pending TEXT NOT NULL DEFAULT ''; PRAGMA user_version = 2;
COMMIT;
"""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watched:
    """One of our orders that is not over, as far as was told.

    ``pending`` is PENDING_CANCEL or PENDING_REPLACE if the venue was last seen to have that to
    decide, or nothing.
    """

    client_id: str
    order_id: str
    told_qty: int
    pending: str


class Sequence:
    """The file of one gateway's Alpaca accounts. Calls block on disk."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it.

        Raises:
            InvalidInputError: ``alpaca-file-version``: it was written by another version.
            UnavailableError: ``alpaca-file-unavailable``.
        """
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            self._prepare()
        except sqlite3.Error as error:
            raise _unavailable() from error

    def mark(self, account: str) -> str | None:
        """The last fill that was read, or nothing; ``None`` for an account that is new here."""
        row = self._one("SELECT fill_mark FROM accounts WHERE account = ?", account)
        return None if row is None else str(row[0])

    def begin(self, account: str, number: str, fill_mark: str) -> None:
        """Take an account up: fills up to the mark are from before us."""
        with self._writing() as db:
            db.execute("INSERT INTO accounts VALUES (?, ?, ?)", (account, number, fill_mark))

    def number(self, account: str) -> str | None:
        """The broker's number of the account that the file is of."""
        row = self._one("SELECT number FROM accounts WHERE account = ?", account)
        return None if row is None else str(row[0])

    def watch(self, account: str, order_id: str, client_id: str, *, over: bool = False) -> None:
        """Keep an order of ours in mind, until its end was told; ``over`` if there is no need."""
        with self._writing() as db:
            _watch(db, account, order_id, client_id)
            if over:
                db.execute("UPDATE orders SET over = 1 WHERE client_id = ?", (client_id,))

    def watch_all(self, account: str, orders: Rows[tuple[str, str]]) -> None:
        """As :meth:`watch`, for orders as (the venue's id, ours)."""
        with self._writing() as db:
            for order_id, client_id in orders:
                _watch(db, account, order_id, client_id)

    def working(self, account: str) -> list[Watched]:
        """The account's orders whose end was not told, each with the quantity told as filled."""
        rows = self._all(
            "SELECT client_id, order_id, (SELECT coalesce(sum(qty), 0) FROM updates u"
            " WHERE u.client_id = o.client_id), pending FROM orders o"
            " WHERE account = ? AND over = 0 ORDER BY client_id",
            account,
        )
        return [
            Watched(str(client), str(order), int(told), str(pending))
            for client, order, told, pending in rows
        ]

    def told_qty(self, client_id: str) -> int:
        """How much of an order was told as filled."""
        row = self._one("SELECT coalesce(sum(qty), 0) FROM updates WHERE client_id = ?", client_id)
        return 0 if row is None else int(row[0])

    def owner(self, client_id: str) -> tuple[str, str] | None:
        """Account and venue's id of an order of ours."""
        row = self._one("SELECT account, order_id FROM orders WHERE client_id = ?", client_id)
        return None if row is None else (str(row[0]), str(row[1]))

    def client_id(self, order_id: str) -> str | None:
        """Our id of an order, by the venue's."""
        row = self._one("SELECT client_id FROM orders WHERE order_id = ?", order_id)
        return None if row is None else str(row[0])

    def add_fills(self, account: str, fills: Rows[tuple[str, Execution]], fill_mark: str) -> None:
        """Take fills, each with the venue's id of its order, and the mark that they lead to."""
        with self._writing() as db:
            for order_id, fill in fills:
                if fill.broker_client_id.startswith(OURS):
                    _watch(db, account, order_id, fill.broker_client_id)
                _add(db, fill.broker_client_id, fill.execution_id, fill.qty, fill)
            db.execute("UPDATE accounts SET fill_mark = ? WHERE account = ?", (fill_mark, account))

    def end(self, held: Held, told: StatusChange | None) -> None:
        """Take the end of an order whose fills are all told; ``None``: they were its end."""
        with self._writing() as db:
            if told is not None:
                _add(db, held.client_id, told.status, 0, told)
            db.execute("UPDATE orders SET over = 1 WHERE client_id = ?", (held.client_id,))

    def note(self, client_id: str, pending: str, told: StatusChange | None) -> None:
        """Keep what the venue has to decide of an order, and tell that it has decided, if so.

        The same may be told again, when it happens again: each time is an update of its own.
        """
        with self._writing() as db:
            db.execute("UPDATE orders SET pending = ? WHERE client_id = ?", (pending, client_id))
            if told is not None:
                [count] = db.execute(
                    "SELECT count(*) FROM updates WHERE client_id = ?", (client_id,)
                ).fetchone()
                _add(db, client_id, f"{told.status} {count}", 0, told)

    def odd(self, told: StatusChange, word: str) -> None:
        """Tell of a status that nobody knows, once for each word."""
        with self._writing() as db:
            _add(db, told.broker_client_id, f"{told.status} {word}", 0, told)

    def after(self, cursor: int, limit: int) -> list[BrokerUpdate]:
        """Updates above the cursor, oldest first; a cursor that it never gave is above them all."""
        self._go_on_above(cursor)
        rows = self._all(
            "SELECT cursor, event FROM updates WHERE cursor > ? ORDER BY cursor LIMIT ?",
            cursor,
            max(0, min(limit, UPDATES_MAX)),
        )
        return [BrokerUpdate(int(number), _event(str(event))) for number, event in rows]

    def _go_on_above(self, cursor: int) -> None:
        """Number nothing that the ledger would take for told: the file is lost, or an older one."""
        row = self._one("SELECT seq FROM sqlite_sequence WHERE name = 'updates'")
        if cursor <= (0 if row is None else int(row[0])):
            return
        _log.warning("alpaca.db knows less than the record does: it goes on above %d", cursor)
        with self._writing() as db:
            db.execute("DELETE FROM sqlite_sequence WHERE name = 'updates'")
            db.execute("INSERT INTO sqlite_sequence VALUES ('updates', ?)", (cursor,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _prepare(self) -> None:
        # Few writes, one connection: no WAL, which the host's SQLite may have the old fault of.
        self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.execute("PRAGMA synchronous = EXTRA")
        [version] = self._db.execute("PRAGMA user_version").fetchone()
        if version not in (0, 1, _VERSION):
            raise InvalidInputError(
                "alpaca-file-version",
                "alpaca.db was written by another version of the gateway",
                "run the version that wrote it",
            )
        if version == 1:
            self._db.executescript(_SECOND_VERSION)
        if version == 0:
            self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")

    def _one(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        found = self._all(sql, *values)
        return found[0] if found else None

    def _all(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._db.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise _unavailable() from error

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        """One transaction: all of it is on disk afterwards, or nothing."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise _unavailable() from error


def _watch(db: sqlite3.Connection, account: str, order_id: str, client_id: str) -> None:
    db.execute(
        "INSERT OR IGNORE INTO orders (client_id, order_id, account) VALUES (?, ?, ?)",
        (client_id, order_id, account),
    )


def _add(
    db: sqlite3.Connection, client_id: str, name: str, qty: int, event: Execution | StatusChange
) -> None:
    """Number an event, unless it was numbered before."""
    db.execute(
        "INSERT OR IGNORE INTO updates (client_id, name, qty, event) VALUES (?, ?, ?, ?)",
        (client_id, name, qty, json.dumps(asdict(event), sort_keys=True)),
    )


def _event(stored: str) -> Execution | StatusChange:
    fields = json.loads(stored)
    if "execution_id" in fields:
        return Execution(**(fields | {"side": Side(fields["side"])}))
    return StatusChange(**fields)


def _unavailable() -> UnavailableError:
    return UnavailableError(
        "alpaca-file-unavailable",
        "the file with the updates from Alpaca cannot be read or written",
        "look at the disk that holds the data folder",
    )
