"""A kill that is asked for while one stands: one halt, and open orders are cancelled once more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.brokers.simulator.adapter import SimulatorBroker
from gateway.control import halting
from gateway.domain.execution import OutcomeUnknownError
from gateway.tracking import cancels
from support.doors import Door, problem

REASON = {"reason": "test"}
WAIT_S = 60
EXIT: dict[str, Any] = {
    "side": "sell", "reduce_only": True, "limit_price": "24.50", "time_in_force": "gtc",
}  # fmt: skip


async def kill(door: Door) -> str:
    answer = await door.call("POST", "/v1/kill", scope="operate", json=REASON)
    assert answer.status_code == 200, answer.text
    return answer.json()["halt_id"]


async def status(door: Door, order_id: str) -> str:
    await door.app.pipeline.quiesce()
    await door.app.trackers["simulator"].pull()
    return (await door.call("GET", f"/v1/orders/{order_id}")).json()["status"]


async def exit_that_works(door: Door) -> str:
    """Under a kill, ten shares are being sold through an exit-only state; the order's id."""
    assert (await door.propose(qty="10", limit_price="25.50")).status_code == 201
    await door.app.pipeline.quiesce()
    assert (await door.clock("2015-01-05T15:30:00-05:00")).status_code == 200
    await kill(door)
    body = {"opened": True, **REASON}
    assert (await door.call("POST", "/v1/exit-only", scope="admin", json=body)).status_code == 200
    working = await door.propose(**EXIT, qty="10", headers={"Prefer": "wait=30"})
    assert working.json()["status"] == "ACKNOWLEDGED", working.text
    return working.json()["order_id"]


@pytest.mark.requirement("S1-01")
async def test_killed_again_even_exits_that_work_are_cancelled(door: Door) -> None:
    order_id = await exit_that_works(door)
    [standing] = door.app.book().halts
    assert await kill(door) == standing
    assert list(door.app.book().halts) == [standing]
    assert await status(door, order_id) == "CANCELED"


async def test_a_halt_of_the_gateway_s_own_that_is_due_again_leaves_exits_alone(
    door: Door,
) -> None:
    """It is due whenever facts change; each time it would undo what a person let through."""
    order_id = await exit_that_works(door)
    [standing] = door.app.book().halts.values()
    await door.app.halting.halt(
        cause=standing.cause, scope=standing.scope, by="triggers", clear_by="admin", cancels=True
    )
    assert await status(door, order_id) == "ACKNOWLEDGED"


@pytest.mark.requirement("S1-01")
async def test_kills_at_once_ask_the_broker_and_end_as_one(door: Door) -> None:
    resting = await door.propose(limit_price="24.00", headers={"Prefer": "wait=30"})
    assert resting.json()["status"] == "ACKNOWLEDGED", resting.text
    ids = await asyncio.gather(*(kill(door) for _ in range(8)))
    assert len(set(ids)) == 1
    assert await status(door, resting.json()["order_id"]) == "CANCELED"


@pytest.mark.requirement("S1-12")
async def test_a_kill_tells_what_could_not_be_cancelled_and_goes_on_trying(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel, refuses = SimulatorBroker.cancel, True

    async def cancelled(broker: SimulatorBroker, client_id: str) -> None:
        if refuses:
            raise OutcomeUnknownError("ERR_NETWORK")
        await cancel(broker, client_id)

    monkeypatch.setattr(SimulatorBroker, "cancel", cancelled)
    resting = await door.propose(limit_price="24.00", headers={"Prefer": "wait=30"})
    order_id = resting.json()["order_id"]
    halt = (await door.call("POST", "/v1/kill", scope="operate", json=REASON)).json()
    assert halt["uncancelled_count"] == 1
    [waiting] = halt["uncancelled"]
    assert (waiting["order_id"], waiting["code"], waiting["times"]) == (order_id, "ERR_NETWORK", 1)
    refuses = False
    async with asyncio.timeout(WAIT_S):
        while True:
            if await status(door, order_id) == "CANCELED":
                break
            await asyncio.sleep(0.05)
    [halt] = (await door.call("GET", "/v1/halts")).json()["halts"]
    assert (halt["uncancelled_count"], halt["uncancelled"]) == (0, [])


@pytest.mark.requirement("S1-12")
async def test_a_broker_that_hangs_over_a_cancel_does_not_keep_the_kill_waiting(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor a second account's halt: what is not cancelled in time is told, and tried on."""
    monkeypatch.setattr(halting, "CANCELS_WAIT_S", 0.1)
    free = asyncio.Event()

    async def hangs(_broker: SimulatorBroker, _client_id: str) -> None:
        await free.wait()

    monkeypatch.setattr(SimulatorBroker, "cancel", hangs)
    assert (
        await door.propose(limit_price="24.00", headers={"Prefer": "wait=30"})
    ).status_code == 201
    async with asyncio.timeout(cancels.CANCEL_TIMEOUT_S / 2):
        halt = (await door.call("POST", "/v1/kill", scope="operate", json=REASON)).json()
    assert (halt["kept"], halt["uncancelled_count"]) == ("log", 1)
    assert problem(await door.propose(), 403, "order-denied")
    free.set()
