"""Tiles and entry bundles: how a log is published as files (C2SP tlog-tiles).

A tile at level L holds up to 256 hashes of complete subtrees of 256**L entries; a bundle holds up
to 256 entries, each after its length. While there are fewer, the file is named by its width.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from signing.merkle import HASH_BYTES, Tree

FULL: Final = 256
"""Hashes in a full tile, entries in a full bundle."""

ENTRY_BYTES_MAX: Final = 65_535

Level: TypeAlias = int | Literal["entries"]
"""A level of hashes, or the bundles of entries."""

_PATH: Final = re.compile(
    r"tile/(?P<level>entries|[0-6])/(?P<index>(?:x[0-9]{3}/){0,4}[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?"
)


class TilesError(ValueError):
    """A bundle or a tile that is not exactly what its name says."""


@dataclass(frozen=True, slots=True, order=True)
class TileName:
    """The name of one published file.

    Attributes:
        level: 0 for leaf hashes and up, or "entries".
        index: its place among the files of its level.
        width: how many hashes or entries it holds, 1 to 256.
    """

    level: Level
    index: int
    width: int

    @property
    def path(self) -> str:
        """The path below the log's folder."""
        name = f"{self.index % 1000:03d}"
        rest = self.index // 1000
        while rest:
            name = f"x{rest % 1000:03d}/{name}"
            rest //= 1000
        partial = "" if self.width == FULL else f".p/{self.width}"
        return f"tile/{self.level}/{name}{partial}"


def tile_path(level: int, index: int, width: int = FULL) -> str:
    """Return the path of a tile of hashes."""
    return TileName(level, index, width).path


def entries_path(index: int, width: int = FULL) -> str:
    """Return the path of a bundle of entries."""
    return TileName("entries", index, width).path


def parse_path(path: str) -> TileName | None:
    """Read a path; None where it is not exactly a path that Writ writes."""
    found = _PATH.fullmatch(path)
    if not found:
        return None
    level = found["level"]
    name = TileName(
        level="entries" if level == "entries" else int(level),
        index=int(found["index"].replace("x", "").replace("/", "")),
        width=int(found["width"] or FULL),
    )
    return name if 1 <= name.width <= FULL and name.path == path else None


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Write entries one after the other, each behind its length in two bytes.

    Raises:
        TilesError: an entry is longer than ENTRY_BYTES_MAX.
    """
    parts = list[bytes]()
    for entry in entries:
        if len(entry) > ENTRY_BYTES_MAX:
            raise TilesError(f"an entry has at most {ENTRY_BYTES_MAX} bytes")
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def decode_bundle(data: bytes) -> list[bytes]:
    """Read a bundle to its last byte.

    Raises:
        TilesError: the bytes end inside an entry, or there are more than 256 entries.
    """
    entries, rest = read_bundle(data)
    if rest:
        raise TilesError(f"the bundle ends inside entry {len(entries)}, or has more than {FULL}")
    return entries


def read_bundle(data: bytes) -> tuple[list[bytes], int]:
    """Read the whole entries at the start of a bundle, 256 at most.

    Returns:
        The entries, and how many bytes follow them that are no whole entry: 0 in a sound bundle.
    """
    entries, at = list[bytes](), 0
    while at < len(data) and len(entries) < FULL:
        start = at + 2
        end = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or end > len(data):
            break
        entries.append(data[start:end])
        at = end
    return entries, len(data) - at


def tile_bytes(tree: Tree, level: int, index: int, width: int = FULL) -> bytes:
    """Return the contents of a tile of hashes.

    Raises:
        IndexError: the tree does not fill the tile to this width.
    """
    start = index * FULL
    return b"".join(tree.node(8 * level, start + offset) for offset in range(width))


def decode_tile(data: bytes, width: int) -> list[bytes]:
    """Divide a tile's contents into its hashes.

    Raises:
        TilesError: it is not exactly `width` hashes long.
    """
    hashes, rest = read_tile(data)
    if rest or len(hashes) != width:
        raise TilesError(f"the tile has {len(data)} bytes, not {width * HASH_BYTES}")
    return hashes


def read_tile(data: bytes) -> tuple[list[bytes], int]:
    """Read the whole hashes at the start of a tile.

    Returns:
        The hashes, and how many bytes follow them that are no whole hash: 0 in a sound tile.
    """
    count, rest = divmod(len(data), HASH_BYTES)
    return [data[at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in range(count)], rest


def changed(old_size: int, new_size: int) -> Iterator[TileName]:
    """Name the files to write when a log grows from `old_size` to `new_size`.

    Bundles first, then tiles from the leaves up, so that nothing refers to what is not there yet;
    the checkpoint follows last.

    Raises:
        ValueError: the log would shrink.
    """
    if not 0 <= old_size <= new_size:
        raise ValueError(f"a log does not go from {old_size} to {new_size} entries")
    yield from _changed("entries", old_size, new_size)
    level = 0
    while new_size:
        yield from _changed(level, old_size, new_size)
        level, old_size, new_size = level + 1, old_size // FULL, new_size // FULL


def _changed(level: Level, old: int, new: int) -> Iterator[TileName]:
    if old == new:
        return
    for index in range(old // FULL, -(-new // FULL)):
        yield TileName(level, index, min(FULL, new - index * FULL))
