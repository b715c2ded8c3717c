"""Making files durable: one, a folder's names, or everything that a file system still owes."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

# Python has no name for it, and not every system has it.
_SYNCFS: Final = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


def sync_file(path: Path) -> None:
    """Make a file's contents durable.

    Raises:
        OSError: the disk did not take them.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable.

    Raises:
        OSError: the disk did not take them.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def syncing(folder: Path) -> Generator[Callable[[], None]]:
    """Yield a function that makes all that was written since durable, contents and names.

    It covers the whole file system of `folder` with one wait. Many small files synced one by one
    make the disk's journal turn over for each of them, and whoever else waits for that disk (the
    ledger does) waits for all of these. Where there is no `syncfs`, all file systems are synced.

    Raises:
        OSError: the disk did not take something that was written since the block began.
    """
    # Opened before anything is written: an error is told to whoever had the folder open by then.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def sync() -> None:
        if _SYNCFS is None:
            os.sync()
        elif _SYNCFS(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))

    try:
        yield sync
    finally:
        os.close(descriptor)
