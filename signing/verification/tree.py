"""Steps 2 and 3: the published tiles and bundles against the checkpoint's root.

The log's root is computed twice: from the hashes in the level 0 tiles, and from the entries in
the bundles. Where both give the signed root, nothing is damaged. Where one of them does, the other
is held against it, and the first difference names the entry. Where neither does, the tiles of
level 1 arbitrate, if they give the signed root; else no single entry can be blamed.

Only one hash for every 256 entries is kept, so a log of any length can be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from signing.checkpoint import Checkpoint
from signing.merkle import HASH_BYTES, Tree, fold, leaf_hash
from signing.tiles import FULL, Level, TileName, encode_bundle, read_bundle
from signing.verification.findings import Findings
from signing.verification.folder import Folder

TILES: Final = 2
BUNDLES: Final = 3


@dataclass(slots=True)
class _Side:
    """One account of the log: the roots of its full tiles, and the hashes at its edge."""

    roots: list[bytes | None] = field(default_factory=list[bytes | None])
    edge: list[bytes] = field(default_factory=list[bytes])

    def top(self) -> Tree | None:
        """Return the tree above the full tiles, whose leaves are their roots."""
        tree = Tree()
        for root in self.roots:
            if root is None:
                return None
            tree.append(root)
        return tree

    def root(self) -> bytes | None:
        """Return the log's root by this account."""
        top = self.top()
        return None if top is None else _log_root(top, self.edge)


class TreeCheck:
    """Reads the tiles and bundles of one log, in order."""

    def __init__(self, folder: Folder, checkpoint: Checkpoint, findings: Findings) -> None:
        self._folder = folder
        self._size = checkpoint.size
        self._root = checkpoint.root
        self._findings = findings
        self._tiles = _Side()
        self._bundles = _Side()
        # Where the tile and the bundle of an index disagree first, by that index.
        self._differences: dict[int, int] = {}
        self._trusted: _Side | None = None

    def read(self) -> Iterator[tuple[int, bytes]]:
        """Read every tile and bundle once; yield each entry with its index."""
        for tile in range(-(-self._size // FULL)):
            width = min(FULL, self._size - tile * FULL)
            hashes = self._read_hashes(tile, width)
            entries = self._read_entries(tile, width)
            if hashes is None and entries is None:
                # Nothing of this tile is left: what follows it proves nothing either.
                self._tiles.roots.append(None)
                self._bundles.roots.append(None)
                return
            self._compare(tile, width, hashes or [], entries or [])
            for offset, entry in enumerate(entries or []):
                yield tile * FULL + offset, entry

    def conclude(self) -> None:
        """Decide which account the signed root confirms, and blame the other."""
        self._trusted = self._arbitrate()
        if self._trusted is None:
            message = "the tiles and bundles do not hash to the checkpoint's root"
            self._findings.fault(TILES, None, message)
        else:
            self._blame(self._trusted)
        self._check_upper_tiles()
        for name in self._folder.names():
            if name.level != "entries" and name.level > 0:
                continue
            if name.index * FULL >= self._size:
                self._check_ahead(name)

    def root_at(self, size: int) -> bytes | None:
        """Return the root of the first `size` entries, None where they are not proven."""
        if self._trusted is None or size > self._size:
            return None
        top = self._trusted.top()
        if top is None:
            return None
        whole, rest = divmod(size, FULL)
        edge = self._trusted.edge
        if whole < top.size:
            hashes = self._folder_hashes(whole)
            if subtree_root(hashes) != top.node(0, whole):
                hashes = [leaf_hash(entry) for entry in self._folder_entries(whole)]
            edge = hashes
        part = Tree()
        for leaf in edge[:rest]:
            part.append(leaf)
        return fold(top.peaks(whole) + part.peaks())

    # --- reading -------------------------------------------------------------------------------
