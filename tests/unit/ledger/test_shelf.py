"""Files of the published log: whole or not there."""

import ctypes
import errno
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.ledger.shelf import FolderShelf, write_whole
from gateway.ledger.syncing import syncing


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_files_are_put_and_removed(tmp_path: Path) -> None:
    shelf = FolderShelf(tmp_path / "log")
    shelf.put([("tile/0/000.p/1", b"a"), ("tile/0/000.p/2", b"ab"), ("checkpoint", b"c")])
    assert names(tmp_path) == {"log/tile/0/000.p/1", "log/tile/0/000.p/2", "log/checkpoint"}
    assert sorted(shelf.partial_tiles()) == ["tile/0/000.p/1", "tile/0/000.p/2"]
    shelf.remove(["tile/0/000.p/1", "tile/0/000.p/1", "tile/0/001.p/9"])
    assert (tmp_path / "log/tile/0/000.p").is_dir()
    shelf.remove(["tile/0/000.p/2"])
    assert not (tmp_path / "log/tile/0/000.p").exists()
    shelf.put([("checkpoint", b"d")])
    assert (tmp_path / "log/checkpoint").read_bytes() == b"d"
    shelf.put([])


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = FolderShelf(tmp_path / "log")
    write: Callable[[Path, bytes], int] = Path.write_bytes

    def fail(path: Path, data: bytes) -> int:
        if data == b"b":
            write(path, b"")
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space"):
        shelf.put([("one", b"a"), ("two", b"b")])
    assert names(tmp_path) == set()
    shelf.put([("one", b"a")])
    assert names(tmp_path) == {"log/one"}


def test_nothing_is_visible_before_it_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []

    @contextmanager
    def watched(folder: Path) -> Generator[Callable[[], None]]:
        with syncing(folder) as sync:

            def look() -> None:
                seen.append(names(folder))
                sync()

            yield look

    monkeypatch.setattr("gateway.ledger.shelf.syncing", watched)
    FolderShelf(tmp_path / "log").put([("one", b"1"), ("tile/0/000", b"2")])
    assert seen == [set(), {"one", "tile/0/000"}]


def test_a_disk_that_does_not_take_the_files_shows_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_descriptor: int) -> int:
        ctypes.set_errno(errno.EIO)
        return -1

    monkeypatch.setattr("gateway.ledger.syncing._SYNCFS", fails)
    with pytest.raises(OSError, match="Input/output error"):
        FolderShelf(tmp_path / "log").put([("one", b"1")])
    assert names(tmp_path) == set()


def test_without_syncfs_everything_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ledger.syncing._SYNCFS", None)
    calls: list[int] = []
    monkeypatch.setattr(os, "sync", lambda: calls.append(1))
    FolderShelf(tmp_path / "log").put([("one", b"1")])
    assert len(calls) == 2
    assert names(tmp_path) == {"log/one"}


def test_what_an_interrupted_process_was_writing_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "log.staging").mkdir()
    (tmp_path / "log.staging" / "7").write_bytes(b"half")
    FolderShelf(tmp_path / "log")
    assert names(tmp_path) == set()


def test_a_single_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.vkey"
    for data in (b"one\n", b"one\n", b"two\n"):
        write_whole(path, data)
        assert path.read_bytes() == data
    assert names(tmp_path) == {"log.vkey"}
