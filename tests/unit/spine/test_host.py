"""The host's threads and randomness: nothing lost, nothing handed out twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.host import ENTROPY_PAGE_BYTES, OsEntropy, ThreadRunner


@pytest.fixture
def runner() -> Generator[ThreadRunner]:
    runner = ThreadRunner()
    yield runner
    runner.close()


def raising(error: Exception) -> Callable[[], object]:
    def work() -> object:
        raise error

    return work


async def test_quick_work_answers_each_asker_with_its_own(runner: ThreadRunner) -> None:
    answers = await asyncio.gather(*(runner.run_quick("a", lambda n=n: n * n) for n in range(500)))
    assert answers == [n * n for n in range(500)]


async def test_quick_work_that_waits_together_shares_a_thread(runner: ThreadRunner) -> None:
    threads = await asyncio.gather(*(runner.run_quick("a", threading.get_ident) for _ in range(50)))
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


async def test_an_error_is_its_asker_s_alone(runner: ThreadRunner) -> None:
    answers = await asyncio.gather(
        runner.run_quick("a", lambda: 1),
        runner.run_quick("a", raising(LookupError("gone"))),
        runner.run_quick("a", lambda: ValueError("a value")),
        return_exceptions=True,
    )
    assert answers[0] == 1
    assert isinstance(answers[1], LookupError)
    returned = await runner.run_quick("a", lambda: ValueError("a value"))
    assert isinstance(returned, ValueError)


async def test_whoever_stops_waiting_keeps_nobody_waiting(runner: ThreadRunner) -> None:
    gate = threading.Event()
    first = asyncio.ensure_future(runner.run_quick("a", gate.wait))
    await asyncio.sleep(0.01)
    later = [asyncio.ensure_future(runner.run_quick("a", lambda n=n: n)) for n in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    later[1].cancel()
    gate.set()
    assert (await later[0], await later[2]) == (0, 2)


async def test_a_lane_that_stands_still_stops_no_other(runner: ThreadRunner) -> None:
    gate = threading.Event()
    held = asyncio.ensure_future(runner.run_quick("a", gate.wait))
    await asyncio.sleep(0.01)
    behind = asyncio.ensure_future(runner.run_quick("a", lambda: 1))
    assert await asyncio.wait_for(runner.run_quick("b", lambda: 2), 10) == 2
    assert not behind.done()
    gate.set()
    assert (await held, await behind) == (True, 1)


async def test_quick_work_for_a_closed_runner_is_refused() -> None:
    runner = ThreadRunner()
    runner.close()
    with pytest.raises(RuntimeError):
        await runner.run_quick("a", lambda: 1)
    with pytest.raises(RuntimeError):
        await runner.run_quick("a", lambda: 1)


def test_random_bytes_are_as_long_as_asked_and_never_the_same() -> None:
    entropy = OsEntropy()
    for size in (0, 1, 16, 32, ENTROPY_PAGE_BYTES, ENTROPY_PAGE_BYTES + 1):
        assert len(entropy.token(size)) == size
    seen = [entropy.token(16) for _ in range(2_000)]
    assert len(set(seen)) == len(seen)


def test_threads_never_share_random_bytes() -> None:
    entropy = OsEntropy()
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: entropy.token(10), range(5_000)))
    assert len(set(seen)) == len(seen)
