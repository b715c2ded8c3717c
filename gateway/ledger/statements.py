"""Every SQL statement that both stores understand; columns as the tables' description has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.ledger.rows import CLAIM_COLUMNS, ORDER_COLUMNS
from gateway.ledger.tables import LedgerTable


def _fill(template: str, columns: Iterable[str]) -> str:
    """Put names for {columns}, :names for {values} and assignments for {changes}.

    The names are this package's own constants; nothing that anybody sent comes here.
    """
    names = list(columns)
    return (
        template.replace("{columns}", ", ".join(names))
        .replace("{values}", ", ".join(f":{name}" for name in names))
        .replace("{changes}", ", ".join(f"{name} = excluded.{name}" for name in names))
    )


def _insert(table: str) -> str:
    """An INSERT of every column of a table, bound by name."""
    columns = LedgerTable.metadata.tables[table].columns.keys()
    return _fill("INSERT INTO {table} ({columns}) VALUES ({values})", columns).replace(
        "{table}", table
    )


# ---- the writer

BEGIN: Final = "BEGIN IMMEDIATE"
COMMIT: Final = "COMMIT"
ROLLBACK: Final = "ROLLBACK"

INSERT_META: Final = _insert("meta")
INSERT_ENTRY: Final = _insert("entries")
INSERT_BLOB: Final = _insert("blobs") + " ON CONFLICT (sha256) DO NOTHING"
INSERT_CHECKPOINT: Final = _insert("checkpoints")
INSERT_EXECUTION: Final = _insert("executions")
INSERT_CLAIM: Final = _insert("claims")
SET_CURSOR: Final = (
    _insert("cursors") + " ON CONFLICT (name) DO UPDATE SET position = excluded.position"
)

# An order keeps the row number of its first appearance, whatever becomes of it.
PUT_ORDER: Final = _fill(
    "INSERT INTO orders (number, {columns}) "
    "VALUES ((SELECT coalesce(max(number), 0) + 1 FROM orders), {values}) "
    "ON CONFLICT (order_id) DO UPDATE SET {changes}",
    ORDER_COLUMNS,
)

# The probe needs as much room as a busy group, so that a few freed bytes do not count as space.
PROBE: Final = (
    "INSERT INTO meta (name, value) VALUES ('probe', :padding) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
UNPROBE: Final = "DELETE FROM meta WHERE name = 'probe'"

# ---- opening

SQLITE_TABLES: Final = "SELECT name FROM sqlite_schema WHERE type = 'table'"
SET_META: Final = "UPDATE meta SET value = :value WHERE name = :name"
META: Final = "SELECT value FROM meta WHERE name = :name"
ALL_LEAVES: Final = (
    "SELECT entry_index, at_us, envelope, leaf_hash FROM entries ORDER BY entry_index"
)
NEWEST_CHECKPOINT: Final = "SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1"
COUNT_ENTRIES: Final = "SELECT coalesce(max(entry_index), -1) + 1 FROM entries"

# ---- readers

ENVELOPE: Final = "SELECT envelope FROM entries WHERE entry_index = :index"
ENVELOPES: Final = (
    "SELECT entry_index, envelope FROM entries "
    "WHERE entry_index >= :start AND entry_index < :end ORDER BY entry_index"
)
DECISION: Final = (
    "SELECT entry_index, envelope FROM entries WHERE kind = 'decision' AND decision_id = :id"
)
BLOB: Final = "SELECT content FROM blobs WHERE sha256 = :digest"
BLOBS: Final = (
    "SELECT sha256, content FROM blobs "
    "WHERE entry_index >= :start AND entry_index < :end ORDER BY entry_index"
)
CLAIM: Final = _fill(
    "SELECT {columns} FROM claims WHERE principal = :principal AND kind = :kind AND key = :key",
    CLAIM_COLUMNS,
)
ORDER: Final = _fill("SELECT {columns} FROM orders WHERE order_id = :order_id", ORDER_COLUMNS)
ORDER_OF: Final = _fill(
    "SELECT {columns} FROM orders WHERE broker_client_id = :broker_client_id", ORDER_COLUMNS
)


def _orders(filters: str) -> str:
    return _fill(
        "SELECT number, {columns} FROM orders WHERE {filters} number < :before "
        "ORDER BY number DESC LIMIT :limit".replace("{filters}", filters),
        ORDER_COLUMNS,
    )


# One statement for each set of filters: a filter that may be absent would keep the planner from
# the index that serves it.
ORDERS: Final = _orders("")
ORDERS_OF_ACCOUNT: Final = _orders("account = :account AND")
ORDERS_IN_STATUS: Final = _orders("status = :status AND")
ORDERS_OF_ACCOUNT_IN_STATUS: Final = _orders("account = :account AND status = :status AND")

_EXECUTIONS: Final = (
    "SELECT e.entry_index, e.envelope FROM executions x "
    "JOIN entries e ON e.entry_index = x.entry_index AND e.kind = 'execution' "
    "WHERE {filters}x.entry_index > :after ORDER BY x.entry_index LIMIT :limit"
)
EXECUTIONS: Final = _EXECUTIONS.replace("{filters}", "")
EXECUTIONS_OF_ACCOUNT: Final = _EXECUTIONS.replace("{filters}", "x.account = :account AND ")
_TRADES: Final = (
    "SELECT e.entry_index, e.envelope FROM executions x "
    "JOIN entries e ON e.entry_index = x.entry_index "
    "WHERE x.broker_client_id = :broker_client_id"
)
TRADES: Final = _TRADES + " ORDER BY x.entry_index"
TRADE: Final = _TRADES + " AND x.execution_id = :execution_id"
CURSOR: Final = "SELECT position FROM cursors WHERE name = :name"
