"""Corrections that are told before their trade: held aside, entered behind it, given up in time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.book import OrderState
from gateway.domain.execution import BrokerOrderState
from gateway.tracking import early
from gateway.tracking.early import HELD_MS
from support.telling import Told, corrected, fill, said, telling, working

pytestmark = [pytest.mark.requirement("S3-05")]


@pytest.fixture
async def told(tmp_path: Path) -> AsyncGenerator[Told]:
    async with telling(tmp_path) as made:
        yield made


def counted(told: Told, order: OrderState, filled_qty: int) -> None:
    """Have the broker say so of an order when it is asked."""
    told.broker.known[order.broker_client_id] = BrokerOrderState(
        order.broker_client_id, "b-1", "ACKNOWLEDGED", filled_qty, open=True
    )


async def overdue(told: Told) -> None:
    told.later_ms += HELD_MS
    await told.tracker.pull()


@pytest.mark.parametrize("later", [False, True])
async def test_a_correction_that_is_told_before_its_trade_is_entered_behind_it(
    told: Told, later: bool
) -> None:
    order = await working(told)
    old = corrected(order, "c-1", "x-1", 25, fee_micros=3)
    new = replace(corrected(order, "c-2", "x-1", 20), market_us=old.market_us + 5)
    first = [old, new, old]
    trades = [fill(order, "x-2", 10), fill(order, "x-1", 40)]
    if later:
        await told.tell(*first)
        assert told.order(order).filled_qty == 0
        await told.tell(*trades)
    else:
        await told.tell(*first, *trades)
    assert told.order(order).filled_qty == 30
    kinds = [kind for kind in await told.kinds() if kind in ("execution", "trade-correction")]
    assert kinds == ["execution", "execution", "trade-correction", "trade-correction"]
    await overdue(told)
    assert await told.codes() == []
    assert told.drifted == ["primary"]


async def test_one_keeps_nothing_waiting_and_outlives_a_restart(tmp_path: Path) -> None:
    async with telling(tmp_path) as told:
        order = await working(told)
        other = await working(told)
        await told.tell(
            fill(order, "x-0", 10),
            corrected(order, "c-1", "x-1", 0),
            fill(other, "y-1", 7),
            fill(order, "x-2", 30),
        )
        broker = told.broker
        assert (told.order(order).filled_qty, told.order(other).filled_qty) == (40, 7)
        assert await told.app.ledger.cursor("telling") == 1  # the next start reads it again
        assert await told.tracker.pull() == 0
    async with telling(tmp_path) as first:
        told = Told(first.app, broker)
        await told.tell()
        assert told.order(order).filled_qty == 40
        await told.tell(fill(order, "x-1", 60), said(order, "CANCELED"))
        assert (told.order(order).filled_qty, told.order(other).filled_qty) == (40, 7)
        assert await told.app.ledger.cursor("telling") == 6
        # The gateway's own broker, which never had these fills, makes itself heard at the start.
        assert set(await told.codes()) == {"FILLED_LESS_AT_BROKER"}


async def test_one_whose_trade_never_comes_calls_a_person_in_time(told: Told) -> None:
    order = await working(told)
    counted(told, order, 5)
    await told.tell(corrected(order, "c-1", "never", 5))
    told.later_ms = HELD_MS - 10_000
    await told.tracker.pull()
    assert told.order(order).anomaly == "none"
    told.broker.silent_at = {told.broker.asked + 1}  # no answer decides nothing
    await overdue(told)
    assert told.order(order).anomaly == "none"
    await overdue(told)
    assert told.order(order).anomaly == "TRADE_UNKNOWN"
    assert told.order(order).filled_qty == 0
    assert await told.app.ledger.cursor("telling") == 1
    await told.tell(fill(order, "x-1", 100))
    assert len(await told.codes()) == 1


async def test_one_that_changes_nothing_that_is_on_record_is_let_go(told: Told) -> None:
    order = await working(told)
    counted(told, order, 40)
    await told.tell(fill(order, "x-1", 40), corrected(order, "c-1", "never", 0))
    await overdue(told)
    assert await told.codes() == []
    assert await told.app.ledger.cursor("telling") == 2


async def test_no_more_are_held_than_there_is_room_for(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early, "HELD_MAX", 2)
    order = await working(told)
    await told.tell(*(corrected(order, f"c-{n}", f"x-{n}", 0) for n in range(3)))
    assert told.order(order).anomaly == "TRADE_UNKNOWN"
    assert len(await told.codes()) == 1
    await told.tell(fill(order, "x-0", 10), fill(order, "x-1", 10))
    assert told.order(order).filled_qty == 0
