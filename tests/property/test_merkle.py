"""Proofs of the incremental tree against the definition in RFC 6962, written out."""

from hypothesis import given
from hypothesis import strategies as st

from signing.merkle import Tree, leaf_hash, node_hash, verify_consistency, verify_inclusion
from signing.tiles import FULL, changed, entries_path, parse_path, tile_path

LEAVES = [leaf_hash(b"%d" % number) for number in range(600)]
TREE = Tree()
for _leaf in LEAVES:
    TREE.append(_leaf)

SIZES = st.integers(1, len(LEAVES))


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


@given(SIZES)
def test_the_root_is_the_one_of_the_definition(size: int) -> None:
    assert TREE.root(size) == naive_root(LEAVES[:size])


@given(SIZES, st.data())
def test_every_inclusion_proof_verifies_and_no_other(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    root, proof = TREE.root(size), TREE.inclusion_proof(index, size)
    assert len(proof) <= size.bit_length()
    assert verify_inclusion(LEAVES[index], index, size, proof, root)

    elsewhere = data.draw(st.integers(0, size).filter(lambda other: other != index))
    assert not verify_inclusion(LEAVES[index], elsewhere, size, proof, root)
    other_leaf = data.draw(st.sampled_from(LEAVES).filter(lambda leaf: leaf != LEAVES[index]))
    assert not verify_inclusion(other_leaf, index, size, proof, root)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        broken = [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]
        assert not verify_inclusion(LEAVES[index], index, size, broken, root)


@given(SIZES, st.data())
def test_every_consistency_proof_verifies_and_no_other(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, new))
    proof = TREE.consistency_proof(old, new)
    old_root, new_root = TREE.root(old), TREE.root(new)
    assert verify_consistency(old, new, proof, old_root, new_root)
    if 0 < old < new:
        fork = bytes([old_root[0] ^ 1]) + old_root[1:]
        assert not verify_consistency(old, new, proof, fork, new_root)
        assert not verify_consistency(old, new, proof, old_root, old_root)
        assert not verify_consistency(old, new, proof[:-1], old_root, new_root)
        at = data.draw(st.integers(0, len(proof) - 1))
        broken = [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]
        assert not verify_consistency(old, new, broken, old_root, new_root)


@given(st.integers(0, 2**40), st.integers(0, 5), st.integers(1, FULL))
def test_paths_are_read_as_they_are_written(index: int, level: int, width: int) -> None:
    for path in (tile_path(level, index, width), entries_path(index, width)):
        name = parse_path(path)
        assert name is not None
        assert (name.index, name.width, name.path) == (index, width, path)


@given(st.integers(0, 200_000), st.integers(0, 3_000))
def test_growing_by_steps_writes_what_growing_at_once_does(old: int, more: int) -> None:
    """Every file that a log of the new size needs is written, at its exact width."""
    before, after = set(changed(0, old)), set(changed(0, old + more))
    steps = set(changed(old, old + more))
    assert steps == after - before
    assert steps | before >= after
