"""Where the published log lies: two operations on files, and no file is ever seen half written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

from gateway.ledger.syncing import sync_directory, sync_file, syncing

_STAGING_SUFFIX: Final = ".staging"


class Shelf(Protocol):
    """A folder of published files, named by their path below it."""

    def put(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Make files durable and visible, each whole, in this order.

        Raises:
            OSError: some of them may be visible; putting them again is right.
        """
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Remove files; one that is not there is no error.

        Raises:
            OSError: some of them may be left; removing them again is right.
        """
        ...

    def partial_tiles(self) -> Iterator[str]:
        """Name every file that lies in a folder ending in `.p`."""
        ...


class FolderShelf:
    """A shelf on the local file system.

    Files are written beside the folder, in one of the same file system, and renamed into place:
    a file that is being written is nowhere in the log, not even under another name, so that a
    copy of the folder at any instant holds whole files only.
    """

    def __init__(self, folder: Path) -> None:
        """Use `folder`, making it; what an interrupted process was writing is dropped."""
        self._folder = folder
        self._staging = folder.with_name(folder.name + _STAGING_SUFFIX)
        shutil.rmtree(self._staging, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._count = 0

    def put(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write all, wait for the disk once for all, then rename one by one."""
        if not files:
            return
        self._staging.mkdir(exist_ok=True)
        try:
            with syncing(self._folder) as sync:
                sources = [self._write(data) for _, data in files]
                sync()
                targets = [self._folder / name for name, _ in files]
                for parent in {target.parent for target in targets}:
                    parent.mkdir(parents=True, exist_ok=True)
                for source, target in zip(sources, targets, strict=True):
                    self._place(source, target)
                sync()
        finally:
            shutil.rmtree(self._staging, ignore_errors=True)

    def remove(self, names: Sequence[str]) -> None:
        """Unlink files, and their folder when it is left empty."""
        for name in names:
            path = self._folder / name
            path.unlink(missing_ok=True)
            parent = path.parent
            if parent != self._folder and parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()

    def partial_tiles(self) -> Iterator[str]:
        """Walk the tiles."""
        for path in (self._folder / "tile").glob("**/*.p/*"):
            yield path.relative_to(self._folder).as_posix()

    def _write(self, data: bytes) -> Path:
        self._count += 1
        path = self._staging / str(self._count)
        path.write_bytes(data)
        return path

    def _place(self, source: Path, target: Path) -> None:
        source.replace(target)


def write_whole(path: Path, data: bytes) -> None:
    """Make a file's contents `data`, durably; whoever reads it meanwhile sees the old or the new.

    Raises:
        OSError: it could not be written.
    """
    if path.exists() and path.read_bytes() == data:
        return
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    sync_file(new)
    new.replace(path)
    sync_directory(path.parent)
