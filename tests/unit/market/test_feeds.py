"""That quotes fall back and forward is entered: when it has stood, once, and within a bound."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any

import pytest

from gateway.domain.book import Book
from gateway.domain.errors import UnavailableError
from gateway.domain.market import FeedSource, FeedState, Hours
from gateway.domain.projection import FEEDS_MAX, apply
from gateway.market.feeds import ENTRIES_MAX, STANDS_NS, FeedWatch
from gateway.ports import Draft
from signing.records import check

pytestmark = [pytest.mark.requirement("S3-18")]

NOW_US = 1_790_000_000_000_000
OPEN = Hours(NOW_US - 1, NOW_US + 3_600_000_000)
FRESH = FeedState(FeedSource.PRIMARY, "PRIMARY_FRESH", 10)
BACK = FeedState(FeedSource.SECONDARY, "PRIMARY_STALE", 20)
GONE = FeedState(FeedSource.NONE, "ALL_MISSING", None)


class World:
    """Feeds as the test says, a clock by hand, and a journal that keeps a real book."""

    def __init__(self, symbols: Sequence[str] = ("AAPL",)) -> None:
        self.now_ns = 10**12
        self.now_us = NOW_US
        self.states = dict.fromkeys(symbols, FRESH)
        self.open = True
        self.recordable = True
        self.failing = False
        self.usual = FeedSource.PRIMARY
        self.book = Book()
        self.entries: list[dict[str, Any]] = []
        clock: Any = self
        self.watch = FeedWatch(
            lambda: self,
            lambda: [(symbol, 2) for symbol in self.states],
            clock,
            clock,
            lambda: self.usual,
            lambda: self.recordable,
        )

    def monotonic_ns(self) -> int:
        return self.now_ns

    def feed_state(self, symbol: str, price_decimals: int) -> FeedState:
        assert price_decimals == 2
        return self.states[symbol]

    def hours(self, symbol: str) -> Hours | None:
        assert symbol in self.states
        return OPEN if self.open else None

    def record(self, drafts: Sequence[Draft]) -> Awaitable[None]:
        async def durable() -> None:
            if self.failing:
                raise UnavailableError("ledger-full", "full")

        for draft in drafts:
            check(draft.kind, {"at_us": 1, **draft.payload})
            if not self.failing:
                apply(self.book, draft.kind, draft.payload)
                self.entries.append(dict(draft.payload))
        return durable()

    async def stands(self) -> None:
        """Look now, and again once what is there has stood for long enough."""
        await self.watch.look()
        self.now_ns += STANDS_NS
        await self.watch.look()

    def entered(self) -> list[tuple[str, str]]:
        return [(entry["source"], entry["cause"]) for entry in self.entries]


async def test_falling_back_and_forward_is_entered_once_each() -> None:
    world = World()
    for state in (FRESH, BACK, BACK, GONE, FRESH, FRESH):
        world.states["AAPL"] = state
        await world.stands()
    assert world.entered() == [
        ("secondary", "PRIMARY_STALE"),
        ("none", "ALL_MISSING"),
        ("primary", "PRIMARY_FRESH"),
    ]
    assert [entry["age_ms"] for entry in world.entries] == [20, "none", 10]
    assert world.watch.counts() == {"primary": 1}


async def test_what_comes_and_goes_is_not_entered() -> None:
    world = World()
    for _ in range(20):
        world.states["AAPL"] = BACK
        await world.watch.look()
        world.now_ns += STANDS_NS - 1
        await world.watch.look()
        world.states["AAPL"] = FRESH
        await world.watch.look()
    assert world.entries == []


async def test_a_closed_market_is_not_watched() -> None:
    world = World()
    world.open, world.states["AAPL"] = False, GONE
    await world.stands()
    assert world.entries == []
    assert world.watch.counts() == {}


async def test_a_new_process_goes_on_where_the_log_ends() -> None:
    world = World()
    world.states["AAPL"] = BACK
    await world.stands()
    later = World()
    later.book = world.book
    later.states["AAPL"] = FRESH
    await later.stands()
    assert later.entered() == [("primary", "PRIMARY_FRESH")]


async def test_where_no_broker_tells_quotes_the_second_feed_is_the_usual_one() -> None:
    world = World()
    world.usual, world.states["AAPL"] = FeedSource.SECONDARY, BACK
    await world.stands()
    assert world.entries == []


async def test_what_the_ledger_does_not_take_is_entered_later() -> None:
    world = World()
    world.states["AAPL"] = BACK
    world.recordable = False
    await world.stands()
    world.recordable, world.failing = True, True
    await world.stands()
    assert world.entries == []
    world.failing = False
    await world.stands()
    assert world.entered() == [("secondary", "PRIMARY_STALE")]


async def test_no_more_is_entered_in_a_minute_than_the_bound() -> None:
    world = World([f"S{n}" for n in range(3 * ENTRIES_MAX)])
    world.states = dict.fromkeys(world.states, GONE)
    await world.stands()
    assert len(world.entries) == ENTRIES_MAX
    await world.stands()
    assert len(world.entries) == ENTRIES_MAX
    for _ in range(3):
        world.now_ns += 60_000_000_000
        await world.stands()
    assert len(world.entries) == 3 * ENTRIES_MAX
    assert len({entry["symbol"] for entry in world.entries}) == 3 * ENTRIES_MAX


def test_the_book_remembers_a_bounded_number_of_symbols() -> None:
    book = Book()
    for number in range(FEEDS_MAX + 10):
        apply(book, "feed", {"symbol": f"S{number}", "source": "none", "market_us": 1})
    assert len(book.feeds) == FEEDS_MAX
    assert "S0" not in book.feeds
