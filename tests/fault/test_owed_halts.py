"""A halt that the ledger does not take: it stands, it survives, and it is entered once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from gateway.control import halting as halting_module
from gateway.control.halting import Halting, Kept
from gateway.control.owed import OWED_MAX, FolderOwedHalts
from gateway.domain.errors import NotFoundError, RefusedError, UnavailableError
from gateway.domain.halt import GLOBAL, Halt, Scope
from gateway.host import OsEntropy, SystemClock, ThreadRunner
from gateway.ledger.journal import Journal
from signing import canonical
from support import logs
from support.disks import Disk, disk, failing_once, io_error
from support.ledgers import faults, opened, verified

ADMIN = frozenset({"admin"})


class NoOrders:
    """Nothing is open, so nothing is to be cancelled."""

    async def cancel_all(self, by: str, cause: str, scope: Scope) -> int:
        return 0


@asynccontextmanager
async def halting(folder: Path, **ledger: Any) -> AsyncIterator[tuple[Halting, Journal]]:
    """The real journal, ledger and markers of one process."""
    runner = ThreadRunner()
    try:
        async with opened(folder / "data", **ledger) as store:
            journal = Journal(store, await store.replay())
            owed = FolderOwedHalts(folder / "owed", runner)
            yield (
                Halting(journal, NoOrders(), SystemClock(), OsEntropy(), owed, store.replay),
                journal,
            )
    finally:
        runner.close()


async def kill(stops: Halting, scope: Scope = GLOBAL) -> Halt:
    return await stops.halt(
        cause="OMEGA2_MANUAL", scope=scope, by="ada", clear_by="admin", cancels=True, reason="x"
    )


def markers(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "owed").glob("*"))


def halts_in(folder: Path) -> int:
    assert faults(folder / "data" / "log") == []
    return verified(folder / "data" / "log").counts["halt"]


async def test_a_recorded_halt_leaves_no_marker(tmp_path: Path) -> None:
    async with halting(tmp_path) as (stops, _):
        halt = await kill(stops)
        assert stops.kept(halt.halt_id) is Kept.LOG
        assert markers(tmp_path) == []
    assert halts_in(tmp_path) == 1


async def test_a_halt_under_a_latched_ledger_is_entered_at_the_next_start(tmp_path: Path) -> None:
    with disk() as bad:
        async with halting(tmp_path, vfs=bad.label) as (stops, journal):
            bad.before_sync = failing_once("-wal", io_error)
            halt = await kill(stops)
            assert stops.kept(halt.halt_id) is Kept.MARKER
            assert halt.halt_id in journal.book.halts
            assert markers(tmp_path) == [halt.halt_id]
            with pytest.raises(UnavailableError) as refused:  # nothing can end it meanwhile
                await stops.resume(halt.halt_id, by="ada", scopes=ADMIN, reason="x")
            assert refused.value.code in {"halt-unrecorded", "ledger-latched"}
    for expected in (1, 0):  # the second start finds nothing more to do
        async with halting(tmp_path) as (stops, journal):
            assert await stops.take_up() == expected
            assert journal.book.halts[halt.halt_id] == halt
            assert stops.kept(halt.halt_id) is Kept.LOG
            assert markers(tmp_path) == []
    assert halts_in(tmp_path) == 1


WAIT_S = 60


@asynccontextmanager
async def halting_on_a_stalled_disk(
    folder: Path,
) -> AsyncIterator[tuple[Halting, Journal, threading.Event]]:
    """A halt's entry waits for the disk, until the event lets it go on."""
    free, reached = threading.Event(), threading.Event()

    def stalled(name: str) -> None:
        if name.endswith("-wal"):
            reached.set()
            assert free.wait(WAIT_S), "nobody let the disk go on"

    with disk() as slow:
        async with halting(folder, vfs=slow.label) as (stops, journal):
            slow.stall = stalled
            killing = asyncio.create_task(kill(stops))
            try:
                assert await asyncio.to_thread(reached.wait, WAIT_S)
                yield stops, journal, free
            finally:
                free.set()
                await killing


async def lift(stops: Halting, halt_id: str, scopes: frozenset[str] = ADMIN) -> Halt:
    return await stops.resume(halt_id, by="ada", scopes=scopes, reason="x")


async def test_a_halt_that_is_being_recorded_is_lifted_once_it_is(tmp_path: Path) -> None:
    async with halting_on_a_stalled_disk(tmp_path) as (stops, journal, free):
        [halt] = journal.book.halts.values()
        lifting = [asyncio.create_task(lift(stops, halt.halt_id)) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in lifting), "the end of a halt comes behind it"
        assert halt.halt_id in journal.book.halts
        free.set()
        first, second = await asyncio.gather(*lifting, return_exceptions=True)
        assert first == halt
        assert isinstance(second, NotFoundError), "two lifted it, and it was lifted once"
        assert journal.book.halts == {}
    assert markers(tmp_path) == []
    assert halts_in(tmp_path) == 1
    assert verified(tmp_path / "data" / "log").counts["resume"] == 1


async def test_whoever_may_not_lift_a_halt_is_told_without_a_wait(tmp_path: Path) -> None:
    async with halting_on_a_stalled_disk(tmp_path) as (stops, journal, free):
        [halt_id] = journal.book.halts
        for tried in (lift(stops, halt_id, frozenset({"operate"})), lift(stops, "halt_none")):
            with pytest.raises((RefusedError, NotFoundError)):
                await tried
        assert not free.is_set()
        assert list(journal.book.halts) == [halt_id]


async def test_the_wait_for_a_disk_that_hangs_ends_and_the_halt_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halting_module, "ENTRY_WAIT_S", 0.05)
    async with halting_on_a_stalled_disk(tmp_path) as (stops, journal, free):
        [halt_id] = journal.book.halts
        async with asyncio.timeout(WAIT_S):
            with pytest.raises(UnavailableError) as refused:
                await lift(stops, halt_id)
        assert refused.value.code == "halt-unrecorded"
        assert list(journal.book.halts) == [halt_id]
        monkeypatch.setattr(halting_module, "ENTRY_WAIT_S", WAIT_S)
        free.set()
        await lift(stops, halt_id)
        assert journal.book.halts == {}


async def test_a_disk_that_hangs_does_not_keep_whoever_halts_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halting_module, "ENTRY_WAIT_S", 0.05)
    async with halting_on_a_stalled_disk(tmp_path) as (stops, journal, free):
        [halt_id] = journal.book.halts
        again = await stops.halt(
            cause="TEST", scope=Scope("symbol", "AAPL"), by="ada", clear_by="admin"
        )
        assert not free.is_set()
        assert {halt_id, again.halt_id} == set(journal.book.halts)
        assert stops.kept(again.halt_id) is not Kept.LOG, "nobody is told more than is known"
        free.set()
        monkeypatch.setattr(halting_module, "ENTRY_WAIT_S", WAIT_S)
        await lift(stops, again.halt_id)
        assert list(journal.book.halts) == [halt_id]
    assert halts_in(tmp_path) == 2


async def test_a_halt_whose_entry_fails_while_it_is_waited_for_is_not_lifted(
    tmp_path: Path,
) -> None:
    with disk() as bad:
        async with halting(tmp_path, vfs=bad.label) as (stops, journal):
            bad.before_sync = failing_once("-wal", io_error)
            killing = asyncio.create_task(kill(stops))
            await asyncio.sleep(0)
            [halt_id] = journal.book.halts
            with pytest.raises(UnavailableError) as refused:
                await lift(stops, halt_id)
            assert refused.value.code in {"halt-unrecorded", "ledger-latched"}
            await killing
            assert list(journal.book.halts) == [halt_id]
            assert markers(tmp_path) == [halt_id]


async def test_a_halt_on_a_full_disk_is_ended_only_after_it_was_recorded(tmp_path: Path) -> None:
    with disk() as bad:
        async with halting(tmp_path, vfs=bad.label) as (stops, journal):

            def full(_name: str) -> None:
                raise apsw.FullError("injected")

            bad.before_write = full
            halt = await kill(stops)
            assert stops.kept(halt.halt_id) is Kept.MARKER
            bad.before_write = lambda _name: None
            with pytest.raises(UnavailableError) as refused:
                await stops.resume(halt.halt_id, by="ada", scopes=ADMIN, reason="x")
            assert refused.value.code == "halt-unrecorded"
            assert halt.halt_id in journal.book.halts
            await probed(journal)
            await journal.repair()
            await journal.settled()
            await stops.resume(halt.halt_id, by="ada", scopes=ADMIN, reason="x")
            assert journal.book.halts == {}
            assert markers(tmp_path) == []
    async with halting(tmp_path) as (stops, journal):
        assert await stops.take_up() == 0
        assert journal.book.halts == {}
    assert halts_in(tmp_path) == 1


async def probed(journal: Journal) -> None:
    """Wait until the ledger found by itself that there is room again."""
    ledger: Any = journal._ledger
    for _ in range(200):
        if ledger.full is None:
            return
        await SystemClock().sleep_ms(50)
    raise AssertionError("the ledger did not recover")


async def test_without_ledger_and_marker_it_stands_in_memory_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "owed").write_text("in the way")
    with disk() as bad:
        async with halting(tmp_path, vfs=bad.label) as (stops, journal):
            bad.before_sync = failing_once("-wal", io_error)
            halt = await kill(stops)
            assert stops.kept(halt.halt_id) is Kept.MEMORY
            assert halt.halt_id in journal.book.halts
            # Asked again, it tries again.
            (tmp_path / "owed").unlink()
            assert await kill(stops) == halt
            assert stops.kept(halt.halt_id) is Kept.MARKER
            assert markers(tmp_path) == [halt.halt_id]


async def test_a_marker_that_cannot_be_removed_does_not_come_back_after_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with halting(tmp_path) as (stops, journal):
        with monkeypatch.context() as patch:

            def fail(_self: Path) -> None:
                raise OSError(30, "Read-only file system")

            patch.setattr(Path, "unlink", fail)
            halt = await kill(stops)
            assert markers(tmp_path) == [halt.halt_id]
            with pytest.raises(UnavailableError) as refused:
                await stops.resume(halt.halt_id, by="ada", scopes=ADMIN, reason="x")
            assert refused.value.code == "halt-unkept"
            assert halt.halt_id in journal.book.halts
        await stops.resume(halt.halt_id, by="ada", scopes=ADMIN, reason="x")
        assert markers(tmp_path) == []
    async with halting(tmp_path) as (stops, journal):
        assert await stops.take_up() == 0
        assert journal.book.halts == {}


async def test_dying_between_entry_and_removal_enters_it_once(tmp_path: Path) -> None:
    async with halting(tmp_path) as (stops, _):
        halt = await kill(stops)
    payload: Mapping[str, Any] = logs.halt(1, halt_id=halt.halt_id)
    runner = ThreadRunner()
    await FolderOwedHalts(tmp_path / "owed", runner).keep(payload)
    runner.close()
    async with halting(tmp_path) as (stops, journal):
        assert await stops.take_up() == 1
        assert list(journal.book.halts) == [halt.halt_id]
        assert markers(tmp_path) == []
    assert halts_in(tmp_path) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"halt_id":"halt_2"}',
        b'{ "halt_id":"halt_1"}',
        b"[]",
        canonical.encode({"halt_id": "halt_1", "x": "y" * 9_000}),
    ],
)
async def test_a_marker_that_cannot_be_read_stops_the_start(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "owed").mkdir()
    (tmp_path / "owed" / "halt_1.json").write_bytes(content)
    async with halting(tmp_path) as (stops, _):
        with pytest.raises(RefusedError) as refused:
            await stops.take_up()
        assert refused.value.code == "halt-owed-unreadable"


async def test_what_was_never_whole_is_no_marker_and_there_is_a_bound(tmp_path: Path) -> None:
    (tmp_path / "owed").mkdir()
    (tmp_path / "owed" / "halt_1.json.new").write_bytes(b"{")
    runner = ThreadRunner()
    owed = FolderOwedHalts(tmp_path / "owed", runner)
    assert await owed.waiting() == []
    for number in range(2, OWED_MAX + 1):
        await owed.keep(logs.halt(number))
    with pytest.raises(UnavailableError) as refused:
        await owed.keep(logs.halt(OWED_MAX + 1))
    assert refused.value.code == "halt-unkept"
    assert len(await owed.waiting()) == OWED_MAX - 1
    await owed.drop("nothing")
    runner.close()


def test_a_disk_can_be_everywhere() -> None:
    made = Disk(everywhere=True)
    try:
        assert made.label in apsw.vfs_names()
        assert apsw.vfs_names()[0] == made.label
    finally:
        made.unregister()
