"""Whether an order only takes risk off, and whose place it would take."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from gateway.domain.book import NONE, AccountBook, Book, OrderState
from gateway.domain.exits import only_reduces
from gateway.domain.order import Order, Side
from signing.lifecycle import State

REPLACEABLE: Final = frozenset({State.ACKNOWLEDGED, State.PARTIALLY_FILLED})
"""States in which the broker is known to have an order that nobody has asked to end."""


def reduces(order: Order, account: AccountBook) -> bool:
    """Whether the order can neither open, grow nor turn the account's position in its symbol.

    What is held at another scale, or worked at another, cannot be compared: that is no proof.
    """
    held, decimals = account.positions.get(order.symbol, (0, order.qty_decimals))
    if decimals != order.qty_decimals:
        return False
    buys, working_qty = order.side is Side.BUY, 0
    for (symbol, qty_decimals, _), reservations in account.reservations.items():
        if symbol != order.symbol:
            continue
        if qty_decimals != order.qty_decimals or not reservations.countable:
            return False
        working_qty += reservations.working_qty(buys=buys)
    return only_reduces(held, buys=buys, qty=order.qty, working_qty=working_qty)


def exit_facts(order: Order, account: AccountBook | None) -> dict[str, Any]:
    """What the ``projected`` section says of exits, whether or not there are prices."""
    return {} if account is None else {"reduces": reduces(order, account)}


def replaced_facts(order: Order, book: Book) -> dict[str, Any] | None:
    """The ``replaced`` section, absent where the order takes nobody's place."""
    if order.replaces is None:
        return None
    found = book.orders.get(order.replaces)
    return {
        "order_id": order.replaces,
        "working": found is not None and found.reserves and found.status in REPLACEABLE,
        "same": found is not None and _same(found, order),
    }


@contextmanager
def without_replaced(order: Order, book: Book) -> Generator[None]:
    """Within it the book counts an order in the place of the one that it replaces.

    Only of an order that may be replaced by this one is anything taken away, and it is counted
    again in the end: nothing may be awaited within.
    """
    found = book.orders.get(order.replaces or NONE)
    if found is None or found.status not in REPLACEABLE or not found.reserves:
        yield
        return
    if not _same(found, order):
        yield
        return
    book.drop(found)
    try:
        yield
    finally:
        book.hold(found)


def _same(found: OrderState, order: Order) -> bool:
    return (found.account, found.symbol, found.side) == (order.account, order.symbol, order.side)
