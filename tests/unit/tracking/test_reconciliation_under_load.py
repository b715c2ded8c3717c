"""What is traded while it is compared is no difference: at the simulator, under orders."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.quantities import format_scaled
from signing.envelope import open_envelope
from signing.published import PublishedLog
from support.doors import Door, opened

pytestmark = [pytest.mark.requirement("S3-08")]

DAYS = 25
NEVER = {"correction", "anomaly", "external"}


async def trade(door: Door, day: date) -> None:
    """Orders that fill on the next quote, wait, or are cancelled meanwhile; then comes a day."""
    app = door.app
    assert app.market is not None
    quote = app.market.quote("AAPL", app.clock.market_us())
    assert quote is not None
    prices = {
        side: format_scaled(price // 100 * 100, quote.price_decimals)
        for side, price in (("buy", quote.ask + 4_000), ("sell", quote.bid - 4_000))
    }
    low = format_scaled(quote.bid // 100 * 100 - 6_000, quote.price_decimals)
    kinds = (("buy", prices["buy"]), ("sell", prices["sell"]), ("buy", prices["buy"]), ("buy", low))
    answers = await asyncio.gather(
        *(
            door.propose(side=side, qty=str(10 + number), limit_price=price, time_in_force="gtc")
            for number, (side, price) in enumerate(kinds)
        )
    )
    placed = [answer.json()["order_id"] for answer in answers if answer.status_code == 201]
    for order_id in placed[-1:]:
        await door.call("DELETE", f"/v1/orders/{order_id}", scope="cancel")
    moved = await door.clock(f"{day}T15:30:00-05:00")
    assert moved.status_code == 200, moved.text


@pytest.mark.slow
async def test_a_busy_account_is_never_corrected(tmp_path: Path) -> None:
    paces: dict[str, Any] = {
        "reconcile_in_flight_ms": "100",
        "reconcile_orders_ms": "1000",
        "reconcile_positions_ms": "1000",
        "reconcile_full_ms": "1000",
        "reconcile_settle_ms": "30",
    }
    async with opened(tmp_path, **paces) as door:
        stop = asyncio.Event()

        async def compare() -> list[str]:
            outcomes: list[str] = []
            while not stop.is_set():
                result = await door.app.reconciliations.run("primary", "requested", "ann")
                outcomes.append(result.outcome)
                await asyncio.sleep(0.005)
            return outcomes

        comparing = asyncio.create_task(compare())
        for number in range(DAYS):
            await trade(door, date(2015, 1, 5) + timedelta(days=number))
        stop.set()
        outcomes = await comparing
        assert len(outcomes) > DAYS
        assert set(outcomes) <= {"agreed", "unsettled"}
        await door.app.journal.settled()
        await door.app.ledger.publish_now()
        log = [open_envelope(each) for each in PublishedLog(door.app.log_dir).entries()]
        assert not [entry.payload for entry in log if entry.kind in NEVER]
        fills = [entry.payload for entry in log if entry.kind == "execution"]
        assert len(fills) > DAYS
        assert {fill.get("source", "broker") for fill in fills} == {"broker"}
        assert (await door.app.reconciliations.run("primary", "requested", "ann")).outcome == (
            "agreed"
        )
