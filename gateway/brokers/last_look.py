"""The gate's last look at the market: does what was decided on still hold, as of now?

Between decision and sending lies the record on disk, which may take longer than the market waits.
The thresholds are the verdict's own, so they are the signed limits that the order was decided by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.order import BrokerOrder
from gateway.ports import MarketReading


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a verdict's door says, each above zero."""

    approval_age_max_ms: int
    close_buffer_min_ms: int
    quote_age_max_ms: int
    spread_max_bps: int


def thresholds(door: Mapping[str, object]) -> Thresholds | None:
    """Read a verdict's door; ``None`` if one threshold is missing or lets nothing out."""
    found: list[int] = []
    for name in Thresholds.__slots__:
        value = door.get(name)
        if type(value) is not int or value <= 0:
            return None
        found.append(value)
    return Thresholds(*found)


def market_refusal(order: BrokerOrder, held_to: Thresholds, market: MarketReading) -> str | None:
    """The first of GATE_MARKET_CLOSED, GATE_QUOTE_AGE and GATE_SPREAD that applies, or ``None``.

    An order that was decided for extended hours is not held to the regular session. What is not
    known refuses, and an order that only reduces is held to all of it too.
    """
    hours = market.hours(order.symbol)
    quote = market.quote(order.symbol, order.price_decimals)
    trading = order.extended_hours or (
        hours is not None
        and hours.open_at(market.now_us)
        and hours.to_close_ms(market.now_us) >= held_to.close_buffer_min_ms
    )
    if not trading:
        return "GATE_MARKET_CLOSED"
    if quote is None or quote.age_ms(market.now_us) > held_to.quote_age_max_ms:
        return "GATE_QUOTE_AGE"
    return "GATE_SPREAD" if quote.spread_bps > held_to.spread_max_bps else None
