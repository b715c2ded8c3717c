"""What can go wrong with the store, sorted by what is known afterwards.

Three questions decide: is it known that nothing was written, can it pass, and is it the fault of
one batch. Whatever is not clearly harmless latches: the process records nothing more, because
after an error of fsync or COMMIT nobody knows what the disk holds until it is read anew.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

import apsw

from gateway.domain.errors import ConflictError, RefusedError, UnavailableError, WritError


class Nature(Enum):
    """How an error of the store is met."""

    BATCH = auto()
    """One batch broke a rule: rolled back, the others of its group are tried again."""
    BUSY = auto()
    """Another program holds the database; nothing was written, the next attempt may succeed."""
    FULL = auto()
    """No room: nothing was written; refused until a probe commit succeeds."""
    AWAY = auto()
    """The database's server cannot be reached and nothing is in doubt: until it can."""
    FENCED = auto()
    """Another gateway has taken the database over: for good."""
    LATCH = auto()
    """An input/output error, or anything that leaves in doubt what was written: for good."""


LASTING: Final = frozenset({Nature.FENCED, Nature.LATCH})
"""What only a new start can end."""

PROBED: Final = frozenset({Nature.FULL, Nature.AWAY})
"""What ends by itself, once a probe has committed."""


class DuplicateError(Exception):
    """A batch broke a rule of the schema; of stores whose own errors have no such class."""


class StoreError(UnavailableError):
    """The store takes nothing now: `ledger-busy`, -full, -unreachable, -fenced or -latched."""

    def __init__(self, nature: Nature, detail: str) -> None:
        """Give each nature its code and remedy; `detail` says what happened."""
        code, remedy = _CODES[nature]
        super().__init__(code, detail, remedy)
        self.nature = nature

    def fresh(self) -> StoreError:
        """Another one like it: an exception raised again and again would keep every traceback."""
        return StoreError(self.nature, self.detail)


_CODES: Final = {
    Nature.BUSY: ("ledger-busy", "try again in a moment"),
    Nature.FULL: ("ledger-full", "free disk space; recording resumes by itself within seconds"),
    Nature.AWAY: (
        "ledger-unreachable",
        "start the database's server, or the way to it; recording resumes by itself within seconds",
    ),
    Nature.FENCED: (
        "ledger-fenced",
        "stop this gateway, or the other one; each needs a database of its own",
    ),
    Nature.LATCH: (
        "ledger-latched",
        "check the disk and restart: what is durable is read back, what is in doubt settled",
    ),
}

# Refused by a rule of the schema or for the value's own shape: the database is as it was.
_OF_THE_BATCH: Final = (
    apsw.ConstraintError,
    apsw.MismatchError,
    apsw.RangeError,
    apsw.TooBigError,
)


def nature_of(error: Exception) -> Nature:
    """Sort an error that came before COMMIT was asked for.

    An error that is not SQLite's (a record that does not check, a key that does not sign) is the
    batch's own.
    """
    if isinstance(error, StoreError):
        return error.nature
    if isinstance(error, apsw.FullError):
        return Nature.FULL
    if not isinstance(error, apsw.Error) or isinstance(error, _OF_THE_BATCH):
        return Nature.BATCH
    return Nature.LATCH


def nature_of_begin(error: Exception) -> Nature:
    """Sort an error of BEGIN, when not a byte has been written."""
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return Nature.BUSY
    return nature_of(error)


def nature_of_commit(error: Exception) -> Nature:
    """Sort an error of COMMIT, or of copying the write-ahead log into the database.

    SQLITE_FULL comes from a write that was refused, before anything was synchronised: the commit
    frame is not whole, so the transaction is not there. Every other error latches, fsync's above
    all: the rows may well be there after a restart.
    """
    if isinstance(error, StoreError):
        return error.nature
    return Nature.FULL if isinstance(error, apsw.FullError) else Nature.LATCH


def caller_error(error: Exception) -> Exception:
    """What the committer of a faulty batch is told."""
    if isinstance(error, WritError):
        return error
    if isinstance(error, (apsw.ConstraintError, DuplicateError)):
        return ConflictError(
            "ledger-duplicate",
            f"something like it is recorded already ({error})",
            "read what is recorded before trying again",
        )
    return error


def queue_full(limit: int) -> UnavailableError:
    """The writer has more waiting than it accepts."""
    return UnavailableError(
        "ledger-busy", f"{limit} batches are waiting for the disk", "try again in a moment"
    )


def closed() -> UnavailableError:
    """The ledger is closing or closed."""
    return UnavailableError(
        "ledger-closed", "the ledger is closing", "wait for the gateway to restart"
    )


def cannot_open(code: str, detail: str, remedy: str) -> RefusedError:
    """A data directory that this gateway must not write to."""
    return RefusedError(code, detail, remedy)
