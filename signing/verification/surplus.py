"""Steps 2 and 3, continued: the upper tiles, and files that are ahead of the checkpoint.

A log is published bundles first, then tiles, then the checkpoint. So a copy may hold files that its
checkpoint does not cover yet. They are accepted where they continue the proven log without a gap
and agree with each other: every hash in a tile must be the hash of entries that are published.
Anything else is a file too many.
"""

from __future__ import annotations

from signing.merkle import leaf_hash
from signing.tiles import FULL, TileName, read_bundle
from signing.verification.findings import Findings
from signing.verification.folder import Folder
from signing.verification.shelf import BUNDLES, TILES, Shelf, first_entry
from signing.verification.tree import Account, tree_of


class SurplusCheck:
    """Holds every file that `TreeCheck` did not read against the proven log."""

    def __init__(self, folder: Folder, size: int, proven: Account, findings: Findings) -> None:
        """Check against `proven`, the account of `size` entries that the root confirms."""
        self._folder = folder
        self._findings = findings
        self._shelf = Shelf(folder, findings)
        self._size = size
        self._whole = size // FULL
        # The leaf hashes behind the proven full tiles: the proven edge, then what is ahead.
        self._tail = list(proven.edge or [])
        self._roots = tree_of([root for root in proven.roots if root is not None])

    def run(self) -> None:
        """Check upper tiles, then whatever else there is."""
        self._read_ahead()
        for start in range(0, len(self._tail) - FULL + 1, FULL):
            self._roots.append(tree_of(self._tail[start : start + FULL]).root())
        self._check_upper_tiles()
        for name in self._folder.names():
            ahead = first_entry(name, name.width) > self._size
            self._findings.counts["files ahead"] += ahead
            if ahead and name.level == "entries":
                self._check_bundle(name)
            elif ahead and name.level != "entries":
                self._check_tile(name, name.level)

    def _read_ahead(self) -> None:
        """Read the entries that follow the checkpoint, as far as the bundles go without a gap."""
        index, known = self._whole, len(self._tail)
        while True:
            widths = [w for w in self._folder.widths_now("entries", index) if w > known]
            found = self._folder.read("entries", index, max(widths)) if widths else None
            if found is None:
                return
            leaves = [leaf_hash(entry) for entry in read_bundle(found[1])[0]]
            self._shelf.compare_items(found[0], leaves, self._tail[(index - self._whole) * FULL :])
            self._tail += leaves[known:]
            if len(leaves) < FULL:
                return
            index, known = index + 1, 0

    def _check_upper_tiles(self) -> None:
        """Check every tile above level 0 that the checkpoint asks for."""
        level, count = 1, self._whole
        while count:
            for index in range(-(-count // FULL)):
                width = min(FULL, count - index * FULL)
                found = self._shelf.required(level, index, width)
                expected = self._hashes(level, index, width)
                self._shelf.compare_items(TileName(level, index, width), found, expected)
            level, count = level + 1, count // FULL

    def _check_bundle(self, name: TileName) -> None:
        """Check a bundle that is ahead of the checkpoint."""
        start = (name.index - self._whole) * FULL
        entries = self._shelf.surplus(name)
        if entries is None:
            return
        if start + name.width > len(self._tail):
            message = f"{name.path} is a file too many: no entries lead up to it"
            self._findings.fault(BUNDLES, None, message)
            return
        leaves = [leaf_hash(entry) for entry in entries]
        self._shelf.compare_items(name, leaves, self._tail[start : start + name.width])

    def _check_tile(self, name: TileName, level: int) -> None:
        """Check a tile that is ahead of the checkpoint."""
        hashes = self._shelf.surplus(name)
        if hashes is None:
            return
        expected = self._hashes(level, name.index, name.width)
        if len(expected) < name.width:
            message = f"{name.path} is a file too many: it holds hashes of no published entry"
            self._findings.fault(TILES, None, message)
            return
        self._shelf.compare_items(name, hashes, expected)

    def _hashes(self, level: int, index: int, width: int) -> list[bytes]:
        """Return the hashes that a tile must hold, as far as the log and what is ahead go."""
        places = (self._hash(level, index * FULL + offset) for offset in range(width))
        return [found for found in places if found is not None]

    def _hash(self, level: int, index: int) -> bytes | None:
        """Return a hash of the proven log and what continues it; None behind its end."""
        if level == 0:
            place = index - self._whole * FULL
            return self._tail[place] if place < len(self._tail) else None
        span = 8 * (level - 1)
        return self._roots.node(span, index) if index < self._roots.size >> span else None
