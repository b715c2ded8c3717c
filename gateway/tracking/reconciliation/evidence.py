"""The table of a run as a document beside the log: what was compared, and what each side said."""

from __future__ import annotations

from typing import Any, Final

from gateway.domain.book import NONE
from gateway.tracking.reconciliation.rows import Look, Result
from signing import canonical

ROWS_MAX: Final = 10_000
"""Differences of one kind that a document lists; how many there were is in its head."""


def evidence(result: Result) -> bytes:
    """Canonical JSON of every difference that the run saw, and of the cash."""
    look = result.look
    document: dict[str, Any] = {
        "v": 1,
        "reconciliation_id": result.reconciliation_id,
        "account": result.account,
        "broker": result.broker,
        "corrections": [
            {
                "cause": one.cause,
                "symbol": one.symbol,
                "before": one.before,
                "after": one.after,
                "qty_decimals": one.qty_decimals,
            }
            for one in result.corrections[:ROWS_MAX]
        ],
    }
    return canonical.encode(document | ({} if look is None else _table(look)))


def _table(look: Look) -> dict[str, Any]:
    orders = [row for row in look.orders if row.differs]
    positions = [row for row in look.positions if row.differs]
    table: dict[str, Any] = {
        "orders_differing": len(orders),
        "positions_differing": len(positions),
        "orders": [
            {
                "finding": row.finding.value,
                "order_id": row.order_id,
                "broker_client_id": row.broker_client_id,
                "broker_order_id": row.broker_order_id,
                "symbol": row.symbol,
                "ledger": row.ours,
                "broker": row.theirs,
                "ledger_filled": NONE if row.ours_filled is None else row.ours_filled,
                "broker_filled": NONE if row.theirs_filled is None else row.theirs_filled,
                "qty_decimals": row.qty_decimals,
            }
            for row in orders[:ROWS_MAX]
        ],
        "positions": [
            {
                "symbol": row.symbol,
                "ledger": row.ours,
                "broker": row.theirs,
                "qty_decimals": row.qty_decimals,
            }
            for row in positions[:ROWS_MAX]
        ],
    }
    if look.cash is not None:
        table["cash_micros"] = {
            "ledger": look.cash.ours_micros,
            "broker": look.cash.theirs_micros,
        }
    return table
