"""Files of the published log: whole or not there."""

import os
from pathlib import Path

import pytest

from gateway.ledger.shelf import FolderShelf, write_whole


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
    write = os.write

    def fail(descriptor: int, data: bytes) -> int:
        if data == b"b":
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(OSError, match="No space"):
        shelf.put([("one", b"a"), ("two", b"b")])
    assert names(tmp_path) == set()
    shelf.put([("one", b"a")])
    assert names(tmp_path) == {"log/one"}


def test_a_file_that_is_written_in_pieces_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    FolderShelf(tmp_path / "log").put([("one", b"a longer one")])
    assert (tmp_path / "log/one").read_bytes() == b"a longer one"


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
