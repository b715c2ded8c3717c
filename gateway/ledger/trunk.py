"""The Merkle tree as two threads see it.

The writer's thread appends leaves that are not durable yet, and takes them back when their
commit fails; others ask for proofs and tiles of sizes that are durable. Nodes below a durable
size never change, so a short lock around each access is all that is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from signing.merkle import Tree
from signing.tiles import tile_bytes


class Trunk:
    """A `signing.merkle.Tree` behind a lock that is never held while a disk is waited for."""

    __slots__ = ("_lock", "_tree")

    def __init__(self) -> None:
        """Start with no leaf."""
        self._lock = Lock()
        self._tree = Tree()

    @property
    def size(self) -> int:
        """How many leaves there are, durable or not."""
        with self._lock:
            return self._tree.size

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append leaf hashes in order."""
        with self._lock:
            for leaf in leaves:
                self._tree.append(leaf)

    def truncate(self, size: int) -> None:
        """Take back what was appended after `size`: its commit failed."""
        with self._lock:
            self._tree.truncate(size)

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves, or over all."""
        with self._lock:
            return self._tree.root(size)

    def proof(self, index: int, size: int) -> list[bytes]:
        """The inclusion proof of a leaf in the tree of `size` leaves."""
        with self._lock:
            return self._tree.inclusion_proof(index, size)

    def tile(self, level: int, index: int, width: int) -> bytes:
        """A tile's bytes; its subtrees are complete at a durable size."""
        with self._lock:
            return tile_bytes(self._tree, level, index, width)
