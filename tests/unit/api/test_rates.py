"""Money of another currency over HTTP: through a rate that was pushed and is young, or denied."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.brokers.simulator.adapter import SimulatorBroker
from support.doors import Door, opened, problem
from support.release_folder import foreign_release

NOW = "2015-01-02T15:30:00-05:00"
NEXT = "2015-01-05T15:30:00-05:00"
ORDER: dict[str, Any] = {"symbol": "AAPL", "limit_price": "24.80", "qty": "10"}


async def push(door: Door, value: str, at: str = NOW) -> None:
    body = {"value": value, "at": at, "ttl_ms": "604800000", "source": "treasury"}
    told = await door.call("PUT", "/v1/facts/fx.EUR", scope="facts:write", json=body)
    assert told.status_code == 200, told.text


async def denied_by(door: Door, **order: Any) -> dict[str, dict[str, Any]]:
    denied = problem(await door.propose(**order), 403, "order-denied")
    return {reason["control"]: reason for reason in denied["reasons"]}


async def holds_what_was_paid(door: Door) -> None:
    """Cash moved at the rate of the decision, the position is worth what the rate is by now."""
    account = (await door.call("GET", "/v1/account?account=primary")).json()
    fills = (await door.call("GET", "/v1/fills?account=primary")).json()["fills"]
    assert {fill["symbol"] for fill in fills} == {"AAPL", "KO"}
    paid = sum(
        Decimal(fill["qty"]) * Decimal(fill["price"]) * (11 if fill["symbol"] == "AAPL" else 1)
        + Decimal(fill["fee"])
        for fill in fills
    )
    assert Decimal(account["cash"]) == 100_000 - paid
    broker = door.app.facts.venues["primary"]
    assert isinstance(broker, SimulatorBroker)
    stated = await broker.statement("primary")  # which converted at the same rate
    assert Decimal(stated.cash_micros) / 10**6 == Decimal(account["cash"])
    held = (await door.call("GET", "/v1/positions?account=primary")).json()["positions"]
    [share] = [position for position in held if position["symbol"] == "AAPL"]
    quote = (await door.call("GET", "/v1/market/quotes?symbol=AAPL")).json()
    assert Decimal(quote["bid"]) < Decimal(share["last"])
    assert Decimal(share["value"]) == Decimal(share["qty"]) * Decimal(quote["bid"]) * 12


@pytest.mark.requirement("S4-02")
async def test_money_goes_through_a_young_rate_or_is_denied(tmp_path: Path) -> None:
    async with opened(tmp_path, release=foreign_release(tmp_path / "foreign")) as door:
        unknown = await denied_by(door, **ORDER)
        assert {"RAT-01", "ORD-01", "EXP-01", "MGN-02"} <= set(unknown)
        assert unknown["RAT-01"]["fix103"] == 8
        others = await door.propose(symbol="KO", limit_price="32.20", qty="1")
        assert others.status_code == 201, others.text  # needs no rate

        await push(door, "1.1")
        allowed = await door.propose(**ORDER)
        assert allowed.status_code == 201, allowed.text
        decision = (await door.call("GET", f"/v1/decisions/{allowed.json()['decision_id']}")).json()
        counted = {control["control"]: control["observed"] for control in decision["controls"]}
        assert counted["ORD-01"] == 2_728_000_000  # 10 at 24.80 EUR, ten to a unit, at 1.1
        assert counted["RAT-01"] == 0
        beyond = await denied_by(door, **ORDER | {"qty": "110"})  # 27,280 EUR are 30,008 dollars
        assert beyond["ORD-01"]["observed"] == 30_008_000_000

        assert (await door.clock(NEXT)).status_code == 200
        stale = await denied_by(door, **ORDER)
        assert set(stale) == {"RAT-01"}
        assert stale["RAT-01"]["observed"] == 3 * 86_400_000
        held = await denied_by(door, symbol="KO", limit_price="32.20", qty="2")
        assert set(held) == {"RAT-01"}  # equity and exposure go through the old rate as well

        await push(door, "1.2", NEXT)
        again = await door.propose(symbol="KO", limit_price="32.20", qty="2")
        assert again.status_code == 201, again.text
        await holds_what_was_paid(door)
