"""Orders that still work count as if filled: at the limit the last one passes, beyond it none.

Each case is asked three times: one after the other, again after a cancel, and many at once.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from support.doors import Door, opened
from support.releases import DOLLAR

WIDE = {
    "asset_exposure_max_bps": 1_000_000,
    "leverage_max_bps": 1_000_000,
    "sector_exposure_max_bps": 1_000_000,
    "initial_margin_min_bps": 1,
}
"""Limits on shares of the equity that no case here reaches."""
RESTING: dict[str, Any] = {"limit_price": "24.60", "time_in_force": "gtc"}
"""A purchase of ten at 24.60 is worth 246; it works until the market clock moves."""
CASH = "2460"
"""Ten such purchases."""

CASES = {
    # limit: two orders of 246 within it, the control, what a third one comes to
    "position_notional_max_micros": (492 * DOLLAR, "POS-02", 738 * DOLLAR, "S0-09"),
    "gross_exposure_max_micros": (492 * DOLLAR, "EXP-01", 738 * DOLLAR, "S0-10"),
    "day_turnover_max_micros": (492 * DOLLAR, "ACC-03", 738 * DOLLAR, "S0-11"),
    "leverage_max_bps": (2_000, "EXP-02", 3_000, "S0-12"),
    "sector_exposure_max_bps": (2_000, "EXP-03", 3_000, "S2-02"),
    "asset_exposure_max_bps": (2_000, "EXP-04", 3_000, "S4-02"),
}


async def answered(door: Door, **order: Any) -> tuple[str, dict[str, tuple[int, int]]]:
    """Propose, and wait for the broker: the order's id, and what denied it."""
    answer = await door.propose(headers={"Prefer": "wait=30"}, **RESTING | order)
    document = answer.json()
    assert answer.status_code in {201, 403}, answer.text
    reasons = {} if answer.status_code == 201 else document["reasons"]
    return document["order_id"], {r["control"]: (r["observed"], r["limit"]) for r in reasons}


def params() -> list[Any]:
    """Each case at its limit, and one step below: then only one order fits."""
    return [
        pytest.param(
            *(name, limit - less, control, third, 2 - less),
            id=f"{name} {limit - less}",
            marks=pytest.mark.requirement(row),
        )
        for name, (limit, control, third, row) in CASES.items()
        for less in (0, 1)
    ]


@pytest.mark.parametrize(("name", "limit", "control", "third", "fit"), params())
@pytest.mark.requirement("W-06")
async def test_working_orders_count_to_the_last_unit(
    tmp_path: Path, name: str, limit: int, control: str, third: int, fit: int
) -> None:
    accounts = {"primary": {"broker": "simulator", "opening_cash": CASH}}
    async with opened(tmp_path, limits=WIDE | {name: limit}, accounts=accounts) as door:
        working: list[str] = []
        for _ in range(fit):
            order_id, reasons = await answered(door)
            assert reasons == {}
            working.append(order_id)
        beyond = third * (fit + 1) // 3
        _, reasons = await answered(door)
        assert reasons == {control: (beyond, limit)}
        await door.cancel(working[0])
        working[0], reasons = await answered(door)
        assert reasons == {}, "what was cancelled reserves nothing"
        assert (await answered(door))[1] == {control: (beyond, limit)}
        for order_id in working:
            await door.cancel(order_id)
        raced = await asyncio.gather(*(answered(door) for _ in range(20)))
        assert sum(reasons == {} for _, reasons in raced) == fit


@pytest.mark.requirement("S0-08")
async def test_a_symbol_that_is_only_being_bought_is_a_position_already(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"positions_max_count": 1}) as door:
        working = [await answered(door) for _ in range(2)]
        assert [reasons for _, reasons in working] == [{}, {}], "one symbol is one position"
        other = {"symbol": "KO", "limit_price": "31.90"}
        assert (await answered(door, **other))[1] == {"POS-01": (2, 1)}
        for order_id, _ in working:
            await door.cancel(order_id)
        assert (await answered(door, **other))[1] == {}


@pytest.mark.requirement("S0-14")
async def test_cash_is_spent_by_orders_that_still_work(tmp_path: Path) -> None:
    accounts = {"primary": {"broker": "simulator", "opening_cash": "500"}}
    limits = WIDE | {"margin_debit_max_micros": 0}
    async with opened(tmp_path, limits=limits, accounts=accounts) as door:
        raced = await asyncio.gather(*(answered(door) for _ in range(12)))
        denied = [reasons for _, reasons in raced if reasons]
        assert len(denied) == 10, "two of 246 fit into 500"
        assert denied == [{"MGN-01": (238 * DOLLAR, 0)}] * 10


@pytest.mark.requirement("S0-13")
async def test_what_is_held_is_sold_once(tmp_path: Path) -> None:
    """Working purchases are no holdings, and the sum of working sales is what counts."""
    async with opened(tmp_path, limits=WIDE | {"short_notional_max_micros": 0}) as door:
        await answered(door, qty="100", limit_price="24.80")
        sale = {"side": "sell", "limit_price": "24.90", "time_in_force": "gtc"}
        _, reasons = await answered(door, **sale, qty="1")
        assert set(reasons) == {"SHT-01", "SHT-02"}
        assert reasons["SHT-01"] == (24_900_000, 0)
        assert (await door.clock("2015-01-05T15:30:00-05:00")).status_code == 200
        sale["limit_price"] = "24.00"
        raced = await asyncio.gather(*(answered(door, **sale, qty="30") for _ in range(10)))
        assert sum(reasons == {} for _, reasons in raced) == 3
        assert (await answered(door, **sale, qty="10"))[1] == {}
        assert (await answered(door, **sale, qty="1"))[1]["SHT-01"] == (24 * DOLLAR, 0)


@pytest.mark.requirement("S0-11")
async def test_turnover_counts_fills_and_orders_and_begins_anew_with_the_session(
    tmp_path: Path,
) -> None:
    limits = WIDE | {"day_turnover_max_micros": 500 * DOLLAR}
    async with opened(tmp_path, limits=limits) as door:
        order_id, reasons = await answered(door, qty="20", limit_price="24.80")
        assert reasons == {}
        assert (await door.clock("2015-01-05T15:30:00-05:00")).status_code == 200
        order = (await door.call("GET", f"/v1/orders/{order_id}")).json()
        assert (order["status"], order["filled_avg_price"]) == ("FILLED", "23.86")
        for qty, turnover in (("10", 707_200_000), ("1", 500_200_000)):
            _, reasons = await answered(door, qty=qty, limit_price="23.00")
            assert reasons == {"ACC-03": (turnover, 500 * DOLLAR)}
        assert (await door.clock("2015-01-06T15:30:00-05:00")).status_code == 200
        assert (await answered(door, qty="20", limit_price="23.50"))[1] == {}
