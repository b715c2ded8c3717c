"""Disks that fail on purpose, as SQLite virtual file systems over the real one."""

from __future__ import annotations

import itertools
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

SECTOR_BYTES = 512
_NAMES = itertools.count()

Name = str | apsw.URIFilename | None
Hook = Callable[[str], None]
"""Told the name of a file about to be written or synchronised; may raise instead."""


def io_error(code: int = apsw.SQLITE_IOERR_FSYNC) -> apsw.IOError:
    """The input/output error of this extended code."""
    error = apsw.IOError("injected")
    vars(error)["extendedresult"] = code  # apsw reads it; its annotations do not tell
    return error


class Disk(apsw.VFS):
    """A file system whose writes and syncs a test can watch, refuse and lose.

    Attributes:
        before_write: called before each write, with the file's name.
        before_sync: called before each sync, with the file's name.
        stall: called before that, while other files can still be written; may take its time.
        written: how many bytes were written.
        syncs: the names of the files that were asked to be synchronised, in order.
    """

    def __init__(self, *, everywhere: bool = False) -> None:
        """`everywhere` makes it the file system of every connection that names none."""
        self.label = f"disk{next(_NAMES)}"
        self.before_write: Hook = _allow
        self.before_sync: Hook = _allow
        self.stall: Hook = _allow
        self.written = 0
        self.syncs: list[str] = []
        self.lock = threading.RLock()
        # What would be lost: for each file, what stood where a write went since the last sync.
        self.unsynced: dict[str, list[tuple[int, bytes, int]]] = {}
        # By name: once this is the default, the empty name would mean this one.
        self.base = apsw.vfs_names()[0]
        super().__init__(self.label, self.base, everywhere)

    def xOpen(self, name: Name, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  SQLite's name
        return _File(self, name, flags)

    def lose_power(self, source: Path, target: Path, rng: random.Random) -> None:
        """Copy the files right in a directory as a power cut at this instant may leave them.

        Every sector that was written since its file was last synchronised is there or not, each
        by chance: writes are lost, torn and reordered.
        """
        with self.lock:
            target.mkdir()
            for file in source.glob("*.db*"):
                if not file.name.endswith("-shm"):  # shared memory is made anew
                    shutil.copy(file, target)
            for path, writes in self.unsynced.items():
                copy = target / Path(path).name
                if copy.exists():
                    _undo(copy, writes, rng)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Name, flags: list[int]) -> None:
        self.disk = disk
        self.path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__(disk.base, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  SQLite's name
        with self.disk.lock:
            self.disk.before_write(Path(self.path).name)
            size = self.xFileSize()
            before = super().xRead(min(len(data), size - offset), offset) if offset < size else b""
            self.disk.unsynced.setdefault(self.path, []).append((offset, before, size))
            super().xWrite(data, offset)
            self.disk.written += len(data)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802  SQLite's name
        with self.disk.lock:
            super().xTruncate(newsize)
            self.disk.unsynced.pop(self.path, None)

    def xSync(self, flags: int) -> None:  # noqa: N802  SQLite's name
        self.disk.stall(Path(self.path).name)
        with self.disk.lock:
            self.disk.syncs.append(Path(self.path).name)
            self.disk.before_sync(Path(self.path).name)
            super().xSync(flags)
            self.disk.unsynced.pop(self.path, None)


@contextmanager
def disk() -> Iterator[Disk]:
    """A registered disk; pass its `label` as `vfs`."""
    made = Disk()
    try:
        yield made
    finally:
        made.unregister()


def failing_once(name: str, error: Callable[[], Exception]) -> Hook:
    """A hook that fails the next operation on a file whose name ends so, and no other."""
    due = [name]

    def hook(path: str) -> None:
        if due and path.endswith(due[0]):
            due.clear()
            raise error()

    return hook


def _undo(copy: Path, writes: list[tuple[int, bytes, int]], rng: random.Random) -> None:
    """Take back a random part of the writes, sector by sector, the newest first."""
    with copy.open("r+b") as file:
        for offset, before, _size in reversed(writes):
            for at in range(0, len(before), SECTOR_BYTES):
                if rng.random() < 0.5:
                    file.seek(offset + at)
                    file.write(before[at : at + SECTOR_BYTES])
        # What was appended: the file may also have grown only in part, or be full of zeros.
        sizes = [size for _, _, size in writes]
        whole = copy.stat().st_size
        if rng.random() < 0.5:
            file.truncate(rng.randint(min(sizes), whole) if sizes else whole)
        else:
            for at in range(min(sizes), whole, SECTOR_BYTES):
                if rng.random() < 0.5:
                    file.seek(at)
                    file.write(bytes(min(SECTOR_BYTES, whole - at)))


def _allow(_name: str) -> None:
    pass
