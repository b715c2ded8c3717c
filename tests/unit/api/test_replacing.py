"""``PATCH /v1/orders/{id}`` and ``replaces``: a new decision, and what is refused before one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.brokers.simulator.adapter import SimulatorBroker as Simulator
from gateway.domain.execution import Rejected
from gateway.ports import Draft
from support.doors import Door, opened, problem

RESTING = {"limit_price": "23.90", "time_in_force": "gtc", "qty": "40"}
WAIT = {"Prefer": "wait=30"}


async def resting(door: Door, **changes: Any) -> dict[str, Any]:
    answer = await door.propose(**{**RESTING, **changes}, headers=WAIT)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["status"] == "ACKNOWLEDGED"
    return made


async def patch(
    door: Door, order_id: str, key: str = "p", scope: str = "propose", **body: Any
) -> Any:  # noqa: ANN401  as the library has it
    headers = {"Idempotency-Key": key, **WAIT}
    return await door.call(
        "PATCH", f"/v1/orders/{order_id}", scope=scope, json=body, headers=headers
    )


async def becomes(door: Door, order_id: str, status: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            found = (await door.call("GET", f"/v1/orders/{order_id}")).json()
            if found["status"] == status:
                return found
            await asyncio.sleep(0.01)


@pytest.mark.requirement("S1-06")
@pytest.mark.requirement("S3-20")
async def test_a_patch_makes_a_new_order_of_what_it_names_and_of_the_old_one(door: Door) -> None:
    old = await resting(door, strategy_id="s-1", source_signal_id="sig-1")
    answer = await patch(door, old["order_id"], qty="30", client_order_id="mine")
    assert answer.status_code == 201, answer.text
    new = answer.json()
    assert answer.headers["location"] == f"/v1/orders/{new['order_id']}"
    same = ("account", "symbol", "side", "type", "time_in_force", "limit_price", "strategy_id")
    assert {name: new[name] for name in same} == {name: old[name] for name in same}
    assert (new["qty"], new["status"], new["client_order_id"]) == ("30", "ACKNOWLEDGED", "mine")
    assert new["replaces"] == old["order_id"]
    assert new["order_id"] != old["order_id"]
    found = await becomes(door, old["order_id"], "REPLACED")
    assert found["replaced_by"] == new["order_id"]
    decision = (await door.call("GET", f"/v1/decisions/{new['decision_id']}")).json()
    assert decision["record"]["replaces"] == old["order_id"]
    assert decision["document"]["ids"]["source_signal_id"] == "sig-1"
    assert decision["document"]["replaced"]["filled_qty"] == 0


@pytest.mark.requirement("S1-06")
async def test_a_post_with_replaces_takes_an_orders_place_as_well(door: Door) -> None:
    old = await resting(door)
    new = await resting(door, qty="30", limit_price="23.80", replaces=old["order_id"])
    assert (new["replaces"], new["qty"]) == (old["order_id"], "30")
    assert (await becomes(door, old["order_id"], "REPLACED"))["replaced_by"] == new["order_id"]
    problem(await patch(door, new["order_id"], key="one", qty="0"), 422, "number-not-positive")
    await patch(door, new["order_id"], key="one", qty="31")
    other = await patch(door, new["order_id"], key="one", qty="32")
    problem(other, 422, "idempotency-key-reused")


@pytest.mark.requirement("S1-06")
async def test_a_repeated_patch_replaces_once_whatever_became_of_the_order(door: Door) -> None:
    old = await resting(door)
    first = await patch(door, old["order_id"], qty="30")
    await becomes(door, old["order_id"], "REPLACED")
    before = await door.entries()
    again = await patch(door, old["order_id"], qty="30")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["order_id"] == first.json()["order_id"]
    assert await door.entries() == before


@pytest.mark.requirement("S1-06")
@pytest.mark.requirement("S3-20")
async def test_a_denied_replacement_leaves_the_old_order_working(door: Door) -> None:
    old = await resting(door)
    denied = problem(await patch(door, old["order_id"], limit_price="30"), 403, "order-denied")
    assert denied["reasons"]
    found = (await door.call("GET", f"/v1/orders/{old['order_id']}")).json()
    assert (found["status"], found["replaced_by"]) == ("ACKNOWLEDGED", None)
    await door.cancel(old["order_id"])


@pytest.mark.requirement("S1-06")
async def test_what_cannot_be_replaced_is_refused_and_nothing_is_recorded(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = await resting(door)
    await door.cancel(over["order_id"])
    old = await resting(door, qty="41")
    before = await door.entries()
    cases: tuple[tuple[str, dict[str, Any], int, str], ...] = (
        ("ord_unknown", {"qty": "30"}, 404, "order-unknown"),
        (over["order_id"], {"qty": "30"}, 409, "order-not-replaceable"),
        (old["order_id"], {"qty": "0"}, 422, "number-not-positive"),
        (old["order_id"], {"qty": 30}, 422, "invalid-value"),
        (old["order_id"], {"stop_price": "20"}, 422, "price-unexpected"),
        (old["order_id"], {"expires_at": "2015-01-06T15:30:00-05:00"}, 422, "expiry-unexpected"),
        (old["order_id"], {"client_order_id": "alone"}, 422, "invalid-value"),
        (old["order_id"], {}, 422, "invalid-value"),
        (old["order_id"], {"symbol": "KO", "qty": "30"}, 422, "invalid-unknown-field"),
    )
    for order_id, body, status, code in cases:
        problem(await patch(door, order_id, **body), status, code)
    bare = await door.call(
        "PATCH", f"/v1/orders/{old['order_id']}", scope="propose", json={"qty": "30"}
    )
    problem(bare, 400, "idempotency-key-missing")
    posted = await door.propose(headers=None, **RESTING, replaces=over["order_id"])
    problem(posted, 409, "order-not-replaceable")
    assert await door.entries() == before

    async def slow(*_: object) -> Rejected:
        second = await patch(door, old["order_id"], key="second", qty="31")
        problem(second, 409, "order-not-replaceable")
        return Rejected("ERR_TOO_LATE")

    monkeypatch.setattr(Simulator, "replace", slow)
    first = await patch(door, old["order_id"], key="first", qty="30")
    assert first.json()["status"] == "REJECTED", "one replacement at a time"


@pytest.mark.requirement("S3-20")
async def test_what_is_filled_counts_and_a_quantity_below_it_comes_too_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as door:
        old = await resting(door, limit_price="24.30", qty="40")
        book = door.app.book()
        state = book.orders[old["order_id"]]
        part = {
            "order_id": state.order_id, "broker_client_id": state.broker_client_id,
            "execution_id": "part-1", "account": "primary", "symbol": "AAPL", "side": "buy",
            "qty": 15, "qty_decimals": 0, "price": 243_000, "price_decimals": 4,
            "fee_micros": 0, "market_us": door.app.clock.market_us(), "session": "2015-01-02",
        }  # fmt: skip
        await door.app.journal.record([Draft("execution", part)])
        problem(await patch(door, old["order_id"], key="late", qty="15"), 409, "replace-too-late")
        seen: list[tuple[int, int]] = []

        async def keeps(_self: object, _id: str, placed: Any, filled_qty: int) -> Rejected:  # noqa: ANN401  as the library has it
            seen.append((placed.qty, filled_qty))
            return Rejected("ERR_TOO_LATE")

        monkeypatch.setattr(Simulator, "replace", keeps)
        answer = await patch(door, old["order_id"], key="more", qty="50")
        assert answer.status_code == 201, answer.text
        assert (answer.json()["qty"], answer.json()["requested"]["qty"]) == ("35", "50")
        assert seen == [(35, 15)]
        found = await becomes(door, old["order_id"], "PARTIALLY_FILLED")
        assert found["code"] == "ERR_TOO_LATE"


@pytest.mark.requirement("S1-06")
async def test_where_the_old_ticket_is_not_kept_a_whole_one_is_asked_for(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await resting(door)

    async def gone(_digest: str) -> None:
        return None

    with monkeypatch.context() as patched:
        patched.setattr(door.app.ledger, "document", gone)
        problem(await patch(door, old["order_id"], qty="30"), 409, "order-not-replaceable")
    assert (await patch(door, old["order_id"], qty="30")).status_code == 201


@pytest.mark.attack
@pytest.mark.requirement("S1-06")
async def test_somebody_elses_order_is_replaced_by_whoever_may_cancel_it_alone(door: Door) -> None:
    old = await resting(door)
    door.keys["rival"] = door.new_key("rival", "propose", "read")
    door.keys["desk"] = door.new_key("desk", "propose", "cancel")
    before = await door.entries()
    problem(await patch(door, old["order_id"], scope="rival", qty="1"), 403, "scope-missing")
    problem(await patch(door, old["order_id"], scope="read", qty="1"), 403, "scope-missing")
    assert await door.entries() == before
    assert (await patch(door, old["order_id"], scope="desk", qty="30")).status_code == 201


# CloddsBot#126: the caller's own price on a MARKET order beat the cap.
@pytest.mark.attack
@pytest.mark.requirement("S3-01")
async def test_a_callers_own_price_on_a_market_order_is_refused_and_never_counted(
    door: Door,
) -> None:
    before = await door.entries()
    for price in ("0.01", "24.80", "9999"):
        for field in ("limit_price", "stop_price"):
            ticket = {"type": "market", "limit_price": ..., field: price}
            problem(await door.propose(**ticket), 422, "price-unexpected")
    assert await door.entries() == before
    plain = await door.propose(type="market", limit_price=..., qty="10")
    order = plain.json()
    decision = (await door.call("GET", f"/v1/decisions/{order['decision_id']}")).json()
    counted = decision["document"]["order"]
    assert counted["limit_price"] == "none"
    assert counted["worst_price"] > 240_000, "the market's price with the collar, not the caller's"


# torchtrade#414: validated one quantity, sent another.
@pytest.mark.attack
@pytest.mark.requirement("S3-01")
async def test_the_quantity_that_was_decided_is_the_quantity_that_is_sent(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict[str, int] = {}
    submit, replace = Simulator.submit, Simulator.replace

    async def submits(self: Simulator, placed: Any) -> Any:  # noqa: ANN401  as the library has it
        sent[placed.broker_client_id] = placed.qty
        return await submit(self, placed)

    async def replaces(self: Simulator, old: str, placed: Any, filled_qty: int) -> Any:  # noqa: ANN401  as the library has it
        sent[placed.broker_client_id] = placed.qty
        return await replace(self, old, placed, filled_qty)

    monkeypatch.setattr(Simulator, "submit", submits)
    monkeypatch.setattr(Simulator, "replace", replaces)
    orders = [await resting(door, qty="40.9"), await resting(door, qty="7")]
    orders += [(await patch(door, orders[0]["order_id"], qty="33.7")).json()]
    for order in orders:
        decision = (await door.call("GET", f"/v1/decisions/{order['decision_id']}")).json()
        decided = decision["document"]["order"]["qty"]
        assert sent[order["broker_client_id"]] == decided == int(order["qty"])
