"""What a difference that stands leads to: entries that say what stood, what stands now, and why.

Nothing is ever turned into *rejected* or *absent* here because a broker does not list it. What the
broker says of an order is taken as its word; what cannot be true is an anomaly, for a person.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.domain.book import NONE, AccountBook, Book, OrderState
from gateway.domain.execution import BrokerHistory, Execution
from gateway.domain.order import Side
from gateway.domain.quantities import Worth, ceil_div
from gateway.ports import Draft
from gateway.tracking.reconciliation.inferred import inferred, taken_back
from gateway.tracking.reconciliation.rows import (
    CashRow,
    Correction,
    Finding,
    OrderRow,
    PositionRow,
)
from signing.lifecycle import TERMINAL, State, allowed, state_after

EXTERNAL_TRADE: Final = "EXTERNAL_TRADE"
"""Cause of a correction: somebody traded past the gateway."""
UNEXPLAINED_POSITION: Final = "UNEXPLAINED_POSITION"
"""Cause: the broker holds something else, and tells of no trade that led there."""
CASH_DIFFERENCE: Final = "CASH_DIFFERENCE"
"""Cause: dividends, interest, fees, deposits and withdrawals all look like this."""
CORRECTED_AT_ONCE: Final = 256
"""Positions that one entry corrects: with the longest names it is two thirds of an entry."""
OURS: Final = "wr-"
"""How the client ids begin that this gateway gives (``gateway.domain.ids``)."""
SOURCE: Final = "reconciliation"
_RECONCILED: Final = "RECONCILED"


def order_drafts(
    book: Book, broker: str, row: OrderRow, price: int | None, market_us: int, session: str
) -> list[Draft]:
    """The entries that one order's difference leads to; none if its order moved on meanwhile.

    Args:
        book: the record's state as of now.
        broker: the broker's name.
        row: a difference that stood.
        price: the average price of what is missing, if the broker states one.
        market_us: market time, for a fill that is inferred.
        session: its day.
    """
    order = book.orders.get(row.order_id)
    if order is None or (order.status.value, order.filled_qty) != (row.ours, row.ours_filled):
        return []
    match row.finding:
        case Finding.FILLED_MORE:
            return _filled_more(order, broker, row, price, market_us, session)
        case Finding.ENDED:
            return _ended(order, broker, row, order.status)
        case Finding.FILLED_LESS:
            back = taken_back(order, row.theirs_filled, market_us, session)
            return back or _question(order, broker, "FILLED_LESS_AT_BROKER")
        case Finding.NOT_AT_BROKER:
            return _question(order, broker, "NOT_AT_BROKER")
        case _:
            return []


def _filled_more(
    order: OrderState, broker: str, row: OrderRow, price: int | None, market_us: int, session: str
) -> list[Draft]:
    cum_qty = row.theirs_filled or 0
    if cum_qty > order.qty:
        return _question(order, broker, "FILLED_BEYOND_AT_BROKER")
    if order.status in (State.REJECTED, State.DENIED, State.FATAL_ERROR):
        return _question(order, broker, "FILLED_AFTER_REFUSAL")
    fill = inferred(order, cum_qty, _price(order, price), market_us, session)
    if fill is None:
        return _question(order, broker, "FILLED_AT_UNKNOWN_PRICE")
    if cum_qty == order.qty:
        return [fill]
    after = state_after(order.status, "execution", fill.payload, leaves=order.qty - cum_qty)
    return [fill, *_ended(order, broker, row, after)]


def _ended(order: OrderState, broker: str, row: OrderRow, now: State) -> list[Draft]:
    """The order's end as the broker states it, if it states one."""
    try:
        theirs = State(row.theirs)
    except ValueError:
        return _question(order, broker, "UNREADABLE_AT_BROKER", now)
    if theirs not in (State.CANCELED, State.EXPIRED, State.REPLACED, State.REJECTED, State.FILLED):
        return []
    if now in TERMINAL:  # over on both sides
        return []
    if theirs is State.FILLED or not allowed(now, theirs):
        # Filled, and not in full; or an end that cannot follow from what is recorded.
        return _question(order, broker, "IMPOSSIBLE_AT_BROKER", now)
    payload = {
        "order_id": order.order_id,
        "broker_client_id": order.broker_client_id,
        "status": theirs.value,
        "code": _RECONCILED,
        "source": SOURCE,
    }
    return [Draft("status", payload)]


def _price(order: OrderState, stated: int | None) -> int | None:
    """The broker's price; else the worst that the order allows: cash is never counted too high."""
    for price in (stated, order.limit_price, order.worst_price):
        if price is not None:
            return price
    return None


def _question(order: OrderState, broker: str, code: str, now: State | None = None) -> list[Draft]:
    """Put an order before a person, once; ``now``: its state after the entries before this one."""
    if order.anomaly != NONE:
        return []
    payload = {
        "order_id": order.order_id,
        "account": order.account,
        "broker": broker,
        "broker_client_id": order.broker_client_id,
        "told": "order",
        "code": code,
        "state": (now or order.status).value,
    }
    return [Draft("anomaly", payload)]


def external_draft(broker: str, account: AccountBook, row: OrderRow, worth: Worth | None) -> Draft:
    """The entry of somebody else's order as it is now.

    One that is listed no longer is over. Where the broker cannot be asked for it by a client id,
    it counts as cancelled: whatever it filled before shows in the positions.
    """
    told = row.told
    if told is not None:
        side, status, limit = Side(told.side).executed.value, told.status, told.limit_price
        qty, filled, price_decimals = told.qty, told.filled_qty, told.price_decimals
    else:
        known = account.external[row.broker_order_id]
        side, limit, qty = known.side, known.limit_price, known.qty
        filled = known.filled_qty if row.theirs_filled is None else row.theirs_filled
        status = row.theirs if row.theirs in _ENDS else State.CANCELED.value
        price_decimals, worth = known.price_decimals, known.worth
    figures = {} if worth is None else {"multiplier": worth.multiplier, "rate_e8": worth.rate_e8}
    payload: dict[str, Any] = {
        "account": account.alias,
        "broker": broker,
        "broker_order_id": row.broker_order_id,
        "broker_client_id": row.broker_client_id,
        "symbol": row.symbol,
        "side": side,
        "status": status,
        "qty": qty,
        "filled_qty": filled,
        "qty_decimals": row.qty_decimals,
        "limit_price": NONE if limit is None else limit,
        "price_decimals": price_decimals,
    }
    return Draft("external", payload | figures)


_ENDS: Final = frozenset({"CANCELED", "EXPIRED", "FILLED", "REJECTED", "REPLACED"})


def missing_fills(book: Book, account: str, history: BrokerHistory) -> dict[str, tuple[int, int]]:
    """What the broker's own list of fills has more of our orders than the record.

    Returns:
        order_id -> quantity that is missing and its average price, rounded against the order.
    """
    totals: dict[str, tuple[int, int]] = {}
    skewed: set[str] = set()
    for fill in history.executions:
        order = book.orders.get(book.by_client_id.get(fill.broker_client_id, NONE))
        if order is None or order.account != account:
            continue
        scales = (fill.qty_decimals, fill.price_decimals)
        if scales != (order.qty_decimals, order.price_decimals):
            skewed.add(order.order_id)
            continue
        qty, value = totals.get(order.order_id, (0, 0))
        totals[order.order_id] = (qty + fill.qty, value + fill.qty * fill.price)
    found: dict[str, tuple[int, int]] = {}
    for order_id, (qty, value) in totals.items():
        order = book.orders[order_id]
        more, worth = qty - order.filled_qty, value - order.filled_value
        if order_id in skewed or more <= 0 or worth < 0:
            continue  # the list begins after some of its fills, or cannot be compared
        price = ceil_div(worth, more) if order.side == Side.BUY else worth // more
        found[order_id] = (more, price)
    return found


def late_rows(
    book: Book, missing: Mapping[str, tuple[int, int]], listed: Container[str]
) -> list[OrderRow]:
    """Rows of our orders that are over, of whose fills the broker lists more than it told.

    ``listed`` are the orders that have a row already.
    """
    orders = [book.orders[order_id] for order_id in missing if order_id not in listed]
    return [
        OrderRow(
            finding=Finding.FILLED_MORE,
            order_id=order.order_id,
            broker_client_id=order.broker_client_id,
            broker_order_id=order.broker_order_id,
            symbol=order.symbol,
            ours=order.status.value,
            theirs=order.status.value,
            ours_filled=order.filled_qty,
            theirs_filled=order.filled_qty + missing[order.order_id][0],
            qty_decimals=order.qty_decimals,
        )
        for order in orders
        if not order.reserves
    ]


def still_held(account: AccountBook, row: PositionRow) -> bool:
    """Whether the record still holds what was compared."""
    qty, decimals = account.positions.get(row.symbol, (0, 0))
    return qty * 10**row.qty_decimals == row.ours * 10**decimals


def others_symbols(book: Book, executions: Iterable[Execution]) -> frozenset[str]:
    """The symbols that somebody traded past the gateway."""
    return frozenset(
        fill.symbol
        for fill in executions
        if fill.broker_client_id not in book.by_client_id
        and not fill.broker_client_id.startswith(OURS)
    )


def corrections(
    positions: Sequence[PositionRow], cash: CashRow | None, others: frozenset[str]
) -> tuple[Correction, ...]:
    """What is to be put right; the broker is the truth for positions and cash."""
    found = [
        Correction(
            EXTERNAL_TRADE if row.symbol in others else UNEXPLAINED_POSITION,
            row.symbol,
            row.ours,
            row.theirs,
            row.qty_decimals,
        )
        for row in positions
    ]
    if cash is not None:
        before, after = cash.ours_micros, cash.theirs_micros
        found.append(Correction(CASH_DIFFERENCE, NONE, before, after, 0))
    return tuple(found)


def correction_drafts(
    account: str, broker: str, reconciliation_id: str, found: Sequence[Correction], by: str
) -> Iterator[Draft]:
    """One entry for each cause, and for every few hundred symbols of it."""
    head = {
        "account": account,
        "broker": broker,
        "reconciliation_id": reconciliation_id,
        "by": by,
    }
    positions = [one for one in found if one.symbol != NONE]
    for cause in sorted({one.cause for one in positions}):
        moved = [one for one in positions if one.cause == cause]
        for start in range(0, len(moved), CORRECTED_AT_ONCE):
            part = moved[start : start + CORRECTED_AT_ONCE]
            yield Draft(
                "correction",
                head | {"cause": cause, "cash": NONE, "positions": _positions(part)},
            )
    for one in found:
        if one.symbol == NONE:
            cash = {"before_micros": one.before, "after_micros": one.after}
            yield Draft("correction", head | {"cause": one.cause, "cash": cash, "positions": {}})


def _positions(found: Iterable[Correction]) -> Mapping[str, Any]:
    return {
        one.symbol: {"before": one.before, "after": one.after, "qty_decimals": one.qty_decimals}
        for one in found
    }
