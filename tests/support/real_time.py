"""A gateway in real time at a time that the test chooses, with a venue that tells its hours."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
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
from support.doors import Door, opened, problem
from support.ledgers import becomes

EXCHANGE = ZoneInfo("America/New_York")
WEEK_MS = "604800000"
MODEL: Mapping[str, str | bool] = {
    "model.volatility": "12.5",
    "model.regime": "CALM",
    "model.entropy": "0.1",
    "model.drift": "0.02",
    "model.data_integrity": True,
    "model.protocol_firing": True,
}
PRICES = {"bid": "24.70", "ask": "24.72", "last": "24.71"}
"""A quote of AAPL around the price of a test's order."""
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


async def hours_told(door: Door) -> None:
    """Wait until the venue's hours are known."""
    app = door.app

    def told() -> bool:
        return (
            app.market is not None and app.market.hours("AAPL", app.clock.market_us()) is not None
        )

    await becomes(told)


async def push(
    door: Door, name: str, value: object, *, ago_s: int = 0, **changes: Any
) -> httpx2.Response:
    """State a fact as of now, unless it is said otherwise; it has to be taken."""
    of_us = door.app.clock.market_us() - ago_s * 1_000_000
    at = (_EPOCH + timedelta(microseconds=of_us)).isoformat()
    body = {"value": value, "at": at, "ttl_ms": "60000", "source": "desk"} | changes
    answer = await door.call("PUT", f"/v1/facts/{name}", scope="facts:write", json=body)
    assert answer.status_code == 200, answer.text
    return answer


async def tell_all(door: Door, *, closed: str = "2027-11-23T16:00") -> None:
    """Push all that a purchase of AAPL needs; ``closed``: the close before it, in winter time."""
    for name, value in MODEL.items():
        await push(door, name, value, ttl_ms=WEEK_MS)
    await push(door, "close.AAPL", "24.60", at=f"{closed}:00-05:00", ttl_ms=WEEK_MS)
    await push(door, "quote.AAPL", PRICES, ago_s=360, ttl_ms="600000")
    await push(door, "quote.AAPL", PRICES)


async def denied_by(door: Door, **changes: Any) -> set[str]:
    """The controls that deny an order now; none where it is allowed."""
    answer = await door.propose(**changes)
    if answer.status_code == 201:
        assert answer.json()["label"] == "research"
        return set()
    return {reason["control"] for reason in problem(answer, 403, "order-denied")["reasons"]}
