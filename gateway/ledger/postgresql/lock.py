"""Who may write: the advisory lock, held by a session of its own, and what the server must be.

The lock keeps a second gateway from starting. It is not what keeps two from writing: a process can
lose its session and not know, so every transaction also proves its epoch (`database.py`).
"""

from __future__ import annotations

from typing import Final

from gateway.domain.errors import RefusedError
from gateway.ledger.faults import Nature, StoreError, cannot_open
from gateway.ledger.postgresql.session import Address, Backend, Session

LOCK: Final = 0x57524954
"""Of the database's advisory locks, ours: the letters of Writ."""

OPEN_PATIENCE_MS: Final = 5_000
"""How long a starting gateway waits for a server that is starting too."""

_OLDEST: Final = 140_000
_TRY: Final = f"SELECT pg_try_advisory_lock({LOCK})"
_WAIT: Final = f"SET lock_timeout = 2000; SELECT pg_advisory_lock({LOCK})"
"""A process that was killed a moment ago may still have its session."""
_HOLDER: Final = (
    "SELECT l.pid, coalesce(host(a.client_addr), 'a local socket'), a.backend_start::text "
    "FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
    "WHERE l.locktype = 'advisory' AND l.granted "
    "AND l.classid = 0 AND l.objid = :lock AND l.database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)
_HELD: Final = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted "
    "AND pid = pg_backend_pid() AND classid = 0 AND objid = :lock"
)
_END: Final = (
    "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity "
    "WHERE pid = :pid AND backend_start = :started AND usename = current_user"
)
_REQUIRED: Final = (
    ("fsync", ("on",)),
    ("full_page_writes", ("on",)),
    ("synchronous_commit", ("on", "remote_apply")),
)


class WriterLock:
    """The right to write to a database, while its session lives."""

    def __init__(self, address: Address) -> None:
        """Connect, look at the server and take the lock.

        Raises:
            RefusedError: `ledger-locked`; `ledger-no-sync`, `ledger-unusable`: the server does
                not promise what a ledger needs.
            StoreError: `ledger-unreachable`.
        """
        self._address = address
        self._session = Session(address, patience_ms=OPEN_PATIENCE_MS)
        try:
            check_server(self._session)
            self._take()
        except BaseException:
            self._session.close()
            raise

    def renew(self) -> bool:
        """Take the lock again if its session ended; False when somebody else has it.

        Raises:
            StoreError: the server cannot be reached.
        """
        try:
            held = bool(self._session.fetch(_HELD, {"lock": LOCK})[0][0])
        except StoreError:
            before, self._session = self._session, Session(self._address)
            before.abandon()
            # The server may not have noticed yet that the session is gone.
            end_backend(self._session, before.backend)
            held = False
        return held or bool(self._session.fetch(_TRY)[0][0])

    def release(self) -> None:
        """Give the lock back."""
        self._session.close()

    def _take(self) -> None:
        try:
            self._session.execute(_WAIT)
        except StoreError as error:
            if error.nature is not Nature.BUSY:
                raise
            raise self._held() from error

    def _held(self) -> RefusedError:
        rows = self._session.fetch(_HOLDER, {"lock": LOCK})
        where = f"session {rows[0][0]} from {rows[0][1]} since {rows[0][2]}" if rows else "gone now"
        return cannot_open(
            "ledger-locked",
            f"the database is in use by another gateway ({where})",
            "stop that gateway, or give this one a database of its own",
        )


def end_backend(session: Session, backend: Backend) -> None:
    """Tell the server to end another session of ours, undoing what it has not committed."""
    session.fetch(_END, {"pid": backend.pid, "started": backend.started})


def check_server(session: Session) -> None:
    """Refuse a server whose COMMIT would not mean that a row is on the disk.

    Raises:
        RefusedError: `ledger-no-sync`, `ledger-unusable`.
        StoreError: it takes no writes at the moment.
    """
    for name, accepted in _REQUIRED:
        found = session.fetch(f"SELECT current_setting('{name}')")[0][0]
        if found not in accepted:
            raise cannot_open(
                "ledger-no-sync",
                f"the server's {name} is {found}: what it commits may be lost",
                f"set {name} to {accepted[0]} for this server, database and user",
            )
    version, encoding, standby = session.fetch(
        "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), "
        "pg_is_in_recovery()"
    )[0]
    if version < _OLDEST or encoding != "UTF8":
        raise cannot_open(
            "ledger-unusable",
            f"the server is of version {version}, its database encoded in {encoding}",
            "use PostgreSQL 14 or newer and a database with ENCODING 'UTF8'",
        )
    if standby:
        raise StoreError(Nature.AWAY, "the server is a standby, which takes no writes")
