"""A halt denies what waits for its verdict at once, whatever the turn under way still takes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.domain.halt import Scope
from gateway.policy.batches import DECISIONS
from gateway.policy.opa_wasm import WasmEngine
from gateway.turns import BATCH_MAX, HALTED
from signing.verify import verify_log
from support.doors import Door, opened, problem

WAIT_S = 60
REASON = {"reason": "test"}


class Stalled:
    """The real engine, whose answers to decisions wait until they are let go."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.asked = asyncio.Event()
        self.free = asyncio.Event()
        real = WasmEngine._ask

        async def ask(engine: WasmEngine, entrypoint: str, data: bytes) -> object:
            answer = await real(engine, entrypoint, data)
            if entrypoint == DECISIONS:
                self.asked.set()
                async with asyncio.timeout(WAIT_S):
                    await self.free.wait()
            return answer

        patch.setattr(WasmEngine, "_ask", ask)


@asynccontextmanager
async def stalled(
    folder: Path, patch: pytest.MonkeyPatch, **changes: Any
) -> AsyncIterator[tuple[Door, Stalled]]:
    async with opened(folder, **changes) as door:
        with patch.context() as here:
            engine = Stalled(here)
            try:
                yield door, engine
            finally:
                engine.free.set()
        await door.app.pipeline.quiesce()
        await door.app.ledger.publish_now()
        assert verify_log(door.app.log_dir, door.app.vkey).ok


async def waiting(
    door: Door, engine: Stalled, *orders: dict[str, Any]
) -> list[asyncio.Task[httpx2.Response]]:
    """Orders of which the engine holds the first; the others wait, or are on their way to it."""
    tasks = [asyncio.create_task(door.propose(**order)) for order in orders]
    async with asyncio.timeout(WAIT_S):
        await engine.asked.wait()
    return tasks


async def kill(door: Door, **changes: Any) -> str:
    answer = await door.call("POST", "/v1/kill", scope="operate", json={**REASON, **changes})
    assert answer.status_code == 200, answer.text
    return answer.json()["halt_id"]


async def answered(*tasks: asyncio.Task[httpx2.Response]) -> list[httpx2.Response]:
    async with asyncio.timeout(WAIT_S):
        return list(await asyncio.gather(*tasks))


def overtaken(answer: httpx2.Response) -> None:
    """Denied by the halt itself, on the record, with what to do about it."""
    told = problem(answer, 403, "order-denied")
    assert told["failure"]["code"] == HALTED
    assert "lifted" in told["remedy"]
    assert told["reasons"] == []
    assert told["index"] > 0


@pytest.mark.requirement("S1-01")
async def test_a_kill_denies_what_waits_without_waiting_for_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stalled(tmp_path, monkeypatch) as (door, engine):
        tasks = await waiting(door, engine, *([{}] * (2 * BATCH_MAX + 3)))
        await kill(door)
        for answer in await answered(*tasks):
            overtaken(answer)
        assert not engine.free.is_set(), "not one of them waited for its verdict"
        # Nor does what comes while no turn can begin.
        overtaken(*(await answered(asyncio.create_task(door.propose()))))
        engine.free.set()
        await door.app.pipeline.quiesce()
        # From then on the policy itself says why.
        told = problem(await door.propose(), 403, "order-denied")
        assert [reason["control"] for reason in told["reasons"]] == ["OMEGA-2"]
        assert door.app.book().orders == {}, "nothing was allowed"


@pytest.mark.requirement("S1-01")
async def test_an_order_is_decided_once_whatever_overtakes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdicts of the turn that the kill overtook come late, and are nobody's."""
    async with stalled(tmp_path, monkeypatch) as (door, engine):
        tasks = await waiting(door, engine, *([{}] * 6))
        halt_id = await kill(door)
        engine.free.set()
        answers = await answered(*tasks)
        lifted = {"halt_id": halt_id, **REASON}
        resumed = await door.call("POST", "/v1/resume", scope="admin", json=lifted)
        assert resumed.status_code == 200, resumed.text
        after = await door.propose()
        assert after.status_code == 201, after.text
        orders = (await door.call("GET", "/v1/orders")).json()["orders"]
        assert Counter(order["status"] == "DENIED" for order in orders) == {True: 6, False: 1}
        told = {answer.json()["order_id"] for answer in answers}
        assert told == {order["order_id"] for order in orders if order["status"] == "DENIED"}


@pytest.mark.requirement("S1-01")
async def test_a_halt_overtakes_what_it_covers_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stalled(tmp_path, monkeypatch) as (door, engine):
        orders = [{"strategy_id": f"s-{number % 2}", "qty": "1"} for number in range(8)]
        tasks = await waiting(door, engine, *orders)
        await kill(door, scope={"kind": "strategy", "name": "s-1"})
        for answer in await answered(*tasks[1::2]):
            overtaken(answer)
        assert not any(task.done() for task in tasks[::2])
        engine.free.set()
        for answer in await answered(*tasks[::2]):
            assert answer.status_code == 201, answer.text


@pytest.mark.requirement("W-10")
async def test_under_a_halt_that_lets_exits_through_the_policy_says_what_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stalled(tmp_path, monkeypatch) as (door, engine):
        tasks = await waiting(door, engine, {}, {})
        await kill(door, reduce_allowed=True)
        engine.free.set()
        for answer in await answered(*tasks):
            told = problem(answer, 403, "order-denied")
            assert [reason["control"] for reason in told["reasons"]] == ["OMEGA-2"]


@pytest.mark.requirement("S1-01")
async def test_what_a_halt_of_the_gateway_s_own_covers_is_overtaken_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stalled(tmp_path, monkeypatch) as (door, engine):
        tasks = await waiting(door, engine, {}, {"account": "primary"})
        await door.app.halting.halt(
            cause="BROKER_DOWN", scope=Scope("account", "primary"), by="tracking", clear_by="probe"
        )
        for answer in await answered(*tasks):
            overtaken(answer)


@pytest.mark.requirement("S1-07")
async def test_where_the_denial_cannot_be_recorded_the_caller_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stalled(tmp_path, monkeypatch) as (door, engine):
        tasks = await waiting(door, engine, {}, {})

        async def failing(*_: object) -> None:
            raise OSError("no disk")

        with monkeypatch.context() as patch:
            patch.setattr(door.app.ledger, "commit", failing)
            killing = asyncio.create_task(
                door.app.halting.halt(
                    cause="OMEGA2_MANUAL",
                    scope=Scope("global", "*"),
                    by="ada",
                    clear_by="admin",
                    cancels=True,
                )
            )
            for answer in await answered(*tasks):
                assert problem(answer, 503, "gateway-failed")
        engine.free.set()
        with pytest.raises(OSError, match="no disk"):
            await killing
        assert not (await door.propose()).is_success, "the halt stands, recorded or not"


@pytest.mark.requirement("S1-07")
async def test_what_was_recorded_as_allowed_before_the_kill_is_refused_at_the_gate(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its caller was told what the record says; the order itself goes nowhere."""
    free, real = asyncio.Event(), door.app.ledger.receipt

    async def late(index: int) -> Any:  # noqa: ANN401  whatever the ledger proves
        async with asyncio.timeout(WAIT_S):
            await free.wait()
        return await real(index)

    monkeypatch.setattr(door.app.ledger, "receipt", late)
    allowed = await door.propose()
    assert (allowed.status_code, allowed.json()["status"]) == (201, "CREATED"), allowed.text
    await kill(door)
    free.set()
    await door.app.pipeline.quiesce()
    order = (await door.call("GET", f"/v1/orders/{allowed.json()['order_id']}")).json()
    assert (order["status"], order["code"]) == ("DENIED", "GATE_HALTED")


async def test_what_follows_a_halt_may_fail_and_the_cancels_go_out(door: Door) -> None:
    def fails() -> None:
        raise ValueError("a defect")

    door.app.halting.on_halt.insert(0, fails)
    resting = await door.propose(limit_price="24.00", headers={"Prefer": "wait=30"})
    assert resting.json()["status"] == "ACKNOWLEDGED", resting.text
    await kill(door)
    async with asyncio.timeout(WAIT_S):
        while door.app.book().open_orders():
            await door.app.trackers["simulator"].pull()
            await asyncio.sleep(0.01)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as door:
        yield door
