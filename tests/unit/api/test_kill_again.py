"""A kill that is asked for while one stands: one halt, and open orders are cancelled once more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from support.doors import Door

REASON = {"reason": "test"}
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
    working = await door.propose(**EXIT, qty="10", headers={"Prefer": "wait=5"})
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
    resting = await door.propose(limit_price="24.00", headers={"Prefer": "wait=5"})
    assert resting.json()["status"] == "ACKNOWLEDGED", resting.text
    ids = await asyncio.gather(*(kill(door) for _ in range(8)))
    assert len(set(ids)) == 1
    assert await status(door, resting.json()["order_id"]) == "CANCELED"
