"""Files that a command writes where it was told to: whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO


@contextmanager
def written(path: Path) -> Generator[TextIO]:
    """A text that takes its place at `path` when the block ends well, and otherwise is gone.

    Until then whatever stood at `path` stands there still. A pipe or a device has no place to
    take: what is written there goes there at once.

    Raises:
        OSError: it cannot be written; the file named is `path`.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        with target.open("w", encoding="utf-8") as file:
            yield file
        return
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        file = beside.open("w", encoding="utf-8")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        with file:
            yield file
        beside.replace(target)
    except BaseException:  # an interruption above all
        with suppress(OSError):
            beside.unlink()
        raise


def write_whole(path: Path, text: str) -> None:
    """Write a text at `path`, so that nobody ever reads half of it there.

    Raises:
        OSError: it cannot be written; the file named is `path`.
    """
    with written(path) as file:
        file.write(text)
