"""No funds: the sequence that an order belongs to stops at once, until somebody has looked.

Whoever sends orders one after the other has more of them coming, each resting on those before it.
"""

from __future__ import annotations

from typing import Final

from gateway.domain.book import NONE, Book
from gateway.domain.halt import Scope
from gateway.ports import Stops

NO_FUNDS: Final = "ERR_INSUFFICIENT_FUNDS"
CAUSE: Final = "INSUFFICIENT_FUNDS"
REASON: Final = "The broker refused an order for lack of funds."


async def stop_without_funds(book: Book, stops: Stops, order_id: str, code: str) -> None:
    """Halt an order's strategy, or its account where it has none, if the broker wanted funds.

    Orders that provably only reduce a position still pass.

    Raises:
        UnavailableError: the halt could not be recorded yet; it stands.
    """
    order = book.orders.get(order_id)
    if code != NO_FUNDS or order is None:
        return
    known = order.strategy_id != NONE
    await stops.halt(
        cause=CAUSE,
        scope=Scope("strategy", order.strategy_id) if known else Scope("account", order.account),
        by="tracking",
        clear_by="operator",
        reduce_allowed=True,
        reason=REASON,
    )
