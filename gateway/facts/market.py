"""Quotes with their age, and the price an order may reach: both absent when not known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.domain.instrument import Instrument
from gateway.domain.market import Quote
from gateway.domain.order import Order, OrderType, Side
from gateway.domain.quantities import BPS, ceil_div
from gateway.ports import MarketFeed


@dataclass(frozen=True, slots=True)
class Market:
    """The market as of one instant: every quote is read once, so that a turn sees one market."""

    feed: MarketFeed | None
    now_us: int
    _quotes: dict[str, Quote | None] = field(default_factory=dict[str, "Quote | None"])

    def quote(self, symbol: str, price_decimals: int) -> Quote | None:
        """The symbol's quote, if it is known at this scale and not from the future."""
        if symbol not in self._quotes:
            self._quotes[symbol] = self.feed.quote(symbol, self.now_us) if self.feed else None
        quote = self._quotes[symbol]
        if quote is None or quote.price_decimals != price_decimals or quote.at_us > self.now_us:
            return None
        return quote if 0 < quote.bid <= quote.ask and quote.last > 0 else None


def market_facts(quote: Quote | None, now_us: int) -> dict[str, Any] | None:
    """The ``market`` section; ``age_ms`` is rounded up."""
    if quote is None:
        return None
    return {
        "bid": quote.bid,
        "ask": quote.ask,
        "last": quote.last,
        "age_ms": ceil_div(now_us - quote.at_us, 1000),
    }


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
        return _distance_bps(worst, touch)
    return max(_distance_bps(order.stop_price, quote.last), _distance_bps(worst, order.stop_price))


def _distance_bps(price: int, reference: int) -> int:
    return ceil_div(abs(price - reference) * BPS, reference)
