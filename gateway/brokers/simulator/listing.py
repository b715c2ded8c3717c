"""What the simulated broker lists: orders as they stand, and the history of a period."""

from __future__ import annotations

from typing import Final

from gateway.brokers.simulator.rows import (
    ORDER_COLUMNS,
    RECORD_COLUMNS,
    UPDATE_COLUMNS,
    Value,
    broker_update,
    order_record,
)
from gateway.brokers.simulator.store import Database
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import BrokerHistory, BrokerOrderRecord, Execution

HISTORY_MAX: Final = 200_000
"""Orders, and executions, that one answer may hold; a list that is cut off would be none."""

_IN_PERIOD: Final = "(?2 <= {0} AND {0} < ?3 OR {0} = 0)"


def listed(db: Database, condition: str, *values: Value) -> list[BrokerOrderRecord]:
    """Orders that meet a condition, in the order of their acceptance.

    Raises:
        UnavailableError: ``simulator-history-too-long``.
    """
    rows = db.rows(
        f"SELECT {RECORD_COLUMNS}, {ORDER_COLUMNS} FROM orders "  # noqa: S608  constant text
        f"WHERE {condition} ORDER BY row LIMIT {HISTORY_MAX + 1}",
        *values,
    )
    _whole(len(rows))
    return [order_record(row) for row in rows]


def history(db: Database, account: str, from_us: int, to_us: int) -> BrokerHistory:
    """Orders placed and executions made from an instant of wall time until before another.

    Raises:
        UnavailableError: ``simulator-history-too-long``.
    """
    placed, told = _IN_PERIOD.format("placed_us"), _IN_PERIOD.format("u.told_us")
    orders = listed(db, f"account = ?1 AND {placed}", account, from_us, to_us)
    rows = db.rows(
        f"SELECT {UPDATE_COLUMNS} FROM updates u JOIN orders o ON o.row = u.order_row "  # noqa: S608  constant text
        f"WHERE o.account = ?1 AND u.execution_id IS NOT NULL AND {told} "
        f"ORDER BY u.cursor LIMIT {HISTORY_MAX + 1}",
        account,
        from_us,
        to_us,
    )
    _whole(len(rows))
    events = [broker_update(row).event for row in rows]
    return BrokerHistory(
        tuple(orders), tuple(event for event in events if isinstance(event, Execution))
    )


def _whole(found: int) -> None:
    if found > HISTORY_MAX:
        raise UnavailableError(
            "simulator-history-too-long",
            f"the simulator lists no more than {HISTORY_MAX} at once",
            "ask for a shorter period",
        )
