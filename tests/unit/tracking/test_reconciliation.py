"""Reconciliation: the broker is the truth, only what stands counts, and all of it is on record."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from signing.inferred import inferred_id
from support.desk import Desk
from support.ledgers import becomes
from support.stated_broker import CASH_MICROS, Books, stated

pytestmark = [pytest.mark.requirement("S3-08")]


async def test_what_agrees_is_entered_and_changes_nothing(desk: Desk) -> None:
    await desk.order()
    result = await desk.run()
    assert (result.outcome, result.differences, result.drift_bps) == ("agreed", 0, 0)
    [run] = [one for one in await desk.entries("reconciliation") if one["by"] == "ann"]
    assert (run["orders"], run["positions"], run["cause"]) == (1, 0, "requested")
    assert not await desk.entries("correction", "anomaly", "external")
    await desk.holds()


async def test_a_gateway_is_compared_before_it_takes_orders(desk: Desk) -> None:
    first = (await desk.entries("reconciliation"))[0]
    assert (first["cause"], first["outcome"], first["by"]) == ("start", "agreed", "reconciliation")


async def test_a_fill_that_nobody_told_of_is_inferred_at_the_brokers_price(desk: Desk) -> None:
    client_id = await desk.order()
    desk.books.fill(client_id, 40)
    await desk.pull()
    desk.books.fill(client_id, 20, price=247_000, told=False)
    result = await desk.run()
    assert result.outcome == "corrected"
    [told, inferred] = await desk.entries("execution")
    assert told.get("source", "broker") == "broker"
    assert (inferred["qty"], inferred["price"], inferred["source"]) == (20, 247_000, "inferred")
    assert inferred["execution_id"] == inferred_id("primary", client_id, 60)
    assert (desk.position, desk.cash) == (60, desk.books.cash_micros)
    assert desk.state(client_id).status == "PARTIALLY_FILLED"
    await desk.holds()


async def test_an_inferred_and_its_real_fill_are_counted_once(desk: Desk) -> None:
    # NautilusTrader#3493
    client_id = await desk.order()
    late = desk.books.fill(client_id, 60, told=False)
    assert (await desk.run()).outcome == "corrected"
    desk.books.tell(late)
    await desk.pull()
    executions = await desk.entries("execution")
    assert [one.get("merged_qty", 0) for one in executions] == [0, 60]
    assert (desk.position, desk.cash) == (60, desk.books.cash_micros)
    assert desk.state(client_id).filled_qty == 60
    assert (await desk.run()).outcome == "agreed"
    await desk.holds()


async def test_an_order_the_broker_does_not_find_is_never_rejected_or_cancelled(desk: Desk) -> None:
    # NautilusTrader#4958, #4152: the reconciler rejects what a report does not list
    client_id = await desk.order()
    desk.books.hidden.add(client_id)
    result = await desk.run()
    assert (result.outcome, result.code) == ("drifted", "WAITS_FOR_A_PERSON")
    order = desk.state(client_id)
    assert (order.status, order.anomaly, order.reserves) == ("ACKNOWLEDGED", "NOT_AT_BROKER", True)
    assert (await desk.run()).outcome == "drifted"
    assert len(await desk.entries("anomaly")) == 1
    assert not await desk.entries("settlement", "status")
    await desk.holds()


async def test_a_broker_that_disagrees_with_itself_for_a_while_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Alpaca-API#276: its orders and positions disagree for up to ten seconds
    async with stated(tmp_path, monkeypatch, reconcile_settle_ms="300") as (door, books):
        books.positions["AAPL"] = (7, 0)
        run = asyncio.create_task(door.app.reconciliations.run("primary", "requested", "ann"))
        asked = books.calls["statement"]
        await becomes(lambda: books.calls["statement"] > asked)
        del books.positions["AAPL"]
        assert (await run).outcome == "agreed"
        assert door.app.book().account("primary").positions == {}


async def test_positions_that_will_not_stand_still_are_not_corrected(desk: Desk) -> None:
    moving = iter(range(1, 1_000))
    statement = desk.books.asked

    def asked(what: str) -> None:
        statement(what)
        if what == "statement":
            desk.books.positions["AAPL"] = (next(moving), 0)

    desk.books.asked = asked
    result = await desk.run()
    assert (result.outcome, result.differences) == ("unsettled", 0)
    assert not await desk.entries("correction")
    assert desk.position == 0


@pytest.mark.parametrize("report", ["statement", "open_orders", "updates"])
async def test_a_failed_report_is_never_read_as_flat_or_absent(desk: Desk, report: str) -> None:
    client_id = await desk.order()
    desk.books.fill(client_id, 40)
    await desk.pull()
    desk.books.failing.add(report)
    result = await desk.run()
    assert (result.outcome, result.code) == ("failed", "ERR_NETWORK")
    assert desk.position == 40
    assert desk.state(client_id).status == "PARTIALLY_FILLED"
    desk.books.failing.clear()
    assert (await desk.run()).outcome == "agreed"
    await desk.holds()


async def test_an_end_that_nobody_told_of_is_the_brokers_word(desk: Desk) -> None:
    client_id = await desk.order()
    desk.books.fill(client_id, 30, told=False)
    desk.books.end(client_id, "EXPIRED", told=False)
    assert (await desk.run()).outcome == "corrected"
    order = desk.state(client_id)
    assert (order.status, order.filled_qty, order.reserves) == ("EXPIRED", 30, False)
    [status] = await desk.entries("status")
    assert (status["source"], status["code"]) == ("reconciliation", "RECONCILED")
    await desk.holds()


async def test_a_fill_after_the_end_is_found_by_the_position_and_is_no_correction(
    desk: Desk,
) -> None:
    client_id = await desk.order()
    desk.books.end(client_id, "CANCELED")
    await desk.pull()
    desk.books.fill(client_id, 25, told=False)
    desk.books.orders[client_id].status = "CANCELED"
    assert (await desk.run()).outcome == "corrected"
    assert (desk.state(client_id).filled_qty, desk.position) == (25, 25)
    assert desk.cash == desk.books.cash_micros
    assert not await desk.entries("correction")
    await desk.holds()


async def test_a_trade_past_the_gateway_is_corrected_with_its_cause_and_drift(desk: Desk) -> None:
    desk.books.trade_past(1_000)
    result = await desk.run()
    assert result.outcome == "drifted"
    assert result.drift_bps is not None
    assert result.drift_bps >= 2_300  # 1,000 shares at about 24 of 100,000
    [moved, cash] = await desk.entries("correction")
    assert (moved["cause"], cash["cause"]) == ("EXTERNAL_TRADE", "CASH_DIFFERENCE")
    assert moved["positions"] == {"AAPL": {"before": 0, "after": 1_000, "qty_decimals": 0}}
    assert cash["cash"]["before_micros"] == CASH_MICROS
    assert (desk.position, desk.cash) == (1_000, desk.books.cash_micros)
    assert desk.door.app.book().account("primary").drift_bps == result.drift_bps
    again = await desk.run()
    assert (again.outcome, again.drift_bps) == ("agreed", 0)
    await desk.holds()


async def test_a_position_that_nothing_explains_is_corrected_and_named_so(desk: Desk) -> None:
    desk.books.positions["MSFT"] = (35, 1)  # a split, a transfer: at a finer scale than ours
    assert (await desk.run()).outcome == "drifted"
    [moved] = await desk.entries("correction")
    assert moved["cause"] == "UNEXPLAINED_POSITION"
    assert desk.door.app.book().account("primary").positions == {"MSFT": (35, 1)}
    del desk.books.positions["MSFT"]  # and gone again: the union of both sides is compared
    assert (await desk.run()).outcome == "drifted"
    assert desk.door.app.book().account("primary").positions == {}
    await desk.holds()


async def test_a_position_of_a_symbol_with_orders_on_their_way_is_left_alone(desk: Desk) -> None:
    client_id = await desk.order()
    desk.books.failing.add("cancel")  # asked for, and not taken: the order is pending
    order_id = desk.state(client_id).order_id
    await desk.door.call("DELETE", f"/v1/orders/{order_id}", scope="cancel")
    assert desk.state(client_id).status == "PENDING_CANCEL"
    desk.books.positions["AAPL"] = (11, 0)
    result = await desk.run()
    assert (result.outcome, result.code) == ("unsettled", "NOT_STANDING_STILL")
    assert desk.position == 0


async def test_a_few_cents_are_no_difference_and_a_fee_is_no_drift(desk: Desk) -> None:
    desk.books.cash_micros -= 10_000
    assert (await desk.run()).outcome == "agreed"
    desk.books.cash_micros -= 1_000_000
    result = await desk.run()
    assert (result.outcome, result.drift_bps) == ("corrected", 1)
    assert desk.cash == desk.books.cash_micros
    await desk.holds()


async def test_orders_of_others_are_adopted_counted_and_let_go(desk: Desk) -> None:
    other = desk.books.other()
    assert (await desk.run()).outcome == "agreed"
    account = desk.door.app.book().account("primary")
    assert account.external[other.broker_order_id].leaves_qty == 50
    [key] = account.reservations
    assert key[0] == "AAPL"
    await desk.run()
    assert len(await desk.entries("external")) == 1
    desk.books.others.clear()
    await desk.run()
    account = desk.door.app.book().account("primary")
    assert (account.external, account.reservations) == ({}, {})
    assert [one["status"] for one in await desk.entries("external")] == ["ACKNOWLEDGED", "CANCELED"]
    await desk.holds()


async def test_an_order_of_ours_that_lives_after_its_end_is_cancelled_and_questioned(
    desk: Desk,
) -> None:
    client_id = await desk.order()
    desk.books.end(client_id, "CANCELED")
    await desk.pull()
    desk.books.orders[client_id].status = "ACKNOWLEDGED"
    assert (await desk.run()).outcome == "drifted"
    assert desk.books.orders[client_id].status == "CANCELED"
    assert desk.state(client_id).anomaly == "LIVE_AFTER_CANCELED"
    await desk.holds()


@pytest.mark.parametrize(("theirs", "code"), [(20, "FILLED_LESS"), (101, "FILLED_BEYOND")])
async def test_fills_that_cannot_be_are_put_before_a_person(
    desk: Desk, theirs: int, code: str
) -> None:
    client_id = await desk.order()
    desk.books.fill(client_id, 40)
    await desk.pull()
    desk.books.orders[client_id].filled = theirs
    assert (await desk.run()).code == "WAITS_FOR_A_PERSON"
    assert desk.state(client_id).anomaly == f"{code}_AT_BROKER"
    assert desk.position == 40
    await desk.holds()


async def test_an_account_that_cannot_be_compared_at_the_start_is_halted_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = Books()
    async with stated(tmp_path, monkeypatch, books):
        pass
    books.failing |= {"statement", "open_orders"}
    async with stated(tmp_path, monkeypatch, books) as (door, _):
        [halt] = door.app.book().halts.values()
        assert (halt.cause, halt.scope.name) == ("RECONCILIATION_FAILED", "primary")
        assert (await door.propose()).status_code == 403
        books.failing.clear()
        await door.app.reconciliations.run("primary", "requested", "ann")
        assert not door.app.book().halts
        assert (await door.propose()).status_code == 201


async def test_fills_of_the_time_that_the_gateway_was_down_are_found_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = Books()
    async with stated(tmp_path, monkeypatch, books) as (door, _):
        answer = await door.propose(qty="100", time_in_force="gtc", headers={"Prefer": "wait=30"})
        client_id = answer.json()["broker_client_id"]
    books.fill(client_id, 100, told=False)  # and the stream replays nothing
    async with stated(tmp_path, monkeypatch, books) as (door, _):
        book = door.app.book()
        assert book.orders[book.by_client_id[client_id]].status == "FILLED"
        assert book.account("primary").positions == {"AAPL": (100, 0)}


async def test_an_account_with_a_thousand_long_names_is_taken_over_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {f"S{number:031d}": (number + 1, 0) for number in range(1_000)}
    async with stated(tmp_path, monkeypatch, Books(positions=dict(held))) as (door, books):
        desk = Desk(door, books)
        assert door.app.book().account("primary").positions == held
        causes = [one["cause"] for one in await desk.entries("correction")]
        assert causes == ["OPENING_POSITION"] * 2
        assert (await desk.run()).outcome == "agreed"
        books.positions = {name: (qty + 1, 0) for name, (qty, _) in held.items()}
        assert (await desk.run()).outcome == "drifted"
        assert door.app.book().account("primary").positions == books.positions
        await desk.holds()
