"""Who may trade what, how much at once, how often, and against whom, as a caller meets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.doors import CASH, Door, opened, problem
from support.edited_release import write_edited
from support.releases import DOLLAR
from support.tickets import TICKET

ACCOUNTS = {
    alias: {"broker": "simulator", "opening_cash": CASH} for alias in ("primary", "closed", "funds")
}
KO: dict[str, Any] = {"symbol": "KO", "limit_price": "32.20", "qty": "5"}
SHORT: dict[str, Any] = {"side": "sell_short", "qty": "1"}


def outcome(answer: httpx2.Response) -> dict[str, tuple[int | None, int | None]]:
    """What denies an order: observed value and limit by control; nothing if it was allowed."""
    assert answer.status_code in {201, 403}, answer.text
    if answer.status_code == 201:
        return {}
    reasons = problem(answer, 403, "order-denied")["reasons"]
    return {reason["control"]: (reason["observed"], reason["limit"]) for reason in reasons}


async def proposed(door: Door, **ticket: Any) -> dict[str, tuple[int | None, int | None]]:
    answer = await door.propose(headers={"Prefer": "wait=30"}, **ticket)
    return outcome(answer)


def permissions(data: dict[str, Any]) -> None:
    """Everybody may trade shares for most accounts, nobody for one, a single desk funds in one."""
    data["instruments"]["AMD"]["class"] = "etf"
    shares = {"classes": {"equity": True}, "extended_hours": False}
    funds = {"classes": {"etf": True}, "extended_hours": False}
    data["permissions"] = {
        "*": shares | {"principals": {"*": True}},
        "closed": shares | {"principals": {}},
        "funds": funds | {"principals": {"propose-user": True}},
    }


@pytest.mark.requirement("W-06")
@pytest.mark.requirement("S1-13")
async def test_accounts_are_traded_by_whom_and_in_what_the_release_permits(tmp_path: Path) -> None:
    release = write_edited(tmp_path / "permissions", permissions)
    fund: dict[str, Any] = {"symbol": "AMD", "limit_price": "2.70", "qty": "10"}
    async with opened(tmp_path, release=release, accounts=ACCOUNTS) as door:
        assert await proposed(door) == {}
        assert set(await proposed(door, **fund)) == {"PRM-02"}
        assert set(await proposed(door, account="closed")) == {"PRM-01"}
        assert set(await proposed(door, account="funds")) == {"PRM-02"}
        assert await proposed(door, account="funds", **fund) == {}
        door.keys["propose"] = door.new_key("another-desk", "propose")
        assert set(await proposed(door, account="funds", **fund)) == {"PRM-01"}
        assert await proposed(door) == {}, "the entry * counts for accounts without their own"


def restricted(data: dict[str, Any]) -> None:
    data["restricted"]["KO"] = True


@pytest.mark.requirement("W-06")
@pytest.mark.requirement("S1-13")
async def test_nobody_touches_what_is_restricted_not_even_to_get_out(tmp_path: Path) -> None:
    """The release that restricts comes into force while there is a position and a purchase."""
    async with opened(tmp_path) as door:
        assert await proposed(door, **KO) == {}
        assert (await door.clock("2015-01-05T15:30:00-05:00")).status_code == 200
        resting: dict[str, Any] = KO | {"limit_price": "31.50", "time_in_force": "gtc"}
        working = await door.propose(**resting)
        assert working.status_code == 201, working.text
    release = write_edited(tmp_path / "restricting", restricted)
    async with opened(tmp_path, release=release, lifted=False) as door:
        assert set(await proposed(door, key="grows", **KO)) == {"LST-01"}
        leaving = KO | {"side": "sell", "limit_price": "31.80", "reduce_only": True}
        assert set(await proposed(door, key="leaves", **leaving)) == {"LST-01"}
        await door.cancel(working.json()["order_id"])  # a cancel is never held
        assert await proposed(door, key="another") == {}, "everything else trades on"


@pytest.mark.requirement("W-06")
async def test_an_order_has_a_largest_quantity_at_eight_decimals(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"order_qty_max_e8": 10 * 10**8}) as door:
        assert await proposed(door, qty="10.9") == {}, "10 after rounding to the lot"
        assert await proposed(door, qty="11") == {"ORD-02": (11 * 10**8, 10 * 10**8)}


@pytest.mark.requirement("W-06")
async def test_messages_are_counted_with_cancels_and_cancels_always_go_out(tmp_path: Path) -> None:
    """Three in a second and five in a minute, over market time."""
    limits = {"messages_per_second_max_count": 3, "messages_per_minute_max_count": 5}
    async with opened(tmp_path, limits=limits, accounts=ACCOUNTS) as door:
        orders = [await door.propose(qty=str(qty)) for qty in (1, 2, 3)]
        assert await proposed(door, qty="4") == {"MSG-01": (4, 3)}
        assert await proposed(door, qty="4", account="closed") == {}, "each account has its own"
        await door.app.pipeline.quiesce()
        for order in orders:
            await door.cancel(order.json()["order_id"])
        assert set(await proposed(door, qty="4")) == {"MSG-01", "MSG-02"}
        await door.clock("2015-01-02T15:30:01.001-05:00")
        assert await proposed(door, qty="4") == {"MSG-02": (7, 5)}
        await door.clock("2015-01-02T15:31:00.001-05:00")
        assert await proposed(door, qty="4") == {}


@pytest.mark.requirement("W-06")
async def test_the_same_order_again_is_a_duplicate_until_a_minute_has_passed(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, limits={"identical_orders_max_count": 1}) as door:
        assert await proposed(door, strategy_id="momentum") == {}
        again = await door.propose(strategy_id="reversion", client_order_id="another-name")
        assert outcome(again) == {"DUP-01": (2, 1)}, "how it is called does not tell it apart"
        [reason] = again.json()["reasons"]
        assert reason["fix103"] == 6
        assert await proposed(door, qty="11") == {}
        assert await proposed(door, time_in_force="gtc") == {}
        await door.clock("2015-01-02T15:31:00.001-05:00")
        assert await proposed(door) == {}


@pytest.mark.requirement("W-06")
async def test_no_order_may_meet_one_of_the_same_house(tmp_path: Path) -> None:
    """Account by account: the purchase of one stands in the way of the other's short sale."""
    async with opened(tmp_path, mode="SIMULATION", accounts=ACCOUNTS) as door:
        bought = await door.propose(limit_price="25.50", qty="10")
        assert bought.status_code == 201
        await door.app.pipeline.quiesce()
        await door.clock("2015-01-05T15:30:00-05:00")
        standing = await door.propose(limit_price="23.60", account="closed", time_in_force="gtc")
        assert standing.status_code == 201, standing.text
        sale: dict[str, Any] = {"side": "sell", "qty": "5"}
        assert await proposed(door, **sale, limit_price="23.60") == {"SLF-01": (236_000, None)}
        assert await proposed(door, **sale, limit_price="23.61") == {}
        await door.app.pipeline.quiesce()
        await door.cancel(standing.json()["order_id"])
        await door.app.pipeline.quiesce()
        assert await proposed(door, **sale, limit_price="23.59") == {}


def borrowed(data: dict[str, Any]) -> None:
    data["instruments"]["KO"]["borrow"] = "locate"
    data["instruments"]["PFE"]["borrow"] = "none"


@pytest.mark.requirement("W-06")
@pytest.mark.requirement("S0-13")
async def test_a_short_sale_says_so_and_where_the_shares_come_from(tmp_path: Path) -> None:
    """In RESEARCH, where no venue is asked: the simulated one takes no short sales."""
    limits = {"short_notional_max_micros": 250 * DOLLAR}
    release = write_edited(tmp_path / "borrowed", borrowed, **limits)
    ko, pfe = SHORT | {"symbol": "KO"}, SHORT | {"symbol": "PFE"}
    async with opened(tmp_path, release=release, mode="RESEARCH", lifted=False) as door:
        assert await proposed(door, **SHORT, limit_price="24.00") == {}
        assert set(await proposed(door, **ko, limit_price="31.50")) == {"SHT-03"}
        assert await proposed(door, **ko, limit_price="31.50", locate_id="lender-1") == {}
        unborrowable = await proposed(door, **pfe, limit_price="21.50", locate_id="lender-1")
        assert set(unborrowable) == {"SHT-03"}
        marked_wrong = await proposed(door, side="sell", limit_price="24.00", qty="1")
        assert marked_wrong == {"SHT-02": (24_540_000, None)}, "it counts at the ask"
        too_large = await proposed(door, **SHORT | {"qty": "11"}, limit_price="24.00")
        assert set(too_large) == {"SHT-01"}
        ticket = {**TICKET, "limit_price": "24.80", "locate_id": "lender-1"}
        refused = await door.call("POST", "/v1/orders/preview", scope="propose", json=ticket)
        problem(refused, 422, "locate-unexpected")


@pytest.mark.requirement("W-06")
@pytest.mark.parametrize(
    ("name", "control", "within", "denies"),
    [
        # KO for 161 dollars is working, AAPL for 248 is asked for, and there are 400 dollars.
        ("initial_margin_min_bps", "MGN-02", 9_779, 9_780),
        ("maintenance_margin_min_bps", "MGN-03", 24_844, 24_845),
        ("asset_exposure_max_bps", "EXP-04", 6_200, 6_199),
        ("margin_debit_max_micros", "MGN-01", 9 * DOLLAR, 9 * DOLLAR - 1),
        ("day_turnover_max_micros", "ACC-03", 409 * DOLLAR, 409 * DOLLAR - 1),
    ],
)
async def test_what_works_already_counts_up_to_the_last_unit(
    tmp_path: Path, name: str, control: str, within: int, denies: int
) -> None:
    accounts = {"primary": {"broker": "simulator", "opening_cash": "400"}}
    wide = {
        "asset_exposure_max_bps": 10**6,
        "leverage_max_bps": 10**6,
        "sector_exposure_max_bps": 10**6,
        "initial_margin_min_bps": 1,
        "maintenance_margin_min_bps": 1,
    }
    for limit, expected in ((within, set[str]()), (denies, {control}), (0, {control})):
        limits = wide | {name: limit}
        async with opened(tmp_path / str(limit), limits=limits, accounts=accounts) as door:
            first = await proposed(door, **KO)
            assert set(first) <= (set() if limit else {control}), "it stays within each of them"
            assert set(await proposed(door)) == expected, limit


@pytest.mark.requirement("W-06")
async def test_a_restart_forgets_nothing_of_what_was_sent(tmp_path: Path) -> None:
    limits = {"identical_orders_max_count": 1, "messages_per_minute_max_count": 3}
    async with opened(tmp_path, limits=limits) as door:
        canceled = await door.propose(qty="1")
        assert await proposed(door, qty="2") == {}
        await door.cancel(canceled.json()["order_id"])
    async with opened(tmp_path, lifted=False) as door:
        again = await proposed(door, key="again", qty="2")
        assert again == {"DUP-01": (2, 1), "MSG-02": (4, 3)}
