"""Reading a published log: a folder with `checkpoint`, `tile/` and `blobs/`, and nothing else.

Links are not followed and every read has a limit: the folder comes from a stranger.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from signing.checkpoint import CHECKPOINT_BYTES_MAX
from signing.merkle import HASH_BYTES
from signing.tiles import ENTRY_BYTES_MAX, FULL, Level, TileName, parse_path

TILE_BYTES_MAX: Final = FULL * HASH_BYTES
BUNDLE_BYTES_MAX: Final = FULL * (2 + ENTRY_BYTES_MAX)
DOCUMENT_BYTES_MAX: Final = 1_048_576
DEPTH_MAX: Final = 16
_ATTEMPTS: Final = 16
_CHUNK_BYTES: Final = 1_048_576
_ENTRIES: Final = "tile/entries"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Folder:
    """The files of a published log.

    Attributes:
        path: the folder.
        stray: paths that a published log does not have, relative to the folder.
    """

    def __init__(self, path: Path) -> None:
        """List the tile files of the folder; documents are only read when an entry names them.

        Raises:
            OSError: the folder cannot be read.
        """
        self.path = path
        self.stray: list[str] = []
        self._widths: dict[tuple[Level, int], list[int]] = {}
        # Bundles are written before tiles: listed after them, each listed tile has its bundle.
        for file in (*self._walk("", skip=(_ENTRIES, "blobs")), *self._walk_if_there(_ENTRIES)):
            name = parse_path(file)
            if name is not None:
                self._widths.setdefault((name.level, name.index), []).append(name.width)
            elif file != "checkpoint":
                self.stray.append(file)

    def read(self, level: Level, index: int, width: int) -> tuple[TileName, bytes] | None:
        """Return the file that best holds the first `width` items of a tile, and its bytes.

        That is the exact one; or a wider one, where the log grew and cleaned up meanwhile; or the
        widest there is, where the log was cut short. A file that is gone since the folder was
        listed has been replaced: the place is looked at again.
        """
        name = _best(level, index, width, self.widths(level, index))
        for _ in range(_ATTEMPTS):
            data = None if name is None else self.tile(name)
            if name is not None and data is not None:
                return name, data
            name = _best(level, index, width, self.widths_now(level, index))
        return None

    def widths(self, level: Level, index: int) -> list[int]:
        """Return the widths in which this tile was there when the folder was listed."""
        return self._widths.get((level, index), [])

    def widths_now(self, level: Level, index: int) -> list[int]:
        """Return the widths in which this tile is there at this moment."""
        full = TileName(level, index, FULL).path
        found = [FULL] if (self.path / full).is_file() else []
        for file in self._walk_if_there(f"{full}.p"):
            name = parse_path(file)
            found += [name.width] if name is not None else []
        return found

    def names(self) -> Iterator[TileName]:
        """Name every tile file."""
        for (level, index), widths in self._widths.items():
            for width in widths:
                yield TileName(level, index, width)

    def tile(self, name: TileName) -> bytes | None:
        """Return a tile file's bytes, None if it is gone; far more than it may have are cut off."""
        limit = BUNDLE_BYTES_MAX if name.level == "entries" else TILE_BYTES_MAX
        return self._read(name.path, limit + 1)

    def document(self, digest: str, limit: int = DOCUMENT_BYTES_MAX) -> bytes | None:
        """Return a document, or None where it is not (or no longer) published.

        Of a longer one than `limit` bytes, one byte more than that is returned.
        """
        return self._read(f"blobs/{digest}", limit + 1)

    def document_digest(self, digest: str) -> str | None:
        """Return the SHA-256 of the file that is published as `digest`, or None without one."""
        try:
            with _open(self.path / "blobs" / digest) as file:
                hasher = hashlib.sha256()
                while chunk := file.read(_CHUNK_BYTES):
                    hasher.update(chunk)
        except FileNotFoundError:
            return None
        return hasher.hexdigest()

    def documents(self) -> Iterator[str]:
        """Name every published document; what is no document is added to `stray`."""
        for file in self._walk_if_there("blobs"):
            digest = file.removeprefix("blobs/")
            if _DIGEST.fullmatch(digest):
                yield digest
            else:
                self.stray.append(file)

    def _walk_if_there(self, below: str) -> Iterator[str]:
        if (self.path / below).is_dir():
            yield from self._walk(below)

    def _walk(self, below: str, skip: tuple[str, ...] = (), depth: int = 0) -> Iterator[str]:
        """Name every file below a folder; links, devices and too deep folders are stray."""
        with os.scandir(self.path / below) as found:
            for item in found:
                path = f"{below}/{item.name}" if below else item.name
                if item.is_dir(follow_symlinks=False) and depth < DEPTH_MAX:
                    if path not in skip:
                        yield from self._walk(path, skip, depth + 1)
                elif item.is_file(follow_symlinks=False):
                    yield path
                else:
                    self.stray.append(path)

    def _read(self, path: str, limit: int) -> bytes | None:
        return _read(self.path / path, limit)


def _best(level: Level, index: int, width: int, widths: list[int]) -> TileName | None:
    if not widths:
        return None
    wide = [one for one in widths if one >= width]
    return TileName(level, index, min(wide) if wide else max(widths))


def read_note(directory: Path) -> bytes:
    """Return the bytes of a log's checkpoint; none where there is no such file."""
    return _read(directory / "checkpoint", CHECKPOINT_BYTES_MAX + 1) or b""


def _read(path: Path, limit: int) -> bytes | None:
    try:
        with _open(path) as file:
            return file.read(limit)
    except FileNotFoundError:
        return None


def _open(path: Path) -> BinaryIO:
    """Open a plain file; a link or a device is reported as missing.

    Raises:
        FileNotFoundError: no such plain file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.ENXIO}:
            raise FileNotFoundError(path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(path)
    return os.fdopen(descriptor, "rb")
