"""Orders and decisions as callers read them: decimal strings, RFC 3339, nothing signed in words."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from gateway.api import times
from gateway.api.explain import FailureAnswer, ReasonAnswer
from gateway.api.problems import Problem
from gateway.domain.book import NONE, OrderState
from gateway.domain.broker_codes import retryable
from gateway.domain.quantities import MICROS, format_scaled
from signing.lifecycle import State

_AVERAGE_DECIMALS = 4
"""Decimals of an average price beyond the instrument's own; the last one is cut off."""


_MESSAGES = {
    State.PARTIALLY_FILLED: "Order partially filled. Awaiting liquidity for remainder.",
    State.UNKNOWN: "Network degradation. The broker is asked by its order id; nothing is resent.",
}
_CODE_MESSAGES = {
    "ERR_RATE_LIMIT": "Broker rate limit hit. Throttling execution speed.",
    "ERR_NETWORK": "Broker API unreachable. The order was not sent.",
}
"""Of an order that was not taken."""


class DecisionAnswer(BaseModel):
    """The decision behind an order; ``index`` is its place in the log."""

    decision_id: str
    allow: bool
    mode: str
    release_digest: str
    index: int | None = Field(default=None, description="null where it was not looked up")


class RequestedAnswer(BaseModel):
    """The caller's own numbers, before lot and tick."""

    qty: str
    limit_price: str | None
    stop_price: str | None


class LinksAnswer(BaseModel):
    """Where more is to be read."""

    order: str
    decision: str
    receipt: str


class OrderAnswer(BaseModel):
    """An order as it stands; quantities and prices are exact decimal strings."""

    order_id: str
    decision_id: str
    client_order_id: str | None
    broker_client_id: str
    status: str
    code: str | None = Field(description="why it has this status, where there is a reason")
    retryable: bool | None = Field(
        description="of an order that the broker did not take: whether the same may succeed later, "
        "as a new order; null otherwise, and never to be read as yes"
    )
    message: str | None = Field(description="what its status means for whoever waits for it")
    label: str | None = Field(
        description="research: decided in RESEARCH, or before a lift of Omega 4; never forwarded. "
        "signed: under a manifest of the officers. unsigned, demonstration: without one"
    )
    principal: str
    account: str
    strategy_id: str | None
    symbol: str
    side: str
    type: str
    time_in_force: str
    expires_at: str | None = Field(description="when a gtd order ends by itself")
    qty: str
    limit_price: str | None
    stop_price: str | None
    reduce_only: bool = Field(description="it takes risk off and does nothing else")
    extended_hours: bool = Field(description="it may trade outside of the regular session")
    filled_qty: str
    leaves_qty: str
    filled_avg_price: str | None
    fee: str
    replaces: str | None = Field(description="the order whose place it takes")
    replaced_by: str | None = Field(
        description="the order that takes its place, or last tried to: see the status"
    )
    anomaly: str | None = Field(
        description="what the broker told that cannot be true; a person settles such an order"
    )
    broker: str | None
    broker_order_id: str | None
    market_time: str
    decision: DecisionAnswer
    links: LinksAnswer


class AcceptedOrder(OrderAnswer):
    """The answer to a proposal that was allowed."""

    requested: RequestedAnswer


class DeniedProblem(Problem):
    """The answer to a proposal that was denied: a recorded, signed decision."""

    decision_id: str
    order_id: str
    index: int
    label: str | None
    reasons: list[ReasonAnswer]
    base_currency: str = Field(description="what micros are millionths of")
    failure: FailureAnswer | None


def order_answer(state: OrderState, index: int | None = None) -> dict[str, Any]:
    """The fields of :class:`OrderAnswer`."""
    return {
        "order_id": state.order_id,
        "decision_id": state.decision_id,
        "client_order_id": _present(state.client_order_id),
        "broker_client_id": state.broker_client_id,
        "status": state.status.value,
        "code": _present(state.code),
        "retryable": retryable(state.status.value, state.code),
        "message": _message(state),
        "label": _present(state.label),
        "principal": state.principal,
        "account": state.account,
        "strategy_id": _present(state.strategy_id),
        "symbol": state.symbol,
        "side": state.side,
        "type": state.type,
        "time_in_force": state.time_in_force,
        "expires_at": None if state.expires_us is None else times.written(state.expires_us),
        "qty": format_scaled(state.qty, state.qty_decimals),
        "limit_price": _price(state.limit_price, state.price_decimals),
        "stop_price": _price(state.stop_price, state.price_decimals),
        "reduce_only": state.reduce_only,
        "extended_hours": state.extended_hours,
        "filled_qty": format_scaled(state.filled_qty, state.qty_decimals),
        "leaves_qty": format_scaled(state.leaves_qty, state.qty_decimals),
        "filled_avg_price": _average(state),
        "fee": money(state.fee_micros),
        "replaces": _present(state.replaces),
        "replaced_by": _present(state.replaced_by),
        "anomaly": _present(state.anomaly),
        "broker": _present(state.broker),
        "broker_order_id": _present(state.broker_order_id),
        "market_time": times.written(state.market_us),
        "decision": {
            "decision_id": state.decision_id,
            "allow": state.allow,
            "mode": state.mode,
            "release_digest": state.release_digest,
            "index": index,
        },
        "links": {
            "order": f"/v1/orders/{state.order_id}",
            "decision": f"/v1/decisions/{state.decision_id}",
            "receipt": f"/v1/decisions/{state.decision_id}/receipt",
        },
    }


def money(micros: int) -> str:
    """An amount of the base currency as an exact decimal string."""
    return format_scaled(micros, MICROS)


def _message(state: OrderState) -> str | None:
    refused = state.status in {State.DENIED, State.REJECTED}
    return _CODE_MESSAGES.get(state.code) if refused else _MESSAGES.get(state.status)


def _present(value: str) -> str | None:
    return None if value == NONE else value


def _price(value: int | None, decimals: int) -> str | None:
    return None if value is None else format_scaled(value, decimals)


def _average(state: OrderState) -> str | None:
    if state.filled_qty == 0:
        return None
    scaled = state.filled_value * 10**_AVERAGE_DECIMALS // state.filled_qty
    return format_scaled(scaled, state.price_decimals + _AVERAGE_DECIMALS)
