"""Whether anybody knows what became of the orders before this one."""

from __future__ import annotations

from typing import Any

from gateway.domain.book import NONE, Book
from gateway.domain.order import Order


def doubt_facts(order: Order, book: Book) -> dict[str, Any]:
    """The ``doubt`` section: orders of the same account and symbol whose fate is in doubt.

    ``anomalies`` are those of them of which a broker told something that cannot be true: what
    they did to the position has no bound, while an unknown outcome is at most a full fill.
    """
    doubtful = book.doubtful.get((order.account, order.symbol), ())
    anomalies = sum(book.orders[order_id].anomaly != NONE for order_id in doubtful)
    return {"orders": len(doubtful), "anomalies": anomalies}
