"""Orders that are on their way for long explain nothing any more, and still nothing is guessed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from gateway.tracking.reconciliation import on_record, under_way
from support.desk import Desk
from support.ledgers import becomes
from support.stated_broker import stated

pytestmark = [pytest.mark.requirement("S3-08")]


@pytest.fixture
async def pending(desk: Desk) -> str:
    """An order whose cancel was asked for, and which nobody confirms."""
    client_id = await desk.order()
    desk.books.failing.add("cancel")
    order_id = desk.state(client_id).order_id
    await desk.door.call("DELETE", f"/v1/orders/{order_id}", scope="cancel")
    assert desk.state(client_id).status == "PENDING_CANCEL"
    return client_id


@pytest.fixture
def for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_way, "UNDER_WAY_MAX_MS", 0)


@pytest.mark.usefixtures("pending")
async def test_an_order_that_was_just_cancelled_is_waited_for(desk: Desk) -> None:
    desk.books.positions["AAPL"] = (1_000, 0)
    desk.books.cash_micros -= 24_800_000_000
    result = await desk.run()
    assert (result.outcome, result.drift_bps, result.held_back) == ("unsettled", 0, ())


@pytest.mark.usefixtures("for_long", "pending")
async def test_a_difference_behind_an_order_that_is_pending_for_hours_is_reported(
    desk: Desk,
) -> None:
    desk.books.positions["AAPL"] = (1_000, 0)
    desk.books.positions["MSFT"] = (2, 0)
    desk.books.cash_micros -= 24_800_000_000
    result = await desk.run()
    assert (result.outcome, result.code) == ("drifted", "ORDER_UNDER_WAY_FOR_LONG")
    assert {one.symbol for one in result.held_back} == {"AAPL", "none"}
    assert [one.symbol for one in result.corrections] == ["MSFT"]  # that is nobody's order
    assert (desk.position, desk.cash) == (0, 100_000_000_000)
    assert result.drift_bps is not None
    assert result.drift_bps >= 2_300
    assert desk.door.app.book().account("primary").drift_bps == result.drift_bps
    assert desk.door.app.observer.signs.drifted == {"primary"}
    await becomes(
        lambda: "OMEGA2_DRIFT" in {one.cause for one in desk.door.app.book().halts.values()}
    )
    await desk.holds()


@pytest.mark.usefixtures("for_long")
async def test_it_is_corrected_once_the_order_is_over(desk: Desk, pending: str) -> None:
    desk.books.positions["AAPL"] = (3, 0)
    assert (await desk.run()).corrections == ()
    desk.books.end(pending, "CANCELED")
    result = await desk.run()
    assert [one.symbol for one in result.corrections] == ["AAPL"]
    assert desk.position == 3
    assert (await desk.run()).outcome == "agreed"
    await desk.holds()


@pytest.mark.usefixtures("for_long", "pending")
async def test_a_fee_behind_such_an_order_is_no_drift(desk: Desk) -> None:
    desk.books.cash_micros -= 1_000_000
    result = await desk.run()
    assert (result.outcome, result.code) == ("unsettled", "ORDER_UNDER_WAY_FOR_LONG")
    assert desk.cash == 100_000_000_000


@pytest.fixture
async def often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Desk]:
    """Everything is compared every second."""
    async with stated(tmp_path, monkeypatch, reconcile_full_ms="1000") as (door, books):
        yield Desk(door, books)


async def runs(desk: Desk, more: int) -> None:
    """Wait until so many more comparisons were begun."""
    asked = desk.books.calls["statement"]
    await becomes(lambda: desk.books.calls["statement"] >= asked + more)


async def test_a_comparison_that_finds_what_the_last_one_found_is_not_entered(
    often: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await runs(often, 2)
    before = await often.entries("reconciliation")
    assert [one["cause"] for one in before] == ["start"]
    ran_ns = often.door.app.observer.signs.reconciled_ns["primary"]
    await runs(often, 3)
    assert await often.entries("reconciliation") == before
    assert often.door.app.observer.signs.reconciled_ns["primary"] > ran_ns
    often.books.failing.add("statement")
    await runs(often, 3)
    often.books.failing.clear()
    await runs(often, 3)
    told = await often.entries("reconciliation")
    assert [one["outcome"] for one in told] == ["agreed", "failed", "agreed"]
    monkeypatch.setattr(on_record, "SAME_WORD_MS", 0)  # an hour has passed
    await runs(often, 3)
    assert len(await often.entries("reconciliation")) > len(told)


@pytest.mark.usefixtures("for_long")
async def test_a_difference_that_stays_is_entered_once(often: Desk) -> None:
    client_id = await often.order()
    often.books.failing.add("cancel")
    order_id = often.state(client_id).order_id
    await often.door.call("DELETE", f"/v1/orders/{order_id}", scope="cancel")
    often.books.positions["AAPL"] = (3, 0)
    await runs(often, 6)
    told = await often.entries("reconciliation")
    assert [one["outcome"] for one in told] == ["agreed", "drifted"]
