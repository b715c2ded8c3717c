"""Every attempt as one flat record: allowed, denied, refused, rejected; nothing in it is signed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.api.attempts import attempt_of
from gateway.domain.decision import NO_VERDICT
from signing.lifecycle import State
from support.doors import Door, problem

FIVE = {"volatility_check", "spread_check", "regime_check", "entropy_check", "drift_check"}


async def attempt(door: Door, order_id: str) -> dict[str, Any]:
    answer = await door.call("GET", f"/v1/orders/{order_id}/attempt")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.requirement("S1-14")
async def test_an_allowed_attempt_has_the_printed_shape(door: Door) -> None:
    sent = await door.propose(source_signal_id="sig-1", headers={"Prefer": "wait=30"})
    order = sent.json()
    found = await attempt(door, order["order_id"])
    results = found.pop("risk_check_results")
    assert found.pop("risk_checks_run") == list(results)
    assert results.keys() >= FIVE | {"OMEGA-2", "ORD-01"}
    assert set(results.values()) == {"pass"}
    decision = (await door.call("GET", f"/v1/decisions/{order['decision_id']}")).json()
    assert found == {
        "order_id": order["order_id"],
        "symbol": "AAPL",
        "timestamp": decision["decided_at"],
        "side": "buy",
        "quantity": "10",
        "order_type": "limit",
        "limit_price": "24.8",
        "label": "unsigned",
        "decision_reason": "signal:sig-1",
        "fail_closed_triggers": [],
        "order_status": "acknowledged",
        "broker_response": {"status": "accepted", "broker_order_id": order["broker_order_id"]},
    }


@pytest.mark.requirement("S1-14")
async def test_a_denied_attempt_says_which_check_stopped_it(door: Door) -> None:
    body = {"value": "0.9", "at": "2015-01-02T15:30:00-05:00", "ttl_ms": "60000", "source": "m"}
    await door.call("PUT", "/v1/facts/model.drift", scope="facts:write", json=body)
    denied = problem(await door.propose(), 403, "order-denied")
    found = await attempt(door, denied["order_id"])
    assert found["fail_closed_triggers"] == ["drift_check"]
    results = found["risk_check_results"]
    assert [name for name, result in results.items() if result == "fail"] == ["drift_check"]
    assert (found["order_status"], found["broker_response"]) == ("denied", None)
    assert found["decision_reason"] == "manual_trigger"


@pytest.mark.requirement("S1-14")
async def test_what_stopped_it_may_be_no_check_at_all(door: Door) -> None:
    order_id = (await door.propose(headers={"Prefer": "wait=30"})).json()["order_id"]
    ledger = door.app.ledger
    state = await ledger.order(order_id)
    assert state is not None
    entry = await ledger.entry(state.decision_id)
    assert entry is not None
    payload = dict(entry[1]) | {"failure": "ENGINE_TIMEOUT", "verdict": NO_VERDICT}
    found = attempt_of(state, payload, None)
    assert found.fail_closed_triggers == ["ENGINE_TIMEOUT"]
    assert (found.risk_checks_run, found.decision_reason) == ([], "unknown")
    refused = replace(state, status=State.DENIED, code="GATE_SPREAD", broker_order_id="none")
    found = attempt_of(refused, entry[1], None)
    assert (found.fail_closed_triggers, found.broker_response) == (["GATE_SPREAD"], None)
    for code in ("NO_RECEIPT", "PERMIT_REFUSED"):
        voided = replace(refused, status=State.FATAL_ERROR, code=code)
        assert attempt_of(voided, entry[1], None).fail_closed_triggers == [code]
    absent = replace(refused, status=State.CANCELED, code="NOT_FOUND")
    assert attempt_of(absent, entry[1], None).fail_closed_triggers == []


@pytest.mark.parametrize(
    ("status", "broker_order_id", "told"),
    [
        (State.REJECTED, "none", ("rejected", None)),
        (State.UNKNOWN, "none", ("unknown", None)),
        (State.FILLED, "none", ("accepted", None)),
        (State.CANCELED, "b-1", ("accepted", "b-1")),
        (State.CREATED, "none", None),
    ],
)
async def test_what_the_broker_said_is_told_and_what_it_did_not_say_is_not_made_up(
    door: Door, status: State, broker_order_id: str, told: tuple[str, str | None] | None
) -> None:
    order_id = (await door.propose(headers={"Prefer": "wait=30"})).json()["order_id"]
    state = await door.app.ledger.order(order_id)
    assert state is not None
    entry = await door.app.ledger.entry(state.decision_id)
    assert entry is not None
    state = replace(state, status=status, broker_order_id=broker_order_id)
    response = attempt_of(state, entry[1], None).broker_response
    assert (None if response is None else (response.status, response.broker_order_id)) == told


async def test_there_is_no_attempt_without_an_order(door: Door) -> None:
    answer = await door.call("GET", "/v1/orders/ord_none/attempt")
    problem(answer, 404, "order-unknown")
