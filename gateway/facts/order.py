"""The order itself, as its caller gave it, and what it is worth."""

from __future__ import annotations

from typing import Any

from gateway.domain.book import NONE
from gateway.domain.order import Order
from gateway.domain.quantities import (
    BPS,
    DEFAULT_DECIMALS,
    Worth,
    ceil_div,
    notional_micros,
    rescaled_up,
)


def order_facts(
    order: Order, worst: int | None, price: int | None, worth: Worth | None
) -> dict[str, Any]:
    """The ``order`` section; what cannot be told of it is ``None``, to be left out.

    Args:
        order: the order.
        worst: the price that it may reach, at its own scale.
        price: the price that it counts at, at the same scale.
        worth: what one unit comes to in the base currency.
    """
    facts: dict[str, Any] = {
        "account": order.account,
        "symbol": order.symbol,
        "side": order.side.value,
        "type": order.type.value,
        "time_in_force": order.time_in_force.value,
        "qty": order.qty,
        "qty_decimals": order.qty_decimals,
        "price_decimals": order.price_decimals,
        "limit_price": NONE if order.limit_price is None else order.limit_price,
        "stop_price": NONE if order.stop_price is None else order.stop_price,
        "strategy_id": order.strategy_id or NONE,
        "reduce_only": order.reduce_only,
        "extended_hours": order.extended_hours,
        "locate_id": order.locate_id or NONE,
        "source_run": order.source_run or NONE,
        "replaces": order.replaces or NONE,
        "qty_e8": rescaled_up(order.qty, order.qty_decimals, DEFAULT_DECIMALS),
    }
    if order.expires_us is not None:
        facts["expires_us"] = order.expires_us
    notional = None
    if price is not None and worth is not None:
        scales = (order.qty_decimals, price, order.price_decimals)
        notional = notional_micros(order.qty, *scales, worth)
    return facts | {"worst_price": worst, "notional_micros": notional}


def with_share(facts: dict[str, Any], equity: int | None) -> dict[str, Any]:
    """The order's facts with its share of equity in basis points, rounded up, where it is known."""
    notional = facts["notional_micros"]
    if notional is None or equity is None or equity <= 0:
        return facts
    return facts | {"equity_share_bps": ceil_div(notional * BPS, equity)}
