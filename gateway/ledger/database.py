"""The database file: one process, one writing connection, every commit on the disk.

Connections are opened here and nowhere else, so that no setting can be forgotten.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol, cast

import apsw

from gateway.ledger import statements as sql
from gateway.ledger.faults import cannot_open
from gateway.ledger.many_rows import grouped
from gateway.ledger.rows import Column
from gateway.ledger.store import Bindings, Row

DATABASE: Final = "writ.db"
LOCK: Final = "writ.lock"
BUSY_TIMEOUT_MS: Final = 5_000
SYNCHRONOUS_FULL: Final = 2

# Below 3.51.3 a reset of the write-ahead log can corrupt a database that two connections use.
SQLITE_OLDEST: Final = (3, 51, 3)


class _Execute(Protocol):
    def __call__(
        self, statement: str, bindings: Bindings | tuple[Column, ...] | None
    ) -> Iterable[Row]: ...


class DirectoryLock:
    """The right to write to a data directory: held by one process at a time.

    The kernel releases it when the process ends, however it ends, so there is no stale lock.
    """

    def __init__(self, directory: Path) -> None:
        """Take the lock.

        Raises:
            RefusedError: `ledger-locked`, another process has it.
        """
        self._descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # flock rather than POSIX record locks: it also refuses a second opening by this
            # process, and closing another descriptor of the file does not release it.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise cannot_open(
                "ledger-locked",
                f"{directory} is in use by another gateway (process {holder})",
                "stop that gateway, or give this one a data directory of its own",
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back; twice is as good as once."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Database:
    """Implements `gateway.ledger.store.Store` over a connection; one thread at a time."""

    def __init__(self, path: Path, flags: int, vfs: str | None) -> None:
        """Connect; use `open_writer` and `open_reader`."""
        self._connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
        self._connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        # apsw's own annotations name a type of Python 3.12: they are given anew here, once.
        self._execute: _Execute = cast("Any", self._connection).execute
        self._put_off: dict[str, list[Bindings]] = {}

    def tables(self) -> frozenset[str]:
        """The names of the tables that are there."""
        return frozenset(name for (name,) in self.scan(sql.SQLITE_TABLES))

    def take_over(self) -> None:
        """Nothing: the lock on the directory keeps everybody else away."""

    def check(self) -> None:
        """Nothing: a file does not go away by itself."""

    def begin(self) -> None:
        """Begin a transaction that may write."""
        self._put_off.clear()
        self.run(sql.BEGIN)

    def flush(self) -> None:
        """Execute what was put off, many rows at a time."""
        while self._put_off:
            statement = next(iter(self._put_off))
            for text, bindings in grouped(statement, self._put_off.pop(statement)):
                self._execute(text, bindings)

    def commit(self) -> None:
        """Make the transaction durable."""
        self.run(sql.COMMIT)

    def rollback(self) -> None:
        """Undo the transaction, unless SQLite has done so by itself."""
        self._put_off.clear()
        if self.in_transaction:
            self.run(sql.ROLLBACK)

    def run(self, statement: str, bindings: Bindings | None = None) -> None:
        """Execute, or put off what has bindings until `flush`."""
        if bindings is not None and self.in_transaction:
            self._put_off.setdefault(statement, []).append(bindings)
        else:
            self.flush()
            self._execute(statement, bindings)

    def scan(self, statement: str, bindings: Bindings | None = None) -> Iterator[Row]:
        """The rows of a query, one by one."""
        return iter(self._execute(statement, bindings))

    def rows(self, statement: str, bindings: Bindings | None = None) -> list[Row]:
        """The rows of a query."""
        return list(self._execute(statement, bindings))

    def value(self, statement: str, bindings: Bindings | None = None) -> Any:  # noqa: ANN401  a column of any type
        """The first column of the first row, or None."""
        rows = self.rows(statement, bindings)
        return rows[0][0] if rows else None

    @property
    def in_transaction(self) -> bool:
        """Whether BEGIN still waits for its end."""
        return self._connection.in_transaction

    def on_commit(self, told: Callable[[int], None]) -> None:
        """Call `told` with the pages of the write-ahead log after every commit.

        It takes the place of SQLite's own copying of the log after a commit, which drops its
        errors, that of fsync included, and tries again at the next commit. Here the writer copies
        the log itself, and the first error of fsync is the last.
        """

        def hook(_connection: apsw.Connection, _name: str, pages: int) -> int:
            told(pages)
            return apsw.SQLITE_OK

        self._connection.set_wal_hook(hook)

    def copy_wal(self) -> bool:
        """Copy what readers allow of the write-ahead log into the database.

        Returns False when another connection is copying: there is nothing left to do.
        """
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            return False
        return True

    def close(self, *, untouched: bool = False) -> None:
        """Close; `untouched` leaves the write-ahead log as it is."""
        if untouched:
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._connection.close()


def open_writer(path: Path, vfs: str | None) -> Database:
    """Open the one connection that writes, creating the file if there is none.

    Raises:
        RefusedError: `ledger-sqlite-old`, `ledger-no-wal`.
        apsw.Error: the file cannot be opened or is no database.
    """
    _check_version()
    database = Database(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, vfs)
    try:
        _configure(database, path)
    except BaseException:
        database.close()
        raise
    return database


def open_reader(path: Path, vfs: str | None) -> Database:
    """Open a connection that can only read."""
    database = Database(path, apsw.SQLITE_OPEN_READONLY, vfs)
    database.run("PRAGMA query_only = 1")
    return database


def _check_version() -> None:
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < SQLITE_OLDEST:
        raise cannot_open(
            "ledger-sqlite-old",
            f"SQLite {apsw.sqlite_lib_version()} has a known fault in its write-ahead log",
            "install the locked version of apsw, which brings its own SQLite",
        )


def _configure(database: Database, path: Path) -> None:
    if database.value("PRAGMA journal_mode = WAL") != "wal":
        raise cannot_open(
            "ledger-no-wal",
            f"{path} cannot be used with a write-ahead log",
            "put the data directory on a local file system",
        )
    for setting in ("synchronous = FULL", "foreign_keys = 1", "trusted_schema = 0"):
        database.run(f"PRAGMA {setting}")
    if database.value("PRAGMA synchronous") != SYNCHRONOUS_FULL:
        raise cannot_open("ledger-no-sync", "SQLite would not wait for the disk", "report this")
