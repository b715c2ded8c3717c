"""Orders and a switch of releases: they wait for each other, and only as long as they must."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.brokers.simulator.adapter import SimulatorBroker
from gateway.domain.execution import Accepted, Rejected
from gateway.domain.order import BrokerOrder
from gateway.policy.in_force import ReleaseHolder
from support.doors import problem
from support.switch_desk import Desk, desk_in
from support.switching import wrong_revisions


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    async with desk_in(tmp_path) as made:
        yield made


async def test_orders_wait_for_a_switch_and_none_is_refused_for_it(desk: Desk) -> None:
    """Proposals without end and twenty switches: two answers, no third, and no stale permit."""
    answers: Counter[int] = Counter()
    stop = asyncio.Event()

    async def client() -> None:
        while not stop.is_set():
            answer = await desk.door.propose(qty="1")
            answers[answer.status_code] += 1

    clients = [asyncio.create_task(client()) for _ in range(4)]
    for number in range(20):
        await desk.turned("open" if number % 2 else "tight")
        await asyncio.sleep(0.01)
    stop.set()
    await asyncio.gather(*clients)
    found = await desk.log()
    assert wrong_revisions(found) == []
    assert sum(kind == "release" for kind, _ in found) == 21
    assert set(answers) <= {201, 403}, answers
    assert answers[201] > 0
    refusals = [
        p["code"] for kind, p in found if kind == "submission" and p["outcome"] == "refused"
    ]
    assert refusals == []
    allowed = sum(p["allow"] for kind, p in found if kind == "decision")
    assert allowed == sum(kind == "submission" for kind, _ in found)


async def test_a_switch_does_not_wait_for_a_broker(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order that is past the gate is the broker's affair, however long that takes."""
    submit = SimulatorBroker.submit
    at_broker, go_on = asyncio.Event(), asyncio.Event()

    async def slow(self: SimulatorBroker, order: BrokerOrder) -> Accepted | Rejected:
        at_broker.set()
        await go_on.wait()
        return await submit(self, order)

    monkeypatch.setattr(SimulatorBroker, "submit", slow)
    assert (await desk.door.propose(qty="1")).status_code == 201
    await asyncio.wait_for(at_broker.wait(), 30)
    assert (await desk.turned("tight"))["changed"] is True
    go_on.set()
    [submission] = [payload for kind, payload in await desk.log() if kind == "submission"]
    assert submission["outcome"] == "accepted"


async def test_an_allowed_order_passes_the_gate_before_the_switch(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its decision and the gate an order is under its own release: the switch waits."""
    receipt = desk.door.app.ledger.receipt
    waiting, go_on = asyncio.Event(), asyncio.Event()

    async def slow(index: int) -> bytes:
        waiting.set()
        await go_on.wait()
        return await receipt(index)

    monkeypatch.setattr(desk.door.app.ledger, "receipt", slow)
    assert (await desk.door.propose(qty="1")).status_code == 201
    await asyncio.wait_for(waiting.wait(), 30)
    switching = asyncio.create_task(desk.turned("tight"))
    late = asyncio.create_task(desk.door.propose(qty="1"))
    await asyncio.sleep(1)
    assert not switching.done()
    assert await desk.active() == desk.releases.digest("open")
    go_on.set()
    assert (await switching)["changed"] is True
    # It came while the door was shut, or just before: either way it was decided once, by one.
    assert (await late).status_code in (201, 403)
    found = await desk.log()
    assert {p["outcome"] for kind, p in found if kind == "submission"} == {"accepted"}
    assert wrong_revisions(found) == []


async def test_a_switch_that_would_take_too_long_lets_go(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.policy.switching.DRAIN_MAX_MS", 100)
    go_on = asyncio.Event()
    receipt = desk.door.app.ledger.receipt

    async def slow(index: int) -> bytes:
        await go_on.wait()
        return await receipt(index)

    monkeypatch.setattr(desk.door.app.ledger, "receipt", slow)
    assert (await desk.door.propose(qty="1")).status_code == 201
    problem(await desk.switch(desk.releases.turn("tight")), 503, "switch-delayed")
    go_on.set()
    assert (await desk.door.propose(qty="1")).status_code == 201, "the door is open again"
    assert await desk.active() == desk.releases.digest("open")


async def test_a_working_order_keeps_its_instrument_listed(desk: Desk) -> None:
    """What came to be held or to work while the release was being tried counts as well."""
    data = json.loads((desk.releases.made["tight"] / "data.json").read_bytes())
    del data["instruments"]["AAPL"]
    desk.releases.with_data("new", "tight", instruments=data["instruments"])
    digest = desk.releases.turn("new")
    alone = ReleaseHolder.alone

    @asynccontextmanager
    async def after_an_order(self: ReleaseHolder, *given: Any) -> AsyncGenerator[None]:
        assert (await desk.door.propose(qty="1")).status_code == 201
        async with alone(self, *given):
            yield

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReleaseHolder, "alone", after_an_order)
        problem(await desk.switch(digest), 409, "release-lacks-instrument")
    assert await desk.active() == desk.releases.digest("open")
