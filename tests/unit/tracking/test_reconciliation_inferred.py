"""Fills that nobody told, and that the broker takes back: the record follows, and no further."""

from __future__ import annotations

import pytest

from signing.inferred import corrected_id, inferred_id
from support.desk import Desk

pytestmark = [pytest.mark.requirement("S3-08")]


async def agrees(desk: Desk) -> None:
    """What is on record is what the broker has, in a log that verifies."""
    assert (desk.position, desk.cash) == (
        desk.books.positions.get("AAPL", (0, 0))[0],
        desk.books.cash_micros,
    )
    assert (await desk.run()).outcome == "agreed"
    assert not await desk.entries("correction", "anomaly")
    await desk.holds()


async def test_the_same_quantity_is_inferred_again_after_a_bust(desk: Desk) -> None:
    client_id = await desk.order()
    lost = desk.books.fill(client_id, 60, told=False)
    await desk.run()
    desk.books.tell(lost)  # the real one takes its place, and is busted
    await desk.pull()
    desk.books.correct(lost, 0, name="c-1")
    await desk.pull()
    assert desk.state(client_id).filled_qty == 0
    desk.books.fill(client_id, 60, told=False, name="again")
    assert (await desk.run()).outcome == "corrected"
    inferred = [one for one in await desk.entries("execution") if one.get("source") == "inferred"]
    assert [one["execution_id"] for one in inferred] == [
        inferred_id("primary", client_id, 60),
        inferred_id("primary", client_id, 60, 1),
    ]
    await agrees(desk)


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("qty", [0, 15])
@pytest.mark.parametrize("end", ["", "CANCELED", "FILLED"])
async def test_what_was_inferred_of_a_trade_that_is_corrected_is_taken_back(
    desk: Desk, told: bool, qty: int, end: str
) -> None:
    client_id = await desk.order()
    desk.books.fill(client_id, 40)
    await desk.pull()
    lost = desk.books.fill(client_id, 60 if end == "FILLED" else 30, told=False)
    if end == "CANCELED":
        desk.books.end(client_id, end)
    await desk.run()
    assert desk.state(client_id).filled_qty == 40 + lost.qty
    desk.books.correct(lost, qty, name="c-1", told=told)
    assert (await desk.run()).outcome == "corrected"
    order = desk.state(client_id)
    assert (order.filled_qty, order.status) == (40 + qty, end or "PARTIALLY_FILLED")
    [taken] = await desk.entries("trade-correction")
    of = inferred_id("primary", client_id, 40 + lost.qty)
    assert (taken["cause"], taken["of_execution_id"]) == ("reconciled", of)
    assert taken["execution_id"] == corrected_id("primary", client_id, of, 0)
    assert (taken["qty_before"], taken["qty_after"]) == (lost.qty, qty)
    await agrees(desk)


async def test_several_inferred_fills_are_taken_back_the_last_first(desk: Desk) -> None:
    client_id = await desk.order()
    first = desk.books.fill(client_id, 20, told=False)
    await desk.run()
    second = desk.books.fill(client_id, 30, told=False)
    await desk.run()
    desk.books.correct(second, 0, name="c-1", told=False)
    desk.books.correct(first, 5, name="c-2", told=False)
    assert (await desk.run()).outcome == "corrected"
    taken = await desk.entries("trade-correction")
    assert [(one["qty_before"], one["qty_after"], one["cum_qty"]) for one in taken] == [
        (30, 0, 20),
        (20, 5, 5),
    ]
    await agrees(desk)


async def test_a_bust_of_what_was_told_in_part_takes_back_no_more_than_was_inferred(
    desk: Desk,
) -> None:
    client_id = await desk.order()
    told = desk.books.fill(client_id, 40)
    await desk.pull()
    desk.books.fill(client_id, 30, told=False)
    await desk.run()
    desk.books.correct(told, 0, name="c-1", told=False)  # 40 less, and 30 were inferred
    assert (await desk.run()).outcome == "drifted"
    order = desk.state(client_id)
    assert (order.filled_qty, order.anomaly) == (70, "FILLED_LESS_AT_BROKER")
    assert not await desk.entries("trade-correction")


async def test_the_trade_that_comes_after_all_is_counted_as_it_was_corrected(desk: Desk) -> None:
    client_id = await desk.order()
    lost = desk.books.fill(client_id, 30, told=False)
    await desk.run()
    desk.books.correct(lost, 10, name="c-1")
    assert (await desk.run()).outcome == "corrected"
    assert desk.state(client_id).filled_qty == 10
    desk.books.tell(lost)  # told behind its own correction, which waited for it
    await desk.pull()
    assert desk.state(client_id).filled_qty == 10
    assert desk.state(client_id).unreported == ()
    await agrees(desk)


@pytest.mark.parametrize("parts", [(60,), (40, 20), (60, 10)], ids=["whole", "parts", "more"])
async def test_what_the_broker_tells_late_takes_the_place_of_what_a_person_said(
    desk: Desk, parts: tuple[int, ...]
) -> None:
    client_id = await desk.order()
    desk.books.fill(client_id, 20)
    await desk.pull()
    desk.books.fill(client_id, 10, told=False)
    await desk.run()
    late = [desk.books.fill(client_id, qty, told=False) for qty in parts]
    desk.books.end(client_id, "CANCELED", told=False)
    word = {"outcome": "filled", "qty": "60", "price": "24.80", "evidence": "by telephone"}
    answer = await desk.door.call(
        "POST",
        f"/v1/orders/{desk.state(client_id).order_id}/settle",
        scope="operate",
        json=word | {"reason": "it had to be settled"},
    )
    assert (answer.json()["status"], answer.json()["filled_qty"]) == ("CANCELED", "90")
    desk.books.tell(desk.books.executions[1])  # what was inferred
    for each in late:
        desk.books.tell(each)
    await desk.pull()
    order = desk.state(client_id)
    assert (order.filled_qty, order.anomaly, order.unreported) == (30 + sum(parts), "none", ())
    await agrees(desk)


async def test_a_persons_word_is_not_taken_back_by_reconciliation(desk: Desk) -> None:
    client_id = await desk.order()
    desk.books.fill(client_id, 10)
    await desk.pull()
    word = {"outcome": "filled", "qty": "5", "price": "24.80", "evidence": "by telephone"}
    answer = await desk.door.call(
        "POST",
        f"/v1/orders/{desk.state(client_id).order_id}/settle",
        scope="operate",
        json=word | {"reason": "it had to be settled", "contradicts": True},
    )
    assert answer.json()["filled_qty"] == "15"
    assert (await desk.run()).outcome == "drifted"  # the position is the broker's, the fill stays
    assert (desk.state(client_id).filled_qty, desk.position) == (15, 10)
    assert not await desk.entries("trade-correction")
    await desk.holds()


async def test_an_end_that_cannot_be_is_of_the_order_as_the_fill_before_it_left_it(
    desk: Desk,
) -> None:
    client_id = await desk.order()
    desk.books.fill(client_id, 60, told=False)
    desk.books.orders[client_id].status = "FILLED"  # in full, says the broker, and 60 of 100
    assert (await desk.run()).outcome == "drifted"
    [anomaly] = await desk.entries("anomaly")
    assert (anomaly["code"], anomaly["state"]) == ("IMPOSSIBLE_AT_BROKER", "PARTIALLY_FILLED")
    await desk.holds()


async def test_a_fill_that_comes_to_light_during_a_run_is_not_written_off(desk: Desk) -> None:
    client_id = await desk.order()
    desk.books.fill(client_id, 40, told=False)
    asked, later = desk.books.asked, iter([10])

    def ask(what: str) -> None:
        asked(what)
        if what == "open_orders" and desk.position == 40:  # the first one is inferred by now
            for qty in later:
                desk.books.fill(client_id, qty, told=False)

    desk.books.asked = ask
    assert (await desk.run()).outcome == "corrected"
    assert (desk.state(client_id).filled_qty, desk.position) == (50, 50)
    await agrees(desk)


async def test_while_fills_go_on_coming_to_light_no_position_is_corrected(desk: Desk) -> None:
    client_id = await desk.order()
    asked = desk.books.asked
    known = [0]

    def ask(what: str) -> None:
        asked(what)
        if what == "open_orders" and desk.position == known[-1]:
            known.append(known[-1] + 1)
            desk.books.fill(client_id, 1, told=False)

    desk.books.asked = ask
    assert (await desk.run()).outcome == "corrected"
    assert desk.position == desk.state(client_id).filled_qty >= 3
    assert not await desk.entries("correction")
    desk.books.asked = asked
    await desk.run()
    await agrees(desk)
