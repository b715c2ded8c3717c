"""The end of the day through the whole gateway: rests are cancelled, days are rolled."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.market.exchange import regular_hours
from signing import canonical
from signing.verify import verify_log
from support.doors import CASH, Door, opened
from support.published import Published

FIRST, SECOND, THIRD = (f"2015-01-0{day}T15:30:00-05:00" for day in (5, 6, 7))
TOO_MANY: Mapping[str, str] = {"symbol": "RRC", "qty": "200", "limit_price": "53.40"}
"""More than one session's quote has room for."""
NEVER: Mapping[str, str] = {"limit_price": "23.70", "qty": "1"}
"""A price that the market does not come to in these days."""


async def proposed(door: Door, **changes: Any) -> str:
    answer = await door.propose(headers={"Prefer": "wait=30"}, **changes)
    assert answer.status_code == 201, answer.text
    return answer.json()["order_id"]


async def shown(door: Door, order_id: str) -> dict[str, Any]:
    return (await door.call("GET", f"/v1/orders/{order_id}")).json()


async def moved(door: Door, *instants: str) -> None:
    for now in instants:
        answer = await door.clock(now)
        assert answer.status_code == 200, answer.text


@pytest.mark.requirement("S3-20")
async def test_the_rest_of_a_partial_fill_waits_until_the_end_of_the_day_and_is_cancelled(
    door: Door,
) -> None:
    order_id = await proposed(door, **TOO_MANY)
    await moved(door, FIRST)
    found = await shown(door, order_id)
    assert (found["status"], found["filled_qty"]) == ("PARTIALLY_FILLED", "154")
    assert found["message"] == "Order partially filled. Awaiting liquidity for remainder."
    await moved(door, "2015-01-05T15:58:59-05:00")
    assert (await shown(door, order_id))["status"] == "PARTIALLY_FILLED"
    await moved(door, "2015-01-05T15:59:00-05:00")
    found = await shown(door, order_id)
    assert (found["status"], found["filled_qty"], found["message"]) == ("CANCELED", "154", None)


@pytest.mark.requirement("S3-20")
@pytest.mark.requirement("S2-06")
async def test_a_clock_that_is_moved_far_stops_at_the_end_of_the_day_on_its_way(
    door: Door,
) -> None:
    """And the record says when, by whom and why."""
    day, gtc = await proposed(door, **TOO_MANY), await proposed(door, **NEVER, time_in_force="gtc")
    await moved(door, "2015-01-30T15:30:00-05:00")
    assert (await shown(door, day))["status"] == "CANCELED"
    assert (await shown(door, gtc))["status"] == "ACKNOWLEDGED"
    await door.app.ledger.publish_now()
    published = Published(door.app.settings.data / "log")
    published.read_on()
    [cancel] = [payload for kind, payload in published.entries if kind == "cancel"]
    assert (cancel["order_id"], cancel["by"], cancel["cause"]) == (day, "end-of-day", "END_OF_DAY")
    assert cancel["market_us"] == regular_hours("2015-01-05").closes_us - 60_000_000


@pytest.mark.requirement("S3-20")
async def test_on_a_half_day_it_comes_three_hours_sooner(door: Door) -> None:
    await moved(door, "2015-11-25T15:30:00-05:00")
    order_id = await proposed(door, symbol="KO", qty="1", limit_price="33.00")
    await moved(door, "2015-11-27T12:58:59-05:00")
    assert (await shown(door, order_id))["status"] == "ACKNOWLEDGED"
    await moved(door, "2015-11-27T12:59:00-05:00")
    assert (await shown(door, order_id))["status"] == "CANCELED"


@pytest.mark.requirement("S3-20")
async def test_where_nobody_cancels_before_the_close_the_venue_ends_the_day(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, cancel_before_close_ms=0) as door:
        order_id = await proposed(door, **TOO_MANY)
        await moved(door, FIRST, SECOND)
        found = await shown(door, order_id)
        assert (found["status"], found["code"]) == ("EXPIRED", "TIF_DAY")


@pytest.mark.requirement("S1-06")
async def test_a_dated_order_survives_days_and_restarts_and_ends_at_its_instant(
    tmp_path: Path,
) -> None:
    ends = "2015-01-07T12:00:00-05:00"
    async with opened(tmp_path) as door:
        order_id = await proposed(door, **NEVER, time_in_force="gtd", expires_at=ends)
        document = await _document(door, order_id)
        assert document["order"]["expires_us"] == 1_420_650_000_000_000
        await moved(door, FIRST, SECOND)
        assert (await shown(door, order_id))["status"] == "ACKNOWLEDGED"
    async with opened(tmp_path, lifted=False) as door:
        found = await shown(door, order_id)
        assert found["status"] == "ACKNOWLEDGED"
        assert found["expires_at"] == "2015-01-07T17:00:00.000000Z"
        await moved(door, "2015-01-07T11:59:59-05:00")
        assert (await shown(door, order_id))["status"] == "ACKNOWLEDGED"
        await moved(door, ends)
        found = await shown(door, order_id)
        assert (found["status"], found["code"]) == ("EXPIRED", "TIF_GTD")


async def _document(door: Door, order_id: str) -> dict[str, Any]:
    decision_id = (await shown(door, order_id))["decision_id"]
    found = await door.app.ledger.entry(decision_id)
    assert found is not None
    data = await door.app.ledger.document(found[1]["input_digest"])
    assert data is not None
    return canonical.decode_object(data)


@pytest.mark.requirement("S2-06")
async def test_days_are_rolled_by_the_exchanges_sessions_and_add_up(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await proposed(door, **TOO_MANY)
        # A Saturday belongs to Friday, and Martin Luther King's day to the Friday before it.
        await moved(door, FIRST, SECOND, THIRD, "2015-01-10T12:00:00-05:00")
        assert door.app.book().accounts["primary"].session == "2015-01-09"
        await moved(door, "2015-01-19T12:00:00-05:00", "2015-01-20T15:30:00-05:00")
        pnl = (await door.call("GET", "/v1/pnl")).json()
        assert pnl["session"] == "2015-01-20"
        days = pnl["days"]
        assert [day["session"] for day in days] == [
            *("2015-01-16", "2015-01-09", "2015-01-07", "2015-01-06", "2015-01-05", "2015-01-02"),
        ]
        profits = sum(Decimal(day["profit"]) for day in days)
        assert Decimal(CASH) + profits == Decimal(pnl["day_open_equity"])
        assert Decimal(pnl["day_open_equity"]) + Decimal(pnl["day_pnl"]) == Decimal(pnl["equity"])
        assert {day["session"]: day["fees"] for day in days if day["fees"] != "0"} == {
            "2015-01-05": "1"
        }
        two = (await door.call("GET", "/v1/pnl?days=2")).json()["days"]
        assert two == days[:2]
        assert (await door.call("GET", "/v1/pnl?days=0")).json()["days"] == []
        before = door.app.book().accounts["primary"].days
        await door.app.ledger.publish_now()
        report = verify_log(tmp_path / "data" / "log", door.app.vkey)
        assert report.ok, report
    async with opened(tmp_path, lifted=False) as door:
        assert door.app.book().accounts["primary"].days == before
