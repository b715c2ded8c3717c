"""PAPER after a restart, before anybody has said what the things that it holds are worth."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from signing.lifecycle import State
from support.alpaca import until
from support.paper_venue import Paper, ready, venue
from support.real_time import MODEL, PRICES, WEEK_MS, hours_told, push


async def looked(made: Paper) -> None:
    """Have everything that follows by itself looked at."""
    app = made.door.app
    assert app.real_time is not None
    await app.real_time.look()
    await app.triggers.evaluate(known_only=True)
    await app.reconciliations.run("primary", "requested", "ann")


@pytest.mark.requirement("S1-13")
@pytest.mark.requirement("S3-08")
async def test_no_loss_is_made_of_what_has_no_price_yet_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with venue(tmp_path, monkeypatch) as there:
        there.account.positions["MSFT"] = Decimal(1_000)
        async with ready(there, tmp_path) as made:
            await push(made.door, "quote.MSFT", PRICES)
            await looked(made)
            order_id, client_id = await made.buy()
            await made.is_now(order_id, State.ACKNOWLEDGED)
            made.peer.fill(client_id, "10", "24.70")
            await made.is_now(order_id, State.FILLED)
            account = made.door.app.book().account("primary")
            assert account.day_open_equity_micros is not None
            assert account.peak_equity_micros is not None
            assert made.causes() == set()
        async with there.gateway(tmp_path) as made:
            await hours_told(made.door)
            account = made.door.app.book().account("primary")
            assert account.day_open_equity_micros is not None
            await looked(made)
            assert made.causes() == set()  # nothing was pushed yet
            facts = [*MODEL.items(), ("close.AAPL", "24.60"), ("quote.MSFT", PRICES)]
            for name, value in facts:
                await push(made.door, name, value, ttl_ms=WEEK_MS)
                assert made.causes() == set(), name
            await looked(made)
            assert made.causes() == set()
            await push(made.door, "quote.AAPL", PRICES)
            assert made.door.app.facts.equity_micros(account) == account.day_open_equity_micros
            await looked(made)
            assert made.causes() == set()
            # Priced and fallen, it is a loss.
            there.clock.now_us += 1_000_000
            await push(made.door, "quote.MSFT", dict.fromkeys(PRICES, "4.00"))
            await until(lambda: "OMEGA2_DAILY_LOSS" in made.causes(), 60)
