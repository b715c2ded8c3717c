"""The gate's last look: allowed, and then the market turns before the order could be sent.

A gateway as it is, from the HTTP door to the simulator; only the permit is held up on its way to
the gate, as a slow disk would hold it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.brokers.simulator.adapter import SimulatorBroker
from support.doors import Door, opened
from support.switching import entries

STALE_AT = "2015-01-02T15:30:15.001-05:00"
"""The feed's quote of 15:30 is older than 15 seconds now, so that a pushed one stands in."""
NARROW = {"bid": "24.50", "ask": "24.54", "last": "24.53"}
WIDE = {"bid": "23.50", "ask": "24.54", "last": "24.53"}
OLD_QUOTES: dict[str, int] = {"quote_age_max_ms": 10**9}


@dataclass
class HeldPermits:
    """Permits on their way to the gate: each waits until it is let go."""

    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def held_permits(
    folder: Path, patch: pytest.MonkeyPatch, **limits: int
) -> AsyncGenerator[tuple[Door, HeldPermits]]:
    """A gateway whose decisions are durable at once, and whose permits take their time."""
    async with opened(folder, limits=limits) as door:
        permits, receipt = HeldPermits(), door.app.ledger.receipt

        async def slow(index: int) -> bytes:
            permits.waiting.set()
            await permits.let_go.wait()
            return await receipt(index)

        patch.setattr(door.app.ledger, "receipt", slow)
        yield door, permits


async def push(door: Door, prices: dict[str, str], at: str) -> None:
    body = {"value": prices, "at": at, "ttl_ms": "60000", "source": "second"}
    answer = await door.call("PUT", "/v1/facts/quote.AAPL", scope="facts:write", json=body)
    assert answer.status_code == 200, answer.text


def set_market(door: Door, now: str) -> None:
    """Let market time pass; ``/v1/market/clock`` would wait for the order."""
    door.app.clock.set_market(int(datetime.fromisoformat(now).timestamp()) * 1_000_000)


async def submissions(door: Door) -> list[dict[str, Any]]:
    """The signed submissions of the published log, which is verified."""
    await door.app.pipeline.quiesce()
    await door.app.journal.settled()
    await door.app.ledger.publish_now()
    return [payload for kind, payload in entries(door.app.settings.data) if kind == "submission"]


async def the_spread_widens(door: Door) -> None:
    await push(door, WIDE, "2015-01-02T15:30:15.001-05:00")


async def the_quote_grows_old(door: Door) -> None:
    set_market(door, "2015-01-02T15:31:00-05:00")


async def the_session_draws_to_its_end(door: Door) -> None:
    set_market(door, "2015-01-02T15:45:01-05:00")


async def the_market_closes(door: Door) -> None:
    set_market(door, "2015-01-02T16:00:00-05:00")


Turn = Callable[[Door], Awaitable[None]]


@pytest.mark.requirement("S3-07")
@pytest.mark.parametrize(
    ("turns", "limits", "code"),
    [
        (the_spread_widens, {"quote_age_max_ms": 15_000}, "GATE_SPREAD"),
        (the_quote_grows_old, {"quote_age_max_ms": 15_000}, "GATE_QUOTE_AGE"),
        (the_session_draws_to_its_end, OLD_QUOTES, "GATE_MARKET_CLOSED"),
        (the_market_closes, OLD_QUOTES, "GATE_MARKET_CLOSED"),
    ],
)
async def test_a_market_that_turned_sends_nothing_and_says_so_signed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    turns: Turn,
    limits: dict[str, int],
    code: str,
) -> None:
    async with held_permits(tmp_path, monkeypatch, **limits) as (door, permits):
        if limits is not OLD_QUOTES:
            assert (await door.clock(STALE_AT)).status_code == 200
            await push(door, NARROW, "2015-01-02T15:30:15-05:00")
        answer = await door.propose()
        assert answer.status_code == 201, answer.text
        await asyncio.wait_for(permits.waiting.wait(), 30)
        await turns(door)
        permits.let_go.set()
        [refused] = await submissions(door)
        assert (refused["outcome"], refused["code"]) == ("refused", code)
        order = (await door.call("GET", f"/v1/orders/{answer.json()['order_id']}")).json()
        assert (order["status"], order["code"]) == ("DENIED", code)
        assert order["broker_order_id"] is None
        assert door.app.book().open_orders() == [], "what it reserved is free again"
        simulator = door.app.facts.venues["primary"]
        assert isinstance(simulator, SimulatorBroker)
        assert await simulator.order(order["broker_client_id"]) is None, "it never saw the order"


@pytest.mark.requirement("S3-07")
async def test_a_market_that_stays_lets_the_same_order_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with held_permits(tmp_path, monkeypatch, quote_age_max_ms=15_000) as (door, permits):
        answer = await door.propose()
        await asyncio.wait_for(permits.waiting.wait(), 30)
        set_market(door, "2015-01-02T15:30:15-05:00")
        permits.let_go.set()
        [sent] = await submissions(door)
        assert (answer.status_code, sent["outcome"]) == (201, "accepted")
