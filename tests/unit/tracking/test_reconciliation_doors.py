"""Reconciliation as callers see it: a three-way table, on demand and as it was last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.desk import Desk
from support.doors import problem
from support.ledgers import becomes
from support.stated_broker import Books, stated

pytestmark = [pytest.mark.requirement("S3-08")]


async def test_the_table_has_both_sides_and_the_difference(desk: Desk) -> None:
    client_id = await desk.order()
    desk.books.fill(client_id, 40)
    await desk.pull()
    desk.books.positions["AAPL"] = (43, 0)
    body = {"account": "*"}
    made = await desk.door.call("POST", "/v1/reconciliation", scope="operate", json=body)
    assert made.status_code == 200, made.text
    [found] = made.json()["accounts"]
    assert (found["account"], found["outcome"], found["by"]) == (
        "primary", "drifted", "operate-user",
    )  # fmt: skip
    assert found["positions"] == [
        {"symbol": "AAPL", "ledger": "40", "broker": "43", "difference": "3"}
    ]
    [order] = found["orders"]
    assert (order["ledger"], order["broker"], order["difference"]) == (
        "PARTIALLY_FILLED", "PARTIALLY_FILLED", "agrees",
    )  # fmt: skip
    assert found["cash"]["difference"] == "0"
    assert found["corrections"] == [
        {"cause": "UNEXPLAINED_POSITION", "symbol": "AAPL", "before": "40", "after": "43"}
    ]
    read = await desk.door.call("GET", "/v1/reconciliation?account=primary")
    assert read.json() == made.json()


async def test_an_unknown_account_and_a_wrong_scope_are_refused(desk: Desk) -> None:
    call = desk.door.call
    body = {"account": "nobody"}
    answer = await call("POST", "/v1/reconciliation", scope="operate", json=body)
    problem(answer, 404, "account-unknown")
    problem(await call("GET", "/v1/reconciliation?account=nobody"), 404, "account-unknown")
    answer = await call("POST", "/v1/reconciliation", scope="read", json={"account": "*"})
    problem(answer, 403, "scope-missing")


async def test_a_broker_that_does_not_list_a_period_is_said_to(desk: Desk) -> None:
    path = "/v1/brokers/primary/history"
    period = {"from": "2015-01-01T00:00:00Z", "to": "2015-02-01T00:00:00Z"}
    desk.books.failing.add("history")
    answer = await desk.door.call("GET", path, scope="audit:read", params=period)
    problem(answer, 503, "broker-unavailable")
    backwards = {"from": period["to"], "to": period["from"]}
    answer = await desk.door.call("GET", path, scope="audit:read", params=backwards)
    problem(answer, 422, "period-out-of-bounds")


@pytest.mark.requirement("S2-07")
async def test_positions_say_when_the_broker_stated_them(desk: Desk) -> None:
    before = (await desk.door.call("GET", "/v1/positions")).json()
    assert before["reconciled_at"] is not None  # at the start
    await desk.run()
    after = (await desk.door.call("GET", "/v1/positions")).json()
    assert before["reconciled_at"] < after["reconciled_at"] < after["as_of"]


@pytest.mark.requirement("S2-07")
async def test_accounts_are_compared_by_the_clock_and_on_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paces: dict[str, Any] = {"reconcile_orders_ms": "1000", "reconcile_positions_ms": "1000"}
    async with stated(tmp_path, monkeypatch, **paces) as (door, books):
        books.positions["MSFT"] = (4, 0)
        account = door.app.book().account("primary")
        await becomes(lambda: account.positions == {"MSFT": (4, 0)})
        first = door.app.reconciliations.last("primary")
        assert first is not None
        books.cash_micros -= 5_000_000
        door.app.reconciliations.on_drift("primary")
        await becomes(lambda: account.cash_micros == books.cash_micros)


async def test_a_quick_comparison_that_finds_nothing_is_not_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = Books()
    async with stated(tmp_path, monkeypatch, books, reconcile_orders_ms="1000") as (door, _):
        before, asked = await door.entries(), books.calls["open_orders"]
        await becomes(lambda: books.calls["open_orders"] >= asked + 3)
        assert await door.entries() == before


async def test_a_drift_above_the_limit_engages_the_kill_switch(desk: Desk) -> None:
    desk.books.trade_past(1_000)
    await desk.run()
    await becomes(
        lambda: "OMEGA2_DRIFT" in {one.cause for one in desk.door.app.book().halts.values()}
    )
    assert (await desk.door.propose()).status_code == 403
