"""Exits while everything else is at its limit: what may pass passes, and nothing ever turns."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.doors import Door, opened, problem
from support.edited_release import write_edited
from support.tickets import TICKET

SALE: dict[str, Any] = {"side": "sell", "limit_price": "23.20"}
EXIT: dict[str, Any] = SALE | {"reduce_only": True}
ENTRY: dict[str, Any] = {"limit_price": "24.00"}
TURNS = {"SHT-01", "SHT-02"}
"""What denies a sale of more than is held: it would end short, and says that it would not."""
FILL_1, FILL_2 = "2015-01-05T15:30:00-05:00", "2015-01-06T15:30:00-05:00"


async def bought(door: Door, qty: int = 10) -> None:
    """The account holds that many shares, and nothing works."""
    assert (await door.propose(qty=str(qty), limit_price="25.50")).status_code == 201
    await door.app.pipeline.quiesce()
    assert (await door.clock(FILL_1)).status_code == 200
    assert await held(door) == str(qty)


async def held(door: Door) -> str | None:
    answer = await door.call("GET", "/v1/positions?account=primary")
    return next((p["qty"] for p in answer.json()["positions"] if p["symbol"] == "AAPL"), None)


async def accepted(door: Door, **ticket: Any) -> str:
    """Propose an order that the policy allows and the broker takes; return its id."""
    answer = await door.propose(headers={"Prefer": "wait=30"}, **ticket)
    assert (answer.status_code, answer.json().get("status")) == (201, "ACKNOWLEDGED"), answer.text
    return answer.json()["order_id"]


async def denied_by(door: Door, **ticket: Any) -> set[str]:
    return reasons(await door.propose(**ticket))


def reasons(answer: httpx2.Response) -> set[str]:
    return {one["control"] for one in problem(answer, 403, "order-denied")["reasons"]}


@pytest.mark.requirement("W-10")
async def test_a_loss_that_stops_trading_does_not_hold_a_position(tmp_path: Path) -> None:
    """Commission and spread are a loss of more than a millionth of a dollar.

    It stops everything, until a named person lets positions be reduced.
    """
    async with opened(tmp_path, limits={"day_loss_max_micros": 1}) as door:
        await bought(door)
        assert await denied_by(door, **EXIT, qty="10") == {"OMEGA-2"}
        state = {"opened": True, "reason": "the loss stops us, and the position goes"}
        await door.call("POST", "/v1/exit-only", scope="admin", json=state)
        lost = {"ACC-02", "OMEGA-2"}
        assert await denied_by(door, **ENTRY) == lost
        assert await denied_by(door, **SALE, qty="10") == lost, "it does not say it exits"
        assert await denied_by(door, **EXIT, qty="11") == lost | TURNS
        await accepted(door, **EXIT, qty="10")
        await door.clock(FILL_2)
        assert await held(door) is None
        assert "ACC-02" in await denied_by(door, **EXIT, qty="1"), "there is nothing to leave"


def floored(data: dict[str, Any]) -> None:
    data["instruments"]["AAPL"]["min_notional_micros"] = 2_000_000_000


@pytest.mark.requirement("W-10")
@pytest.mark.requirement("S4-08")
async def test_min_notional_does_not_block_a_reduce_only_exit(tmp_path: Path) -> None:
    """NautilusTrader#4695: a floor holds no rest of a position."""
    async with opened(tmp_path, release=write_edited(tmp_path / "floored", floored)) as door:
        await bought(door, 100)
        assert await denied_by(door, **SALE, qty="1") == {"ORD-06"}
        await accepted(door, **EXIT, qty="1")


@pytest.mark.requirement("W-10")
async def test_exits_that_race_never_come_to_more_than_is_held(door: Door) -> None:
    """Sixteen callers want to sell 6 of 20 at once: three of them may."""
    await bought(door, 20)
    answers = await asyncio.gather(*(door.propose(**EXIT, qty="6") for _ in range(16)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [403] * 13
    assert {frozenset(reasons(a)) for a in answers if a.status_code == 403} == {frozenset(TURNS)}
    assert await denied_by(door, **EXIT, qty="3") == TURNS
    await accepted(door, **EXIT, qty="2")
    await door.clock(FILL_2)
    assert await held(door) is None


@pytest.mark.requirement("W-10")
async def test_an_entry_that_works_is_not_there_to_be_sold(door: Door) -> None:
    await bought(door)
    await accepted(door, limit_price="23.10", qty="5", time_in_force="gtc")
    assert await denied_by(door, **EXIT, qty="11") == TURNS
    await accepted(door, **EXIT, qty="10")
    await door.clock(FILL_2)
    assert await held(door) is None


@pytest.mark.requirement("W-10")
async def test_an_exit_in_place_of_another_counts_once(door: Door) -> None:
    """Of 20, three exits of 6 work: one of them may become 8, and no more."""
    await bought(door, 20)
    working = [await accepted(door, **EXIT, qty="6") for _ in range(3)]

    async def preview(qty: str) -> set[str]:
        ticket = {**TICKET, **EXIT, "qty": qty, "replaces": working[0]}
        answer = await door.call("POST", "/v1/orders/preview", scope="propose", json=ticket)
        assert answer.status_code == 200, answer.text
        return {reason["control"] for reason in answer.json()["reasons"]}

    assert await preview("8") == set()
    assert await preview("9") == TURNS


@pytest.mark.requirement("W-10")
@pytest.mark.requirement("W-06")
async def test_exits_too_are_not_sent_twice_nor_in_floods_and_cancels_always_go(
    tmp_path: Path,
) -> None:
    """An exit is an order like any other to what guards against programs gone wild."""
    limits = {"identical_orders_max_count": 1, "messages_per_minute_max_count": 2}
    async with opened(tmp_path, limits=limits) as door:
        await bought(door)
        first = await accepted(door, **EXIT, qty="4")
        assert await denied_by(door, **EXIT, qty="4") == {"DUP-01"}
        await accepted(door, **EXIT, qty="3")
        assert await denied_by(door, **EXIT, qty="2") == {"MSG-02"}
        canceled = await door.call("DELETE", f"/v1/orders/{first}", scope="cancel")
        assert canceled.status_code == 202


def _ko_in_euro(data: dict[str, Any]) -> None:
    data["instruments"]["KO"]["currency"] = "EUR"


@pytest.mark.requirement("W-10")
@pytest.mark.requirement("S4-02")
@pytest.mark.parametrize("ttl_ms", ["604800000", "3600000"])
async def test_no_rate_holds_an_exit(tmp_path: Path, ttl_ms: str) -> None:
    """The euro's rate is too old, or gone: neither dollars nor euros are held for it."""
    async with opened(tmp_path, release=write_edited(tmp_path / "eur", _ko_in_euro)) as door:
        rate = {"value": "1.1", "at": "2015-01-02T15:30:00-05:00", "ttl_ms": ttl_ms, "source": "t"}
        await door.call("PUT", "/v1/facts/fx.EUR", scope="facts:write", json=rate)
        dollars: dict[str, Any] = {"limit_price": "25.50"}
        euros: dict[str, Any] = {"symbol": "KO", "qty": "5", "limit_price": "32.80"}
        for ticket in (dollars, euros):
            assert (await door.propose(**ticket)).status_code == 201
        await door.app.pipeline.quiesce()
        await door.clock("2015-01-05T15:30:00-05:00")
        opening = {"opened": True, "reason": "taking risk off"}
        await door.call("POST", "/v1/exit-only", scope="admin", json=opening)
        out: dict[str, Any] = {"side": "sell", "qty": "1", "limit_price": "23.20"}
        in_euro = {**out, "symbol": "KO", "limit_price": "31.60"}
        for ticket in (out, in_euro):
            assert (await door.propose(**ticket)).status_code == 403
            answer = await door.propose(**ticket, reduce_only=True)
            assert answer.status_code == 201, answer.json()


@pytest.mark.requirement("W-10")
async def test_an_exit_only_state_opens_a_latched_halt_too(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"repeated_orders_max_count": 2}) as door:
        assert (await door.propose(limit_price="25.50")).status_code == 201
        await door.app.pipeline.quiesce()
        await door.clock("2015-01-05T15:30:00-05:00")
        out: dict[str, Any] = {"side": "sell", "reduce_only": True, "limit_price": "23.20"}
        for qty, status in (("1", 201), ("2", 201), ("3", 403)):
            assert (await door.propose(**out, qty=qty)).status_code == status
        await door.app.pipeline.quiesce()
        opening = {"opened": True, "reason": "taking risk off"}
        await door.call("POST", "/v1/exit-only", scope="admin", json=opening)
        last = await door.propose(**out, qty="3")
        assert last.status_code == 201, last.json()
