"""Orders on their way are asked for one by one, and what happens wakes the schedule."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.tracking.reconciliation import schedule
from support.desk import Desk
from support.ledgers import becomes
from support.stated_broker import stated

pytestmark = [pytest.mark.requirement("S3-08")]


async def test_an_order_on_its_way_is_asked_for_and_its_end_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "OLD_MS", 50)
    async with stated(tmp_path, monkeypatch, reconcile_in_flight_ms="100") as (door, books):
        desk = Desk(door, books)
        client_id = await desk.order()
        books.failing.add("cancel")
        order_id = desk.state(client_id).order_id
        await door.call("DELETE", f"/v1/orders/{order_id}", scope="cancel")
        assert desk.state(client_id).status == "PENDING_CANCEL"
        books.end(client_id, "CANCELED", told=False)  # done all the same, and nobody is told
        await becomes(lambda: desk.state(client_id).status == "CANCELED")
        [status] = await desk.entries("status")
        assert status["source"] == "reconciliation"


async def test_what_happens_many_times_at_once_is_one_reason(desk: Desk) -> None:
    asked = desk.books.calls["statement"]
    for _ in range(100):
        desk.door.app.reconciliations.on_drift("primary")
    await becomes(lambda: desk.books.calls["statement"] > asked)
    assert desk.books.calls["statement"] <= asked + 2
    desk.door.app.reconciliations.on_drift("nobody")  # of an account that is not ours: nothing


async def test_what_was_corrected_is_compared_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stated(tmp_path, monkeypatch, again_ms=50) as (door, books):
        books.positions["AAPL"] = (10, 0)
        assert (await door.app.reconciliations.run("primary", "requested", "ann")).drift_bps
        last = door.app.reconciliations.last
        await becomes(lambda: (found := last("primary")) is not None and found.outcome == "agreed")
        assert door.app.book().account("primary").drift_bps == 0
