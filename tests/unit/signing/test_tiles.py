"""Names and contents of published files."""

import pytest

from signing.merkle import Tree, leaf_hash
from signing.tiles import (
    TileName,
    TilesError,
    changed,
    decode_bundle,
    decode_tile,
    encode_bundle,
    entries_path,
    parse_path,
    read_bundle,
    tile_bytes,
    tile_path,
)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (TileName(0, 0, 256), "tile/0/000"),
        (TileName(0, 1067, 112), "tile/0/x001/067.p/112"),
        (TileName(2, 1_234_067, 256), "tile/2/x001/x234/067"),
        (TileName("entries", 999, 1), "tile/entries/999.p/1"),
        (TileName("entries", 1_000, 256), "tile/entries/x001/000"),
    ],
)
def test_names(name: TileName, path: str) -> None:
    assert name.path == path
    assert parse_path(path) == name
    write = entries_path(name.index, name.width)
    assert path == (
        write if name.level == "entries" else tile_path(name.level, *(name.index, name.width))
    )


@pytest.mark.parametrize(
    "path",
    [
        "checkpoint",
        "tile",
        "tile/0",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/1000",
        "tile/0/x000/001",
        "tile/00/001",
        "tile/7/000",
        "tile/-1/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/01",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000/",
        "tile/0/000\n",
        "tile/0/000.tmp",
        "tile/0/x001/67",
        "tile/0/X001/067",
        "tile/8/entries/000",
        "tile/entries/000.p/1/2",
        "tile/0/\u0660\u0660\u0660",
        "/tile/0/000",
        "a/tile/0/000",
    ],
)
def test_other_paths_are_none_of_ours(path: str) -> None:
    assert parse_path(path) is None


def test_the_files_of_a_log_of_70_000_entries() -> None:
    names = list(changed(0, 70_000))
    bundles = [name for name in names if name.level == "entries"]
    leaves = [name for name in names if name.level == 0]
    assert [name.path for name in leaves if name.width < 256] == ["tile/0/273.p/112"]
    assert len(leaves) == len(bundles) == 274
    upper = [name.path for name in names if name.level in {1, 2}]
    assert upper == ["tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]
    assert names[: len(bundles)] == bundles, "bundles are written before what refers to them"


def test_tiles_of_70_000_hashes() -> None:
    tree = Tree()
    for number in range(70_000):
        tree.append(leaf_hash(b"%d" % number))
    for name in changed(0, 70_000):
        if name.level == "entries":
            continue
        found = decode_tile(tile_bytes(tree, name.level, name.index, name.width), name.width)
        first = name.index * 256
        expected = [tree.node(8 * name.level, first + at) for at in range(name.width)]
        assert found == expected
    with pytest.raises(IndexError):
        tile_bytes(tree, 0, 273, 113)
    with pytest.raises(IndexError):
        tile_bytes(tree, 1, 1, 18)


def test_what_changes_when_a_log_grows() -> None:
    assert not list(changed(5, 5))
    assert [name.path for name in changed(255, 257)] == [
        "tile/entries/000",
        "tile/entries/001.p/1",
        "tile/0/000",
        "tile/0/001.p/1",
        "tile/1/000.p/1",
    ]
    assert [name.path for name in changed(256, 257)] == ["tile/entries/001.p/1", "tile/0/001.p/1"]
    for old, new in ((2, 1), (-1, 1)):
        with pytest.raises(ValueError, match=r"does not go"):
            list(changed(old, new))


@pytest.mark.parametrize("entries", [[], [b""], [b"a", b"", b"bc"], [b"x" * 65_535] * 2])
def test_bundles(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries)) == entries


def test_a_bundle_is_lengths_and_entries() -> None:
    assert encode_bundle([b"ab", b"c"]) == b"\x00\x02ab\x00\x01c"


@pytest.mark.parametrize(
    "data", [b"\x00", b"\x00\x01", b"\x00\x02a", b"\x00\x01ab", b"\x00\x01a\x00", b"\x00\x00" * 257]
)
def test_bundles_with_a_byte_too_many_or_too_few(data: bytes) -> None:
    with pytest.raises(TilesError):
        decode_bundle(data)
    entries, rest = read_bundle(data)
    assert rest > 0
    assert data.startswith(encode_bundle(entries))


def test_entries_are_bounded() -> None:
    with pytest.raises(TilesError):
        encode_bundle([b"x" * 65_536])


@pytest.mark.parametrize("length", [0, 31, 63, 65, 96])
def test_tiles_are_exactly_as_long_as_they_say(length: int) -> None:
    with pytest.raises(TilesError):
        decode_tile(bytes(length), 2)
