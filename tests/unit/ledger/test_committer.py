"""Group commit: bounded groups, order kept, and an answer for everybody whatever happens."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from gateway.domain.errors import UnavailableError
from gateway.host import ThreadRunner
from gateway.ledger.committer import GROUP_BATCHES_MAX, GROUP_ENTRIES_MAX
from gateway.ports import Batch, Committed, Draft
from support.ledgers import opened

T = TypeVar("T")
MODE = Draft("mode", {"mode": "SIMULATION", "by": "alice"})


class ClosableRunner(ThreadRunner):
    """A runner that can be out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False

    def run(self, work: Callable[[], T]) -> Awaitable[T]:
        if self.broken:
            raise RuntimeError("cannot schedule new futures after shutdown")
        return super().run(work)


async def groups_of(directory: Path, sizes: Sequence[int]) -> list[list[int]]:
    """How many entries the batches had that went to the disk together."""
    found: list[list[int]] = []
    async with opened(directory) as ledger:
        sequencer = ledger._opened.sequencer
        commit = sequencer.commit

        def watched(batches: Sequence[Batch]) -> list[Committed | Exception]:
            found.append([len(batch.drafts) for batch in batches])
            return commit(batches)

        sequencer.commit = watched  # type: ignore[method-assign]  # watched, not replaced
        outcomes = await asyncio.gather(*(ledger.commit(Batch((MODE,) * size)) for size in sizes))
        indices = [index for committed in outcomes for index in committed.indices]
        assert indices == list(range(2, 2 + sum(sizes)))
    return found


async def test_what_waits_goes_together(tmp_path: Path) -> None:
    assert await groups_of(tmp_path, [1, 2, 3]) == [[1, 2, 3]]


async def test_a_group_has_a_bounded_number_of_batches(tmp_path: Path) -> None:
    groups = await groups_of(tmp_path, [1] * (2 * GROUP_BATCHES_MAX + 1))
    assert [len(group) for group in groups] == [GROUP_BATCHES_MAX, GROUP_BATCHES_MAX, 1]


async def test_a_group_has_a_bounded_number_of_entries(tmp_path: Path) -> None:
    groups = await groups_of(tmp_path, [100, 100, 100, 56, 100, GROUP_ENTRIES_MAX, 0, 1])
    assert groups == [[100, 100], [100, 56, 100], [GROUP_ENTRIES_MAX, 0], [1]]


async def test_a_batch_larger_than_a_group_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as ledger:
        with pytest.raises(ValueError, match="at most 256"):
            await ledger.commit(Batch((MODE,) * (GROUP_ENTRIES_MAX + 1)))


async def test_one_fsync_makes_a_group_durable(tmp_path: Path) -> None:
    async with opened(tmp_path) as ledger:
        outcomes = await asyncio.gather(*(ledger.commit(Batch((MODE,))) for _ in range(40)))
        assert len({committed.checkpoint for committed in outcomes}) == 1


async def test_without_threads_nothing_hangs(tmp_path: Path) -> None:
    runner = ClosableRunner()
    async with opened(tmp_path, runner=runner) as ledger:
        runner.broken = True
        outcomes = await asyncio.wait_for(
            asyncio.gather(
                *(ledger.commit(Batch((MODE,))) for _ in range(3)), return_exceptions=True
            ),
            5,
        )
        assert {str(getattr(error, "code", "")) for error in outcomes} == {"ledger-latched"}
        with pytest.raises(UnavailableError, match="ledger-latched"):
            await ledger.commit(Batch((MODE,)))
        runner.broken = False
    runner.close()


async def test_a_lasting_fault_gathers_no_tracebacks(tmp_path: Path) -> None:
    runner = ClosableRunner()
    async with opened(tmp_path, runner=runner) as ledger:
        runner.broken = True
        errors: list[UnavailableError] = []
        for _ in range(3):
            with pytest.raises(UnavailableError) as refused:
                await ledger.commit(Batch((MODE,)))
            errors.append(refused.value)
        assert len(set(map(id, errors))) == 3
        runner.broken = False
    runner.close()


async def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as ledger:
        await ledger.close()
        await ledger.close()
