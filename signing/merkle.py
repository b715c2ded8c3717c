"""The RFC 6962 Merkle tree: hashes, an append-only tree in memory, proofs and their verification.

The tree keeps every hash of every complete subtree, 64 bytes an entry in all, so appending costs
O(1) hashes on average and any proof O(log n).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, TypeAlias

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""The root of the tree without entries."""

Nodes: TypeAlias = Callable[[int, int], bytes]
"""Gives the hash of the complete subtree at a level (of 2**level entries) and an index."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry's bytes."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(peaks: list[bytes]) -> bytes:
    """Return the root over complete subtrees that shrink from left to right."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


class Tree:
    """An append-only Merkle tree over leaf hashes."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        # _levels[k] holds, back to back, the hashes of the complete subtrees of 2**k entries.
        self._levels: list[bytearray] = [bytearray()]

    @property
    def size(self) -> int:
        """The number of entries."""
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf: bytes) -> int:
        """Add the hash of an entry; return its index.

        Raises:
            ValueError: `leaf` is not 32 bytes.
        """
        if len(leaf) != HASH_BYTES:
            raise ValueError(f"a leaf hash is {HASH_BYTES} bytes")
        index = self.size
        self._levels[0] += leaf
        level, position = 0, index
        # Every second subtree completes one of twice its size.
        while position % 2 == 1:
            parent = node_hash(self.node(level, position - 1), self.node(level, position))
            level, position = level + 1, position // 2
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += parent
        return index

    def truncate(self, size: int) -> None:
        """Forget the entries from index `size` on: a batch that was never committed.

        Raises:
            ValueError: the tree has fewer entries.
        """
        self._check_size(size)
        for level, hashes in enumerate(self._levels):
            del hashes[(size >> level) * HASH_BYTES :]

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of the complete subtree of entries index·2**level and following.

        Raises:
            IndexError: the tree holds no such complete subtree.
        """
        if not 0 <= level < len(self._levels) or index < 0:
            raise IndexError("no such subtree")
        start = index * HASH_BYTES
        found = bytes(self._levels[level][start : start + HASH_BYTES])
        if len(found) != HASH_BYTES:
            raise IndexError("no such subtree")
        return found

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the first `size` entries, or of all.

        Raises:
            ValueError: the tree has fewer entries.
        """
        return fold(self.peaks(size))

    def peaks(self, size: int | None = None) -> list[bytes]:
        """Return the hashes of the largest complete subtrees of the first `size` entries, or all.

        Raises:
            ValueError: the tree has fewer entries.
        """
        end = self.size if size is None else self._check_size(size)
        return _peaks(self.node, 0, end)

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the hashes that lead from entry `index` to the root of `size` entries.

        The sibling of the leaf comes first.

        Raises:
            ValueError: the tree has fewer entries, or the entry is not among them.
        """
        end = self.size if size is None else self._check_size(size)
        return prove_inclusion(self.node, index, end)

    def consistency_proof(self, old: int, new: int | None = None) -> list[bytes]:
        """Return the hashes that show the tree of `old` entries to be a prefix of that of `new`.

        Raises:
            ValueError: the tree has fewer entries, or `old` exceeds `new`.
        """
        end = self.size if new is None else self._check_size(new)
        if not 0 <= old <= end:
            raise ValueError(f"{old} entries are no prefix of {end}")
        if old in {0, end}:
            return []
        start, proof, whole = 0, list[bytes](), True
        while end != old:
            middle = start + _left_part(end - start)
            if old <= middle:
                proof.append(_range(self.node, middle, end))
                end = middle
            else:
                proof.append(_range(self.node, start, middle))
                start, whole = middle, False
        # The verifier knows the old root itself; any other last part has to be told.
        if not whole:
            proof.append(_range(self.node, start, end))
        return proof[::-1]

    def _check_size(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise ValueError(f"the tree has {self.size} entries, not {size}")
        return size


def prove_inclusion(node: Nodes, index: int, size: int) -> list[bytes]:
    """Return the hashes that lead from entry `index` to the root of `size` entries.

    Args:
        node: where the hashes of complete subtrees come from: a tree, or published tiles.
        index: the entry's index.
        size: the number of entries.

    Raises:
        ValueError: the entry is not among them.
    """
    if not 0 <= index < size:
        raise ValueError(f"entry {index} is not among {size}")
    start, end, proof = 0, size, list[bytes]()
    while end - start > 1:
        middle = start + _left_part(end - start)
        if index < middle:
            proof.append(_range(node, middle, end))
            end = middle
        else:
            proof.append(_range(node, start, middle))
            start = middle
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    """Tell whether `proof` leads from `leaf`, at `index` of `size` entries, to `root`.

    RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at % 2 == 1 or at == last:
            found = node_hash(sibling, found)
            while at % 2 == 0 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(
    old: int, new: int, proof: list[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """Tell whether `proof` shows that the tree of `old` entries is a prefix of that of `new`.

    RFC 9162, section 2.1.4.2. The empty tree is a prefix of every tree.
    """
    if not 0 <= old <= new:
        return False
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if old == new:
        return not proof and old_root == new_root
    # A tree of a power of two is itself the first part of the proof.
    path = [old_root, *proof] if old & (old - 1) == 0 else proof
    if not path:
        return False
    at, last = old - 1, new - 1
    while at % 2 == 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for part in path[1:]:
        if last == 0:
            return False
        if at % 2 == 1 or at == last:
            first, second = node_hash(part, first), node_hash(part, second)
            while at % 2 == 0 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, part)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _left_part(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _range(node: Nodes, start: int, end: int) -> bytes:
    """Hash entries start..end; `start` is a multiple of the largest power of two in it."""
    return fold(_peaks(node, start, end))


def _peaks(node: Nodes, start: int, end: int) -> list[bytes]:
    peaks = list[bytes]()
    while start < end:
        level = (end - start).bit_length() - 1
        peaks.append(node(level, start >> level))
        start += 1 << level
    return peaks
