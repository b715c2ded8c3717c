"""The ledger on disks that fail: what is acknowledged stays, what is in doubt is never guessed."""

import asyncio
import os
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest

from gateway.domain.errors import UnavailableError
from gateway.host import ThreadRunner
from gateway.ledger import committer, sequencer
from gateway.ledger.database import Database
from gateway.ledger.sqlite import SqliteLedger
from gateway.ports import Batch, Draft
from support.disks import Disk, disk, failing_once, io_error
from support.ledgers import Story, becomes, copy_log, faults, opened


@pytest.fixture
def bad_disk() -> Iterator[Disk]:
    with disk() as made:
        yield made


def mode() -> Batch:
    return Batch((Draft("mode", {"mode": "SIMULATION", "by": "alice"}),))


async def refused(ledger: SqliteLedger, batch: Batch) -> str:
    """The code that a batch is refused with."""
    with pytest.raises(UnavailableError) as error:
        await asyncio.wait_for(ledger.commit(batch), 10)
    assert error.value.remedy
    return error.value.code


@pytest.mark.requirement("W-01")
async def test_the_first_fsync_error_latches(bad_disk: Disk, tmp_path: Path) -> None:
    story = Story()
    async with opened(tmp_path, vfs=bad_disk.label) as ledger:
        await ledger.commit(story.opening())
        good = await ledger.commit(story.decide())
        await ledger.publish_now()
        bad_disk.before_sync = failing_once("-wal", io_error)
        doubtful = [story.decide() for _ in range(3)]
        codes = await asyncio.gather(*(refused(ledger, batch) for batch in doubtful))
        assert set(codes) == {"ledger-latched"}
        assert ledger.latched is not None
        # The disk works again, and nothing is tried: fsync is not asked a second time.
        syncs = len(bad_disk.syncs)
        assert [await refused(ledger, mode()) for _ in range(3)] == ["ledger-latched"] * 3
        assert ledger.size == good.indices[0] + 1
        assert (await ledger.receipt(good.indices[0])) is not None
        assert await ledger.entry("d2") is None
    assert bad_disk.syncs[syncs:] == []
    assert faults(tmp_path / "log") == []

    async with opened(tmp_path) as ledger:
        assert ledger.latched is None
        assert await ledger.entry("d1") is not None
        # In doubt: all of the failed group is there, or none of it. Both are told by the log.
        book = await ledger.replay()
        found = {number for number in (2, 3, 4) if await ledger.entry(f"d{number}") is not None}
        assert found in ({2, 3, 4}, {2}, set())
        assert {f"o{number}" for number in found} <= book.orders.keys()
        await ledger.commit(mode())
    assert faults(tmp_path / "log") == []


@pytest.mark.parametrize(
    "error",
    [
        lambda: io_error(apsw.SQLITE_IOERR_WRITE),
        lambda: apsw.CorruptError("injected"),
        lambda: apsw.ReadOnlyError("injected"),
        lambda: apsw.CantOpenError("injected"),
    ],
)
async def test_any_other_error_of_the_disk_latches(
    bad_disk: Disk, tmp_path: Path, error: Callable[[], Exception]
) -> None:
    story = Story()
    async with opened(tmp_path, vfs=bad_disk.label) as ledger:
        await ledger.commit(story.opening())
        bad_disk.before_write = failing_once("-wal", error)
        assert await refused(ledger, story.decide()) == "ledger-latched"
        assert await refused(ledger, mode()) == "ledger-latched"
        assert ledger.full is None
    async with opened(tmp_path) as ledger:
        assert await ledger.entry("d1") is None
        await ledger.commit(mode())
    assert faults(tmp_path / "log") == []


@pytest.mark.parametrize("name", ["-wal", ".db"])
async def test_an_fsync_error_while_copying_latches_what_follows(
    bad_disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """SQLite itself would hide an error that comes when it copies its log after a commit."""
    monkeypatch.setattr(sequencer, "WAL_PAGES_MAX", 1)
    story = Story()
    async with opened(tmp_path, vfs=bad_disk.label) as ledger:
        await ledger.commit(story.opening())
        maintain = ledger._opened.sequencer.maintain

        def fail_in_copying() -> None:
            bad_disk.before_sync = failing_once(name, io_error)
            maintain()

        monkeypatch.setattr(ledger._opened.sequencer, "maintain", fail_in_copying)
        committed = await ledger.commit(story.decide())  # durable all the same
        await becomes(lambda: ledger.latched is not None)
        assert await refused(ledger, mode()) == "ledger-latched"
        assert await ledger.entry("d1") is not None
    async with opened(tmp_path) as ledger:
        found = await ledger.entry("d1")
        assert found is not None
        assert found[0] == committed.indices[0]


@dataclass
class SmallDisk:
    """A disk that will be full soon, once `fill` was called with the ledger on it."""

    directory: Path
    vfs: str | None
    fill: Callable[[SqliteLedger], None]
    make_room: Callable[[], None]


@contextmanager
def small_by_quota(tmp_path: Path) -> Iterator[SmallDisk]:
    """Writes are refused: the error comes at COMMIT."""
    with disk() as made:
        limit = [10**12]

        def quota(_name: str) -> None:
            if made.written > limit[0]:
                raise apsw.FullError("injected")

        def set_limit(room: int) -> None:
            limit[0] = made.written + room

        made.before_write = quota
        yield SmallDisk(
            tmp_path, made.label, lambda _: set_limit(300_000), lambda: set_limit(10**12)
        )


@contextmanager
def small_by_pages(tmp_path: Path) -> Iterator[SmallDisk]:
    """The database may not grow: the error comes at a statement, SQLite's own."""
    databases: list[Database] = []

    def fill(ledger: SqliteLedger) -> None:
        database = ledger._opened.sequencer._database
        assert isinstance(database, Database)
        databases.append(database)
        pages = databases[0].value("PRAGMA page_count")
        databases[0].run(f"PRAGMA max_page_count = {pages + 20}")

    yield SmallDisk(
        tmp_path, None, fill, lambda: databases[0].run("PRAGMA max_page_count = 1000000")
    )


@contextmanager
def small_by_mount(tmp_path: Path) -> Iterator[SmallDisk]:
    """A real full file system."""
    mount = tmp_path / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mount], check=True)
    ballast = mount / "ballast"

    def fill(_ledger: SqliteLedger) -> None:
        free = os.statvfs(mount).f_bavail * os.statvfs(mount).f_frsize
        ballast.write_bytes(bytes(max(0, free - 300_000)))

    try:
        yield SmallDisk(mount / "data", None, fill, ballast.unlink)
    finally:
        subprocess.run(["umount", "-l", mount], check=True)


def may_mount() -> bool:
    """Whether this process may mount; being root in a container is not enough."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
        done = subprocess.run(command, check=False, capture_output=True)
        if done.returncode == 0:
            subprocess.run(["umount", folder], check=True)
    return done.returncode == 0


SMALL = [small_by_quota, small_by_pages, *([small_by_mount] if may_mount() else [])]


@pytest.mark.parametrize("small", SMALL)
async def test_a_full_disk_refuses_until_there_is_room(
    tmp_path: Path, small: Callable[[Path], AbstractContextManager[SmallDisk]]
) -> None:
    story, kept = Story(), list[str]()
    with small(tmp_path) as tight:
        async with opened(tight.directory, vfs=tight.vfs) as ledger:
            await ledger.commit(story.opening())
            tight.fill(ledger)
            async with asyncio.timeout(60):
                while ledger.full is None:
                    batch = story.decide()
                    try:
                        await ledger.commit(batch)
                    except UnavailableError as error:
                        assert error.code == "ledger-full"  # noqa: PT017  either outcome is right
                    else:
                        kept.append(batch.drafts[0].payload["decision_id"])
            assert kept
            assert ledger.latched is None
            size = ledger.size
            for _ in range(5):
                assert await refused(ledger, mode()) == "ledger-full"
                await asyncio.sleep(0.05)
            assert ledger.size == size
            tight.make_room()
            await becomes(lambda: ledger.full is None)
            assert (await ledger.commit(mode())).indices == (size,)
            await ledger.publish_now()
        assert faults(tight.directory / "log") == []
        async with opened(tight.directory) as ledger:
            for decision_id in kept:
                assert await ledger.entry(decision_id) is not None
            assert len(
                await ledger.orders(account=None, status=None, before=None, limit=1_000)
            ) == len(kept)


async def test_a_probe_that_finds_a_broken_disk_latches(bad_disk: Disk, tmp_path: Path) -> None:
    async with opened(tmp_path, vfs=bad_disk.label) as ledger:
        await ledger.commit(mode())
        bad_disk.before_write = failing_once("-wal", lambda: apsw.FullError("injected"))
        assert await refused(ledger, mode()) == "ledger-full"
        bad_disk.before_sync = failing_once("-wal", io_error)
        await becomes(lambda: ledger.latched is not None)
        assert await refused(ledger, mode()) == "ledger-latched"


async def test_a_probe_that_finds_more_than_was_committed_latches(
    bad_disk: Disk, tmp_path: Path
) -> None:
    """A commit that failed for want of room, and is there all the same: nothing is certain."""
    async with opened(tmp_path, vfs=bad_disk.label) as ledger:
        await ledger.commit(mode())
        bad_disk.before_write = failing_once("-wal", lambda: apsw.FullError("injected"))
        assert await refused(ledger, mode()) == "ledger-full"
        other = apsw.Connection(str(tmp_path / "writ.db"))
        other.execute(
            "INSERT INTO entries SELECT max(entry_index) + 1, kind, at_us, NULL, NULL, envelope, "
            "leaf_hash FROM entries"
        )
        other.close()
        await becomes(lambda: ledger.latched is not None)
        assert "holds 4 entries, not 3" in str(ledger.latched)


async def test_closing_does_not_wait_for_room(bad_disk: Disk, tmp_path: Path) -> None:
    async with opened(tmp_path, vfs=bad_disk.label) as ledger:
        await ledger.commit(mode())

        def full(_name: str) -> None:
            raise apsw.FullError("injected")

        bad_disk.before_write = full
        assert await refused(ledger, mode()) == "ledger-full"
        await asyncio.wait_for(ledger.close(), 5)
    assert faults(tmp_path / "log") == []


async def test_a_disk_that_does_not_answer_latches(
    bad_disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "DISK_TIMEOUT_MS", 200)
    stuck, free = threading.Event(), threading.Event()
    story, runner = Story(), ThreadRunner()

    def hang(_name: str) -> None:
        stuck.set()
        free.wait(20)

    try:
        async with opened(tmp_path, vfs=bad_disk.label, runner=runner) as ledger:
            await ledger.commit(story.opening())
            bad_disk.before_sync = hang
            assert await refused(ledger, story.decide()) == "ledger-latched"
            assert stuck.is_set()
            assert await refused(ledger, mode()) == "ledger-latched"
            await asyncio.wait_for(ledger.close(), 5)
    finally:
        free.set()
        runner.close()
    # It became durable after all: the caller was told that nobody knows, which was true. The
    # abandoned connection still holds the directory, as the process would until its end.
    ledger._opened.close()
    async with opened(tmp_path) as ledger:
        assert await ledger.entry("d1") is not None


async def test_a_writer_that_is_cancelled_latches(bad_disk: Disk, tmp_path: Path) -> None:
    story = Story()
    async with opened(tmp_path, vfs=bad_disk.label) as ledger:
        await ledger.commit(story.opening())
        reached, go = threading.Event(), threading.Event()

        def wait(_name: str) -> None:
            reached.set()
            go.wait(10)

        bad_disk.before_sync = wait
        doubtful = asyncio.create_task(refused(ledger, story.decide()))
        behind = asyncio.create_task(asyncio.sleep(0))
        await behind
        await becomes(reached.is_set)
        behind = asyncio.create_task(refused(ledger, mode()))
        await asyncio.sleep(0)
        [writer] = [t for t in asyncio.all_tasks() if t.get_name() == "ledger-writer"]
        writer.cancel()
        assert await doubtful == "ledger-latched"
        assert await behind == "ledger-latched"
        assert await refused(ledger, mode()) == "ledger-latched"
        go.set()
    ledger._opened.close()


@pytest.mark.requirement("W-01")
@pytest.mark.parametrize("seed", range(6))
async def test_a_power_cut_loses_nothing_acknowledged(
    bad_disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Unsynchronised writes are lost, torn and reordered, at random moments under load."""
    monkeypatch.setattr(sequencer, "WAL_PAGES_MAX", 60)  # so that cuts also hit the copying
    rng, acknowledged = random.Random(seed), dict[str, int]()
    data, cuts = tmp_path / "data", list[tuple[Path, dict[str, int]]]()
    async with opened(data, vfs=bad_disk.label) as ledger:
        await ledger.commit(Story().opening())
        await ledger.publish_now()

        async def load(story: Story) -> None:
            while len(cuts) < 4:
                batch = story.decide()
                [index] = (await ledger.commit(batch)).indices
                acknowledged[batch.drafts[0].payload["decision_id"]] = index

        def cut() -> None:
            for number in range(4):
                time.sleep(rng.uniform(0.01, 0.06))
                target = tmp_path / f"cut{number}"
                with bad_disk.lock:
                    known = dict(acknowledged)
                    bad_disk.lose_power(data, target, rng)
                    copy_log(data / "log", target / "log")
                cuts.append((target, known))

        books = [Story(f"{name}-") for name in "abcd"]
        for story in books:
            story.opening()
        cutting = asyncio.to_thread(cut)
        await asyncio.gather(cutting, *(load(story) for story in books))
    for target, known in cuts:
        assert faults(target / "log") == []
        async with opened(target) as ledger:
            for decision_id, index in known.items():
                found = await ledger.entry(decision_id)
                assert found is not None, decision_id
                assert found[0] == index
            await ledger.replay()
        assert faults(target / "log") == []
    assert cuts[-1][1]
