"""``DELETE /v1/orders``: every open order of a kind, each with what became of asking."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.brokers.gate import Gate
from gateway.domain.execution import OutcomeUnknownError
from support.doors import Door, problem

RESTING = {"time_in_force": "gtc", "qty": "4"}
PRICES = {"AAPL": "23.90", "KO": "31.60", "JPM": "47.00"}


async def resting(door: Door, symbol: str, **changes: Any) -> str:
    ticket = {**RESTING, "symbol": symbol, "limit_price": PRICES[symbol], **changes}
    answer = await door.propose(headers={"Prefer": "wait=30"}, **ticket)
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "ACKNOWLEDGED"
    return str(answer.json()["order_id"])


async def cancel(door: Door, **params: str) -> Any:  # noqa: ANN401  the answer's JSON
    answer = await door.call("DELETE", "/v1/orders", scope="cancel", params=params)
    assert answer.status_code == 207, answer.text
    return answer.json()


async def statuses(door: Door) -> dict[str, str]:
    await door.app.pipeline.quiesce()
    await door.app.trackers["simulator"].pull()
    return {key: order.status.value for key, order in door.app.book().orders.items()}


@pytest.mark.requirement("S1-06")
async def test_orders_are_cancelled_by_symbol_strategy_account_or_all_together(door: Door) -> None:
    apple = await resting(door, "AAPL", strategy_id="one")
    coke = await resting(door, "KO", strategy_id="one")
    other_coke = await resting(door, "KO", strategy_id="two")
    bank = await resting(door, "JPM")
    found = await cancel(door, symbol="KO", strategy_id="one")
    assert found == {
        "orders": [{"order_id": coke, "outcome": "asked", "code": None}], "asked": 1, "failed": 0,
    }  # fmt: skip
    assert (await statuses(door))[coke] == "CANCELED"
    assert {one["order_id"] for one in (await cancel(door, strategy_id="one"))["orders"]} == {apple}
    assert (await statuses(door))[apple] == "CANCELED"
    assert (await cancel(door, symbol="AAPL"))["orders"] == []
    assert (await cancel(door, account="primary"))["asked"] == 2
    assert (await statuses(door)) == dict.fromkeys([apple, coke, other_coke, bank], "CANCELED")
    last = await resting(door, "JPM")
    assert [one["order_id"] for one in (await cancel(door, all="true"))["orders"]] == [last]
    assert (await statuses(door))[last] == "CANCELED"


@pytest.mark.attack
@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize(
    "params",
    [{}, {"all": "false"}, {"all": "1"}, {"all": "true", "symbol": "KO"}, {"symbols": "KO"},
     {"symbol": ""}, {"symbol": "*"}, {"account": "a b"}],
    ids=["nothing", "all=false", "all=1", "all and one", "misspelt", "empty", "star", "blank"],
)  # fmt: skip
async def test_nobody_cancels_everything_by_leaving_something_out(
    door: Door, params: dict[str, str]
) -> None:
    order_id = await resting(door, "KO")
    answer = await door.call("DELETE", "/v1/orders", scope="cancel", params=params)
    assert answer.status_code == 422
    assert (await statuses(door))[order_id] == "ACKNOWLEDGED"


async def test_cancelling_many_needs_the_scope_to_cancel(door: Door) -> None:
    answer = await door.call("DELETE", "/v1/orders", scope="propose", params={"all": "true"})
    problem(answer, 403, "scope-missing")


@pytest.mark.requirement("S1-06")
async def test_one_that_the_broker_does_not_take_is_told_and_the_others_are_cancelled(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = await resting(door, "KO"), await resting(door, "AAPL")
    real = Gate.cancel

    async def away(self: Gate, account: str, broker_client_id: str) -> None:
        if door.app.book().by_client_id[broker_client_id] == bad:
            raise OutcomeUnknownError("ERR_NETWORK")
        await real(self, account, broker_client_id)

    with monkeypatch.context() as patched:
        patched.setattr(Gate, "cancel", away)
        found = await cancel(door, all="true")
        assert (found["asked"], found["failed"]) == (1, 1)
        assert {one["order_id"]: one["code"] for one in found["orders"]} == {
            bad: "ERR_NETWORK", good: None,
        }  # fmt: skip
        alone = await door.call("DELETE", f"/v1/orders/{bad}", scope="cancel")
        problem(alone, 503, "cancel-untaken")
        [left] = door.app.cancels.outstanding()
        assert (left.order_id, left.code, left.by) == (bad, "ERR_NETWORK", "cancel-user")
    async with asyncio.timeout(60):  # asked for again by itself
        while (await statuses(door))[bad] != "CANCELED":  # noqa: ASYNC110  seen from outside only
            await asyncio.sleep(0.05)
    assert (await statuses(door))[good] == "CANCELED"
    assert door.app.cancels.outstanding() == []
