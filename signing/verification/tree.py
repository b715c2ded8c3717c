"""Steps 2 and 3: the published tiles and bundles against the checkpoint's root.

The log's root is computed twice: from the hashes in the tiles of level 0, and from the entries in
the bundles. Where both give the signed root, nothing is damaged. Where one of them does, the other
is held against it, and the first difference names the entry. Where neither does, the tiles of
level 1 arbitrate, if they give the signed root; else no single entry can be blamed.

Of every full tile only its root is kept, so that a log of any length can be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from signing.checkpoint import Checkpoint
from signing.merkle import Tree, fold, leaf_hash
from signing.tiles import FULL, read_tile
from signing.verification.findings import Findings
from signing.verification.folder import Folder
from signing.verification.shelf import BUNDLES, TILES, Shelf, first_difference


@dataclass(slots=True)
class Account:
    """One account of the log: the roots of its full tiles, and the hashes at its right edge.

    Attributes:
        roots: of every full tile; None for one that is incomplete.
        edge: the leaf hashes behind the full tiles; None where they are incomplete.
    """

    roots: list[bytes | None] = field(default_factory=list["bytes | None"])
    edge: list[bytes] | None = field(default_factory=list[bytes])

    def add(self, leaves: list[bytes], width: int) -> None:
        """Take the hashes of the next tile, which should be `width`."""
        complete = len(leaves) == width
        if width == FULL:
            self.roots.append(tree_of(leaves).root() if complete else None)
        else:
            self.edge = leaves if complete else None

    def tile_root(self, index: int) -> bytes | None:
        """Return the root of tile `index`, the edge being the last; None if incomplete."""
        if index < len(self.roots):
            return self.roots[index]
        return None if self.edge is None else tree_of(self.edge).root()

    def root(self) -> bytes | None:
        """Return the log's root by this account; None if incomplete."""
        roots = [root for root in self.roots if root is not None]
        if len(roots) != len(self.roots) or self.edge is None:
            return None
        return fold(tree_of(roots).peaks() + tree_of(self.edge).peaks())


class TreeCheck:
    """Reads the tiles and bundles of one log in order, then decides what is damaged."""

    def __init__(self, folder: Folder, checkpoint: Checkpoint, findings: Findings) -> None:
        self._folder = folder
        self._shelf = Shelf(folder, findings)
        self._checkpoint = checkpoint
        self._findings = findings
        self._tiles = Account()
        self._bundles = Account()
        # Where the tile and the bundle of an index first disagree, by that index.
        self._differences: dict[int, int] = {}
        self._proven: Account | None = None

    def read(self) -> Iterator[tuple[int, list[bytes]]]:
        """Read every tile and bundle once; yield each bundle's first index and its entries.

        A damaged bundle yields the entries that could be read. Reading stops where neither a tile
        nor a bundle is left.
        """
        size = self._checkpoint.size
        for index in range(-(-size // FULL)):
            width = min(FULL, size - index * FULL)
            hashes = self._shelf.required(0, index, width)
            entries = self._shelf.required("entries", index, width)
            leaves = [leaf_hash(entry) for entry in entries]
            self._tiles.add(hashes, width)
            self._bundles.add(leaves, width)
            difference = first_difference(hashes, leaves)
            if difference is not None:
                self._differences[index] = index * FULL + difference
            if not hashes and not entries:
                return
            yield index * FULL, entries

    def conclude(self) -> Account | None:
        """Return the account that the signed root confirms, and blame what differs from it."""
        trusted = self._arbitrate()
        if trusted is None:
            self._findings.unproven = True
            message = "the tiles and bundles do not hash to the checkpoint's root"
            self._findings.fault(TILES, None, message)
            return None
        self._proven = trusted
        tiles = len(trusted.roots) + bool(trusted.edge)
        for index in range(tiles):
            self._blame(index, trusted.tile_root(index))
        return trusted

    def root_at(self, size: int) -> bytes | None:
        """Return the root of the first `size` proven entries; None where they are not proven."""
        proven, (whole, rest) = self._proven, divmod(size, FULL)
        if proven is None or size > self._checkpoint.size:
            return None
        leaves = proven.edge or []
        if rest and whole < len(proven.roots):
            # The tile is read again, and the bundle instead where the tile is the damaged one.
            leaves = self._shelf.required(0, whole, FULL)
            if tree_of(leaves).root() != proven.roots[whole]:
                leaves = [leaf_hash(e) for e in self._shelf.required("entries", whole, FULL)]
        roots = [root for root in proven.roots[:whole] if root is not None]
        return fold(tree_of(roots).peaks() + tree_of(leaves[:rest]).peaks())

    def _arbitrate(self) -> Account | None:
        for account in (self._tiles, self._bundles):
            if account.root() == self._checkpoint.root:
                return account
        upper = self._level_1()
        for edge in (self._tiles.edge, self._bundles.edge):
            candidate = Account(list(upper), edge)
            if candidate.root() == self._checkpoint.root:
                return candidate
        return None

    def _level_1(self) -> list[bytes]:
        """Return the roots of the full tiles as the tiles of level 1 tell them."""
        count, found = self._checkpoint.size // FULL, list[bytes]()
        for index in range(-(-count // FULL)):
            width = min(FULL, count - index * FULL)
            read = self._folder.read(1, index, width)
            hashes = read_tile(read[1])[0][:width] if read is not None else []
            found += hashes
            if len(hashes) < width:
                break
        return found

    def _blame(self, index: int, root: bytes | None) -> None:
        """Fault the tile or the bundle at `index`, whichever does not have the trusted root."""
        tile_sound = self._tiles.tile_root(index) == root
        bundle_sound = self._bundles.tile_root(index) == root
        difference = self._differences.get(index)
        if tile_sound and bundle_sound:
            return
        if not tile_sound and not bundle_sound:
            message = "neither its tile nor its bundle has the hash that the root confirms"
            self._findings.fault(BUNDLES, index * FULL, message)
        # Without a difference, something is missing there, and has been faulted when read.
        elif difference is not None and tile_sound:
            self._findings.fault(BUNDLES, difference, "the entry does not have its hash")
        elif difference is not None:
            self._findings.fault(TILES, difference, "the tile does not hold the entry's hash")


def tree_of(leaves: Sequence[bytes]) -> Tree:
    """Return the tree over some hashes."""
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree
