"""Exit-only over HTTP: under a kill, positions are reduced by name and on the record, or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from signing.verify import verify_log
from support.doors import Door, opened, problem

REASON = {"reason": "taking risk off"}
SALE: dict[str, Any] = {"side": "sell", "limit_price": "23.20"}
EXIT: dict[str, Any] = {**SALE, "reduce_only": True}
FILL_1, FILL_2 = "2015-01-05T15:30:00-05:00", "2015-01-06T15:30:00-05:00"


async def long_ten(door: Door) -> None:
    """The account holds ten shares, and nothing works."""
    assert (await door.propose(qty="10", limit_price="25.50")).status_code == 201
    await door.app.pipeline.quiesce()
    assert (await door.clock(FILL_1)).status_code == 200
    assert await held(door) == "10"


async def held(door: Door) -> str | None:
    """The position in AAPL, if there is one."""
    answer = await door.call("GET", "/v1/positions?account=primary")
    return next((p["qty"] for p in answer.json()["positions"] if p["symbol"] == "AAPL"), None)


async def kill(door: Door, **changes: Any) -> str:
    answer = await door.call("POST", "/v1/kill", scope="operate", json={**REASON, **changes})
    assert answer.status_code == 200, answer.text
    return answer.json()["halt_id"]


async def change(door: Door, *, opened: bool, **changes: Any) -> httpx2.Response:
    body = {"opened": opened, **REASON, **changes}
    return await door.call("POST", "/v1/exit-only", scope="admin", json=body)


async def denied_by(door: Door, **ticket: Any) -> set[str]:
    """The controls that deny a ticket now."""
    document = problem(await door.propose(**ticket), 403, "order-denied")
    return {reason["control"] for reason in document["reasons"]}


def verified(door: Door) -> None:
    """A stranger finds the log sound: the exits under the kill are a possible story."""
    report = verify_log(door.app.log_dir, door.app.vkey)
    assert all(step.ok for step in report.steps), report.steps


@pytest.mark.requirement("W-10")
@pytest.mark.requirement("S2-03")
async def test_under_a_kill_a_named_person_lets_positions_be_reduced(door: Door) -> None:
    await long_ten(door)
    await kill(door)
    assert await denied_by(door, **EXIT, qty="10") == {"OMEGA-2"}
    assert (await door.call("GET", "/v1/mode")).json()["exit_only"] == []

    state = (await change(door, opened=True)).json()["exit_only"]
    assert state == [{"scope": "global", "name": "*", "by": "admin-user", "until": None, **REASON}]
    assert "OMEGA-2" in await denied_by(door, **EXIT, qty="11"), "it would turn the position"
    assert "OMEGA-2" in await denied_by(door, **SALE, qty="10"), "it does not say that it exits"
    assert "OMEGA-2" in await denied_by(door, qty="1"), "a purchase grows it"
    assert "OMEGA-2" in await denied_by(door, qty="1", reduce_only=True), "so does this one"
    sold = await door.propose(**EXIT, qty="6", headers={"Prefer": "wait=30"})
    assert (sold.status_code, sold.json()["status"]) == (201, "ACKNOWLEDGED"), sold.text
    assert "OMEGA-2" in await denied_by(door, **EXIT, qty="5"), "six of ten are on their way"
    rest = await door.propose(**EXIT, qty="4", headers={"Prefer": "wait=30"})
    assert rest.json()["status"] == "ACKNOWLEDGED"

    assert (await door.clock(FILL_2)).status_code == 200
    assert await held(door) is None
    assert "OMEGA-2" in await denied_by(door, **EXIT, qty="1"), "nothing is left to reduce"
    assert (await change(door, opened=False)).json()["exit_only"] == []
    await door.app.ledger.publish_now()
    verified(door)


@pytest.mark.requirement("W-10")
@pytest.mark.requirement("S2-03")
async def test_when_the_market_itself_is_the_halt_positions_can_still_be_reduced(
    door: Door,
) -> None:
    """The volatility that halts is the one that a control compares: it must not hold the exit."""
    await long_ten(door)
    reading = {"value": "40.0001", "source": "monitor", "at": FILL_1, "ttl_ms": "60000"}
    answer = await door.call("PUT", "/v1/facts/model.volatility", scope="facts:write", json=reading)
    assert answer.status_code == 200, answer.text
    assert await denied_by(door, **EXIT, qty="4") == {"OMEGA-2"}
    await change(door, opened=True)
    assert {"MOD-01", "OMEGA-2"} <= await denied_by(door, **SALE, qty="4")
    sold = await door.propose(**EXIT, qty="4", headers={"Prefer": "wait=30"})
    assert (sold.status_code, sold.json()["status"]) == (201, "ACKNOWLEDGED"), sold.text


@pytest.mark.requirement("W-10")
async def test_closed_again_nothing_passes(door: Door) -> None:
    await long_ten(door)
    await kill(door)
    await change(door, opened=True)
    await change(door, opened=False)
    assert await denied_by(door, **EXIT, qty="10") == {"OMEGA-2"}


@pytest.mark.requirement("W-10")
async def test_exits_that_work_survive_a_restart_under_the_kill(tmp_path: Path) -> None:
    """What stands at a start is cancelled under a cancelling halt, but not what it lets through."""
    async with opened(tmp_path) as door:
        await long_ten(door)
        await kill(door)
        await change(door, opened=True)
        resting = {**EXIT, "limit_price": "24.50", "time_in_force": "gtc", "qty": "10"}
        kept = (await door.propose(**resting, headers={"Prefer": "wait=30"})).json()
        assert kept["status"] == "ACKNOWLEDGED"
    async with opened(tmp_path, lifted=False) as door:
        order = (await door.call("GET", f"/v1/orders/{kept['order_id']}")).json()
        assert order["status"] == "ACKNOWLEDGED"
        assert len((await door.call("GET", "/v1/mode")).json()["exit_only"]) == 1
        await change(door, opened=False)
    async with opened(tmp_path, lifted=False) as door:
        await door.app.pipeline.quiesce()
        order = (await door.call("GET", f"/v1/orders/{kept['order_id']}")).json()
        assert order["status"] in ("PENDING_CANCEL", "CANCELED")


@pytest.mark.requirement("W-10")
@pytest.mark.parametrize(
    ("scope", "passes"),
    [
        ({"kind": "account", "name": "primary"}, True),
        ({"kind": "symbol", "name": "AAPL"}, True),
        ({"kind": "symbol", "name": "KO"}, False),
        ({"kind": "strategy", "name": "s-1"}, False),
    ],
)
async def test_a_state_covers_its_scope_alone(
    door: Door, scope: dict[str, str], passes: bool
) -> None:
    await long_ten(door)
    await kill(door)
    await change(door, opened=True, scope=scope)
    answer = await door.propose(**EXIT, qty="10")
    assert answer.status_code == (201 if passes else 403)


@pytest.mark.requirement("W-10")
async def test_a_kill_may_let_exits_through_by_itself(door: Door) -> None:
    await long_ten(door)
    await kill(door, reduce_allowed=True)
    assert "OMEGA-2" in await denied_by(door, **SALE, qty="10")
    assert (await door.propose(**EXIT, qty="10")).status_code == 201
    await kill(door, scope={"kind": "symbol", "name": "AAPL"})
    assert "OMEGA-2" in await denied_by(door, **EXIT, qty="1"), "the second one does not"


async def test_only_risk_or_admin_opens_it_and_gives_a_reason(door: Door) -> None:
    for scope in ("propose", "read", "operate", "cancel"):
        answer = await door.call(
            "POST", "/v1/exit-only", scope=scope, json={"opened": True, **REASON}
        )
        problem(answer, 403, "scope-missing")
    answer = await door.call("POST", "/v1/exit-only", scope="admin", json={"opened": True})
    problem(answer, 422, "invalid-missing-field")
    opening = {"opened": True, **REASON}
    answer = await door.call("POST", "/v1/exit-only", scope="risk", json=opening)
    assert answer.json()["exit_only"][0]["by"] == "risk-user"


async def test_an_end_is_in_the_future_and_belongs_to_what_is_opened(door: Door) -> None:
    problem(await change(door, opened=True, until="2015-01-01T00:00:00Z"), 422, "time-past")
    problem(await change(door, opened=False, until="2090-01-01T00:00:00Z"), 422, "invalid-value")
    answer = await change(door, opened=True, until="2090-01-01T00:00:00Z")
    assert answer.json()["exit_only"][0]["until"] == "2090-01-01T00:00:00.000000Z"


async def test_what_is_not_open_cannot_be_closed(door: Door) -> None:
    problem(await change(door, opened=False), 404, "exit-only-not-open")
    account = {"kind": "account", "name": "nobody"}
    problem(await change(door, opened=True, scope=account), 422, "account-unknown")


@pytest.mark.requirement("W-10")
async def test_in_a_fall_an_exit_is_held_by_the_quote_alone(tmp_path: Path) -> None:
    """How far the market has come binds what is begun; an exit's price stays near the quote."""
    limits = {"price_collar_short_max_bps": 12, "price_collar_long_max_bps": 12}
    async with opened(tmp_path, limits=limits) as door:
        assert (await door.propose(qty="10", limit_price="24.79")).status_code == 201
        await door.app.pipeline.quiesce()
        await door.clock(FILL_1)
        assert await held(door) == "10"
        assert {"ORD-04", "ORD-05"} <= await denied_by(door, **SALE, qty="4")
        assert "ORD-03" in await denied_by(door, **EXIT | {"limit_price": "12.00"}, qty="4")
        assert (await door.propose(**EXIT, qty="4")).status_code == 201
