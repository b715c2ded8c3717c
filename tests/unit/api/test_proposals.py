"""Proposals over HTTP: decided once, answered in full, refused before anything is recorded."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.errors import UnavailableError
from gateway.ports import KeyClaim
from signing.receipt import open_receipt
from support.doors import Door, opened, problem


@pytest.mark.requirement("W-01")
async def test_an_allowed_order_is_answered_with_its_decision(door: Door) -> None:
    answer = await door.propose(client_order_id="mine-1", strategy_id="s-1")
    assert answer.status_code == 201
    order = answer.json()
    assert answer.headers["location"] == f"/v1/orders/{order['order_id']}"
    assert (order["qty"], order["limit_price"]) == ("10", "24.8")
    assert order["requested"] == {"qty": "10", "limit_price": "24.80", "stop_price": None}
    assert (order["status"], order["label"], order["client_order_id"]) == (
        "CREATED",
        "unsigned",
        "mine-1",
    )
    assert (order["filled_qty"], order["filled_avg_price"]) == ("0", None)
    assert order["decision"]["allow"] is True
    assert order["decision"]["mode"] == "SIMULATION"
    receipt = await door.call("GET", order["links"]["receipt"])
    opened_receipt = open_receipt(receipt.content, door.app.vkey)
    assert opened_receipt.index == order["decision"]["index"]
    assert opened_receipt.envelope.payload["decision_id"] == order["decision_id"]


@pytest.mark.requirement("S0-15")
@pytest.mark.requirement("W-05")
async def test_a_denial_is_explained(door: Door) -> None:
    answer = await door.propose(qty="1300", limit_price="24.80")
    denied = problem(answer, 403, "order-denied")
    [reason] = denied["reasons"]
    assert reason["control"] == "ORD-01"
    assert (reason["observed"], reason["limit"]) == (32_240_000_000, 30_000_000_000)
    assert reason["unit"] == "micros"
    assert reason["limit_name"] == "order_notional_max_micros"
    assert reason["remedy"]
    assert any("RTS 6" in rule for rule in reason["regulation"])
    assert "ORD-01" in denied["detail"]
    detail = (await door.call("GET", f"/v1/decisions/{denied['decision_id']}")).json()
    assert detail["reasons"] == denied["reasons"]
    assert detail["record"]["allow"] is False
    assert detail["document"]["order"]["qty"] == 1_300
    order = (await door.call("GET", f"/v1/orders/{denied['order_id']}")).json()
    assert order["status"] == "DENIED"


async def test_an_unknown_symbol_is_denied_on_the_record(door: Door) -> None:
    denied = problem(await door.propose(symbol="NOPE", limit_price="1.5"), 403, "order-denied")
    assert "INS-01" in {reason["control"] for reason in denied["reasons"]}
    order = (await door.call("GET", f"/v1/orders/{denied['order_id']}")).json()
    assert (order["symbol"], order["qty"], order["status"]) == ("NOPE", "10", "DENIED")


async def test_a_client_order_id_is_key_enough(door: Door) -> None:
    first = await door.propose(key=None, client_order_id="mine-1")
    again = await door.propose(key=None, client_order_id="mine-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    other = await door.propose(key=None, client_order_id="mine-1", qty="11")
    assert first.json()["order_id"] in problem(other, 422, "client-order-id-reused")["detail"]


@pytest.mark.parametrize("qty", ["10", "2000"], ids=["allowed", "denied"])
async def test_a_repeated_request_gets_the_first_answer(door: Door, qty: str) -> None:
    first = await door.propose(key="k", qty=qty)
    again = await door.propose(key="k", qty=qty)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    shouted = await door.propose(key="k", qty=qty, side="BUY", stop_price=None)
    assert shouted.json() == first.json()
    assert len((await door.call("GET", "/v1/orders")).json()["orders"]) == 1


async def test_a_replay_is_answered_even_where_the_body_would_be_refused_today(
    tmp_path: Path,
) -> None:
    """The look for the key comes before the instrument's rounding."""
    async with opened(tmp_path) as door:
        first = await door.propose(key="k", symbol="NOPE", qty="0.5")
        assert first.status_code == 403
        again = await door.propose(key="k", symbol="NOPE", qty="0.5")
        assert again.json() == first.json()


@pytest.mark.parametrize("changes", [{"qty": "11"}, {"client_order_id": "new"}, {"side": "sell"}])
async def test_the_same_key_for_another_body_is_refused(
    door: Door, changes: dict[str, Any]
) -> None:
    await door.propose(key="k")
    problem(await door.propose(key="k", **changes), 422, "idempotency-key-reused")


async def test_a_new_key_does_not_free_a_client_order_id(door: Door) -> None:
    first = await door.propose(key="k-1", client_order_id="mine")
    same = await door.propose(key="k-1", client_order_id="mine")
    without = await door.propose(key=None, client_order_id="mine")
    assert same.json() == without.json() == first.json()
    other = await door.propose(key="k-2", client_order_id="mine")
    problem(other, 422, "client-order-id-reused")
    assert (await door.propose(key="k-2")).status_code == 201


async def test_keys_belong_to_their_principal(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        first = await door.propose(key="k")
        door.keys["propose"] = door.new_key("second", "propose")
        other = await door.propose(key="k", qty="11")
        assert (first.status_code, other.status_code) == (201, 201)
        assert other.json()["principal"] == "second"


async def test_sixty_four_racing_requests_make_one_decision(door: Door) -> None:
    answers = await asyncio.gather(*(door.propose(key="race") for _ in range(64)))
    created = [a for a in answers if a.status_code == 201]
    waiting = [a for a in answers if a.status_code == 409]
    assert len(created) + len(waiting) == 64
    assert len({a.json()["order_id"] for a in created}) == 1
    for answer in waiting:
        problem(answer, 409, "idempotency-in-flight")
    orders = (await door.call("GET", "/v1/orders")).json()["orders"]
    assert len(orders) == 1


async def test_racing_requests_with_different_bodies_make_one_decision(door: Door) -> None:
    answers = await asyncio.gather(*(door.propose(key="race", qty=str(n + 1)) for n in range(16)))
    assert sum(a.status_code == 201 for a in answers) == 1
    assert {a.status_code for a in answers} <= {201, 409, 422}
    assert len((await door.call("GET", "/v1/orders")).json()["orders"]) == 1


async def test_a_caller_that_goes_away_does_not_free_its_key(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its order is decided to the end, and the key is held until then."""
    looked, go_on = asyncio.Event(), asyncio.Event()
    look = type(door.app.ledger).find_key

    async def slow_look(*args: Any) -> KeyClaim | None:
        looked.set()
        await go_on.wait()
        return await look(*args)

    monkeypatch.setattr(type(door.app.ledger), "find_key", slow_look)
    leaving = asyncio.create_task(door.propose(key="k"))
    await looked.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    problem(await door.propose(key="k"), 409, "idempotency-in-flight")
    go_on.set()
    while (answer := await door.propose(key="k")).status_code == 409:
        await door.app.pipeline.quiesce()
    assert answer.headers["idempotency-replayed"] == "true"
    assert len((await door.call("GET", "/v1/orders")).json()["orders"]) == 1


async def test_waiting_for_the_brokers_first_answer(door: Door) -> None:
    answer = await door.propose(headers={"Prefer": "respond-async, wait=30"})
    assert answer.headers["preference-applied"] == "wait=30"
    order = answer.json()
    assert order["status"] == "ACKNOWLEDGED"
    assert order["broker"] == "simulator"
    assert order["broker_order_id"]


async def test_other_preferences_are_ignored(door: Door) -> None:
    for prefer in ("wait=0", "wait=-1", "wait=x", "wait=99999999", "return=minimal"):
        answer = await door.propose(headers={"Prefer": prefer})
        assert answer.status_code == 201
        assert "preference-applied" not in answer.headers


@pytest.mark.requirement("S0-01")
async def test_research_decides_and_forwards_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, mode="RESEARCH", lifted=False) as door:
        answer = await door.propose(headers={"Prefer": "wait=1"})
        order = answer.json()
        assert answer.status_code == 201
        assert (order["label"], order["status"], order["broker"]) == ("research", "CREATED", None)
        await door.clock("2015-01-05T15:30:00-05:00")
        assert (await door.call("GET", "/v1/fills")).json()["fills"] == []
        later = (await door.call("GET", f"/v1/orders/{order['order_id']}")).json()
        assert (later["status"], later["filled_qty"]) == ("CREATED", "0")


async def test_a_preview_says_what_would_be_decided_and_records_nothing(door: Door) -> None:
    before = await door.entries()
    door.keys["desk"] = door.new_key("desk", "propose", "read")
    ticket = {"account": "primary", "symbol": "AAPL", "side": "buy", "type": "limit"}
    for qty, allow in (("10.9", True), ("2000", False)):
        answer = await door.call(
            "POST",
            "/v1/orders/preview",
            scope="desk",
            json={**ticket, "qty": qty, "limit_price": "24.8099"},
        )
        found = answer.json()
        assert answer.status_code == 200
        assert found["allow"] is allow
        assert found["limit_price"] == "24.8"
        assert ("ORD-01" in {r["control"] for r in found["reasons"]}) is not allow
        assert found["facts"]["market"]["bid"] > 0
    assert await door.entries() == before
    assert (await door.call("GET", "/v1/orders")).json()["orders"] == []


async def test_a_latched_ledger_is_a_503_and_nothing_moves(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_args: Any) -> None:
        raise UnavailableError("ledger-latched", "test", "restart")

    monkeypatch.setattr(door.app.pipeline, "propose", refuse)
    document = problem(await door.propose(key="k"), 503, "ledger-latched")
    assert document["remedy"] == "restart"
    monkeypatch.undo()
    assert (await door.propose(key="k")).status_code == 201  # the key was free again


async def test_a_defect_is_a_500_that_promises_nothing(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(type(door.app.clock), "wall_us", lambda _self: 1 / 0)
    answer = await door.propose()
    document = problem(answer, 500, "internal-error")
    assert "ZeroDivisionError" not in answer.text
    assert "not known" in document["detail"]
    monkeypatch.undo()
    assert "ZeroDivisionError" in caplog.text


TYPES: list[dict[str, Any]] = [
    {"type": "market", "limit_price": ...},
    {"type": "limit", "limit_price": "24.80"},
    {"type": "stop", "limit_price": ..., "stop_price": "24.70"},
    {"type": "stop_limit", "limit_price": "24.80", "stop_price": "24.70"},
]


@pytest.mark.parametrize("fields", TYPES, ids=[fields["type"] for fields in TYPES])
async def test_every_order_type_reaches_the_broker_as_it_was_decided(
    door: Door, fields: dict[str, Any]
) -> None:
    answer = await door.propose(headers={"Prefer": "wait=30"}, **fields)
    order = answer.json()
    assert answer.status_code == 201, answer.text
    assert (order["status"], order["type"]) == ("ACKNOWLEDGED", fields["type"])
    decision = (await door.call("GET", f"/v1/decisions/{order['decision_id']}")).json()
    facts = decision["document"]["order"]
    for name in ("limit_price", "stop_price"):
        shown = order[name]
        assert facts[name] == ("none" if shown is None else int(Decimal(shown) * 10_000))
