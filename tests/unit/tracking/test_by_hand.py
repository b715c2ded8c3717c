"""A person's word about an order in doubt: on the record, with the broker's beside it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.brokers.simulator.adapter import SimulatorBroker as Simulator
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import BrokerOrderState, OutcomeUnknownError
from gateway.domain.halt import Scope
from gateway.ports import Draft
from signing.lifecycle import State
from support.doors import Door, opened, problem
from support.telling import recorded, sound

pytestmark = [pytest.mark.requirement("W-07"), pytest.mark.requirement("S1-13")]
WORD = {"evidence": "the broker's desk, by telephone at 15:04", "reason": "it had to be settled"}
LIMIT = "24.00"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncGenerator[Door]:
    async with opened(tmp_path) as made:
        yield made
        await sound(made.app)


async def in_doubt(door: Door) -> str:
    """An order of 10 whose outcome nobody knows."""
    answer = await door.propose(qty="10", limit_price=LIMIT, headers={"Prefer": "wait=30"})
    assert answer.status_code == 201, answer.text
    order = answer.json()
    assert order["status"] == "ACKNOWLEDGED"
    payload = {
        "order_id": order["order_id"],
        "broker_client_id": order["broker_client_id"],
        "status": "UNKNOWN",
        "code": "TEST",
        "source": "broker",
    }
    await door.app.journal.record([Draft("status", payload)])
    return order["order_id"]


async def settle(door: Door, order_id: str, **body: Any) -> httpx2.Response:
    path = f"/v1/orders/{order_id}/settle"
    return await door.call("POST", path, scope="operate", json=WORD | body)


def broker_says(monkeypatch: pytest.MonkeyPatch, said: BrokerOrderState | None) -> None:
    async def order(_self: Simulator, _client_id: str) -> BrokerOrderState | None:
        return said

    monkeypatch.setattr(Simulator, "order", order)


async def entry(door: Door, kind: str) -> dict[str, Any]:
    """The newest entry of a kind."""
    return [payload for found, payload in await recorded(door.app) if found == kind][-1]


async def test_what_is_in_doubt_is_listed(door: Door) -> None:
    assert (await door.call("GET", "/v1/doubt")).json() == {"doubts": []}
    order_id = await in_doubt(door)
    [doubt] = (await door.call("GET", "/v1/doubt")).json()["doubts"]
    assert (doubt["order"]["order_id"], doubt["order"]["status"]) == (order_id, "UNKNOWN")
    assert doubt["anomaly"] is None
    problem(await door.call("GET", "/v1/doubt", scope="propose"), 403, "scope-missing")


async def test_an_order_that_never_arrived_is_absent_by_a_persons_word(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await in_doubt(door)
    broker_says(monkeypatch, None)
    answer = await settle(door, order_id, outcome="absent")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["code"]) == ("CANCELED", "SETTLED_ABSENT")
    payload = await entry(door, "settlement")
    assert (payload["by"], payload["reason"]) == ("operate-user", WORD["reason"])
    kept = await door.app.ledger.document(payload["evidence_digest"])
    assert kept is not None
    assert json.loads(kept) == {
        "order_id": order_id,
        "outcome": "absent",
        "evidence": WORD["evidence"],
        "contradicts": False,
        "broker": "none",
    }
    problem(await settle(door, order_id, outcome="absent"), 409, "order-not-doubtful")


@pytest.mark.parametrize("outcome", ["absent", "canceled"])
async def test_a_word_against_the_brokers_is_refused_unless_it_insists(
    door: Door, outcome: str
) -> None:
    order_id = await in_doubt(door)
    refused = problem(await settle(door, order_id, outcome=outcome), 409, "settle-contradicted")
    assert "ACKNOWLEDGED" in refused["detail"]
    assert door.app.book().orders[order_id].status is State.UNKNOWN
    answer = await settle(door, order_id, outcome=outcome, contradicts=True)
    assert answer.json()["status"] == "CANCELED"
    kept = await door.app.ledger.document((await entry(door, "settlement"))["evidence_digest"])
    assert kept is not None
    assert json.loads(kept)["broker"]["status"] == "ACKNOWLEDGED"
    assert json.loads(kept)["contradicts"] is True


async def test_an_order_that_the_broker_has_is_adopted(door: Door) -> None:
    order_id = await in_doubt(door)
    answer = await settle(door, order_id, outcome="adopted")
    assert answer.json()["status"] == "ACKNOWLEDGED"
    await door.cancel(order_id)


@pytest.mark.parametrize("said", ["none", "silent", "rejected"])
async def test_nothing_is_adopted_that_the_broker_does_not_have(
    door: Door, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    order_id = await in_doubt(door)

    async def silent(*_: object) -> None:
        raise UnavailableError("broker-unavailable", "no answer")

    if said == "silent":
        monkeypatch.setattr(Simulator, "order", silent)
    else:
        rejected = BrokerOrderState("wr", "b-1", "REJECTED", 0, open=False)
        broker_says(monkeypatch, rejected if said == "rejected" else None)
    answer = await settle(door, order_id, outcome="adopted", contradicts=True)
    problem(answer, 409, "settle-contradicted")


@pytest.mark.parametrize(("qty", "status"), [("10", "FILLED"), ("4", "CANCELED")])
async def test_what_was_filled_is_entered_as_an_execution_of_a_person(
    door: Door, monkeypatch: pytest.MonkeyPatch, qty: str, status: str
) -> None:
    order_id = await in_doubt(door)
    broker_says(monkeypatch, BrokerOrderState("wr", "b-1", "CANCELED", int(qty), open=False))
    answer = await settle(door, order_id, outcome="filled", qty=qty, price="23.99")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["filled_qty"]) == (status, qty)
    assert door.app.book().account("primary").positions == {"AAPL": (int(qty), 0)}
    payload = await entry(door, "execution")
    assert (payload["source"], payload["by"]) == ("person", "operate-user")
    assert payload["execution_id"].startswith("person-")


async def test_a_fill_that_the_broker_knows_nothing_of_needs_insisting(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await in_doubt(door)
    broker_says(monkeypatch, None)
    filled = {"outcome": "filled", "qty": "10", "price": "23.99"}
    problem(await settle(door, order_id, **filled), 409, "settle-contradicted")
    assert (await settle(door, order_id, **filled, contradicts=True)).json()["status"] == "FILLED"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"outcome": "filled"}, 422, "settle-incomplete"),
        ({"outcome": "absent", "qty": "1", "price": "1"}, 422, "settle-incomplete"),
        ({"outcome": "filled", "qty": "0.5", "price": "1"}, 422, "number-too-fine"),
        ({"outcome": "filled", "qty": "1e3", "price": "1"}, 422, "number-malformed"),
        ({"outcome": "filled", "qty": "11", "price": "24"}, 409, "settle-impossible"),
        ({"outcome": "rejected"}, 422, "invalid-value"),
        ({"outcome": "absent", "evidence": "two\nlines"}, 422, "invalid-value"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_word_that_cannot_be_is_refused_and_changes_nothing(
    door: Door, monkeypatch: pytest.MonkeyPatch, body: dict[str, str], status: int, code: str
) -> None:
    order_id = await in_doubt(door)
    broker_says(monkeypatch, BrokerOrderState("wr", "b-1", "FILLED", 10, open=False))
    size = await door.entries()
    problem(await settle(door, order_id, **body), status, code)
    assert await door.entries() == size
    assert door.app.book().orders[order_id].status is State.UNKNOWN


async def test_it_clears_the_anomaly_and_the_halt_that_waited_for_it(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await in_doubt(door)
    order = door.app.book().orders[order_id]
    payload = {
        "order_id": order_id,
        "account": "primary",
        "broker": "simulator",
        "broker_client_id": order.broker_client_id,
        "told": "status",
        "code": "UNKNOWN_STATUS",
        "state": "UNKNOWN",
        "status": "WHO_KNOWS",
    }
    await door.app.journal.record([Draft("anomaly", payload)])
    scope = Scope("account", "primary")
    await door.app.halting.halt(
        cause="UNSETTLED_ORDER", scope=scope, by="settlement", clear_by="probe"
    )
    [doubt] = (await door.call("GET", "/v1/doubt")).json()["doubts"]
    assert doubt["anomaly"] == "UNKNOWN_STATUS"
    broker_says(monkeypatch, None)
    assert (await settle(door, order_id, outcome="absent")).status_code == 200
    assert (await door.call("GET", "/v1/doubt")).json() == {"doubts": []}
    assert door.app.book().halts == {}
    assert (await entry(door, "resume"))["by"] == "operate-user"


async def test_only_an_operator_settles_and_only_what_there_is(door: Door) -> None:
    path = "/v1/orders/ord_none/settle"
    body = WORD | {"outcome": "absent"}
    problem(await door.call("POST", path, scope="propose", json=body), 403, "scope-missing")
    problem(await door.call("POST", path, scope="operate", json=body), 404, "order-not-open")


@pytest.mark.requirement("S1-06")
async def test_a_replacement_that_a_person_calls_absent_gives_the_order_before_it_its_state_back(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: object) -> None:
        raise OutcomeUnknownError("ERR_NETWORK")

    answer = await door.propose(qty="10", limit_price=LIMIT, headers={"Prefer": "wait=30"})
    old = answer.json()["order_id"]
    monkeypatch.setattr(Simulator, "replace", silent)
    monkeypatch.setattr(Simulator, "order", silent)
    changed = await door.call(
        "PATCH",
        f"/v1/orders/{old}",
        scope="propose",
        json={"qty": "5"},
        headers={"Idempotency-Key": "smaller"},
    )
    assert changed.status_code == 201, changed.text
    new = changed.json()["order_id"]
    await door.app.pipeline.quiesce()
    orders = door.app.book().orders
    assert (orders[old].status, orders[new].status) == (State.PENDING_REPLACE, State.UNKNOWN)
    assert (await settle(door, new, outcome="absent")).status_code == 200
    assert (orders[old].status, orders[new].status) == (State.ACKNOWLEDGED, State.CANCELED)
    assert orders[old].code == "SETTLED_ABSENT"
