"""An attempt to trade as one flat record: the order, what was checked, and what came of it.

A view of the decision's entry and the order's row, in a shape that other systems already read;
the record itself is the log. Numbers are exact decimal strings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from gateway.api import times
from gateway.domain.book import NONE, OrderState
from gateway.domain.quantities import format_scaled
from gateway.forwarding import VOIDED_BY
from signing.lifecycle import State

MANUAL: Final = "manual_trigger"

_NAMES: Final[Mapping[str, str]] = {
    "MKT-02": "spread_check",
    "MOD-01": "volatility_check",
    "MOD-02": "regime_check",
    "MOD-03": "entropy_check",
    "MOD-04": "drift_check",
}
"""How readers of this shape know some controls; every other is named by its id."""

_OUTCOMES: Final[Mapping[State, str]] = {
    State.ACKNOWLEDGED: "accepted",
    State.FILLED: "accepted",
    State.PARTIALLY_FILLED: "accepted",
    State.REJECTED: "rejected",
    State.UNKNOWN: "unknown",
}
"""What a state tells by itself; in any other, an id of the broker's shows that it accepted."""


class BrokerResponseAnswer(BaseModel):
    """What the broker said of the order; its id is null where it gave none."""

    status: Literal["accepted", "rejected", "unknown"]
    broker_order_id: str | None


class AttemptAnswer(BaseModel):
    """One attempt, whether or not it was allowed."""

    order_id: str
    symbol: str
    timestamp: str = Field(description="when it was decided")
    side: str
    quantity: str
    order_type: str
    limit_price: str | None
    label: str | None = Field(
        description="research: recorded in RESEARCH, or before a lift of Omega 4; never forwarded. "
        "signed: under a manifest of the officers. unsigned, demonstration: without one"
    )
    decision_reason: str = Field(
        description=f"signal:ID or run:ID that it came from, or else {MANUAL}; "
        "unknown where the input document's retention has ended"
    )
    risk_checks_run: list[str] = Field(description="every required control, in order")
    risk_check_results: dict[str, Literal["pass", "fail"]]
    fail_closed_triggers: list[str] = Field(
        description="what stopped it: controls that were not proven, a failure to get a verdict, "
        "the gate's refusal, or that there was no permit"
    )
    order_status: str
    broker_response: BrokerResponseAnswer | None = Field(
        description="null where no broker was asked, or none has answered"
    )


def attempt_of(
    state: OrderState, payload: Mapping[str, Any], document: Mapping[str, Any] | None
) -> AttemptAnswer:
    """The record of an attempt.

    Args:
        state: the order as it stands.
        payload: its decision's entry.
        document: the decision's input, if it is still kept.
    """
    verdict = payload["verdict"]
    passed = frozenset(verdict["passed"])
    results: dict[str, Literal["pass", "fail"]] = {
        _name(control): "pass" if control in passed else "fail" for control in verdict["required"]
    }
    return AttemptAnswer(
        order_id=state.order_id,
        symbol=state.symbol,
        timestamp=times.written(payload["at_us"]),
        side=state.side,
        quantity=format_scaled(state.qty, state.qty_decimals),
        order_type=state.type,
        limit_price=None
        if state.limit_price is None
        else format_scaled(state.limit_price, state.price_decimals),
        label=None if state.label == NONE else state.label,
        decision_reason=_reason(document),
        risk_checks_run=list(results),
        risk_check_results=results,
        fail_closed_triggers=_triggers(state, verdict["reasons"], payload["failure"]),
        order_status=state.status.value.lower(),
        broker_response=_response(state),
    )


def _name(control: str) -> str:
    return _NAMES.get(control, control)


def _reason(document: Mapping[str, Any] | None) -> str:
    if document is None:
        return "unknown"
    signal = document["ids"]["source_signal_id"]
    run = document["order"].get("source_run", NONE)
    if signal != NONE:
        return f"signal:{signal}"
    return MANUAL if run == NONE else f"run:{run}"


def _triggers(state: OrderState, reasons: Sequence[Mapping[str, Any]], failure: str) -> list[str]:
    found = [_name(reason["control"]) for reason in reasons]
    if failure != NONE:
        found.append(failure)
    # Said after the verdict: the gate's word, or that there was no permit for it.
    voided = state.status is State.FATAL_ERROR and state.code in VOIDED_BY
    if state.allow and (state.status is State.DENIED or voided):
        found.append(state.code)
    return found


def _response(state: OrderState) -> BrokerResponseAnswer | None:
    broker_order_id = None if state.broker_order_id == NONE else state.broker_order_id
    outcome = _OUTCOMES.get(state.status)
    if outcome is None and broker_order_id is not None:
        outcome = "accepted"
    if outcome is None:
        return None
    return BrokerResponseAnswer.model_validate(
        {"status": outcome, "broker_order_id": broker_order_id}
    )
