"""Triggers asked many times at once: one question at a time, and the last of the newest facts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.control.triggers import Triggers
from gateway.domain.book import Book
from gateway.domain.decision import EngineFailure, HaltTrigger, HaltTriggers
from gateway.domain.halt import GLOBAL
from gateway.domain.mode import Mode
from signing import canonical


class Asked:
    """An engine that takes its time, and facts that say which of them was read."""

    def __init__(self) -> None:
        self.book = Book(mode=Mode.SIMULATION)
        self.fact = 0
        self.seen: list[tuple[int, bool]] = []
        self.running = self.most = 0
        self.triggers = Triggers(self.ask, self, self, self.document)  # pyright: ignore[reportArgumentType]  of a journal only the mode counts, and no halt is due

    def document(self, *, known_only: bool) -> dict[str, Any]:
        return {"fact": self.fact, "known_only": known_only}

    async def ask(self, document: bytes) -> HaltTriggers:
        read = canonical.decode_object(document)
        self.seen.append((read["fact"], read["known_only"]))
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.01)
        self.running -= 1
        return []

    async def tell(self, fact: int, *, known_only: bool = False) -> None:
        self.fact = fact
        await self.triggers.evaluate(known_only=known_only)


async def test_a_hundred_facts_at_once_are_two_questions_and_the_last_sees_the_newest() -> None:
    asked = Asked()
    await asyncio.gather(*(asked.tell(fact) for fact in range(1, 101)))
    first = len(asked.seen)
    assert first <= 2
    assert asked.seen[-1] == (100, False)
    under_way = asyncio.create_task(asked.tell(101))
    await asyncio.sleep(0.005)  # it has read its facts
    await asked.tell(102)
    await under_way
    assert asked.seen[first:] == [(101, False), (102, False)]
    assert asked.most == 1


async def test_a_look_at_some_accounts_is_none_at_all_of_them() -> None:
    asked = Asked()
    await asyncio.gather(asked.tell(1, known_only=True), asked.tell(2), asked.tell(3))
    assert sorted(asked.seen) == [(3, False), (3, True)]
    assert asked.most == 1


async def test_whoever_stops_waiting_stops_nobody_else() -> None:
    asked = Asked()
    gone, stays = (asyncio.create_task(asked.tell(1)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await stays
    assert asked.seen == [(1, False)]


async def test_in_research_nobody_is_asked() -> None:
    asked = Asked()
    asked.book.mode = Mode.RESEARCH
    await asked.tell(1)
    assert asked.seen == []


@pytest.mark.parametrize(
    ("told", "found"),
    [(True, ["OMEGA2_VOLATILITY", "OMEGA2_DRAWDOWN"]), (False, ["OMEGA2_DRAWDOWN"])],
)
async def test_what_nobody_has_told_yet_is_no_halt_and_everything_else_is(
    *, told: bool, found: list[str]
) -> None:
    unknown = HaltTrigger("OMEGA2_VOLATILITY", GLOBAL, None, 400_000)
    assert await engaged([unknown, HaltTrigger("OMEGA2_DRAWDOWN", GLOBAL, 5, 1)], told) == found


@pytest.mark.parametrize("told", [True, False])
async def test_a_volatility_that_was_observed_and_an_engine_that_cannot_say_are_always_halts(
    *, told: bool
) -> None:
    high = HaltTrigger("OMEGA2_VOLATILITY", GLOBAL, 400_001, 400_000)
    assert await engaged([high], told) == ["OMEGA2_VOLATILITY"]
    assert await engaged(EngineFailure("ENGINE_ERROR"), told) == ["ENGINE_ERROR"]


async def engaged(due: HaltTriggers, told: bool) -> list[str]:
    """The causes of the halts that follow from an answer."""
    causes: list[str] = []

    class Stops:
        async def halt(self, *, cause: str, **_: object) -> None:
            causes.append(cause)

    async def ask(document: bytes) -> HaltTriggers:
        assert document
        return due

    asked = Asked()
    triggers = Triggers(ask, asked, Stops(), asked.document, lambda: told)  # pyright: ignore[reportArgumentType]  of a journal only the mode counts
    await triggers.evaluate()
    return causes
