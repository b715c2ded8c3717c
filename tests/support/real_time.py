"""A gateway in real time at a time that the test chooses, with a venue that tells its hours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest

from gateway.brokers import registry
from gateway.brokers.contract import BrokerParts
from gateway.brokers.null.adapter import NullBroker
from gateway.domain.market import Hours
from gateway.host import SystemClock
from support.doors import Door, opened

EXCHANGE = ZoneInfo("America/New_York")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at_us(text: str) -> int:
    """The instant of a local time in New York, such as ``2027-03-15T10:00``."""
    local = datetime.fromisoformat(text).replace(tzinfo=EXCHANGE)
    return (local - _EPOCH) // timedelta.resolution


def session(day: str, opens: str = "09:30", closes: str = "16:00") -> Hours:
    """A session of a day in New York."""
    return Hours(at_us(f"{day}T{opens}"), at_us(f"{day}T{closes}"))


class ChosenClock(SystemClock):
    """Wall time that stands where the test has set it; market time follows it."""

    def __init__(self, now_us: int) -> None:
        super().__init__()
        self.now_us = now_us

    def wall_us(self) -> int:
        return self.now_us


class Venue(NullBroker):
    """A venue that takes no orders and tells its hours."""

    def __init__(self, parts: BrokerParts, days: Sequence[Hours]) -> None:
        super().__init__(parts.accounts)
        self.days = list(days)
        self.failing = False
        self.asked: list[tuple[date, date]] = []

    @property
    def name(self) -> str:
        return "venue"

    async def hours_between(self, first: date, last: date) -> Sequence[Hours]:
        self.asked.append((first, last))
        if self.failing:
            raise TimeoutError
        return [one for one in self.days if first <= _day(one) <= last]


def _day(hours: Hours) -> date:
    return (_EPOCH + timedelta(microseconds=hours.opens_us)).astimezone(EXCHANGE).date()


@asynccontextmanager
async def in_real_time(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    now: str,
    days: Sequence[Hours],
    *,
    failing: bool = False,
    **changes: Any,
) -> AsyncGenerator[tuple[Door, ChosenClock, Venue]]:
    """Run a gateway at ``now`` in New York whose account's venue trades in ``days``."""
    venues: list[Venue] = []

    async def open_venue(parts: BrokerParts) -> Venue:
        venues.append(Venue(parts, days))
        venues[-1].failing = failing
        return venues[-1]

    monkeypatch.setattr(registry, "BROKERS", {**registry.BROKERS, "null": open_venue})
    clock = ChosenClock(at_us(now))
    accounts = {"primary": {"broker": "null", "opening_cash": "100000"}}
    given = {"mode": "RESEARCH", "market": "venue", "accounts": accounts} | changes
    async with opened(folder, lifted=False, clock=clock, **given) as door:
        yield door, clock, venues[0]


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that goes on by itself, for half a minute at most."""
    for _ in range(3_000):
        if await happened():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in half a minute")


async def hours_told(door: Door) -> None:
    """Wait until the venue's hours are known."""

    async def told() -> bool:
        app = door.app
        return (
            app.market is not None and app.market.hours("AAPL", app.clock.market_us()) is not None
        )

    await until(told)


async def push(door: Door, name: str, value: object, **changes: Any) -> httpx2.Response:
    """State a fact as of now, unless the changes say otherwise; it has to be taken."""
    at = datetime.fromtimestamp(door.app.clock.market_us() // 1_000_000, UTC).isoformat()
    body = {"value": value, "at": at, "ttl_ms": "60000", "source": "desk"} | changes
    answer = await door.call("PUT", f"/v1/facts/{name}", scope="facts:write", json=body)
    assert answer.status_code == 200, answer.text
    return answer
