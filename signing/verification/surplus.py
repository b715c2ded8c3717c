"""Steps 2 and 3, continued: the upper tiles, and files that are ahead of the checkpoint.

A log is published bundles first, then tiles, then the checkpoint. So a copy may hold files that its
checkpoint does not cover yet. They are accepted where they continue the proven log without a gap
and agree with each other: every hash in a tile must be the hash of entries that are published.
Anything else is a file too many.
"""

from __future__ import annotations

from signing.merkle import leaf_hash
from signing.tiles import FULL, TileName
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
        self._require_upper_tiles()
        for name in self._folder.names():
            ahead = first_entry(name, name.width) > self._size
            self._findings.counts["files ahead"] += ahead
            # Bundles and tiles of level 0 that the checkpoint covers have been read already.
            if name.level == "entries":
                if ahead:
                    self._check_bundle(name)
            elif ahead or name.level > 0:
                self._check_tile(name, name.level)

    def _read_ahead(self) -> None:
        """Read the entries that follow the checkpoint, as far as the bundles go without a gap."""
        index, known = self._whole, len(self._tail)
        while True:
            widths = [w for w in self._folder.widths("entries", index) if w > known]
            if not widths:
                return
            name = TileName("entries", index, max(widths))
            leaves = [leaf_hash(entry) for entry in self._shelf.read_entries(name)]
            self._shelf.compare(BUNDLES, name, leaves, self._tail[(index - self._whole) * FULL :])
            self._tail += leaves[known:]
            if len(leaves) < FULL:
                return
            index, known = index + 1, 0

    def _require_upper_tiles(self) -> None:
        level, count = 1, self._whole
        while count:
            for index in range(-(-count // FULL)):
                width = min(FULL, count - index * FULL)
                name = self._folder.source(level, index, width)
                if name is None or name.width < width:
                    wanted = TileName(level, index, width)
                    place = first_entry(wanted, name.width if name else 0)
                    self._findings.fault(TILES, place, f"{wanted.path} is missing")
            level, count = level + 1, count // FULL

    def _check_bundle(self, name: TileName) -> None:
        start = (name.index - self._whole) * FULL
        if start + name.width > len(self._tail):
            message = f"{name.path} is a file too many: no entries lead up to it"
            self._findings.fault(BUNDLES, None, message)
            return
        leaves = [leaf_hash(entry) for entry in self._shelf.read_entries(name)]
        self._shelf.compare(BUNDLES, name, leaves, self._tail[start : start + name.width])

    def _check_tile(self, name: TileName, level: int) -> None:
        expected = [self._hash(level, name.index * FULL + place) for place in range(name.width)]
        known = [found for found in expected if found is not None]
        if len(known) < name.width:
            message = f"{name.path} is a file too many: it holds hashes of no published entry"
            self._findings.fault(TILES, None, message)
            return
        self._shelf.compare(TILES, name, self._shelf.read_hashes(name), known)

    def _hash(self, level: int, index: int) -> bytes | None:
        """Return a hash of the proven log and what continues it; None behind its end."""
        if level == 0:
            place = index - self._whole * FULL
            return self._tail[place] if place < len(self._tail) else None
        span = 8 * (level - 1)
        return self._roots.node(span, index) if index < self._roots.size >> span else None
