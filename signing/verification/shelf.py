"""Reading tiles and bundles from a folder: exact length, and agreement between partial copies.

While a log grows, the same tile is published at several widths. Each must be a prefix of the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from signing.merkle import HASH_BYTES
from signing.tiles import FULL, TileName, read_bundle
from signing.verification.findings import Findings
from signing.verification.folder import Folder

TILES: Final = 2
BUNDLES: Final = 3


class Shelf:
    """The tiles of level 0 and the bundles of a folder, read one at a time."""

    def __init__(self, folder: Folder, findings: Findings) -> None:
        self._folder = folder
        self._findings = findings

    def hashes(self, index: int, width: int) -> list[bytes]:
        """Return the leaf hashes of tile `index`, fewer than `width` where it is damaged."""
        name = self._folder.source(0, index, width)
        if name is None:
            self._findings.fault(TILES, index * FULL, "its tile is missing")
            return []
        found = self.read_hashes(name)
        if len(found) < width and name.width < width:
            self._findings.fault(TILES, index * FULL + len(found), "its hash is missing")
        for narrow in self._narrower(name):
            self.compare(TILES, narrow, self.read_hashes(narrow), found)
        return found[:width]

    def entries(self, index: int, width: int) -> list[bytes]:
        """Return the entries of bundle `index`, fewer than `width` where it is damaged."""
        name = self._folder.source("entries", index, width)
        if name is None:
            self._findings.fault(BUNDLES, index * FULL, "its bundle is missing")
            return []
        found = self.read_entries(name)
        if len(found) < width and name.width < width:
            self._findings.fault(BUNDLES, index * FULL + len(found), "the entry is missing")
        for narrow in self._narrower(name):
            self.compare(BUNDLES, narrow, self.read_entries(narrow), found)
        return found[:width]

    def read_hashes(self, name: TileName) -> list[bytes]:
        """Return the hashes of a tile file; a length that is not its width is a fault."""
        data = self._folder.tile(name)
        count = min(len(data) // HASH_BYTES, name.width)
        if len(data) != name.width * HASH_BYTES:
            message = f"{name.path} has {len(data)} bytes, not {name.width * HASH_BYTES}"
            self._findings.fault(TILES, first_entry(name, count), message)
        return [data[at : at + HASH_BYTES] for at in range(0, count * HASH_BYTES, HASH_BYTES)]

    def read_entries(self, name: TileName) -> list[bytes]:
        """Return the entries of a bundle file; a byte too many or too few is a fault."""
        data = self._folder.tile(name)
        found, rest = read_bundle(data)
        if rest or len(found) != name.width:
            count = min(len(found), name.width)
            message = f"{name.path} does not end with its entry number {name.width}"
            self._findings.fault(BUNDLES, first_entry(name, count), message)
        return found[: name.width]

    def compare(
        self, step: int, name: TileName, found: Sequence[bytes], expected: Sequence[bytes]
    ) -> None:
        """Fault the first hash or entry of a file that is not what it has to be."""
        place = first_difference(found, expected)
        if place is not None:
            message = f"{name.path} differs from the rest of the log"
            self._findings.fault(step, first_entry(name, place), message)

    def _narrower(self, name: TileName) -> list[TileName]:
        widths = self._folder.widths(name.level, name.index)
        return [TileName(name.level, name.index, w) for w in widths if w < name.width]


def first_difference(first: Sequence[bytes], second: Sequence[bytes]) -> int | None:
    """Return where two sequences differ first, as far as both go."""
    for place, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return place
    return None


def first_entry(name: TileName, offset: int) -> int:
    """Return the index of the first entry below a place in a file."""
    span = 1 if name.level == "entries" else FULL**name.level
    return (name.index * FULL + offset) * span
