"""PostgreSQL's errors, sorted into the ledger's own by what is known after them.

Sorted for the time before COMMIT was sent: until then a broken connection means that the server
has undone everything. What follows a COMMIT without an answer is `gateway.ledger.postgresql
.database`'s to find out.
"""

from __future__ import annotations

from typing import Final

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  it has none

from gateway.domain.errors import WritError
from gateway.ledger.faults import DuplicateError, Nature, StoreError

_BY_STATE: Final = {
    "25006": Nature.AWAY,  # the server is a standby now
    "25P03": Nature.AWAY,  # the transaction was idle for too long, and was undone
    "25P04": Nature.AWAY,  # the transaction took too long, and was undone
    "53100": Nature.FULL,
    "55P03": Nature.BUSY,  # a lock was waited for too long
    "57014": Nature.BUSY,  # the statement took too long
}
_BY_CLASS: Final = {
    "08": Nature.AWAY,  # the connection
    "28": Nature.AWAY,  # who may connect
    "3D": Nature.AWAY,  # there is no such database
    "40": Nature.BUSY,  # a deadlock, or undone for another transaction's sake
    "53": Nature.AWAY,  # no memory, no connection left
    "57": Nature.AWAY,  # the server shuts down, starts, or was told to end the session
}
_CONSTRAINT: Final = "23"
_OF_THE_VALUE: Final = frozenset({"22", "54"})


def translated(error: Exception) -> Exception:
    """The ledger's own error for what asyncpg raised; whatever is not known latches."""
    if isinstance(error, (WritError, DuplicateError)):
        return error
    if isinstance(error, asyncpg.PostgresError):
        return _of_the_server(error)
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, asyncpg.DataError):  # found by the client, before anything was sent
        return ValueError(text)
    # TimeoutError is an OSError; a closed connection is an InterfaceError, and one that is cut
    # between two messages of the protocol can be an InternalClientError.
    if isinstance(error, (OSError, EOFError, asyncpg.InterfaceError, asyncpg.InternalClientError)):
        return StoreError(Nature.AWAY, text)
    return StoreError(Nature.LATCH, text)


def _of_the_server(error: asyncpg.PostgresError) -> Exception:
    state = str(getattr(error, "sqlstate", None) or "XX000")
    text = f"{type(error).__name__} ({state}): {error}"
    if state[:2] == _CONSTRAINT:
        return DuplicateError(text)
    if state[:2] in _OF_THE_VALUE:
        return ValueError(text)
    return StoreError(_BY_STATE.get(state) or _BY_CLASS.get(state[:2], Nature.LATCH), text)
