"""Each limit of the release over HTTP: an order within it passes, the next one beyond is denied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.doors import opened, problem
from support.releases import DOLLAR

AAPL = {"symbol": "AAPL", "limit_price": "24.80"}
KO = {"symbol": "KO", "limit_price": "32.20"}
WIDE = {
    "asset_exposure_max_bps": 1_000_000,
    "leverage_max_bps": 1_000_000,
    "sector_exposure_max_bps": 1_000_000,
}
"""Limits on shares of the equity that no case here reaches."""

NO_SHORTS = {"SHT-01": {"VEN-02"}}
"""The simulated broker takes no short sale, whatever the limit is: it stands beside SHT-01."""

CASES: dict[str, tuple[dict[str, int], str, dict[str, Any] | None, dict[str, Any], str]] = {
    # row: limits, opening cash, an order within them, the order beyond, the control
    "S0-06": (
        {"order_notional_max_micros": 248 * DOLLAR},
        "100000",
        AAPL | {"qty": "10"},
        AAPL | {"qty": "11"},
        "ORD-01",
    ),
    "S0-07": (WIDE, "0", None, AAPL | {"qty": "1"}, "ACC-01"),
    "S0-08": (
        {"positions_max_count": 1},
        "100000",
        AAPL | {"qty": "10"},
        KO | {"qty": "10"},
        "POS-01",
    ),
    "S0-09": (
        {"position_notional_max_micros": 496 * DOLLAR},
        "100000",
        AAPL | {"qty": "10"},
        AAPL | {"qty": "11"},
        "POS-02",
    ),
    "S0-10": (
        {"gross_exposure_max_micros": 500 * DOLLAR},
        "100000",
        AAPL | {"qty": "10"},
        KO | {"qty": "10"},
        "EXP-01",
    ),
    "S0-11": (
        {"day_turnover_max_micros": 496 * DOLLAR},
        "100000",
        AAPL | {"qty": "10"},
        AAPL | {"qty": "11"},
        "ACC-03",
    ),
    "S0-12": (
        {"leverage_max_bps": 100},
        "100000",
        AAPL | {"qty": "10"},
        KO | {"qty": "40"},
        "EXP-02",
    ),
    "S0-13": (
        {"short_notional_max_micros": 1},
        "100000",
        KO | {"qty": "10"},
        {"symbol": "PFE", "limit_price": "21.50", "qty": "1", "side": "sell_short"},
        "SHT-01",
    ),
    "S0-14": (
        WIDE | {"margin_debit_max_micros": 1},
        "500",
        AAPL | {"qty": "10"},
        KO | {"qty": "10"},
        "MGN-01",
    ),
    "S2-02": (
        {"sector_exposure_max_bps": 50},
        "100000",
        AAPL | {"qty": "20"},
        {"symbol": "MSFT", "limit_price": "40.90", "qty": "1"},
        "EXP-03",
    ),
}


@pytest.mark.parametrize(
    ("limits", "cash", "within", "beyond", "control"),
    [
        pytest.param(*case, id=f"{row} {case[4]}", marks=pytest.mark.requirement(row))
        for row, case in CASES.items()
    ],
)
@pytest.mark.requirement("S0-15")
async def test_the_limit_lets_pass_and_denies(
    tmp_path: Path,
    limits: dict[str, int],
    cash: str,
    within: dict[str, Any] | None,
    beyond: dict[str, Any],
    control: str,
) -> None:
    accounts = {"primary": {"broker": "simulator", "opening_cash": cash}}
    async with opened(tmp_path, limits=limits, accounts=accounts) as door:
        if within is not None:
            passed = await door.propose(**within)
            assert passed.status_code == 201, passed.text
        denied = problem(await door.propose(**beyond), 403, "order-denied")
        reasons = {reason["control"]: reason for reason in denied["reasons"]}
        assert control in reasons
        if within is not None:
            assert set(reasons) == {control} | NO_SHORTS.get(control, set())
            assert reasons[control]["observed"] > reasons[control]["limit"]


@pytest.mark.requirement("S0-13")
@pytest.mark.parametrize("room", [22 * DOLLAR, 21 * DOLLAR])
async def test_the_short_limit_alone_tells_a_short_sale_from_one_too_large(
    tmp_path: Path, room: int
) -> None:
    """A share at 21.50 fits into 22 dollars and not into 21; the broker refuses both."""
    sale: dict[str, Any] = {"symbol": "PFE", "limit_price": "21.50", "side": "sell_short"}
    async with opened(tmp_path, limits={"short_notional_max_micros": room}) as door:
        denied = problem(await door.propose(**sale, qty="1"), 403, "order-denied")
        short = {"SHT-01"} if room < 21_500_000 else set[str]()
        assert {reason["control"] for reason in denied["reasons"]} == {"VEN-02"} | short


@pytest.mark.requirement("S2-02")
@pytest.mark.requirement("S0-15")
@pytest.mark.parametrize("name", ["order_notional_max_micros", "day_loss_max_micros"])
async def test_a_limit_of_zero_means_no_trading(tmp_path: Path, name: str) -> None:
    async with opened(tmp_path, limits={name: 0}) as door:
        denied = problem(await door.propose(), 403, "order-denied")
        assert name in {reason["limit_name"] for reason in denied["reasons"]}


@pytest.mark.requirement("S2-02")
async def test_a_loss_beyond_the_limit_stops_trading_for_the_day(tmp_path: Path) -> None:
    """400 shares of XOM lose 32 cents each from 2015-01-05 to the next day."""
    async with opened(tmp_path, limits={"day_loss_max_micros": 100 * DOLLAR} | WIDE) as door:
        passed = await door.propose(symbol="XOM", limit_price="63.80", qty="400")
        assert passed.status_code == 201, passed.text
        await door.clock("2015-01-05T15:30:00-05:00")
        await door.clock("2015-01-06T15:30:00-05:00")
        denied = problem(await door.propose(symbol="KO", limit_price="32.30"), 403, "order-denied")
        reasons = {reason["control"]: reason for reason in denied["reasons"]}
        assert reasons.keys() == {"ACC-02", "OMEGA-2"}
        assert reasons["ACC-02"]["observed"] > reasons["ACC-02"]["limit"]
        [halt] = (await door.call("GET", "/v1/halts")).json()["halts"]
        assert (halt["cause"], halt["scope"], halt["name"]) == (
            "OMEGA2_DAILY_LOSS", "account", "primary"
        )  # fmt: skip
        assert halt["observed"] == reasons["ACC-02"]["observed"]
