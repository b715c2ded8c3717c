"""Figures, their spread and their interleaving; timers that never overlap."""

import asyncio
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from bench import report, workload
from bench.measure import Figure, Findings, Table, interleaved, ratios
from bench.timers import LOOP, OUTSIDE, WORKER, Timers

MS_NS = 1_000_000


def test_a_figure_is_the_median_with_the_outermost_rounds() -> None:
    assert Figure.of([3.0, 1.0, 2.0], "ms") == Figure(2.0, (1.0, 3.0), "ms", 3)
    assert Figure.of([1.23456, 2.0], "ms").document() == {
        "value": 1.617,
        "spread": [1.235, 2.0],
        "unit": "ms",
        "rounds": 2,
    }


def test_a_ratio_is_taken_within_each_round() -> None:
    # The machine slowed down by ten between the rounds; the ratio did not.
    assert ratios([200.0, 20.0], [100.0, 10.0]) == Figure(2.0, (2.0, 2.0), "times", 2)


def test_parts_take_turns() -> None:
    seen: list[str] = []

    def part(name: str) -> Callable[[], int]:
        def run() -> int:
            seen.append(name)
            return len(seen)

        return run

    found = interleaved(3, {name: part(name) for name in "abc"})
    assert "".join(seen) == "abcabcabc"
    assert found == {"a": [1, 4, 7], "b": [2, 5, 8], "c": [3, 6, 9]}


def test_the_list_of_orders_is_always_the_same_and_mostly_fair() -> None:
    orders = list(workload.orders(400))
    assert orders == list(workload.orders(400))
    fair = [
        order
        for order in orders
        if (order["side"], order["symbol"]) != ("buy", "GME") and int(order["qty"]) <= 3
    ]
    assert len(fair) > len(orders) / 2
    assert {order["account"] for order in orders} == set(workload.ACCOUNTS)


def test_the_markdown_block_has_figures_tables_and_notes() -> None:
    table = Table("A table", ("what", "µs"), (("x", "1"),))
    found = Findings({"some_key": Figure.of([1500.0], "µs")}, [table], ["A note."])
    text = report.markdown("make bench", [found])
    assert "| some_key | 1,500 (1,500..1,500) µs | 1 |" in text
    assert "| what | µs |\n|---|--:|\n| x | 1 |" in text
    assert text.endswith("\nA note.\n")


def test_the_block_replaces_the_one_before() -> None:
    page = "top\n<!-- figures: how -->\nold\nolder\n<!-- end of figures -->\nend\n"
    once = report.inserted(page, "new\n")
    assert once == "top\n<!-- figures: how -->\nnew\n<!-- end of figures -->\nend\n"
    assert report.inserted(once, "new\n") == once
    with pytest.raises(ValueError, match="no place"):
        report.inserted("top\n", "new\n")


class FakeTime:
    """Time that passes only where a test says so."""

    def __init__(self) -> None:
        self.now_ns = 0

    def perf_counter_ns(self) -> int:
        return self.now_ns

    def thread_time_ns(self) -> int:
        return self.now_ns // 2

    def passes(self, ms: int) -> None:
        self.now_ns += ms * MS_NS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr("bench.timers.time", fake)
    return fake


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, clock: FakeTime) -> ModuleType:
    """A module to put timers into."""
    made: Any = ModuleType("timed_module")

    def inner() -> None:
        clock.passes(20)

    def outer() -> None:
        clock.passes(10)
        made.inner()

    async def waits() -> str:
        made.inner()
        await asyncio.sleep(0)
        clock.passes(3)
        return "done"

    async def fails() -> None:
        await asyncio.sleep(0)
        raise LookupError

    async def hangs() -> None:
        await asyncio.Event().wait()

    for part in (inner, outer, waits, fails, hangs):
        setattr(made, part.__name__, part)
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made


def timers(*names: str) -> Timers:
    made = Timers()
    made.here()
    assert all(made.wrap(f"timed_module:{name}", name, {}) for name in names)
    return made


def test_a_stage_does_not_count_what_is_inside_another(module: ModuleType) -> None:
    made = timers("inner", "outer")
    module.outer()
    found = made.document()[LOOP]
    assert found["inner"] == [10 * MS_NS, 20 * MS_NS, 1]
    assert found["outer"] == [5 * MS_NS, 10 * MS_NS, 1]


async def test_a_coroutine_is_timed_by_its_steps_and_not_by_its_waits(
    module: ModuleType, clock: FakeTime
) -> None:
    made = timers("inner", "waits")
    task = asyncio.create_task(module.waits())
    await asyncio.sleep(0)
    clock.passes(50)
    assert await task == "done"
    found = made.document()[LOOP]
    assert {stage: row[1] // MS_NS for stage, row in found.items()} == {
        "inner": 20,
        "waits": 3,
        OUTSIDE: 50,
    }


async def test_a_timed_coroutine_fails_and_is_cancelled_as_ever(module: ModuleType) -> None:
    timers("fails", "hangs")
    with pytest.raises(LookupError):
        await module.fails()
    task = asyncio.create_task(module.hangs())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_threads_have_accounts_of_their_own(module: ModuleType) -> None:
    made = timers("inner")
    await asyncio.to_thread(module.inner)
    assert made.document()[WORKER]["inner"][1] == 20 * MS_NS
    assert "inner" not in made.document()[LOOP]
    made.reset()
    assert made.document()[WORKER] == {}


def test_a_stage_may_count_for_the_one_around_it(module: ModuleType) -> None:
    made = Timers()
    made.wrap("timed_module:outer", "outer", {})
    made.wrap("timed_module:inner", "inner", {"inner": "outer"})
    module.outer()
    assert made.document()[LOOP]["outer"][1] == 30 * MS_NS


@pytest.mark.usefixtures("module")
def test_a_part_that_is_not_there_is_told() -> None:
    assert not Timers().wrap("timed_module:gone", "gone", {})
    assert not Timers().wrap("timed_module:Gone.method", "gone", {})
