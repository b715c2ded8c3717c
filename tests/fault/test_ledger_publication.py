"""The published log verifies at every instant, and after a crash between any two steps."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.domain.errors import UnavailableError
from gateway.ledger import publisher
from gateway.ledger.publication import Publication
from gateway.ledger.reader import Reader
from gateway.ledger.sequencer import Tip
from gateway.ledger.shelf import FolderShelf
from gateway.ledger.sqlite import SqliteLedger
from gateway.ports import Batch, Draft
from signing.checkpoint import verify_checkpoint
from support.ledgers import VKEY, Story, becomes, faults, opened, verified

SIZES = (1, 240, 4, 1, 1, 3)
"""How many entries each commit adds to the first ten: to and across the edge of a bundle."""


class WatchedShelf(FolderShelf):
    """Tells of every single step that others could see, right after it."""

    def __init__(self, folder: Path, told: Callable[[str], None]) -> None:
        super().__init__(folder)
        self._told = told

    def _place(self, source: Path, target: Path) -> None:
        super()._place(source, target)
        self._told(target.relative_to(self._folder).as_posix())

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            super().remove([name])
            self._told(f"-{name}")


class CrashError(Exception):
    """The process ends here."""


def modes(count: int) -> Batch:
    return Batch(tuple(Draft("mode", {"mode": "SIMULATION", "by": "a"}) for _ in range(count)))


@asynccontextmanager
async def grown(directory: Path) -> AsyncIterator[tuple[SqliteLedger, list[Tip]]]:
    """A ledger with a few decisions and many small entries, and its tip after each commit."""
    story, tips = Story(), list[Tip]()
    async with opened(directory) as ledger:
        for batch in (story.opening(), story.decide(), story.decide()):
            await ledger.commit(batch)
        for count in SIZES:
            committed = await ledger.commit(modes(count))
            tips.append(Tip(committed.indices[-1] + 1, committed.checkpoint))
        yield ledger, tips


def publication(ledger: SqliteLedger, shelf: FolderShelf, size: int) -> Publication:
    opened_parts = ledger._opened
    return Publication(shelf, opened_parts.reader, opened_parts.trunk, size)


def published(folder: Path) -> int:
    """How many entries the checkpoint in a folder covers, as a gateway that starts would see."""
    path = folder / "checkpoint"
    return verify_checkpoint(path.read_bytes(), VKEY).size if path.exists() else 0


@pytest.mark.requirement("W-01")
async def test_the_folder_verifies_after_every_step(tmp_path: Path) -> None:
    folder, steps = tmp_path / "watched", list[str]()

    def told(step: str) -> None:
        steps.append(step)
        if published(folder):
            assert faults(folder) == [], step

    async with grown(tmp_path / "data") as (ledger, tips):
        growing = publication(ledger, WatchedShelf(folder, told), 0)
        for tip in tips:
            growing.bring_to(tip)
            assert verified(folder).size == tip.size
    # What it went through: documents first, the checkpoint last, then what is superseded.
    assert steps[0].startswith("blobs/")
    assert steps.count("checkpoint") == len(SIZES)
    assert any(step.startswith("-tile/entries/") for step in steps)
    last = steps.index("checkpoint")
    assert all(step.startswith(("blobs/", "tile/")) for step in steps[:last])


@pytest.mark.requirement("W-01")
async def test_a_crash_after_any_step_is_made_good_by_the_next_start(tmp_path: Path) -> None:
    async with grown(tmp_path / "data") as (ledger, tips):
        # The rounds that cross the edge of a bundle have all kinds of steps.
        before, after, later = tips[1], tips[4], tips[5]
        base = tmp_path / "base"
        begun = publication(ledger, FolderShelf(base), 0)
        for tip in (tips[0], before):
            begun.bring_to(tip)
        crash_at, crashed = 0, True
        while crashed:
            crash_at += 1
            folder = tmp_path / f"crash{crash_at}"
            shutil.copytree(base, folder)
            left = [crash_at]

            def told(_step: str, left: list[int] = left) -> None:
                left[0] -= 1
                if left[0] == 0:
                    raise CrashError

            try:
                publication(ledger, WatchedShelf(folder, told), before.size).bring_to(after)
                crashed = False
            except CrashError:
                assert faults(folder) == []
            size = published(folder)
            assert size in (before.size, after.size)
            publication(ledger, FolderShelf(folder), size).bring_to(later)
            report = verified(folder)
            assert faults(folder) == []
            assert (report.size, report.counts["files ahead"]) == (later.size, 0)
        # A bundle, two tiles, the checkpoint, two superseded files; the last round has no crash.
        assert crash_at == 7


async def test_superseded_tiles_stay_for_one_round(tmp_path: Path) -> None:
    folder = tmp_path / "published"
    async with grown(tmp_path / "data") as (ledger, tips):
        growing = publication(ledger, FolderShelf(folder), 0)
        for before, after in pairwise(tips):
            growing.bring_to(before)
            old = tmp_path / f"old{before.size}"
            shutil.copytree(folder, old)
            growing.bring_to(after)
            # Somebody who read the old checkpoint still finds all its tiles.
            shutil.copy(old / "checkpoint", folder / "checkpoint")
            assert faults(folder) == []
            shutil.copy(folder / "checkpoint", old / "checkpoint")
            (folder / "checkpoint").write_bytes(after.checkpoint)
    partial = {path.name for path in (folder / "tile").glob("**/*.p/*")}
    edges = {str(tip.size % 256) for tip in tips[-2:]} | {str(tip.size // 256) for tip in tips[-2:]}
    assert partial <= edges


async def test_a_long_log_is_caught_up_with_in_one_round(tmp_path: Path) -> None:
    folder = tmp_path / "published"
    async with grown(tmp_path / "data") as (ledger, tips):
        publication(ledger, FolderShelf(folder), 0).bring_to(tips[-1])
        assert faults(folder) == []
        assert sorted(
            p.relative_to(folder).as_posix() for p in (folder / "tile").rglob("*.p/*")
        ) == [
            f"tile/0/00{tips[-1].size // 256}.p/{tips[-1].size % 256}",
            f"tile/1/000.p/{tips[-1].size // 256}",
            f"tile/entries/00{tips[-1].size // 256}.p/{tips[-1].size % 256}",
        ]


async def test_a_failure_to_publish_stops_nothing_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "RETRY_MS", 20)
    broken = [True]
    place = FolderShelf._place

    def fail(self: FolderShelf, source: Path, target: Path) -> None:
        if broken[0] and target.name == "checkpoint":
            raise OSError(28, "No space left on device")
        place(self, source, target)

    monkeypatch.setattr(FolderShelf, "_place", fail)
    async with opened(tmp_path) as ledger:
        for _ in range(3):
            await ledger.commit(modes(1))
        with pytest.raises(UnavailableError) as refused:
            await ledger.publish_now()
        assert refused.value.code == "log-unpublished"
        assert "No space left" in (ledger.publication_problem or "")
        assert ledger.latched is None
        committed = await ledger.commit(modes(1))
        assert ledger.published_size == 0
        broken[0] = False
        await becomes(lambda: ledger.published_size > committed.indices[0])
        await becomes(lambda: ledger.publication_problem is None)
    assert faults(tmp_path / "log") == []
    assert not (tmp_path / "log.staging").exists()


async def test_closing_with_a_broken_shelf_ends_and_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: FolderShelf, _source: Path, _target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(FolderShelf, "_place", fail)
        async with opened(tmp_path) as ledger:
            await ledger.commit(modes(1))
            await asyncio.wait_for(ledger.close(), 10)
            assert "PermissionError" in (ledger.publication_problem or "")
    async with opened(tmp_path):
        pass
    assert faults(tmp_path / "log") == []


async def test_publishing_follows_commits_by_itself(tmp_path: Path) -> None:
    async with opened(tmp_path) as ledger:
        for count in (1, 5, 300 - 256):
            committed = await ledger.commit(modes(count))
            size = committed.indices[-1] + 1
            await becomes(lambda size=size: ledger.published_size >= size)
            assert verified(tmp_path / "log").size >= size
            assert faults(tmp_path / "log") == []


async def test_a_database_that_lacks_an_entry_is_not_published(tmp_path: Path) -> None:
    async with grown(tmp_path / "data") as (ledger, tips):
        ledger._opened.sequencer._database.run("PRAGMA foreign_keys = 0")
        ledger._opened.sequencer._database.run("DELETE FROM entries WHERE entry_index = 20")
        folder = tmp_path / "published"
        with pytest.raises(LookupError):
            publication(ledger, FolderShelf(folder), 0).bring_to(tips[-1])
        assert not (folder / "checkpoint").exists()
        assert isinstance(ledger._opened.reader, Reader)
