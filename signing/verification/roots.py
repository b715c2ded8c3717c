"""The proven root of every bundle, so that bundles can be read alone and in any order.

The tiles of level 0 are read once, 32 bytes an entry, and must hash to the signed root. Of each
tile only its root is kept: a bundle is proven where its entries hash to that root.
"""

from __future__ import annotations

from collections.abc import Sequence

from signing.checkpoint import Checkpoint
from signing.merkle import fold, leaf_hash
from signing.tiles import FULL, TilesError, decode_bundle, decode_tile
from signing.verification.folder import Folder
from signing.verification.tree import tree_of


class RootsError(ValueError):
    """Files of a log that do not lead to its checkpoint, or are missing."""


class BundleRoots:
    """The roots of a log's bundles under one checkpoint.

    Attributes:
        checkpoint: what they were proven against; its signature is the caller's to verify.
    """

    def __init__(self, folder: Folder, checkpoint: Checkpoint) -> None:
        """Read the tiles of level 0.

        Raises:
            RootsError: a tile is missing or damaged, or they do not hash to the checkpoint's root.
            OSError: the folder cannot be read.
        """
        self.checkpoint = checkpoint
        self._folder = folder
        self._roots: list[bytes] = []
        self._edge: list[bytes] = []
        for index in range(checkpoint.size // FULL):
            self._roots.append(tree_of(self._hashes(index, FULL)).root())
        if checkpoint.size % FULL:
            self._edge = self._hashes(checkpoint.size // FULL, checkpoint.size % FULL)
        if self.root_at(checkpoint.size) != checkpoint.root:
            raise RootsError("the tiles do not hash to the checkpoint's root")

    @property
    def count(self) -> int:
        """How many bundles there are."""
        return -(-self.checkpoint.size // FULL)

    def root_of(self, bundle: int) -> bytes:
        """Return the root over the entries of one bundle, as far as the checkpoint covers them."""
        if bundle < len(self._roots):
            return self._roots[bundle]
        return tree_of(self._edge).root()

    def root_at(self, size: int) -> bytes:
        """Return the root of the first `size` entries: what an earlier checkpoint must have said.

        Raises:
            RootsError: the log is shorter, or the tile at its place has changed meanwhile.
        """
        if not 0 <= size <= self.checkpoint.size:
            raise RootsError(f"the log has {self.checkpoint.size} entries, not {size}")
        whole, rest = divmod(size, FULL)
        leaves = self._edge if whole == len(self._roots) else []
        if rest and whole < len(self._roots):
            leaves = self._hashes(whole, FULL)
            if tree_of(leaves).root() != self._roots[whole]:
                raise RootsError(f"the tile of entry {whole * FULL} has changed")
        return fold(tree_of(self._roots[:whole]).peaks() + tree_of(leaves[:rest]).peaks())

    def _hashes(self, index: int, width: int) -> list[bytes]:
        found = self._folder.read(0, index, width)
        try:
            hashes = decode_tile(found[1], found[0].width) if found else []
        except TilesError as error:
            raise RootsError(f"tile {index}: {error}") from error
        if len(hashes) < width:
            raise RootsError(f"the tile of entry {index * FULL + len(hashes)} is missing")
        return hashes[:width]


def proven_bundle(folder: Folder, index: int, width: int, root: bytes) -> Sequence[bytes]:
    """Return the first `width` entries of a bundle, if they hash to `root`.

    Raises:
        RootsError: the bundle is missing, damaged, or holds other entries.
        OSError: the folder cannot be read.
    """
    found = folder.read("entries", index, width)
    try:
        entries = decode_bundle(found[1])[:width] if found else []
    except TilesError as error:
        raise RootsError(f"bundle {index}: {error}") from error
    if len(entries) < width:
        raise RootsError(f"the bundle of entry {index * FULL + len(entries)} is missing")
    if tree_of([leaf_hash(entry) for entry in entries]).root() != root:
        raise RootsError(f"the entries from {index * FULL} on do not have the hash of their tile")
    return entries
