"""What compliance signs for, and the ceilings of a manifest's day, at a real gateway's door."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.doors import Door, opened, problem
from support.edited_release import write_edited
from support.paper import outside, paper, permitting
from support.releases import DOLLAR
from support.tickets import TICKET
from support.trust import MALLORY, an_override, trust_files

THRESHOLD = {"compliance_notional_max_micros": 200 * DOLLAR}
"""A ticket of ten AAPL is worth 248 dollars."""


CEILINGS = {"MAN-04": "orders_per_day", "MAN-05": "notional_per_day_micros"}


def outcome(answer: httpx2.Response) -> set[str]:
    """The controls of a denial; nothing if the order was allowed."""
    assert answer.status_code in {201, 403}, answer.text
    if answer.status_code == 201:
        return set()
    return {reason["control"] for reason in problem(answer, 403, "order-denied")["reasons"]}


def override(door: Door, number: int, **changes: Any) -> dict[str, Any]:
    """A ticket's fields with an officer's signature for it."""
    given: dict[str, Any] = {
        "log": door.app.vkey,
        "control": "CMP-01",
        "client_order_id": f"c-{number}",
        "override_id": f"ovr_{number:032}",
        **changes,
    }
    return {"client_order_id": f"c-{number}", "override": an_override(**given)}


@pytest.mark.requirement("S1-13")
async def test_an_order_above_the_threshold_needs_a_signature(tmp_path: Path) -> None:
    files = trust_files(tmp_path / "trust")
    async with opened(tmp_path / "gateway", **files.settings(), limits=THRESHOLD) as door:
        assert outcome(await door.propose(qty="8")) == set()
        denied = await door.propose()
        assert outcome(denied) == {"CMP-01"}
        [reason] = denied.json()["reasons"]
        assert (reason["observed"], reason["limit"]) == (248 * DOLLAR, 200 * DOLLAR)
        assert "writ override sign --control CMP-01" in reason["remedy"]
        signed = override(door, 1)
        assert outcome(await door.propose(**signed)) == set()
        again = {**signed, "client_order_id": "c-2"}
        assert outcome(await door.propose(**again)) == {"CMP-01"}


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize(
    "changes",
    [
        {"control": "REG-01"},
        {"qty": "11"},
        {"symbol": "MSFT"},
        {"side": "sell"},
        {"account": "second"},
        {"mode": "PAPER"},
        {"signer": MALLORY},
    ],
    ids=["control", "quantity", "symbol", "side", "account", "mode", "signer"],
)
async def test_a_signature_for_something_else_is_none(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    files = trust_files(tmp_path / "trust")
    async with opened(tmp_path / "gateway", **files.settings(), limits=THRESHOLD) as door:
        assert outcome(await door.propose(**override(door, 1, **changes))) == {"CMP-01"}
        assert outcome(await door.propose(**override(door, 2))) == set()


@pytest.mark.requirement("S1-13")
async def test_in_a_listed_symbol_every_order_needs_one_and_an_exit_none(tmp_path: Path) -> None:
    files = trust_files(tmp_path / "trust")

    def listed(data: dict[str, Any]) -> None:
        data["compliance_symbols"]["AAPL"] = True

    release = write_edited(tmp_path / "listing", listed)
    async with opened(tmp_path / "gateway", **files.settings(), release=release) as door:
        assert outcome(await door.propose(qty="1")) == {"CMP-01"}
        bought = await door.propose(**override(door, 1), headers={"Prefer": "wait=30"})
        assert outcome(bought) == set()
        assert (await door.clock("2015-01-05T15:30:00-05:00")).status_code == 200
        leaving: dict[str, Any] = {"side": "sell", "limit_price": "24.60"}
        assert "CMP-01" in outcome(await door.propose(**leaving))
        assert outcome(await door.propose(**leaving, reduce_only=True)) == set()


@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize(
    ("ceilings", "control"),
    [
        ({"orders_per_day": 3, "notional_per_day_micros": 10**12}, "MAN-04"),
        ({"orders_per_day": 100, "notional_per_day_micros": 3 * 248 * DOLLAR}, "MAN-05"),
    ],
    ids=["orders", "notional"],
)
async def test_racing_orders_never_exceed_the_ceiling_of_the_day_nor_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ceilings: dict[str, int], control: str
) -> None:
    outside(monkeypatch)
    officers = permitting(tmp_path)
    officers.sign(ceilings=ceilings)
    async with paper(tmp_path, officers) as door:
        answers = await asyncio.gather(*(door.propose() for _ in range(8)))
        denials = [answer.json() for answer in answers if outcome(answer)]
        ceiling = ceilings[CEILINGS[control]]
        for denial in denials:
            [reason] = denial["reasons"]
            assert (reason["control"], reason["limit"]) == (control, ceiling)
            assert (reason["observed"] > ceiling, reason["source"]) == (True, "manifest")
        assert len(denials) == 5
        door.keys["desk"] = door.new_key("desk", "propose", "read")
        preview = await door.call("POST", "/v1/orders/preview", scope="desk", json=TICKET)
        assert preview.json()["facts"]["permission"]["day_orders"] == 4
    async with paper(tmp_path, officers, lifted=False) as door:
        assert outcome(await door.propose(key="after-the-restart")) == {control}


@pytest.mark.requirement("S1-13")
async def test_a_strategy_that_the_manifest_does_not_name_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside(monkeypatch)
    officers = permitting(tmp_path)
    officers.sign(strategies=["momentum"])
    async with paper(tmp_path, officers) as door:
        assert outcome(await door.propose()) == {"MAN-03"}
        assert outcome(await door.propose(strategy_id="value")) == {"MAN-03"}
        assert outcome(await door.propose(strategy_id="momentum")) == set()
