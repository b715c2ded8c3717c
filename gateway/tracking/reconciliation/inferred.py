"""Fills that nobody told: inferred where a broker counts more of an order than it told of.

They are taken back where it counts less again. What somebody told is never touched here.
"""

from __future__ import annotations

from typing import Any

from gateway.domain.book import OrderState
from gateway.domain.order import Side
from gateway.domain.trade_entries import RECONCILED
from gateway.domain.unreported import INFERRED
from gateway.ports import Draft
from signing.inferred import corrected_id, inferred_id


def inferred(
    order: OrderState, cum_qty: int, price: int | None, market_us: int, session: str
) -> Draft | None:
    """The execution that brings an order to ``cum_qty``; ``None`` if nobody knows a price."""
    if price is None:
        return None
    name = inferred_id(order.account, order.broker_client_id, cum_qty, order.corrections)
    fields = {
        "execution_id": name,
        "qty": cum_qty - order.filled_qty,
        "price": price,
        "fee_micros": 0,
        "source": INFERRED,
    }
    return Draft("execution", _trade(order, market_us, session) | fields)


def taken_back(order: OrderState, cum_qty: int | None, market_us: int, session: str) -> list[Draft]:
    """The corrections that bring an order down to ``cum_qty``, of what was inferred last first.

    Nothing, where more was told than that, or where it is no quantity of the order's scale.
    """
    if cum_qty is None or order.filled_qty - cum_qty > order.inferred_qty:
        return []
    surplus = order.filled_qty - cum_qty
    drafts: list[Draft] = []
    for each in reversed(order.unreported):
        part = min(surplus, each.qty) if each.source == INFERRED else 0
        if not part:
            continue
        surplus -= part
        of, number = each.execution_id, order.corrections + len(drafts)
        left = each.qty - part
        fields = {
            "execution_id": corrected_id(order.account, order.broker_client_id, of, number),
            "of_execution_id": of,
            "cause": RECONCILED,
            "qty_before": each.qty,
            "qty_after": left,
            "price_before": each.price,
            "price_after": each.price if left else 0,
            "fee_change_micros": 0,
            "cum_qty": cum_qty + surplus,
        }
        drafts.append(Draft("trade-correction", _trade(order, market_us, session) | fields))
    return drafts


def _trade(order: OrderState, market_us: int, session: str) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "broker_client_id": order.broker_client_id,
        "account": order.account,
        "symbol": order.symbol,
        "side": Side(order.side).executed.value,
        "qty_decimals": order.qty_decimals,
        "price_decimals": order.price_decimals,
        "market_us": market_us,
        "session": session,
    }
