"""Reading a published log piece by piece; what it cannot prove it does not hand out."""

import shutil
from pathlib import Path

import pytest

from signing.keys import Vkey
from signing.published import PublishedError, PublishedLog
from signing.tiles import FULL
from support.logs import LogBuilder, filled_log, seeded


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> LogBuilder:
    return filled_log(tmp_path_factory.mktemp("original") / "log", 600)


@pytest.fixture
def log(original: LogBuilder, tmp_path: Path) -> LogBuilder:
    shutil.copytree(original.directory, tmp_path / "log")
    return LogBuilder(tmp_path / "log", entries=original.entries, tree=original.tree)


def test_what_was_published_is_read(log: LogBuilder) -> None:
    published = PublishedLog(log.directory, log.vkey)
    assert published.checkpoint.size == 600
    assert list(published.entries()) == log.entries
    for index in (0, 255, 256, 599):
        assert published.entry(index) == log.entries[index]


@pytest.mark.requirement("W-01")
def test_receipts_are_the_ones_of_the_tree(log: LogBuilder) -> None:
    published = PublishedLog(log.directory)
    for index in (*range(0, 600, 23), 255, 256, 511, 512, 599):
        assert published.receipt(index) == log.receipt(index)


@pytest.mark.parametrize("level", range(10))
def test_every_complete_subtree_comes_out_of_the_tiles(log: LogBuilder, level: int) -> None:
    published = PublishedLog(log.directory)
    for index in range(600 >> level):
        assert published.node(level, index) == log.tree.node(level, index)
    with pytest.raises(PublishedError):
        published.node(level, 600 >> level)


def test_decisions_are_found_by_their_ids(log: LogBuilder) -> None:
    published = PublishedLog(log.directory)
    index = published.find_decision("d3")
    assert index is not None
    assert published.find_decision("o3") == index
    assert published.find_decision("d99999") is None
    assert published.find_decision("SIMULATION") is None


@pytest.mark.parametrize("index", [-1, 600, 2**60])
def test_there_is_no_other_entry(log: LogBuilder, index: int) -> None:
    with pytest.raises(PublishedError, match=r"600 entries"):
        PublishedLog(log.directory).entry(index)


def test_the_checkpoint_is_verified_where_a_key_is_given(log: LogBuilder) -> None:
    with pytest.raises(PublishedError, match=r"signatures by this key"):
        PublishedLog(log.directory, Vkey(log.origin, seeded(9).public))
    (log.directory / "checkpoint").unlink()
    with pytest.raises(PublishedError):
        PublishedLog(log.directory)


@pytest.mark.parametrize(
    "path", ["tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/000"]
)
@pytest.mark.parametrize("damage", ["removed", "flipped", "short", "long"])
def test_a_damaged_log_gives_no_wrong_receipt(log: LogBuilder, path: str, damage: str) -> None:
    file = log.directory / path
    whole = file.read_bytes()
    if damage == "removed":
        file.unlink()
    else:
        changed = {
            "flipped": bytes([whole[0] ^ 1, whole[1] ^ 1]) + whole[2:],
            "short": whole[:-1],
            "long": whole + b"x",
        }
        file.write_bytes(changed[damage])
    published = PublishedLog(log.directory)
    refused = 0
    for index in (0, 1, FULL - 1, FULL, 512, 599):
        try:
            assert published.receipt(index) == log.receipt(index)
        except PublishedError:
            refused += 1
    assert refused


def test_what_is_no_entry_ends_the_search(log: LogBuilder, tmp_path: Path) -> None:
    other = LogBuilder(tmp_path / "other")
    other.begin()
    other.add_bytes(b"no envelope")
    other.publish()
    with pytest.raises(PublishedError, match=r"entry 6"):
        PublishedLog(other.directory).find_decision("d1")
