"""Reading tiles and bundles from a folder: exact length, and agreement between partial copies.

While a log grows, the same tile is published at several widths. Each must be a prefix of the next;
narrower ones may be deleted at any time, also while the log is being read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from signing.tiles import FULL, Level, TileName, read_bundle, read_tile
from signing.verification.findings import Findings
from signing.verification.folder import Folder

TILES: Final = 2
BUNDLES: Final = 3


class Shelf:
    """The tiles and bundles of a folder, read one at a time."""

    def __init__(self, folder: Folder, findings: Findings) -> None:
        self._folder = folder
        self._findings = findings

    def required(self, level: Level, index: int, width: int) -> list[bytes]:
        """Return the first `width` hashes or entries of a tile, fewer where it is damaged.

        Narrower copies of the same tile are compared with it.
        """
        found = self._folder.read(level, index, width)
        if found is None:
            wanted = TileName(level, index, width)
            self._fault(wanted, 0, f"{wanted.path} is missing")
            return []
        name, data = found
        items = self._items(name, data)
        if name.width < width:
            self._fault(name, len(items), f"it is missing: {name.path} is the widest there is")
        for narrow in self._folder.widths(level, index):
            if narrow < name.width:
                self.compare(TileName(level, index, narrow), items)
        return items[:width]

    def surplus(self, name: TileName) -> list[bytes] | None:
        """Return what a listed file holds; None where it has been replaced since."""
        data = self._folder.tile(name)
        return None if data is None else self._items(name, data)

    def compare(self, name: TileName, expected: Sequence[bytes]) -> None:
        """Fault the first hash or entry of a listed file that is not what it has to be."""
        found = self.surplus(name)
        if found is not None:
            self.compare_items(name, found, expected)

    def compare_items(
        self, name: TileName, found: Sequence[bytes], expected: Sequence[bytes]
    ) -> None:
        """As `compare`, for a file that was read already."""
        place = first_difference(found, expected)
        if place is not None:
            self._fault(name, place, f"{name.path} differs from the rest of the log")

    def _items(self, name: TileName, data: bytes) -> list[bytes]:
        """Divide a file's bytes; one too many or too few is a fault."""
        items, rest = read_bundle(data) if name.level == "entries" else read_tile(data)
        if rest or len(items) != name.width:
            place = min(len(items), name.width)
            self._fault(name, place, f"{name.path} does not end with its item number {name.width}")
        return items[: name.width]

    def _fault(self, name: TileName, place: int, reason: str) -> None:
        step = BUNDLES if name.level == "entries" else TILES
        self._findings.fault(step, first_entry(name, place), reason)


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
