"""Triggers asked many times at once: one question at a time, and the last of the newest facts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.control.triggers import Triggers
from gateway.domain.book import Book
from gateway.domain.decision import EngineFailure, HaltTriggers
from gateway.domain.halt import HaltTrigger, Scope
from gateway.domain.mode import Mode
from gateway.ports import Draft
from signing import canonical


class Asked:
    """An engine that takes its time, and facts that say which of them was read."""

    def __init__(self) -> None:
        self.book = Book(mode=Mode.SIMULATION)
        self.fact = 0
        self.seen: list[tuple[int, bool]] = []
        self.running = self.most = 0
        self.asked = asyncio.Event()
        self.triggers = Triggers(self.ask, self, self, self.document)  # pyright: ignore[reportArgumentType]  of a journal only the mode counts, and no halt is due

    def document(self, *, known_only: bool) -> dict[str, Any]:
        return {"fact": self.fact, "known_only": known_only}

    async def ask(self, document: bytes) -> HaltTriggers:
        read = canonical.decode_object(document)
        self.seen.append((read["fact"], read["known_only"]))
        self.asked.set()
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


@pytest.mark.requirement("S2-03")
async def test_each_halt_that_is_due_is_engaged_although_another_one_hangs() -> None:
    stops = Stops(hangs="OMEGA2_DRIFT")
    first = HaltTrigger("OMEGA2_DRIFT", Scope("account", "a"), 501, 500)
    second = HaltTrigger("OMEGA2_DAILY_LOSS", Scope("account", "b"), 2, 1)
    async with asyncio.timeout(60):
        looking = asyncio.create_task(evaluated([first, second], stops))
        await stops.second.wait()
        assert not looking.done()
        stops.free.set()
        await looking


@pytest.mark.attack
@pytest.mark.requirement("S2-03")
async def test_kill_switch_evaluator_raises_and_orders_do_not_continue() -> None:
    """hummingbot#2534: whatever the evaluator raises, everything is stopped."""
    for raised in (ValueError("no price"), KeyError("account"), RuntimeError("engine gone")):
        stops = Stops()
        await evaluated(raised, stops)
        assert stops.causes == ["TRIGGERS_ERROR"]
        assert stops.all_cancel
    stops = Stops()
    await evaluated(EngineFailure("ENGINE_ERROR"), stops)
    assert stops.causes == ["ENGINE_ERROR"]


async def test_facts_that_cannot_be_gathered_are_a_halt_at_the_start_too() -> None:
    """An engine that is not ready yet is none."""
    stops = Stops()
    assert not await triggers_of(EngineFailure("ENGINE_ERROR"), stops).first_look()
    assert stops.causes == []
    assert await triggers_of(ValueError("no price"), stops).first_look()
    assert stops.causes == ["TRIGGERS_ERROR"]


@pytest.mark.requirement("S2-03")
@pytest.mark.parametrize(
    ("kind", "payload", "looks"),
    [
        ("execution", {}, True),
        ("trade-correction", {}, True),
        ("correction", {}, True),
        ("reconciliation", {}, True),
        ("submission", {"outcome": "rejected"}, True),
        ("submission", {"outcome": "accepted"}, False),
        ("status", {"status": "REJECTED"}, True),
        ("status", {"status": "ACKNOWLEDGED"}, False),
        ("decision", {}, False),
        ("halt", {}, False),
    ],
)
async def test_what_is_recorded_is_looked_at_if_it_may_have_made_a_halt_due(
    *, kind: str, payload: dict[str, str], looks: bool
) -> None:
    asked = Asked()
    ready = asyncio.Event()

    async def unready() -> str | None:
        return None if ready.is_set() else "not yet"

    following = asyncio.create_task(asked.triggers.follow(others_run, unready))
    try:
        asked.triggers.heed([Draft("cancel", {}), Draft(kind, payload)], None)
        for _ in range(10):
            await asyncio.sleep(0)
        assert asked.seen == []  # an engine that is not ready is not asked
        ready.set()
        async with asyncio.timeout(60):
            if looks:
                await asked.asked.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        assert asked.seen == ([(0, True)] if looks else [])
    finally:
        following.cancel()
        await asyncio.wait([following])


@pytest.mark.requirement("S2-03")
async def test_where_nobody_can_say_whether_the_engine_is_ready_it_is_asked() -> None:
    asked = Asked()

    async def breaks() -> str | None:
        raise RuntimeError("no connection")

    following = asyncio.create_task(asked.triggers.follow(others_run, breaks))
    try:
        for _ in range(2):
            asked.asked.clear()
            asked.triggers.heed([Draft("execution", {})], None)
            async with asyncio.timeout(60):
                await asked.asked.wait()
        assert not following.done()
    finally:
        following.cancel()
        await asyncio.wait([following])


async def others_run(_ms: int) -> None:
    """A pause that only lets others run."""
    await asyncio.sleep(0)


class Stops:
    """Takes note of halts; the one that hangs is engaged, and waits for its broker."""

    def __init__(self, hangs: str = "") -> None:
        self.causes: list[str] = []
        self.all_cancel = True
        self.free, self.second = asyncio.Event(), asyncio.Event()
        self._hangs = hangs

    async def halt(self, *, cause: str, cancels: bool, **_: object) -> None:
        self.causes.append(cause)
        if len(self.causes) > 1:
            self.second.set()
        self.all_cancel = self.all_cancel and cancels
        if cause == self._hangs:
            await self.free.wait()


def triggers_of(due: HaltTriggers | Exception, stops: Stops) -> Triggers:
    """Triggers of an engine that answers so, or of facts that raise."""

    async def ask(document: bytes) -> HaltTriggers:
        assert document
        assert not isinstance(due, Exception)
        return due

    asked = Asked()

    def document(*, known_only: bool) -> dict[str, Any]:
        if isinstance(due, Exception):
            raise due
        return asked.document(known_only=known_only)

    return Triggers(ask, asked, stops, document)  # pyright: ignore[reportArgumentType]  of a journal only the mode counts


async def evaluated(due: HaltTriggers | Exception, stops: Stops) -> None:
    """One evaluation, to its end."""
    await triggers_of(due, stops).evaluate()
