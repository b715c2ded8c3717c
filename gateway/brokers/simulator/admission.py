"""What the simulated broker takes: well-formed orders that the account can pay for. Pure.

One rule covers cash, margin and shorts: what the account holds and what its open orders may
still open, at the worst prices they may reach and with their commissions, stays within equity
times the margin multiple. At a multiple of one and without shorts that is: no order may cost
more than the cash that no other order has claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.brokers.contract import AccountTerms
from gateway.brokers.simulator.config import SimulatorConfig
from gateway.brokers.simulator.matching import VOLUME_DECIMALS, Resting
from gateway.brokers.simulator.pricing import commission_micros, tick_size
from gateway.domain.exits import only_reduces
from gateway.domain.market import Quote
from gateway.domain.order import BrokerOrder, Side, TimeInForce
from gateway.domain.quantities import (
    BPS,
    INT_LIMIT,
    PLAIN,
    Worth,
    in_bounds,
    notional_micros,
)

TOO_LATE: Final = "ERR_TOO_LATE"
DUPLICATE: Final = "ERR_DUPLICATE_ORDER"
INSUFFICIENT_FUNDS: Final = "ERR_INSUFFICIENT_FUNDS"
INSUFFICIENT_QTY: Final = "ERR_INSUFFICIENT_QTY"
NO_RATE: Final = "ERR_NO_RATE"
INVALID_ORDER: Final = "ERR_INVALID_ORDER"
INVALID_TICKER: Final = "ERR_INVALID_TICKER"
REDUCE_ONLY: Final = "ERR_REDUCE_ONLY"
EXTENDED_HOURS: Final = "ERR_EXTENDED_HOURS"
MIN_NOTIONAL: Final = "ERR_MIN_NOTIONAL"
SHORT_RESTRICTED: Final = "ERR_SHORT_RESTRICTED"
UNKNOWN_ACCOUNT: Final = "ERR_AUTH"


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that may still fill: the new one, or one at rest."""

    order: BrokerOrder
    leaves_qty: int
    fee_micros: int
    """What it has been charged so far."""
    worth: Worth = PLAIN
    """Of one unit, as it was when the order was taken."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an account has: cash, signed positions, and the orders it has open."""

    terms: AccountTerms
    cash_micros: int
    positions: Mapping[str, tuple[int, int]]
    open_orders: tuple[OpenOrder, ...]


def form_fault(
    order: BrokerOrder,
    quote: Quote | None,
    qty_decimals: int | None,
    config: SimulatorConfig,
    worth: Worth = PLAIN,
) -> str | None:
    """The code for which an order is refused by its form alone, or ``None``.

    Args:
        order: as it came.
        quote: the symbol's newest quote; an order without one has no market here.
        qty_decimals: the scale at which the symbol is already held or ordered, if it is.
        config: for the tick.
        worth: of one unit.
    """
    if quote is None:
        return INVALID_TICKER
    if order.extended_hours:
        return EXTENDED_HOURS
    scaled = order.price_decimals == quote.price_decimals and (
        0 <= order.qty_decimals <= VOLUME_DECIMALS and qty_decimals in (None, order.qty_decimals)
    )
    shaped = (order.limit_price is not None) == order.type.has_limit and (
        (order.stop_price is not None) == order.type.has_stop
    )
    # Without a limit the protection price is the only bound on what the order may cost.
    bounded = order.type.has_limit or order.protection_price is not None
    dated = (order.expires_us is not None) == (order.time_in_force is TimeInForce.GTD)
    if not (scaled and shaped and bounded and dated and 0 < order.qty < INT_LIMIT):
        return INVALID_ORDER
    tick = tick_size(order.price_decimals, config)
    prices = (order.limit_price, order.stop_price, order.protection_price)
    if any(price is not None and not 0 < price < INT_LIMIT for price in prices):
        return INVALID_ORDER
    if any(price is not None and price % tick for price in prices[:2]):
        return INVALID_ORDER
    top = max(bound_price(order), quote.last)
    value = notional_micros(order.qty, order.qty_decimals, top, order.price_decimals, worth)
    return None if in_bounds(value) else INVALID_ORDER


def replace_fault(old: Resting | None, order: BrokerOrder, filled_qty: int) -> str | None:
    """The code for which an order may not take the place of another one, or ``None``.

    Args:
        old: the order that works; ``None`` when none does under that id.
        order: what is to stand in its place.
        filled_qty: what was filled of the old one when its replacement was decided.
    """
    if old is None or old.filled_qty != filled_qty:
        return TOO_LATE
    same = (old.order.account, old.order.symbol, old.order.side)
    return None if same == (order.account, order.symbol, order.side) else INVALID_ORDER


def terms_fault(
    order: BrokerOrder,
    quote: Quote,
    config: SimulatorConfig,
    worth: Worth = PLAIN,
    *,
    short_restricted: bool,
) -> str | None:
    """The code for which the venue's terms refuse an order that is well formed, or ``None``.

    A restricted short sale must have a limit above the bid of this moment (Rule 201). What may
    only reduce a position is taken below the floor.
    """
    above_bid = order.limit_price is not None and order.limit_price > quote.bid
    if order.side is Side.SELL_SHORT and short_restricted and not above_bid:
        return SHORT_RESTRICTED
    price = bound_price(order)
    counted = price if order.side is Side.BUY else max(price, quote.last)
    value = notional_micros(order.qty, order.qty_decimals, counted, order.price_decimals, worth)
    return MIN_NOTIONAL if value < config.min_notional_micros and not order.reduce_only else None


def funds_fault(
    order: BrokerOrder,
    holdings: Holdings,
    marks: Mapping[str, Quote],
    config: SimulatorConfig,
    worths: Mapping[str, Worth | None],
) -> str | None:
    """The code for which an order that is well formed cannot be covered, or ``None``.

    ``worths`` are those of now, of everything held and of the order's own symbol.
    """
    own = worths.get(order.symbol)
    if own is None:
        return NO_RATE
    orders = (*holdings.open_orders, OpenOrder(order, order.qty, 0, own))
    fault = _position_fault(order, holdings)
    if fault is not None:
        return fault
    opening = _opening(orders, holdings.positions)
    if order.broker_client_id not in {o.order.broker_client_id for o, _qty in opening}:
        return None  # it only takes risk off
    found = _equity_and_gross(holdings, marks, worths)
    if found is None:
        return INSUFFICIENT_FUNDS
    equity, gross = found
    claimed = sum(_cost_micros(o, qty, marks, config) for o, qty in opening)
    allowed = max(0, equity) * holdings.terms.margin_multiple_bps // BPS
    return INSUFFICIENT_FUNDS if gross + claimed > allowed else None


def _position_fault(order: BrokerOrder, holdings: Holdings) -> str | None:
    """The code for which an order is refused because of what is held and already ordered."""
    held, _decimals = holdings.positions.get(order.symbol, (0, 0))
    same_way = sum(
        resting.leaves_qty
        for resting in holdings.open_orders
        if resting.order.symbol == order.symbol
        and resting.order.side.executed is order.side.executed
    )
    buys = order.side is Side.BUY
    if order.reduce_only and not only_reduces(held, buys=buys, qty=order.qty, working_qty=same_way):
        return REDUCE_ONLY
    if buys or holdings.terms.short_allowed:
        return None
    covered = order.side is Side.SELL and order.qty + same_way <= held
    return None if covered else INSUFFICIENT_QTY


def bound_price(order: BrokerOrder) -> int:
    """The worst price that the order accepts."""
    bounds = [price for price in (order.limit_price, order.protection_price) if price is not None]
    return min(bounds) if order.side is Side.BUY else max(bounds)


def _opening(
    orders: Iterable[OpenOrder], positions: Mapping[str, tuple[int, int]]
) -> list[tuple[OpenOrder, int]]:
    """The orders that open or add, each with the quantity beyond what closes a position.

    What closes is given to the oldest orders first.
    """
    closing: dict[tuple[str, Side], int] = {}
    for symbol, (qty, _decimals) in positions.items():
        closing[symbol, Side.SELL if qty > 0 else Side.BUY] = abs(qty)
    opening: list[tuple[OpenOrder, int]] = []
    for held in orders:
        key = (held.order.symbol, held.order.side.executed)
        closes = min(held.leaves_qty, closing.get(key, 0))
        closing[key] = closing.get(key, 0) - closes
        if held.leaves_qty > closes:
            opening.append((held, held.leaves_qty - closes))
    return opening


def _equity_and_gross(
    holdings: Holdings, marks: Mapping[str, Quote], worths: Mapping[str, Worth | None]
) -> tuple[int, int] | None:
    """Equity and gross exposure at last prices, a long rounded alike in both.

    A holding without a price or a rate proves no equity: ``None``.
    """
    equity, gross = holdings.cash_micros, 0
    for symbol, (qty, decimals) in holdings.positions.items():
        mark, worth = marks.get(symbol), worths.get(symbol)
        if mark is None or worth is None:
            return None
        value = notional_micros(abs(qty), decimals, mark.last, mark.price_decimals, worth)
        equity += value if qty > 0 else -value
        gross += value
    return equity, gross


def _cost_micros(
    held: OpenOrder, qty: int, marks: Mapping[str, Quote], config: SimulatorConfig
) -> int:
    """What the opening part of an order may come to: worst price and rest of the commission.

    A short sale counts at the last price when that is above the price it accepts.
    """
    order = held.order
    price = bound_price(order)
    if order.side is not Side.BUY and order.symbol in marks:
        price = max(price, marks[order.symbol].last)
    fee = commission_micros(order.qty, order.qty_decimals, config) - held.fee_micros
    return notional_micros(qty, order.qty_decimals, price, order.price_decimals, held.worth) + fee
