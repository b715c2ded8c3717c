"""A file of JSON for its owner alone: read with care, edited by one at a time, replaced whole.

The files of API keys and of passkeys are such. Standard library only.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class UnsafeFileError(Exception):
    """Somebody else than the owner can read the file."""


def read_owned(path: Path, bytes_max: int) -> dict[str, Any]:
    """The document in a file.

    Raises:
        UnsafeFileError: others can read it.
        OSError: it is missing, or cannot be read.
        ValueError, RecursionError: it is no file of at most that many bytes, or no JSON; or some
            object has a field twice.
    """
    # Not to be kept waiting by a pipe that somebody put in its place.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if mode & 0o077:
            raise UnsafeFileError
        data = file.read(bytes_max + 1) if stat.S_ISREG(mode) else b""
    if len(data) > bytes_max:
        raise ValueError("too long")
    return json.loads(data.decode("utf-8"), object_pairs_hook=_unique)


@contextmanager
def one_at_a_time(path: Path) -> Generator[None]:
    """Keep every other editor of the file waiting; its folder is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = path.with_name(path.name + ".lock")
    with os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def write_owned(path: Path, document: Mapping[str, Any]) -> None:
    """Replace the file in one step; a crash leaves the old one or the new one.

    Whoever calls is :func:`one_at_a_time`.
    """
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)  # left by a crash; we hold the lock
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(json.dumps(document, indent=1).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands twice")
    return found
