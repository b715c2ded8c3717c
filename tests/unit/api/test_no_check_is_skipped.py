"""No check is silently skipped: what cannot be compared is denied (NautilusTrader#4946).

There an order of 153 million went through, because risk checks pass where the account is not
known, where it is a margin account, and where a MARKET order has no quote.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.doors import Door, opened, problem
from support.edited_release import write_edited

pytestmark = [pytest.mark.requirement("S2-02"), pytest.mark.requirement("S1-07")]

PRICED = {"MKT-01", "MKT-02", "ORD-01", "ORD-03", "POS-02", "EXP-01", "MGN-01"}
"""Controls that need a price of the order."""


async def denied_by(door: Door, **ticket: Any) -> set[str]:
    denial = problem(await door.propose(**ticket), 403, "order-denied")
    return {reason["control"] for reason in denial["reasons"]}


async def test_an_order_for_an_account_that_is_not_known_is_refused(door: Door) -> None:
    answer = await door.propose(account="nobody", qty="1000000")
    assert answer.status_code in {403, 422}, answer.text
    assert door.app.book().open_orders() == []


async def test_an_order_for_an_account_without_a_statement_is_denied(door: Door) -> None:
    """Configured, but nobody has said what it holds: nothing of it can be compared."""
    door.app.book().accounts.clear()
    assert await denied_by(door) >= {"ACC-01", "ACC-02", "POS-02", "EXP-01", "EXP-02", "MGN-01"}


async def test_a_margin_account_is_held_to_what_it_may_borrow(tmp_path: Path) -> None:
    """A thousand in cash, and a purchase for 2,480 of which 1,000 may be borrowed."""
    poor = {"primary": {"broker": "simulator", "opening_cash": "1000"}}

    def wide(data: dict[str, Any]) -> None:
        data["limits"]["global"] |= {
            "margin_debit_max_micros": 1_000_000_000,
            "leverage_max_bps": 1_000_000,
            "asset_exposure_max_bps": 1_000_000,
            "sector_exposure_max_bps": 1_000_000,
            "crisis_buy_max_bps": 1_000_000,
            "initial_margin_min_bps": 1,
        }

    release = write_edited(tmp_path / "wide", wide)
    async with opened(tmp_path, accounts=poor, release=release) as door:
        assert await denied_by(door, qty="100") == {"MGN-01"}
        assert (await door.propose(qty="50")).status_code == 201


async def test_a_market_order_without_a_quote_is_denied(tmp_path: Path) -> None:
    null = {"primary": {"broker": "null", "opening_cash": "100000"}}
    async with opened(tmp_path, market="none", accounts=null) as door:
        missing = await denied_by(door, type="market", limit_price=..., qty="1000000")
        assert missing >= PRICED
