"""The control state that a decision is made under."""

from __future__ import annotations

from typing import Any

from gateway.domain.book import NONE, Book
from gateway.domain.order import Order


def control_facts(book: Book, order: Order, wall_us: int) -> dict[str, Any]:
    """The ``control`` section: mode, whether Ω4 is lifted, whether a halt covers the order.

    ``exit_allowed`` says whether it may pass the halts that cover it, if it only reduces.
    """
    attributes = (order.account, order.symbol, order.strategy_id or NONE)
    return {
        "mode": book.mode.value,
        "omega4_lifted": book.omega4_lifted(wall_us),
        "halted": book.halted(*attributes),
        "exit_allowed": book.exit_allowed(*attributes, wall_us),
    }
