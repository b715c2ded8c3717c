"""A broker's own quotes in real time: primary while they are young, then the pushed ones, or none.

Every fall-back and fall-forward is an entry of the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import support.real_time
from gateway.bootstrap import quotes
from gateway.domain.execution import OutcomeUnknownError
from gateway.domain.market import Quote
from gateway.host import SystemClock
from gateway.market import feeds
from support.doors import Door, problem
from support.real_time import (
    PRICES,
    Venue,
    denied_by,
    hours_told,
    in_real_time,
    push,
    session,
    tell_all,
)

pytestmark = [pytest.mark.requirement("S3-18")]

MESSAGE = "Signal rejected due to stale market data. Required < 15s latency."
PATIENCE_S = 60


class QuotingVenue(Venue):
    """A venue that tells quotes of its own: that of AAPL, as of ``quote_us``."""

    quote_us = 0
    quiet = False

    async def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]:
        if self.quiet:
            raise OutcomeUnknownError("ERR_NETWORK")
        if "AAPL" not in symbols:
            return []
        return [Quote("AAPL", 24_7000, 24_7200, 24_7100, 4, self.quote_us)]


@dataclass
class World:
    """A gateway at ten in the morning, its clock and its venue."""

    door: Door
    clock: Any
    venue: Any

    def later(self, seconds: int) -> None:
        self.clock.now_us += seconds * 1_000_000

    def fresh(self) -> None:
        self.venue.quote_us = self.clock.now_us

    @property
    def source(self) -> str | None:
        sourced = self.door.app.facts.market().sourced("AAPL", self.decimals)
        return sourced and sourced.source.value

    @property
    def decimals(self) -> int:
        return self.door.app.release.instruments["AAPL"].price_decimals

    async def becomes(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110  a question to a task of the gateway
                await asyncio.sleep(0.01)

    async def entered(self, source: str) -> None:
        """Wait until the log says that AAPL's quotes come from there."""
        await self.becomes(lambda: self.door.app.book().feeds.get("AAPL") == source)


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[World]:
    monkeypatch.setattr(support.real_time, "Venue", QuotingVenue)
    monkeypatch.setattr(quotes, "QUOTES_EVERY_MS", 20)
    monkeypatch.setattr(quotes, "RETRY_MAX_MS", 40)
    monkeypatch.setattr(feeds, "LOOK_MS", 20)
    monkeypatch.setattr(feeds, "STANDS_NS", 0)
    days = [session(f"2027-11-{day}") for day in (22, 23, 24)]
    limits = {"quote_age_max_ms": 15_000}
    given = {"limits": limits, "engine_timeout_ms": 10_000}
    opening = in_real_time(tmp_path, monkeypatch, "2027-11-24T10:00", days, **given)
    async with opening as found:
        door, clock, venue = found
        assert isinstance(clock, SystemClock)
        await hours_told(door)
        made = World(door, clock, venue)
        made.fresh()
        await tell_all(door)
        await denied_by(door)  # whoever asks about a symbol has it asked for
        await made.becomes(lambda: made.source == "primary")
        yield made


async def test_a_brokers_own_quotes_are_the_primary_feed(world: World) -> None:
    assert await denied_by(world.door) == set()
    text = (await world.door.call("GET", "/metrics")).text
    assert 'writ_feed_symbols{source="primary"} 1.0' in text
    assert 'writ_market_data_latency_ms_count{source="broker"}' in text
    assert 'writ_market_data_latency_ms_count{source="pushed"} 2.0' in text
    assert world.door.app.book().feeds == {}  # what is usual is not entered


async def test_quotes_fall_back_to_the_pushed_ones_and_forward_again(world: World) -> None:
    world.later(20)
    await push(world.door, "quote.AAPL", PRICES)
    assert world.source == "secondary"
    assert await denied_by(world.door) == set()
    await world.entered("secondary")
    world.fresh()
    await world.becomes(lambda: world.source == "primary")
    await world.entered("primary")
    await world.door.entries()  # what is in the book may not be durable yet
    entries = (await world.door.call("GET", "/metrics")).text
    assert 'writ_entries_total{kind="feed"} 2.0' in entries


async def test_with_both_stale_an_order_is_denied_in_these_words(world: World) -> None:
    world.later(20)
    answer = await world.door.propose()
    reasons = problem(answer, 403, "order-denied")["reasons"]
    [stale] = [reason for reason in reasons if reason["control"] == "MKT-01"]
    assert MESSAGE in " ".join(str(value) for value in stale.values())
    await world.entered("none")
    alerts = (await world.door.call("GET", "/v1/alerts")).json()["alerts"]
    assert "feeds" in {alert["key"] for alert in alerts}


async def test_a_broker_that_tells_no_quotes_for_a_while_is_asked_again(world: World) -> None:
    world.venue.quiet = True
    world.later(20)
    await world.entered("none")
    world.venue.quiet = False
    world.fresh()
    await world.entered("primary")


async def test_a_quote_pushed_late_is_seen(world: World) -> None:
    await push(world.door, "quote.MSFT", PRICES, ago_s=2)
    alerts = (await world.door.call("GET", "/v1/alerts")).json()["alerts"]
    [late] = [alert for alert in alerts if alert["key"] == "market-latency"]
    assert late["severity"] == "medium"
