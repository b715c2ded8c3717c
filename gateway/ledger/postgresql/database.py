"""The writing connection to PostgreSQL: implements `gateway.ledger.store.Store`.

Each transaction first changes the one row of `writer`, from (epoch, number) to (epoch, number + 1).
That row says three things:

- Whoever took the database over has counted the epoch up: a writer that slept through it, or whose
  lock died unseen, changes no row and is fenced.
- While a transaction is open its row is locked, so a successor waits for its end.
- When the answer to COMMIT is lost, the row tells on a new connection, once it can be locked,
  whether the transaction is there. Nothing is ever sent a second time in doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Never

from gateway.ledger.faults import Nature, StoreError
from gateway.ledger.postgresql.lock import WriterLock, check_server, end_backend
from gateway.ledger.postgresql.session import Address, Session
from gateway.ledger.store import Bindings, Row

COMMIT_TIMEOUT_MS: Final = 10_000

RESOLVE_MS: Final = 10_000
"""How long the outcome of a commit is asked for before it counts as not known."""

RESOLVE_TRIES: Final = 3
"""How many connections may break while it is asked."""

_TABLES: Final = (
    "SELECT table_name::text FROM information_schema.tables "
    "WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
)
_FIRST: Final = "INSERT INTO writer (one, epoch, number) VALUES (1, 1, 0)"
_TAKE_OVER: Final = "UPDATE writer SET epoch = epoch + 1, number = 0 RETURNING epoch"
_WHERE: Final = "SELECT epoch, number FROM writer FOR UPDATE"


class PostgresDatabase:
    """One thread at a time. A connection that broke is replaced where nothing is in doubt."""

    def __init__(self, address: Address, lock: WriterLock) -> None:
        """Connect, under a lock that is held."""
        self._address = address
        self._lock = lock
        self._session: Session | None = Session(address)
        self._epoch: int | None = None
        self._number = 0
        self._put_off: dict[str, list[Bindings]] = {}
        self._open = False

    # ---- whose it is

    def tables(self) -> frozenset[str]:
        """The names of the tables that are there."""
        return frozenset(name for (name,) in self.rows(_TABLES))

    def take_over(self) -> None:
        """Count the epoch up: from here on an earlier writer can commit nothing."""
        rows = self._connected().fetch(_TAKE_OVER)
        if len(rows) != 1:
            raise StoreError(Nature.LATCH, f"the table writer has {len(rows)} rows")
        self._epoch, self._number = rows[0][0], 0

    def check(self) -> None:
        """Look at the lock, and take it again if its session has died.

        Raises:
            StoreError: `ledger-unreachable`, `ledger-fenced`.
        """
        if self._session is None:
            self._reconnect()
        elif not self._lock.renew():
            self._refuse(self._session)

    # ---- one transaction

    def begin(self) -> None:
        """Begin, as the writer of this epoch; a connection found broken is replaced once.

        Raises:
            StoreError: `ledger-fenced`; `ledger-unreachable`, nothing was begun.
        """
        fresh = self._session is None
        try:
            self._enter()
        except StoreError as error:
            self._drop()
            if fresh or error.nature is not Nature.AWAY:
                raise
            self._enter()

    def run(self, statement: str, bindings: Bindings | None = None) -> None:
        """Execute, or put off what has bindings until `flush`: one trip for many rows."""
        if bindings is not None:
            self._put_off.setdefault(statement, []).append(bindings)
        else:
            self.flush()
            self._connected().execute(statement)

    def flush(self) -> None:
        """Execute what was put off."""
        while self._put_off:
            statement = next(iter(self._put_off))
            self._connected().execute_many(statement, self._put_off.pop(statement))

    def commit(self) -> None:
        """Make the transaction durable, or find out what became of it.

        Raises:
            StoreError: `ledger-unreachable`, it is known not to be there; `ledger-latched`, it
                is not known; `ledger-fenced`.
        """
        first = self._epoch is None
        if first:
            self.run(_FIRST)
        self.flush()
        session = self._connected()
        try:
            said = session.execute("COMMIT", COMMIT_TIMEOUT_MS)
        except StoreError as error:
            if error.nature is Nature.LATCH:  # the server is unwell, and said so
                raise
            self._drop()
            if first:
                raise StoreError(Nature.LATCH, f"beginning a log: {error.detail}") from error
            self._find_out(session, error)
        else:
            if said != "COMMIT":
                # PostgreSQL answers a COMMIT of what it has given up with ROLLBACK, and no error.
                raise StoreError(Nature.LATCH, f"the server answered COMMIT with {said}")
        self._open = False
        self._epoch, self._number = (1, 0) if first else (self._epoch, self._number + 1)

    def rollback(self) -> None:
        """Undo; where that cannot be said to the server, by ending its session."""
        self._put_off.clear()
        if self._open:
            try:
                self._connected().execute("ROLLBACK")
            except StoreError:
                self._drop()
        self._open = False

    def _enter(self) -> None:
        self._put_off.clear()
        if self._session is None:
            self._reconnect()
        session = self._connected()
        if self._epoch is None:
            session.execute("BEGIN")
            self._open = True
            return
        mine = f"epoch = {self._epoch} AND number = {self._number}"
        self._open = True
        step = f"UPDATE writer SET number = number + 1 WHERE {mine}"  # noqa: S608  two integers of ours
        said = session.execute(f"BEGIN; {step}")
        if said != "UPDATE 1":
            epoch, number = _standing(session)
            self.rollback()
            raise self._superseded(epoch, number)

    # ---- connections

    def _connected(self) -> Session:
        if self._session is None:
            raise StoreError(Nature.AWAY, "the connection to the server broke")
        return self._session

    def _reconnect(self) -> None:
        """A new connection, to a server that is as ours was, under the lock."""
        session = Session(self._address)
        try:
            check_server(session)
            if not self._lock.renew():
                self._refuse(session)
        except BaseException:
            session.abandon()
            raise
        self._session = session

    def _refuse(self, session: Session) -> Never:
        """Somebody has the lock: a successor, or a session of ours that the server still sees."""
        epoch, number = _standing(session)
        if (epoch, number) != (self._epoch, self._number):
            raise self._superseded(epoch, number)
        raise StoreError(Nature.AWAY, "another session holds the writer's lock")

    def _drop(self) -> None:
        self._open = False
        if self._session is not None:
            self._session.abandon()
            self._session = None

    def _find_out(self, broken: Session, why: StoreError) -> None:
        """Return if the transaction whose COMMIT had no answer is there; raise if not.

        The row is locked first: as long as the broken session lives it holds that lock, so what
        is read is what the transaction came to.
        """
        epoch, number = self._standing_after(broken, why, RESOLVE_TRIES)
        if (epoch, number) == (self._epoch, self._number + 1):
            return
        if (epoch, number) == (self._epoch, self._number):
            raise StoreError(Nature.AWAY, f"nothing was committed ({why.detail})") from why
        raise self._superseded(epoch, number)

    def _standing_after(self, broken: Session, why: StoreError, tries: int) -> tuple[int, int]:
        """What the writer's row says once the broken session has ended."""
        unknown = f"the outcome of a commit is not known ({why.detail}; then "
        try:
            session = Session(self._address, patience_ms=RESOLVE_MS)
        except StoreError as error:
            raise StoreError(Nature.LATCH, f"{unknown}{error.detail})") from error
        try:
            end_backend(session, broken.backend)
            session.execute("BEGIN")
            found = _standing(session)
            session.execute("COMMIT")
        except StoreError as error:
            # A server that is going down may have taken the connection still.
            if tries > 1 and error.nature is Nature.AWAY:
                return self._standing_after(broken, why, tries - 1)
            raise StoreError(Nature.LATCH, f"{unknown}{error.detail})") from error
        finally:
            session.close()
        return found

    def _superseded(self, epoch: int, number: int) -> StoreError:
        """Why what the row says is not what this process left there."""
        ours = f"epoch {self._epoch}, transaction {self._number}"
        detail = f"the database is at epoch {epoch}, transaction {number}, this gateway at {ours}"
        if epoch == self._epoch:  # put back from a copy, or a standby that was behind
            return StoreError(Nature.LATCH, detail)
        return StoreError(Nature.FENCED, f"another gateway has taken over: {detail}")

    # ---- questions

    def rows(self, statement: str, bindings: Bindings | None = None) -> list[Row]:
        """The rows of a query; outside a transaction over a new connection if need be."""
        self.flush()
        if self._session is None and not self._open:
            self._reconnect()
        return self._connected().fetch(statement, bindings)

    def scan(self, statement: str, bindings: Bindings | None = None) -> Iterator[Row]:
        """The rows of a query without bindings, some at a time; outside a transaction."""
        assert not bindings, "a scan reads everything"
        return self._connected().scan(statement)

    def value(self, statement: str, bindings: Bindings | None = None) -> Any:  # noqa: ANN401  a column of any type
        """The first column of the first row, or None."""
        rows = self.rows(statement, bindings)
        return rows[0][0] if rows else None

    # ---- the server looks after its own log

    def on_commit(self, told: Callable[[int], None]) -> None:
        """Nothing to tell."""

    def copy_wal(self) -> bool:
        """Nothing to copy."""
        return True

    def close(self, *, untouched: bool = False) -> None:
        """Close the connection; what is open in it is undone."""
        del untouched
        if self._session is not None:
            self._session.close()
            self._session = None


def _standing(session: Session) -> tuple[int, int]:
    """What the writer's row says; it stays so until the session's transaction ends."""
    rows = session.fetch(_WHERE)
    if len(rows) != 1:
        raise StoreError(Nature.LATCH, f"the table writer has {len(rows)} rows")
    return rows[0][0], rows[0][1]
