"""What the writer and the readers ask of a database, whichever it is.

A store raises its own library's errors or `gateway.ledger.faults.StoreError`; `faults` sorts both
by what is known afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias

from gateway.ledger.rows import Column

Bindings: TypeAlias = Mapping[str, Column]
Row: TypeAlias = tuple[Any, ...]


class Readable(Protocol):
    """A database to ask."""

    def rows(self, statement: str, bindings: Bindings | None = None) -> list[Row]:
        """The rows of a query."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class Store(Protocol):
    """The one writing connection. One thread at a time; everything blocks."""

    def tables(self) -> frozenset[str]:
        """The names of the tables that are there."""
        ...

    def take_over(self) -> None:
        """Keep every other writer out from now on; the tables exist."""
        ...

    def check(self) -> None:
        """Look whether this is still the one writer, of a server that answers; mend the lock."""
        ...

    def begin(self) -> None:
        """Begin a transaction that may write; an error means that nothing was begun."""
        ...

    def run(self, statement: str, bindings: Bindings | None = None) -> None:
        """Execute a statement that answers nothing, at the latest with `flush`.

        Statements with bindings may be executed in groups of the same text, the groups in the
        order of their first statements.
        """
        ...

    def flush(self) -> None:
        """Execute what was put off; an error of it is raised here."""
        ...

    def commit(self) -> None:
        """Make the transaction durable; returns when it is."""
        ...

    def rollback(self) -> None:
        """Undo the transaction if there is one; an error leaves in doubt what is open."""
        ...

    def rows(self, statement: str, bindings: Bindings | None = None) -> list[Row]:
        """The rows of a query."""
        ...

    def scan(self, statement: str, bindings: Bindings | None = None) -> Iterator[Row]:
        """The rows of a query, without holding all of them at a time."""
        ...

    def value(self, statement: str, bindings: Bindings | None = None) -> Any:  # noqa: ANN401  a column of any type
        """The first column of the first row, or None."""
        ...

    def on_commit(self, told: Callable[[int], None]) -> None:
        """Call `told` with the pages of a log that `copy_wal` would copy, after every commit."""
        ...

    def copy_wal(self) -> bool:
        """Copy such a log into the database; False when somebody else does."""
        ...

    def close(self, *, untouched: bool = False) -> None:
        """Close; `untouched` writes nothing more."""
        ...
