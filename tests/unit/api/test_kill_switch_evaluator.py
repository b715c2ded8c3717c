"""What decides whether to stop fails itself (hummingbot#2534).

There the evaluation of the kill switch raised, its task was dead, and orders went on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.policy.opa_wasm import WasmEngine
from support.doors import Door, problem

WAIT_S = 60


async def becomes(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110  what goes on behind the door has no event
            await asyncio.sleep(0.01)


@pytest.mark.attack
@pytest.mark.requirement("S2-03")
@pytest.mark.parametrize("raises", ["facts", "engine"])
async def test_an_evaluator_that_raises_stops_all_orders_each_time(
    door: Door, monkeypatch: pytest.MonkeyPatch, raises: str
) -> None:
    book = door.app.book

    def broken(*_: Any, **__: Any) -> Any:  # noqa: ANN401  in any part's place
        raise ValueError("no price")

    for day in ("2015-01-05", "2015-01-06"):  # whoever evaluates is alive after the first failure
        entry = await door.propose(qty="1", type="market", limit_price=...)
        low: dict[str, Any] = {"limit_price": "23.60", "time_in_force": "gtc"}
        resting = await door.propose(**low, headers={"Prefer": "wait=30"})
        assert (entry.status_code, resting.status_code) == (201, 201), (entry.text, resting.text)
        with monkeypatch.context() as breaking:
            if raises == "facts":
                breaking.setattr(door.app.triggers, "_document", broken)
            else:
                breaking.setattr(WasmEngine, "triggered_halts", broken)
            await door.clock(f"{day}T15:30:00-05:00")  # the entry fills, and that is looked at
            await becomes(lambda: bool(book().halts))
        assert {halt.cause for halt in book().halts.values()} == {"TRIGGERS_ERROR"}
        denial = problem(await door.propose(**low), 403, "order-denied")
        assert "OMEGA-2" in {reason["control"] for reason in denial["reasons"]}
        await becomes(lambda: book().open_orders() == [])
        body = {"halt_id": "all", "reason": "mended"}
        answer = await door.call("POST", "/v1/resume", scope="admin", json=body)
        assert answer.status_code == 200, answer.text
