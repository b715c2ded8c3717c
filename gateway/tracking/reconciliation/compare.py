"""The comparison: the record's book against the broker's reports. It asks nobody, changes nothing.

Positions are compared over the union of both sides' symbols: what only one of them holds is a
difference like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gateway.domain.book import NONE, AccountBook, Book, OrderState
from gateway.domain.execution import BrokerOrderRecord, BrokerOrderState, BrokerStatement
from gateway.domain.external import ExternalOrder
from gateway.domain.order import Side
from gateway.tracking.reconciliation.rows import (
    CashRow,
    Difference,
    Finding,
    Look,
    OrderRow,
    PositionRow,
)
from gateway.tracking.reconciliation.under_way import IN_DOUBT

Known = Mapping[str, BrokerOrderState | None]
"""broker_client_id -> what the broker answered for it; ``None``: it knows none by that id."""


def unlisted(account: AccountBook, listed: Iterable[BrokerOrderRecord]) -> list[str]:
    """Client ids of what works by the record and is not listed: to be asked for one by one."""
    client_ids, broker_ids = set[str](), set[str]()
    for record in listed:
        client_ids.add(record.broker_client_id)
        broker_ids.add(record.broker_order_id)
    ours = [
        order.broker_client_id
        for order in account.working.values()
        if order.broker_client_id not in client_ids and order.status not in IN_DOUBT
    ]
    others = [
        order.broker_client_id
        for order in account.external.values()
        if order.broker_order_id not in broker_ids and order.broker_client_id != NONE
    ]
    return ours + others


def look_at(
    account: AccountBook,
    orders: Iterable[OrderRow],
    statement: BrokerStatement | None,
    cash_tolerance_micros: int,
    under_way: tuple[frozenset[str], frozenset[str]],
) -> Look:
    """Everything that is and is not alike.

    Args:
        account: the record's word as of now.
        orders: the rows of :func:`compare_orders`.
        statement: its positions and cash, if it was asked for them.
        cash_tolerance_micros: a difference of cash up to this is none.
        under_way: symbols of orders on their way: to be waited for, and no longer.
    """
    positions: tuple[PositionRow, ...] = ()
    cash = None
    if statement is not None:
        positions = tuple(compare_positions(account.positions, statement.positions))
        cash = CashRow(account.cash_micros, statement.cash_micros, cash_tolerance_micros)
    rows, (busy, unsure) = tuple(orders), under_way
    return Look(rows, positions, cash, busy, unsure, _differing(rows, positions, cash, busy))


def _differing(
    orders: Iterable[OrderRow],
    positions: Iterable[PositionRow],
    cash: CashRow | None,
    busy: frozenset[str],
) -> frozenset[Difference]:
    found: set[Difference] = {
        row
        for row in orders
        if row.finding not in (Finding.AGREES, Finding.MISSING)
        and (row.taken_back or not row.questioned)
    }
    found.update(row for row in positions if row.differs and row.symbol not in busy)
    if cash is not None and cash.differs and not busy:
        found.add(cash.key)
    return frozenset(found)


def compare_positions(
    ours: Mapping[str, tuple[int, int]], theirs: Mapping[str, tuple[int, int]]
) -> Iterator[PositionRow]:
    """A row for each symbol that either side holds, in the order of their names."""
    for symbol in sorted({*ours, *theirs}):
        our_qty, our_decimals = ours.get(symbol, (0, 0))
        their_qty, their_decimals = theirs.get(symbol, (0, 0))
        finer = max(our_decimals, their_decimals)
        yield PositionRow(
            symbol,
            our_qty * 10 ** (finer - our_decimals),
            their_qty * 10 ** (finer - their_decimals),
            finer,
        )


def compare_orders(
    book: Book, account: AccountBook, listed: tuple[BrokerOrderRecord, ...], known: Known
) -> Iterator[OrderRow]:
    """A row for each order that works on either side; those in doubt are left to settlement.

    Whoever takes the rows may pause between two of them: a row is of its own order alone.

    Args:
        book: the record's state.
        account: the account's part of it.
        listed: the broker's open orders.
        known: what the broker answered for orders that it did not list.
    """
    working, others = tuple(account.working.values()), tuple(account.external.values())
    seen: set[str] = set()
    external: set[str] = set()
    for record in listed:
        order = _ours(book, account, record)
        if order is None:
            external.add(record.broker_order_id)
            yield _external(account, record)
        elif order.status not in IN_DOUBT:
            seen.add(order.order_id)
            yield _listed(order, record)
    for order in working:
        if order.order_id not in seen and order.status not in IN_DOUBT:
            yield _unlisted(order, known)
    for order in others:
        if order.broker_order_id not in external:
            yield _gone(order, known)
    for order in _inferred(book, account.alias):
        row = _unlisted(order, known)
        if not order.reserves and row.finding is Finding.FILLED_LESS:
            yield row


def overtaken(book: Book, account: str, positions: Iterable[PositionRow]) -> list[str]:
    """Client ids of orders that are over, were filled by inference, and may not have been.

    The broker may have taken a trade back that it never told of. It is asked for them where a
    position is too large by what they have traded.
    """
    too_much = {row.symbol: row.ours - row.theirs for row in positions}
    return [
        order.broker_client_id
        for order in _inferred(book, account)
        if not order.reserves
        and too_much.get(order.symbol, 0) * (1 if order.side == Side.BUY else -1) > 0
    ]


def _inferred(book: Book, account: str) -> list[OrderState]:
    return [
        order for order in book.orders.values() if order.unreported and order.account == account
    ]


def _ours(book: Book, account: AccountBook, record: BrokerOrderRecord) -> OrderState | None:
    order = book.orders.get(book.by_client_id.get(record.broker_client_id, NONE))
    return order if order is not None and order.account == account.alias else None


def _listed(order: OrderState, record: BrokerOrderRecord) -> OrderRow:
    filled = _at(order, record.filled_qty, record.qty_decimals)
    if not order.reserves:
        finding = Finding.OPEN_AFTER_END
    elif filled is None:  # at a finer scale than the order can have been filled at
        finding = Finding.FILLED_LESS
    else:
        finding = _fills(order, filled)
    return _row(
        finding, order, record.status, filled, told=record, broker_order_id=record.broker_order_id
    )


def _unlisted(order: OrderState, known: Known) -> OrderRow:
    if order.broker_client_id not in known:
        return _row(Finding.MISSING, order, NONE, None)
    found = known[order.broker_client_id]
    if found is None:
        return _row(Finding.NOT_AT_BROKER, order, NONE, None)
    finding = _fills(order, found.filled_qty)
    if finding is Finding.AGREES and not found.open:
        finding = Finding.ENDED
    return _row(
        finding, order, found.status, found.filled_qty, broker_order_id=found.broker_order_id
    )


def _fills(order: OrderState, filled: int) -> Finding:
    if filled == order.filled_qty:
        return Finding.AGREES
    return Finding.FILLED_MORE if filled > order.filled_qty else Finding.FILLED_LESS


def _at(order: OrderState, qty: int, decimals: int) -> int | None:
    """A quantity at the order's own scale; ``None`` where it does not fit exactly."""
    if decimals <= order.qty_decimals:
        return qty * 10 ** (order.qty_decimals - decimals)
    whole, rest = divmod(qty, 10 ** (decimals - order.qty_decimals))
    return None if rest else whole


def _row(
    finding: Finding,
    order: OrderState,
    theirs: str,
    filled: int | None,
    *,
    told: BrokerOrderRecord | None = None,
    broker_order_id: str = NONE,
) -> OrderRow:
    return OrderRow(
        finding=finding,
        order_id=order.order_id,
        broker_client_id=order.broker_client_id,
        broker_order_id=broker_order_id,
        symbol=order.symbol,
        ours=order.status.value,
        theirs=theirs,
        ours_filled=order.filled_qty,
        theirs_filled=filled,
        qty_decimals=order.qty_decimals,
        told=told,
        questioned=order.anomaly != NONE,
        inferred=order.inferred_qty,
    )


def _external(account: AccountBook, record: BrokerOrderRecord) -> OrderRow:
    recorded = account.external.get(record.broker_order_id)
    alike = recorded is not None and (
        recorded.status,
        recorded.qty,
        recorded.filled_qty,
        recorded.qty_decimals,
        recorded.limit_price,
    ) == (record.status, record.qty, record.filled_qty, record.qty_decimals, record.limit_price)
    return OrderRow(
        finding=Finding.AGREES if alike else Finding.EXTERNAL,
        order_id=NONE,
        broker_client_id=record.broker_client_id,
        broker_order_id=record.broker_order_id,
        symbol=record.symbol,
        ours=NONE if recorded is None else recorded.status.value,
        theirs=record.status,
        ours_filled=None if recorded is None else recorded.filled_qty,
        theirs_filled=record.filled_qty,
        qty_decimals=record.qty_decimals,
        told=record,
    )


def _gone(order: ExternalOrder, known: Known) -> OrderRow:
    found = known.get(order.broker_client_id)
    return OrderRow(
        finding=Finding.EXTERNAL_GONE,
        order_id=NONE,
        broker_client_id=order.broker_client_id,
        broker_order_id=order.broker_order_id,
        symbol=order.symbol,
        ours=order.status.value,
        theirs=NONE if found is None else found.status,
        ours_filled=order.filled_qty,
        theirs_filled=None if found is None else found.filled_qty,
        qty_decimals=order.qty_decimals,
    )
