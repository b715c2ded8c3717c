"""The loop, the processes and the machine that the worlds stand on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Generator
from datetime import date
from random import Random

import pytest

from simulation.host import InlineRunner, SeededEntropy, VirtualClock
from simulation.loop import DiedError, Process, StalledError, VirtualLoop
from simulation.times import Calendar, local_us


@pytest.fixture
def loop() -> Generator[VirtualLoop]:
    made = VirtualLoop()
    yield made
    made.close()


def test_a_day_of_waiting_takes_no_time(loop: VirtualLoop) -> None:
    began = time.monotonic()
    loop.run_until_complete(asyncio.sleep(86_400))
    assert loop.time() == 86_400
    assert time.monotonic() - began < 5


def test_timeouts_end_in_virtual_time(loop: VirtualLoop) -> None:
    async def waits() -> None:
        async with asyncio.timeout(30):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        loop.run_until_complete(waits())
    assert loop.time() == 30


def test_whoever_waits_for_nothing_is_told(loop: VirtualLoop) -> None:
    async def waits() -> None:
        await asyncio.Event().wait()

    task = loop.create_task(waits())
    with pytest.raises(StalledError):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)


def test_callbacks_keep_their_order(loop: VirtualLoop) -> None:
    seen: list[int] = []

    async def runs() -> None:
        for n in range(10):
            loop.call_soon(seen.append, n)
        await asyncio.sleep(0)

    loop.run_until_complete(runs())
    assert seen == list(range(10))


def test_what_is_ready_may_run_in_any_order(loop: VirtualLoop) -> None:
    """What a process does, that is; the world around it keeps its order."""
    loop.shuffles = Random(3)
    inside: list[int] = []
    outside: list[int] = []

    async def runs() -> None:
        process = Process("p")
        for n in range(10):
            loop.call_soon(inside.append, n, context=process.context.copy())
            loop.call_soon(outside.append, n)
        await asyncio.sleep(0)

    loop.run_until_complete(runs())
    assert outside == list(range(10))
    assert sorted(inside) == outside != inside


def test_a_failure_that_nobody_can_look_at_any_more_is_told(loop: VirtualLoop) -> None:
    process = Process("p")

    async def fails(what: str) -> None:
        raise ValueError(what)

    async def work() -> None:
        begun = [asyncio.create_task(fails(what)) for what in ("seen", "kept", "lost")]
        await asyncio.sleep(1)
        seen, kept, _ = begun
        del begun, _
        with pytest.raises(ValueError, match="seen"):
            await seen
        [unseen] = process.unseen(over=False)
        assert "ValueError('lost')" in unseen
        assert process.unseen(over=False) == []
        [unseen] = process.unseen(over=True)
        assert "ValueError('kept')" in unseen
        assert kept.done()

    loop.run_until_complete(loop.ask(process, work()))


def test_the_venue_s_days() -> None:
    friday, saturday, monday = date(2027, 3, 12), date(2027, 3, 13), date(2027, 3, 15)
    calendar = Calendar(frozenset({monday}))
    assert len(calendar.sessions(friday, monday)) == 2
    assert calendar.before(monday) == calendar.session(friday) == calendar.before(saturday)
    assert calendar.after(friday) == calendar.session(monday)
    assert calendar.open_at(local_us(friday, 15, 59))
    assert not calendar.open_at(local_us(friday, 16, 0))
    assert not calendar.open_at(local_us(saturday, 12, 0))
    assert calendar.open_at(local_us(monday, 12, 59))
    assert not calendar.open_at(local_us(monday, 13, 0))


def test_nothing_of_a_killed_process_runs_again(loop: VirtualLoop) -> None:
    """Not what it waits for, not what it started, not what tidies up in others' sight."""
    seen: list[str] = []

    async def child() -> None:
        try:
            await asyncio.sleep(5)
            seen.append("child went on")
        finally:
            asyncio.get_running_loop().call_soon(seen.append, "child's last words")

    async def work() -> str:
        task = asyncio.create_task(child())
        await asyncio.sleep(2)
        seen.append("work went on")
        await task
        return "done"

    async def world() -> None:
        process = Process("p")
        loop.call_later(1, process.kill)
        with pytest.raises(DiedError):
            await loop.ask(process, work())
        assert loop.time() == 1
        await asyncio.sleep(60)
        with pytest.raises(DiedError):
            await loop.ask(process, work())

    loop.run_until_complete(world())
    assert seen == []


@pytest.mark.parametrize("step", range(1, 9))
def test_a_process_dies_before_the_step_that_is_named(loop: VirtualLoop, step: int) -> None:
    seen: list[int] = []

    async def work() -> None:
        for n in range(1, 8):
            seen.append(n)
            await asyncio.sleep(0)

    async def world() -> None:
        process = Process("p")
        process.dies_at = step
        with contextlib.suppress(DiedError):
            await loop.ask(process, work())
        await asyncio.sleep(10)

    loop.run_until_complete(world())
    assert seen == list(range(1, min(step, 8)))


def test_the_machine_s_clocks_go_with_the_loop(loop: VirtualLoop) -> None:
    clock = VirtualClock(loop, 1_000_000, Random(1))
    before = clock.monotonic_ns()
    loop.run_until_complete(asyncio.sleep(2))
    assert clock.wall_us() == 3_000_000
    clock.start_us -= 1_500_000
    assert clock.wall_us() == 1_500_000
    assert clock.monotonic_ns() - before == 2_000_000_000


def test_entropy_is_repeated_by_its_seed() -> None:
    one, other = SeededEntropy(Random(5)), SeededEntropy(Random(5))
    drawn = [one.token(16) for _ in range(3)]
    assert drawn == [other.token(16) for _ in range(3)]
    assert len(set(drawn)) == 3


def test_blocking_work_takes_virtual_time_and_raises_where_it_was_asked_for(
    loop: VirtualLoop,
) -> None:
    runner = InlineRunner(loop, lambda: 0.25)

    def fails() -> None:
        raise OSError("no disk")

    async def asks() -> int:
        assert await runner.run(lambda: 5) == 5
        with pytest.raises(OSError, match="no disk"):
            await runner.run_quick("lane", fails)
        return 1

    assert loop.run_until_complete(asks()) == 1
    assert loop.time() == 1
    runner.close()
