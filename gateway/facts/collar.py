"""The price an order may reach, and how far it lies from where the market was and is."""

from __future__ import annotations

from gateway.domain.instrument import Instrument
from gateway.domain.market import Quote
from gateway.domain.order import Order, OrderType, Side
from gateway.domain.quantities import BPS, ceil_div


def worst_price(
    order: Order, quote: Quote | None, instrument: Instrument | None, collar_bps: int | None
) -> int | None:
    """The price furthest against its owner at which the order may fill; ``None``: not bounded.

    A limit bounds itself. A market order is bounded by the far edge of its collar around the
    touch, a stop order by the same collar around its stop price; the edge is rounded to the
    tick towards the market, so that it never lies outside the collar.
    """
    if order.limit_price is not None:
        return order.limit_price
    if order.type is OrderType.STOP:
        base = order.stop_price
    elif quote is None:
        base = None
    else:
        base = quote.ask if order.side is Side.BUY else quote.bid
    if base is None or instrument is None or not collar_bps:
        return None
    tick = instrument.tick
    if order.side is Side.BUY:
        return base * (BPS + collar_bps) // BPS // tick * tick
    edge = ceil_div(base * max(0, BPS - collar_bps), BPS)
    return max(tick, ceil_div(edge, tick) * tick)


def price_deviation_bps(order: Order, quote: Quote | None, worst: int | None) -> int | None:
    """How far the order's prices lie from the market, in basis points, rounded up.

    A limit or market price is held against the touch it trades with, a stop price against the
    last price, and the price a stop may reach against the stop.
    """
    if quote is None or worst is None:
        return None
    if order.stop_price is None:
        touch = quote.ask if order.side is Side.BUY else quote.bid
        return distance_bps(worst, touch)
    return max(distance_bps(order.stop_price, quote.last), distance_bps(worst, order.stop_price))


def window_facts(worst: int | None, before: tuple[int | None, int | None]) -> dict[str, int | None]:
    """How far the worst price lies from the market before a short and a long window, rounded up.

    Args:
        worst: the price that the order may reach, if it is bounded.
        before: the last price as known five minutes ago, and the previous session's close.
    """
    short, long = (
        None if worst is None or reference is None else distance_bps(worst, reference)
        for reference in before
    )
    return {"short_window_deviation_bps": short, "long_window_deviation_bps": long}


def distance_bps(price: int, reference: int) -> int:
    """The distance from a reference above zero, in basis points of it, rounded up."""
    return ceil_div(abs(price - reference) * BPS, reference)
