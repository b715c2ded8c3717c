"""What becomes of an order whose replacement came to nothing."""

from __future__ import annotations

from typing import Any

from gateway.domain.book import NONE, Book, OrderState
from signing.lifecycle import State


def restored(book: Book, successor: OrderState, code: str, source: str) -> dict[str, Any] | None:
    """The ``status`` entry that gives an order back the state it had before its replacement.

    Args:
        book: the state as of now.
        successor: the order that was to take its place, and provably does not.
        code: why not.
        source: whose word that is: ``gate``, ``broker``, ``settlement`` or ``person``.

    ``None`` where the order does not wait for this successor any more: it was filled, ended or
    asked to be cancelled meanwhile, and what is known of it stands.
    """
    order = book.orders.get(successor.replaces) if successor.replaces != NONE else None
    if order is None or order.status is not State.PENDING_REPLACE:
        return None
    if order.replaced_by != successor.order_id:
        return None
    before = State.PARTIALLY_FILLED if order.filled_qty else State.ACKNOWLEDGED
    return {
        "order_id": order.order_id,
        "broker_client_id": order.broker_client_id,
        "status": before.value,
        "code": code,
        "source": source,
    }
