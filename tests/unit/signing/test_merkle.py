"""The Merkle tree against the vectors of RFC 6962's reference implementation."""

import hashlib

import pytest

from signing.merkle import (
    EMPTY_ROOT,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# Audit path of entry 0 in the tree of 8, and of entry 5 in the same.
PATH_0_OF_8 = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]
PATH_5_OF_8 = [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]


def vector_tree() -> Tree:
    tree = Tree()
    for leaf in LEAVES:
        tree.append(leaf_hash(bytes.fromhex(leaf)))
    return tree


@pytest.mark.parametrize("size", range(9))
def test_roots(size: int) -> None:
    tree = vector_tree()
    assert tree.root(size).hex() == ROOTS[size]
    tree.truncate(size)
    assert tree.size == size
    assert tree.root().hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "path"), [(0, PATH_0_OF_8), (5, PATH_5_OF_8)])
def test_audit_paths(index: int, path: list[str]) -> None:
    assert [part.hex() for part in vector_tree().inclusion_proof(index)] == path


def test_hashes_are_domain_separated() -> None:
    assert leaf_hash(b"x") == hashlib.sha256(b"\x00x").digest()
    assert node_hash(b"x", b"y") == hashlib.sha256(b"\x01xy").digest()
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right), "an entry cannot pose as a node"


def test_what_is_not_in_the_tree_is_an_error() -> None:
    tree = vector_tree()
    for size in (-1, 9):
        with pytest.raises(ValueError, match=r"8 entries"):
            tree.root(size)
        with pytest.raises(ValueError, match=r"8 entries"):
            tree.truncate(size)
    for index, size in ((-1, 8), (8, 8), (5, 5), (0, 0)):
        with pytest.raises(ValueError, match=r"not among"):
            tree.inclusion_proof(index, size)
    for old, new in ((-1, 8), (5, 4)):
        with pytest.raises(ValueError, match=r"no prefix"):
            tree.consistency_proof(old, new)
    for level, index in ((0, 8), (3, 1), (4, 0), (-1, 0), (0, -1)):
        with pytest.raises(IndexError):
            tree.node(level, index)
    with pytest.raises(ValueError, match=r"32 bytes"):
        tree.append(b"short")


def test_an_appended_batch_can_be_taken_back() -> None:
    tree = vector_tree()
    before = tree.root()
    for number in range(300):
        tree.append(leaf_hash(b"%d" % number))
    tree.truncate(8)
    assert tree.root() == before
    tree.append(leaf_hash(b"another"))
    fresh = vector_tree()
    fresh.append(leaf_hash(b"another"))
    assert tree.root() == fresh.root()
    assert tree.inclusion_proof(3) == fresh.inclusion_proof(3)


def test_wrong_proofs_prove_nothing() -> None:
    tree = vector_tree()
    root, leaf, proof = tree.root(), leaf_hash(bytes.fromhex("40414243")), tree.inclusion_proof(5)
    assert verify_inclusion(leaf, 5, 8, proof, root)
    assert not verify_inclusion(leaf, 5, 8, proof[:-1], root)
    assert not verify_inclusion(leaf, 5, 8, [*proof, proof[-1]], root)
    assert not verify_inclusion(leaf, 5, 8, proof[::-1], root)
    assert not verify_inclusion(leaf, 4, 8, proof, root)
    assert not verify_inclusion(leaf, 5, 16, proof, root)
    assert not verify_inclusion(leaf, 13, 8, proof, root)
    assert not verify_inclusion(leaf, -1, 8, proof, root)
    assert not verify_inclusion(leaf, 0, 0, [], root)
    assert not verify_inclusion(leaf_hash(b""), 5, 8, proof, root)


def test_consistency_at_the_borders() -> None:
    tree = vector_tree()
    root = tree.root()
    assert verify_consistency(0, 8, [], EMPTY_ROOT, root)
    assert not verify_consistency(0, 8, [], root, root)
    assert not verify_consistency(0, 8, [root], EMPTY_ROOT, root)
    assert verify_consistency(8, 8, [], root, root)
    assert not verify_consistency(8, 8, [root], root, root)
    assert not verify_consistency(8, 8, [], tree.root(7), root)
    assert not verify_consistency(3, 8, [], tree.root(3), root)
    assert not verify_consistency(9, 8, [], root, root)
    assert not verify_consistency(-1, 8, [], root, root)
