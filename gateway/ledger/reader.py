"""Questions to the durable log and its tables; every answer is as of some commit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Any, Final

from gateway.domain.book import Book, BookError, OrderState
from gateway.domain.projection import apply
from gateway.ledger import statements as sql
from gateway.ledger.rows import Column, order_state
from gateway.ledger.store import Bindings, Readable, Row
from gateway.ports import Fill, KeyClaim
from signing.envelope import Envelope, open_envelope

PAGE_MAX: Final = 1_000
"""The most rows that one question is answered with."""

_CHUNK_ENTRIES: Final = 256
_NUMBER_MAX: Final = 2**63 - 1
_ORDERS: Final = {
    (False, False): sql.ORDERS,
    (True, False): sql.ORDERS_OF_ACCOUNT,
    (False, True): sql.ORDERS_IN_STATUS,
    (True, True): sql.ORDERS_OF_ACCOUNT_IN_STATUS,
}
"""By whether an account and a status are asked for."""


class Reader:
    """Asks a database that it can only read; its methods block."""

    def __init__(self, database: Readable, *, shared: bool = False) -> None:
        """Take over `database`; `shared` says that several threads may ask it at a time."""
        self._database = database
        self._lock: AbstractContextManager[object] = nullcontext() if shared else Lock()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._database.close()

    def _rows(self, statement: str, bindings: Bindings) -> list[Row]:
        with self._lock:
            return self._database.rows(statement, bindings)

    def envelope(self, index: int) -> bytes | None:
        """An entry's bytes."""
        rows = self._rows(sql.ENVELOPE, {"index": index})
        return rows[0][0] if rows else None

    def envelopes(self, start: int, end: int) -> list[bytes]:
        """The bytes of entries `start` to `end`, exclusive.

        Raises:
            LookupError: one of them is missing.
        """
        rows = self._rows(sql.ENVELOPES, {"start": start, "end": end})
        if [index for index, _ in rows] != list(range(start, end)):
            raise LookupError(f"the database lacks entries between {start} and {end}")
        return [envelope for _, envelope in rows]

    def entry(self, decision_id: str) -> tuple[int, Mapping[str, Any]] | None:
        """Index and payload of a decision."""
        rows = self._rows(sql.DECISION, {"id": decision_id})
        return (rows[0][0], open_envelope(rows[0][1]).payload) if rows else None

    def blob(self, digest: str) -> bytes | None:
        """A document by its SHA-256."""
        rows = self._rows(sql.BLOB, {"digest": digest})
        return rows[0][0] if rows else None

    def blobs(self, start: int, end: int) -> list[tuple[str, bytes]]:
        """The documents that entries `start` to `end`, exclusive, were the first to name."""
        rows = self._rows(sql.BLOBS, {"start": start, "end": end})
        return [(digest, content) for digest, content in rows]

    def claim(self, principal: str, kind: str, key: str) -> KeyClaim | None:
        """The claim recorded for a caller's key."""
        rows = self._rows(sql.CLAIM, {"principal": principal, "kind": kind, "key": key})
        return KeyClaim(*rows[0]) if rows else None

    def order(self, order_id: str) -> OrderState | None:
        """An order's newest row."""
        rows = self._rows(sql.ORDER, {"order_id": order_id})
        return order_state(rows[0]) if rows else None

    def order_of(self, broker_client_id: str) -> OrderState | None:
        """The newest row of the order that a broker knows by this id."""
        rows = self._rows(sql.ORDER_OF, {"broker_client_id": broker_client_id})
        return order_state(rows[0]) if rows else None

    def orders(
        self, account: str | None, status: str | None, before: int | None, limit: int
    ) -> list[tuple[int, OrderState]]:
        """Rows and their numbers, newest first, below number `before`; at most PAGE_MAX."""
        statement = _ORDERS[account is not None, status is not None]
        bindings: dict[str, Column] = {
            "before": _NUMBER_MAX if before is None else before,
            "limit": _bounded(limit),
        }
        if account is not None:
            bindings["account"] = account
        if status is not None:
            bindings["status"] = status
        return [(row[0], order_state(row[1:])) for row in self._rows(statement, bindings)]

    def executions(self, account: str | None, after: int, limit: int) -> list[Fill]:
        """Executions above entry `after`, oldest first; at most PAGE_MAX."""
        bindings: dict[str, Column] = {"after": after, "limit": _bounded(limit)}
        statement = sql.EXECUTIONS
        if account is not None:
            statement, bindings["account"] = sql.EXECUTIONS_OF_ACCOUNT, account
        return [_fill(row) for row in self._rows(statement, bindings)]

    def trade(self, broker_client_id: str, execution_id: str) -> Fill | None:
        """The entry of one execution, or of one correction of a trade."""
        bindings = {"broker_client_id": broker_client_id, "execution_id": execution_id}
        return next(map(_fill, self._rows(sql.TRADE, bindings)), None)

    def trades(self, broker_client_id: str) -> list[Fill]:
        """Every execution of an order and every correction of one, oldest first."""
        bindings = {"broker_client_id": broker_client_id}
        return [_fill(row) for row in self._rows(sql.TRADES, bindings)]

    def cursor(self, name: str) -> int:
        """A named reader's position; 0 at first."""
        rows = self._rows(sql.CURSOR, {"name": name})
        return rows[0][0] if rows else 0

    def replay(self, size: int) -> Book:
        """Build the book from the first `size` entries and the documents of their decisions.

        Raises:
            BookError: an entry contradicts those before it, or a document is missing.
        """
        book = Book()
        for entry in self._opened(size):
            apply(book, entry.kind, entry.payload, self._document(entry))
        return book

    def _opened(self, size: int) -> Iterator[Envelope]:
        for start in range(0, size, _CHUNK_ENTRIES):
            end = min(size, start + _CHUNK_ENTRIES)
            yield from map(open_envelope, self.envelopes(start, end))

    def _document(self, entry: Envelope) -> Mapping[str, Any] | None:
        if entry.kind != "decision":
            return None
        content = self.blob(entry.payload["input_digest"])
        if content is None:
            raise BookError(f"the input document of {entry.payload['decision_id']} is missing")
        # Its digest is in the signed entry, so its bytes are those that were checked then.
        return json.loads(content)


def _fill(row: Row) -> Fill:
    index, envelope = row
    return Fill(index, open_envelope(envelope).payload)


def _bounded(limit: int) -> int:
    return max(0, min(limit, PAGE_MAX))
