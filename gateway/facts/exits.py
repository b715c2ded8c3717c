"""Whether an order only takes risk off, and whose place it would take."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
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


def replaceable(found: OrderState, book: Book) -> bool:
    """Whether the broker has it, nobody has asked to end it, and no other takes its place.

    An earlier order of the same turn is in the account's working orders as if it were allowed.
    """
    if not found.reserves or found.status not in REPLACEABLE or found.anomaly != NONE:
        return False
    working = book.account(found.account).working.values()
    return not any(other.replaces == found.order_id for other in working)


def remaining(order: Order, book: Book) -> Order:
    """The order as it is decided and sent: in the place of another one, what is left to fill.

    A caller asks for the whole quantity, what is filled already included (FIX OrderQty). Where
    nothing would be left, or there is nothing to replace, the order is as it was asked for, and
    the ``replaced`` section proves nothing.
    """
    found = _replaceable(order, book)
    return order if found is None else replace(order, qty=order.qty - found.filled_qty)


def replaced_facts(order: Order, book: Book) -> dict[str, Any] | None:
    """The ``replaced`` section, absent where the order takes nobody's place.

    ``order`` is as the caller asked for it: before :func:`remaining`.
    """
    if order.replaces is None:
        return None
    found = book.orders.get(order.replaces)
    if found is None:
        return {"order_id": order.replaces, "working": False, "same": False}
    return {
        "order_id": order.replaces,
        "working": replaceable(found, book) and found.filled_qty < order.qty,
        "same": _same(found, order),
        "filled_qty": found.filled_qty,
    }


@contextmanager
def without_replaced(order: Order, book: Book) -> Generator[None]:
    """Within it the book counts an order in the place of the one that it replaces.

    Only of an order that may be replaced by this one is anything taken away, and it is counted
    again in the end: nothing may be awaited within.
    """
    found = _replaceable(order, book)
    if found is None:
        yield
        return
    book.drop(found)
    try:
        yield
    finally:
        book.hold(found)


def _replaceable(order: Order, book: Book) -> OrderState | None:
    """The order whose place this one may take, leaving something to fill; ``None``: there is none.

    What may be replaced at this moment is what :func:`replaced_facts` tells the policy.
    """
    found = book.orders.get(order.replaces or NONE)
    if found is None or not _same(found, order) or not replaceable(found, book):
        return None
    return found if found.filled_qty < order.qty else None


def _same(found: OrderState, order: Order) -> bool:
    """Whether both are of the same thing, on the same side, in the same units."""
    theirs = (found.account, found.symbol, found.side, found.qty_decimals)
    return theirs == (order.account, order.symbol, order.side, order.qty_decimals)
