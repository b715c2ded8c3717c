"""What an account was last worth, for the day that opens when it cannot be valued."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.control import real_time
from gateway.control.real_time import LastWorth, RealTime
from gateway.domain.book import AccountBook
from gateway.host import SystemClock
from support.facts import account
from support.ledgers import becomes


def test_the_equity_is_that_of_now_or_else_the_last_that_was_known() -> None:
    equities: list[int | None] = [None, 100, None, 90, None]
    worth = LastWorth(lambda _: equities.pop(0))
    book = account(positions={})
    assert [worth(book) for _ in range(5)] == [None, 100, 100, 90, 90]


def test_each_account_has_a_worth_of_its_own() -> None:
    known: dict[str, int | None] = {"a": 1, "b": None}
    worth = LastWorth(lambda one: known[one.alias])
    a, b = AccountBook("a", 0), AccountBook("b", 0)
    assert (worth(a), worth(b)) == (1, None)
    known["a"] = None
    assert (worth(a), worth(b)) == (1, None)


class Round:
    """Sessions, triggers and an engine that note what they are asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.why: str | None = None
        self.broken = True

    async def value(self) -> None:
        self.asked.append("worth")

    async def open_day(self, market_us: int) -> None:
        assert market_us > 0
        self.asked.append("day")
        if self.broken:
            self.broken = False
            raise OSError("the disk is full")

    async def evaluate(self, *, known_only: bool) -> None:
        assert known_only
        self.asked.append("halts")

    async def unready(self) -> str | None:
        return self.why

    def made(self) -> RealTime:
        parts: tuple[Any, Any] = (self, self)
        return RealTime(SystemClock(), *parts, self.unready)


async def test_an_engine_that_is_not_ready_is_not_asked() -> None:
    round_ = Round()
    round_.broken, round_.why = False, "not yet"
    await round_.made().look()
    assert round_.asked == ["worth", "day"]
    round_.why = None
    await round_.made().look()
    assert round_.asked[2:] == ["worth", "day", "halts"]


async def test_a_look_that_fails_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_time, "LOOK_EVERY_MS", 1)
    round_ = Round()
    task = asyncio.create_task(round_.made().run())
    await becomes(lambda: "halts" in round_.asked)
    task.cancel()
    assert round_.asked[:5] == ["worth", "day", "worth", "day", "halts"]
