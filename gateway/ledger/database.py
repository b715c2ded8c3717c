"""The database file: one process, one writing connection, every commit on the disk.

Connections are opened here and nowhere else, so that no setting can be forgotten.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

import apsw

from gateway.ledger.faults import cannot_open

DATABASE: Final = "writ.db"
LOCK: Final = "writ.lock"
BUSY_TIMEOUT_MS: Final = 5_000

# Below 3.51.3 a reset of the write-ahead log can corrupt a database that two connections use.
SQLITE_OLDEST: Final = (3, 51, 3)


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


def open_writer(path: Path, vfs: str | None) -> apsw.Connection:
    """Open the one connection that writes, creating the file if there is none.

    Raises:
        RefusedError: `ledger-sqlite-old`.
        apsw.Error: the file cannot be opened or is no database.
    """
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < SQLITE_OLDEST:
        raise cannot_open(
            "ledger-sqlite-old",
            f"SQLite {apsw.sqlite_lib_version()} has a known fault in its write-ahead log",
            "install the locked version of apsw, which brings its own SQLite",
        )
    connection = apsw.Connection(
        str(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, vfs=vfs
    )
    try:
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        if connection.pragma("journal_mode", "wal") != "wal":
            raise cannot_open(
                "ledger-no-wal",
                f"{path} cannot be used with a write-ahead log",
                "put the data directory on a local file system",
            )
        connection.pragma("synchronous", "FULL")
        connection.pragma("foreign_keys", 1)
        connection.pragma("trusted_schema", 0)
        # SQLite's own checkpoint after a commit drops its errors, that of fsync included; the
        # next one would then succeed and discard the log of writes that never reached the disk.
        # The writer copies the log itself and latches on the first error.
        connection.wal_autocheckpoint(0)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path, vfs: str | None) -> apsw.Connection:
    """Open a connection that can only read."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.pragma("query_only", 1)
    return connection


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
