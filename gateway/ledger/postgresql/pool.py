"""The connections that read: a few, used by as many worker threads, replaced when they break."""

from __future__ import annotations

from queue import Empty, LifoQueue
from typing import Final

from gateway.ledger.faults import Nature, StoreError
from gateway.ledger.postgresql.session import Address, Session
from gateway.ledger.store import Bindings, Row

WAIT_MS: Final = 5_000
"""How long a question waits for a connection that is free."""


class ReadPool:
    """Implements `gateway.ledger.store.Readable` for several threads at a time."""

    def __init__(self, address: Address, size: int) -> None:
        """Connect once now; the others when they are needed."""
        self._address = address
        self._size = size
        self._free: LifoQueue[Session | None] = LifoQueue(size)
        for _ in range(size - 1):
            self._free.put(None)
        self._free.put(Session(address, read_only=True))

    def rows(self, statement: str, bindings: Bindings | None = None) -> list[Row]:
        """The rows of a query; asked again over a new connection when the first has broken.

        Raises:
            StoreError: `ledger-unreachable`, `ledger-busy`.
        """
        try:
            session = self._free.get(timeout=WAIT_MS / 1_000)
        except Empty:
            raise StoreError(Nature.BUSY, "every connection that reads is in use") from None
        try:
            if session is not None:
                try:
                    return session.fetch(statement, bindings)
                except StoreError as error:
                    session.abandon()
                    session = None
                    if error.nature is not Nature.AWAY:
                        raise
            session = Session(self._address, read_only=True)
            return session.fetch(statement, bindings)
        finally:
            self._free.put(session)

    def close(self) -> None:
        """Close every connection, waiting for those in use."""
        for _ in range(self._size):
            try:
                session = self._free.get(timeout=WAIT_MS / 1_000)
            except Empty:
                return  # a question that never ended keeps its own
            if session is not None:
                session.close()
