"""What a fill costs: slippage, price impact, commission and latency, in exact integers."""

from __future__ import annotations

import hashlib
from typing import Final

from gateway.brokers.simulator.config import SimulatorConfig
from gateway.domain.order import Side
from gateway.domain.quantities import BPS, ceil_div

E4: Final = 10_000
_US_PER_MS: Final = 1_000


def slipped_price(
    touch: int,
    side: Side,
    *,
    slippage_bps: int,
    impact_e4: int,
    traded: int,
    volume: int,
    tick: int,
) -> int:
    """The price of a fill, rounded against the order to the tick.

    ``touch x (1 ± slippage) x (1 ± impact x (traded / volume)²)``: plus for a buy, minus for a
    sale; nothing is rounded in between.

    Args:
        touch: the ask for a buy, the bid for a sale, at the price's scale.
        side: which way the price moves.
        slippage_bps: the fixed part, in basis points.
        impact_e4: the impact's coefficient times 10,000.
        traded: volume traded at this quote including this fill; same unit as ``volume``.
        volume: the whole volume behind this quote; positive.
        tick: the price step at the price's scale.
    """
    sign = 1 if side is Side.BUY else -1
    numerator = (
        touch * (BPS + sign * slippage_bps) * (E4 * volume**2 + sign * impact_e4 * traded**2)
    )
    denominator = BPS * E4 * volume**2
    if side is Side.BUY:
        return ceil_div(numerator, denominator * tick) * tick
    return numerator // (denominator * tick) * tick


def commission_micros(qty: int, qty_decimals: int, config: SimulatorConfig) -> int:
    """The commission of an order of which ``qty`` has filled so far: per unit, with a minimum.

    The minimum counts once for the order, so a fill is charged what this sum grows by.
    """
    by_unit = ceil_div(qty * config.fee_per_unit_micros, 10**qty_decimals)
    return max(by_unit, config.fee_minimum_micros)


def latency_us(broker_client_id: str, config: SimulatorConfig) -> int:
    """How long an order travels: the same for the same seed and id, spread over the range."""
    material = f"writ simulator latency v1\x00{config.seed}\x00{broker_client_id}"
    draw = int.from_bytes(hashlib.sha256(material.encode()).digest()[:8], "big")
    low, high = config.latency_min_ms * _US_PER_MS, config.latency_max_ms * _US_PER_MS
    return low + draw % (high - low + 1)


def tick_size(price_decimals: int, config: SimulatorConfig) -> int:
    """The price step at ``price_decimals``."""
    return 10 ** max(0, price_decimals - config.tick_decimals)
