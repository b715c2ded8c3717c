"""Ω2 that nobody pulled: drift, rejections in a row and a day's loss each stop their account."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.api import times
from gateway.brokers.simulator.adapter import SimulatorBroker
from gateway.domain.execution import Accepted, Rejected
from gateway.domain.order import BrokerOrder
from gateway.ports import Draft
from support.doors import Door, opened, problem

REJECTIONS_MAX = 2
DRIFT_MAX_BPS = 500
WAIT_S = 60


async def halted(door: Door, cause: str) -> dict[str, Any]:
    """The halt of this cause, as soon as it stands and is recorded."""
    async with asyncio.timeout(WAIT_S):
        while True:
            for halt in (await door.call("GET", "/v1/halts")).json()["halts"]:
                if (halt["cause"], halt["kept"]) == (cause, "log"):
                    return halt
            await asyncio.sleep(0.01)


async def denied_by(door: Door, **ticket: Any) -> set[str]:
    denial = problem(await door.propose(**ticket), 403, "order-denied")
    return {reason["control"] for reason in denial["reasons"]}


async def resting(door: Door, **ticket: Any) -> str:
    """An order that waits at the broker for a lower price; its id."""
    ticket = {"limit_price": "23.90", "time_in_force": "gtc"} | ticket
    answer = await door.propose(headers={"Prefer": "wait=30"}, **ticket)
    assert (answer.status_code, answer.json()["status"]) == (201, "ACKNOWLEDGED"), answer.text
    return answer.json()["order_id"]


async def cancelled(door: Door, order_id: str) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            order = (await door.call("GET", f"/v1/orders/{order_id}")).json()
            if order["status"] == "CANCELED":
                return
            await asyncio.sleep(0.01)


def reconciled(drift_bps: int | str) -> Draft:
    """What reconciliation enters when it has compared the account with its broker."""
    payload = {
        "reconciliation_id": "rec_test",
        "account": "primary",
        "broker": "simulator",
        "cause": "requested",
        "outcome": "drifted",
        "orders": 0,
        "positions": 1,
        "differences": 1,
        "drift_bps": drift_bps,
        "by": "reconciliation",
    }
    return Draft("reconciliation", payload)


def halts_of(door: Door) -> list[tuple[str, str]]:
    return [(halt.cause, halt.scope.name) for halt in door.app.book().halts.values()]


@pytest.mark.requirement("S2-03")
@pytest.mark.requirement("S3-08")
async def test_a_drift_beyond_the_limit_stops_the_account_and_cancels_what_works(
    door: Door,
) -> None:
    order_id = await resting(door)
    await door.app.journal.record([reconciled(DRIFT_MAX_BPS)])
    await door.app.triggers.evaluate(known_only=True)
    assert halts_of(door) == [], "at its limit the drift is borne"
    await door.app.journal.record([reconciled(DRIFT_MAX_BPS + 1)])
    halt = await halted(door, "OMEGA2_DRIFT")
    assert (halt["scope"], halt["name"], halt["cancels"]) == ("account", "primary", True)
    assert (halt["observed"], halt["limit"]) == (DRIFT_MAX_BPS + 1, DRIFT_MAX_BPS)
    await cancelled(door, order_id)
    assert "OMEGA-2" in await denied_by(door)


@pytest.mark.requirement("S2-03")
async def test_a_resumed_drift_comes_back_until_the_account_was_compared_again(door: Door) -> None:
    await door.app.journal.record([reconciled(DRIFT_MAX_BPS + 1)])
    first = await halted(door, "OMEGA2_DRIFT")
    await resume(door, first["halt_id"])
    await door.app.triggers.evaluate(known_only=True)
    again = await halted(door, "OMEGA2_DRIFT")
    assert again["halt_id"] != first["halt_id"]
    await door.app.journal.record([reconciled(0)])
    await resume(door, again["halt_id"])
    await door.app.triggers.evaluate(known_only=True)
    assert halts_of(door) == []


async def resume(door: Door, halt_id: str) -> None:
    body = {"halt_id": halt_id, "reason": "looked into"}
    for scope in ("operate", "admin"):
        answer = await door.call("POST", "/v1/resume", scope=scope, json=body)
        # Only an admin lifts what the triggers engaged.
        assert answer.status_code == (409 if scope == "operate" else 200), answer.text


@pytest.mark.requirement("S2-03")
async def test_a_broker_that_rejects_order_after_order_stops_the_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person's resume begins the count anew, and so does an order that the broker takes."""
    submit = SimulatorBroker.submit
    rejects = True

    async def submitted(broker: SimulatorBroker, order: BrokerOrder) -> Accepted | Rejected:
        return Rejected("ERR_INVALID_ORDER") if rejects else await submit(broker, order)

    limits = {"rejections_in_a_row_max_count": REJECTIONS_MAX}
    monkeypatch.setattr(SimulatorBroker, "submit", submitted)
    async with opened(tmp_path, limits=limits) as door:
        rejects = False
        order_id = await resting(door)
        rejects = True
        for _ in range(REJECTIONS_MAX):
            assert await rejected(door)
        rejects = False
        await resting(door, qty="1")
        rejects = True
        for _ in range(REJECTIONS_MAX):
            assert await rejected(door)
        await door.app.triggers.evaluate(known_only=True)
        assert halts_of(door) == [], "an order that was taken ended the row"
        assert await rejected(door)
        halt = await halted(door, "OMEGA2_REJECTIONS")
        assert (halt["observed"], halt["limit"]) == (REJECTIONS_MAX + 1, REJECTIONS_MAX)
        await cancelled(door, order_id)
        assert "OMEGA-2" in await denied_by(door)
        await resume(door, halt["halt_id"])
        await door.app.triggers.evaluate(known_only=True)
        assert halts_of(door) == []
        assert await rejected(door), "it may trade again"


async def rejected(door: Door) -> bool:
    """Propose an order, and hear that the broker refused it."""
    answer = await door.propose(headers={"Prefer": "wait=30"}, qty="2")
    return answer.status_code == 201 and answer.json()["status"] == "REJECTED"


@pytest.mark.requirement("S2-03")
async def test_each_account_is_stopped_by_its_own_drift_alone(tmp_path: Path) -> None:
    one = {"broker": "simulator", "opening_cash": "100000"}
    accounts = {"primary": one, "second": one}
    async with opened(tmp_path, accounts=accounts) as door:
        await door.app.journal.record([reconciled(DRIFT_MAX_BPS + 1)])
        await halted(door, "OMEGA2_DRIFT")
        assert "OMEGA-2" in await denied_by(door)
        assert (await door.propose(account="second")).status_code == 201
        assert halts_of(door) == [("OMEGA2_DRIFT", "primary")]


@pytest.mark.requirement("S2-03")
async def test_a_loss_shows_with_the_fill_and_stops_before_anybody_asks(tmp_path: Path) -> None:
    """Nothing moves the market here and nobody pushes a fact: the fill itself is looked at."""
    async with opened(tmp_path, limits={"day_loss_max_micros": 1}) as door:
        assert (await door.propose(qty="10", limit_price="25.50")).status_code == 201
        await door.app.pipeline.quiesce()
        assert halts_of(door) == []
        clock = door.app.market_clock
        assert clock is not None
        filled_us = times.read("2015-01-05T15:30:00-05:00", "now")
        clock._steps.set_clock(filled_us)
        for match in clock._steps.venues:
            await match(filled_us)
        await door.app.trackers["simulator"].pull()
        halt = await halted(door, "OMEGA2_DAILY_LOSS")
        assert (halt["scope"], halt["name"], halt["by"]) == ("account", "primary", "triggers")
