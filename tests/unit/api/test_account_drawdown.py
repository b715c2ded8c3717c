"""An account's own drawdown limit halts that account, cancels its orders, and leaves the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.doors import Door, opened, problem
from support.edited_release import write_edited

LIMIT_BPS = 5
ACCOUNTS = {
    alias: {"broker": "simulator", "opening_cash": "100000"} for alias in ("careful", "primary")
}
KO: dict[str, Any] = {"symbol": "KO", "limit_price": "30.80", "time_in_force": "gtc", "qty": "1"}


def careful(data: dict[str, Any]) -> None:
    """One account stops at five basis points of drawdown, all others at 40 %."""
    data["limits"]["accounts"] = {"careful": {"drawdown_max_bps": LIMIT_BPS}}


async def resting(door: Door, account: str) -> str:
    """An order that waits for a lower price."""
    answer = await door.propose(**KO, account=account, headers={"Prefer": "wait=30"})
    assert answer.status_code == 201, answer.text
    return answer.json()["order_id"]


@pytest.mark.requirement("S2-03")
async def test_the_account_alone_is_halted_and_its_orders_are_cancelled(tmp_path: Path) -> None:
    """400 shares of XOM cost a tenth of a percent of the equity by 2015-01-06."""
    release = write_edited(tmp_path / "careful", careful)
    async with opened(tmp_path, release=release, accounts=ACCOUNTS) as door:
        waiting: dict[str, str] = {}
        for account in ACCOUNTS:
            order: dict[str, Any] = {
                "symbol": "XOM",
                "limit_price": "63.80",
                "qty": "400",
                "account": account,
            }
            assert (await door.propose(**order)).status_code == 201
            waiting[account] = await resting(door, account)
        await door.clock("2015-01-05T15:30:00-05:00")
        assert (await door.call("GET", "/v1/halts")).json()["halts"] == []
        await door.clock("2015-01-06T15:30:00-05:00")
        [halt] = (await door.call("GET", "/v1/halts")).json()["halts"]
        assert (halt["cause"], halt["scope"], halt["name"], halt["limit"]) == (
            "OMEGA2_DRAWDOWN", "account", "careful", LIMIT_BPS
        )  # fmt: skip
        assert halt["observed"] > LIMIT_BPS
        stopped: dict[str, Any] = KO | {"account": "careful"}
        answer = await door.propose(**stopped)
        reasons = problem(answer, 403, "order-denied")["reasons"]
        denied = {reason["control"]: reason for reason in reasons}
        assert denied.keys() >= {"OMEGA-2", "ACC-04"}
        assert (denied["ACC-04"]["observed"], denied["ACC-04"]["source"]) == (
            halt["observed"], "account"
        )  # fmt: skip
        await door.app.pipeline.quiesce()
        status = {
            account: (await door.call("GET", f"/v1/orders/{order_id}")).json()["status"]
            for account, order_id in waiting.items()
        }
        assert status["careful"] in ("PENDING_CANCEL", "CANCELED")
        assert status["primary"] == "ACKNOWLEDGED"
        other: dict[str, Any] = {"symbol": "KO", "limit_price": "32.00", "account": "primary"}
        assert (await door.propose(**other)).status_code == 201
