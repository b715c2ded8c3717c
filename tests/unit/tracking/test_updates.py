"""Updates of brokers: late, twice, out of order, impossible; none keeps those after it waiting."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.book import NONE, OrderState
from gateway.domain.errors import UnavailableError
from gateway.domain.halt import Scope
from gateway.domain.order import Side
from gateway.ports import Draft
from signing.lifecycle import State
from support.telling import Told, corrected, fill, said, telling, unknown, working

pytestmark = [pytest.mark.requirement("W-07"), pytest.mark.requirement("S3-05")]


@pytest.fixture
async def told(tmp_path: Path) -> AsyncGenerator[Told]:
    async with telling(tmp_path) as made:
        yield made


def held(told: Told) -> dict[str, tuple[int, int]]:
    return dict(told.app.book().account("primary").positions)


@pytest.mark.attack
@pytest.mark.requirement("S3-08")
async def test_no_update_keeps_those_after_it_waiting(told: Told) -> None:
    order = await working(told)
    stranger = replace(order, broker_client_id="theirs", order_id="ord_theirs")
    await told.tell(
        fill(stranger, "x-1", 5),
        said(stranger, "CANCELED"),
        fill(order, "x-2", 5, symbol="MSFT"),
        fill(order, "x-3", 5, side=Side.SELL),
        fill(order, "x-4", 5, price_decimals=7),
        fill(order, "not an id \x00", 5),
        said(order, "WHO_KNOWS"),
        said(order, "UNKNOWN"),
        fill(order, "x-5", 100),
    )
    assert told.order(order).status is State.FILLED
    assert held(told) == {"AAPL": (100, 0)}
    assert await told.codes() == [
        "UNKNOWN_ORDER",
        "UNKNOWN_ORDER",
        *["EXECUTION_MISMATCH"] * 3,
        "EXECUTION_IMPOSSIBLE",
        *["UNKNOWN_STATUS"] * 2,
    ]
    assert told.order(order).doubtful
    assert set(told.drifted) == {"primary"}
    [halt] = told.app.book().halts.values()
    assert (halt.cause, halt.scope) == ("UNKNOWN_EXECUTION", Scope("account", "primary"))
    assert (halt.cancels, halt.reduce_allowed, halt.clear_by) == (False, True, "probe")
    assert await told.tracker.pull() == 0


async def test_an_execution_that_is_told_twice_counts_once(told: Told) -> None:
    order = await working(told)
    again = fill(order, "x-1", 40)
    await told.tell(again, again, replace(again, market_us=again.market_us + 1))
    await told.tell(again, fill(order, "x-2", 60), again)
    assert told.order(order).status is State.FILLED
    assert held(told) == {"AAPL": (100, 0)}
    assert await told.codes() == []
    assert len(await told.entries("execution")) == 2


@pytest.mark.parametrize("change", [{"qty": 41}, {"price": 1}, {"fee_micros": 7}], ids=str)
@pytest.mark.parametrize("later", [False, True])
async def test_an_execution_that_is_told_again_as_another_one_calls_a_person(
    told: Told, change: dict[str, int], later: bool
) -> None:
    order = await working(told)
    first = fill(order, "x-1", 40)
    if later:
        await told.tell(first)
        await told.tell(replace(first, **change))
    else:
        await told.tell(first, replace(first, **change))
    assert told.order(order).filled_qty == 40
    assert told.order(order).anomaly == "EXECUTION_CHANGED"


async def test_more_than_was_asked_for_is_never_counted_and_stays_in_doubt(told: Told) -> None:
    order = await working(told)
    await told.tell(fill(order, "x-1", 100), fill(order, "x-2", 1))
    now = told.order(order)
    assert (now.status, now.filled_qty) == (State.FILLED, 100)
    assert (now.anomaly, now.doubtful) == ("EXECUTION_BEYOND_QUANTITY", True)
    assert told.app.book().doubtful == {("primary", "AAPL"): {order.order_id}}
    assert told.drifted == ["primary"]


@pytest.mark.parametrize("ending", ["CANCELED", "EXPIRED", "REPLACED"])
async def test_fills_that_are_told_after_the_end_are_counted(told: Told, ending: str) -> None:
    order = await working(told)
    await told.tell(fill(order, "x-1", 40), said(order, ending), fill(order, "x-2", 10))
    assert told.order(order).status is State(ending)
    assert told.order(order).filled_qty == 50
    await told.tell(fill(order, "x-3", 50), said(order, ending))
    assert told.order(order).status is State.FILLED
    assert await told.codes() == []


async def test_fills_go_on_while_a_cancel_is_pending_and_a_refused_one_puts_it_back(
    told: Told,
) -> None:
    order = await working(told)
    await told.app.journal.record([told_cancel(order)])
    await told.tell(said(order, "ACKNOWLEDGED"), fill(order, "x-1", 40))
    assert told.order(order).status is State.PENDING_CANCEL
    await told.tell(said(order, "ACKNOWLEDGED", "ERR_CANCEL_REJECTED"))
    assert told.order(order).status is State.PARTIALLY_FILLED
    await told.tell(said(order, "PARTIALLY_FILLED", "ERR_CANCEL_REJECTED"))
    await told.tell(fill(order, "x-2", 60))
    assert told.order(order).status is State.FILLED
    assert await told.codes() == []


def told_cancel(order: OrderState) -> Draft:
    return Draft(
        "cancel",
        {
            "order_id": order.order_id,
            "broker_client_id": order.broker_client_id,
            "by": "ada",
            "cause": "TEST",
            "market_us": order.market_us,
        },
    )


async def test_a_status_that_the_order_has_left_behind_is_dropped(told: Told) -> None:
    order = await working(told)
    await told.tell(fill(order, "x-1", 40))
    entries = told.app.ledger.size
    await told.tell(
        said(order, "SUBMITTED"), said(order, "ACKNOWLEDGED"), said(order, "PARTIALLY_FILLED")
    )
    await told.tell(fill(order, "x-2", 60), said(order, "FILLED"))
    await told.tell(said(order, "CANCELED"), said(order, "PENDING_CANCEL"))
    assert told.order(order).status is State.FILLED
    assert await told.entries("status") == []
    assert await told.codes() == []
    assert told.app.ledger.size == entries + 1


async def test_a_filled_status_is_no_fill_and_has_the_account_looked_at(told: Told) -> None:
    order = await working(told)
    await told.tell(said(order, "FILLED"))
    assert told.order(order).status is State.ACKNOWLEDGED
    assert told.order(order).reserves
    assert told.drifted == ["primary"]
    await told.tell(fill(order, "x-1", 100))
    assert told.order(order).status is State.FILLED


async def test_an_end_that_overtakes_its_fills_lets_go_of_nothing(told: Told) -> None:
    order = await working(told)
    end = replace(said(order, "CANCELED"), cum_qty=40)
    await told.tell(end)
    assert told.order(order).status is State.ACKNOWLEDGED
    assert told.drifted == ["primary"]
    await told.tell(fill(order, "x-1", 40), end)
    assert told.order(order).status is State.CANCELED
    assert await told.codes() == []


@pytest.mark.parametrize(
    ("status", "becomes"),
    [
        ("SUBMITTED", State.SUBMITTED),
        ("ACKNOWLEDGED", State.ACKNOWLEDGED),
        ("PARTIALLY_FILLED", State.ACKNOWLEDGED),
        ("CANCELED", State.CANCELED),
        ("EXPIRED", State.EXPIRED),
        ("REJECTED", State.REJECTED),
    ],
)
async def test_a_told_status_settles_an_unknown_outcome(
    told: Told, status: str, becomes: State
) -> None:
    order = await unknown(told)
    assert order.doubtful
    await told.tell(said(order, status, "ERR_TEST"))
    assert told.order(order).status is becomes
    assert not told.order(order).doubtful
    wanted = [(order.order_id, "ERR_TEST")] if becomes is State.REJECTED else []
    assert told.rejected == wanted


async def test_a_rejected_order_that_the_broker_has_after_all_calls_a_person(told: Told) -> None:
    order = await working(told)
    await told.tell(said(order, "REJECTED", "ERR_TEST"), fill(order, "x-1", 10))
    await told.tell(said(order, "ACKNOWLEDGED"), said(order, "CANCELED"))
    now = told.order(order)
    assert (now.status, now.filled_qty, now.reserves) == (State.REJECTED, 0, True)
    assert await told.codes() == ["EXECUTION_IMPOSSIBLE", *["STATUS_OF_REJECTED"] * 2]
    assert held(told) == {}


async def test_an_order_that_was_filled_cannot_be_rejected(told: Told) -> None:
    order = await working(told)
    await told.tell(fill(order, "x-1", 10), said(order, "REJECTED", "ERR_TEST"))
    assert told.order(order).anomaly == "REJECTED_AFTER_FILL"
    assert told.order(order).status is State.PARTIALLY_FILLED


async def test_a_bust_and_a_correction_change_what_was_traded(told: Told) -> None:
    order = await working(told)
    cash = told.app.book().account("primary").cash_micros
    await told.tell(
        fill(order, "x-1", 40),
        fill(order, "x-2", 30),
        corrected(order, "c-1", "x-1", 20),
        corrected(order, "c-2", "x-2", 0),
    )
    assert told.order(order).filled_qty == 20
    assert held(told) == {"AAPL": (20, 0)}
    assert told.app.book().account("primary").cash_micros == cash - 20 * 24_000_000
    await told.tell(corrected(order, "c-3", "x-1", 25, fee_micros=3))
    await told.tell(corrected(order, "c-1", "x-1", 20))  # told again, and old
    assert told.order(order).filled_qty == 25
    assert told.app.book().account("primary").cash_micros == cash - 25 * 24_000_000 - 3
    assert await told.codes() == []


@pytest.mark.parametrize("later", [False, True])
async def test_of_two_corrections_in_the_wrong_order_the_newer_counts(
    told: Told, later: bool
) -> None:
    order = await working(told)
    old = corrected(order, "c-1", "x-1", 40)
    new = replace(corrected(order, "c-2", "x-1", 12), market_us=old.market_us + 5)
    await told.tell(fill(order, "x-1", 50), new, *([] if later else [old]))
    if later:
        await told.tell(old)
    assert told.order(order).filled_qty == 12
    assert await told.codes() == []


async def test_a_bust_of_a_trade_that_does_not_stand_calls_a_person(told: Told) -> None:
    order = await working(told)
    await told.tell(fill(order, "x-1", 40), corrected(order, "c-1", "x-1", 0))
    await told.tell(corrected(order, "c-2", "x-1", 0))
    assert told.order(order).anomaly == "TRADE_UNKNOWN"
    assert told.order(order).filled_qty == 0


async def test_a_correction_beyond_the_order_calls_a_person(told: Told) -> None:
    order = await working(told)
    await told.tell(fill(order, "x-1", 40), corrected(order, "c-1", "x-1", 101))
    assert told.order(order).anomaly == "CORRECTION_IMPOSSIBLE"


@pytest.mark.parametrize("page", [1, 2, 256])
async def test_fills_are_not_lost_over_a_disconnect(told: Told, page: int) -> None:
    """A complaint about such systems: what is filled while the connection is away is missing."""
    told.broker.page = page
    order = await working(told)
    await told.tell(fill(order, "x-1", 10))
    told.broker.fails = 2
    told.broker.events += [fill(order, f"x-{n}", 10) for n in range(2, 10)]
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await told.tracker.pull()
    told.broker.events.append(fill(order, "x-10", 10))
    await told.tracker.pull()
    assert told.order(order).status is State.FILLED
    assert held(told) == {"AAPL": (100, 0)}
    assert await told.codes() == []


async def test_what_could_not_be_written_is_read_again_and_is_no_anomaly(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await working(told)
    real = told.app.ledger.commit

    async def full(_batch: object) -> None:
        raise UnavailableError("ledger-full", "no room")

    monkeypatch.setattr(told.app.ledger, "commit", full)
    with pytest.raises(UnavailableError):
        await told.tell(fill(order, "x-1", 100))
    monkeypatch.setattr(told.app.ledger, "commit", real)
    await told.tracker.pull()
    assert told.order(order).status is State.FILLED
    assert await told.codes() == []
    assert held(told) == {"AAPL": (100, 0)}


async def test_words_about_an_order_that_the_book_has_forgotten(told: Told) -> None:
    order = await working(told)
    await told.tell(fill(order, "x-1", 40), said(order, "CANCELED"))
    book = told.app.book()
    kept = (book.orders.pop(order.order_id), book.by_client_id.pop(order.broker_client_id))
    await told.tell(said(order, "CANCELED"), said(order, "ACKNOWLEDGED"), fill(order, "x-1", 40))
    assert await told.codes() == []
    await told.tell(fill(order, "x-2", 10))
    assert await told.codes() == ["UNKNOWN_ORDER"]
    assert told.drifted == ["primary"]
    book.orders[order.order_id], book.by_client_id[order.broker_client_id] = kept


async def test_an_order_that_was_absent_and_works_is_cancelled_at_once(told: Told) -> None:
    """Not found is not absent: where it was found absent and lives, it must not live on."""
    first, second, third = [await absent(told) for _ in range(3)]
    await told.tell(said(first, "ACKNOWLEDGED"), fill(second, "x-1", 40), fill(third, "x-2", 100))
    assert told.withdrawn == [first.order_id, second.order_id]
    assert told.order(first).anomaly == "LIVE_AFTER_ABSENT"
    assert told.order(first).reserves
    assert told.order(second).filled_qty == 40
    assert told.order(second).anomaly == "LIVE_AFTER_ABSENT"
    assert told.order(third).status is State.FILLED
    assert told.order(third).anomaly == NONE
    await told.tell(said(first, "CANCELED"), said(second, "CANCELED"))
    await told.tracker.alive(first.order_id)
    assert told.withdrawn[2:] == [first.order_id]


async def absent(told: Told) -> OrderState:
    order = await unknown(told)
    payload = {
        "order_id": order.order_id,
        "decision_id": order.decision_id,
        "broker_client_id": order.broker_client_id,
        "outcome": "absent",
        "evidence": "NOT_FOUND",
    }
    await told.app.journal.record([Draft("settlement", payload)])
    assert not told.order(order).reserves
    return told.order(order)
