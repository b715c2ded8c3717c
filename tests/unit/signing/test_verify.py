"""Sound logs verify, at every size and at every instant of their publication."""

import os
import shutil
from pathlib import Path

import pytest

from signing.keys import Vkey
from signing.records import KINDS
from signing.tiles import changed
from signing.verify import Report, verify_log
from support.logs import LogBuilder, filled_log, make_log, seeded


def failed(report: Report) -> list[int]:
    return [step.number for step in report.steps if not step.ok]


@pytest.mark.requirement("W-01")
def test_a_log_with_every_kind_of_entry_verifies(tmp_path: Path) -> None:
    vkey = make_log(tmp_path / "log", decisions=20)
    seen: list[tuple[str, int, int]] = []
    report = verify_log(tmp_path / "log", vkey, lambda *told: seen.append(told))
    assert report.ok, report.steps
    assert report.first_bad_index is None
    assert [step.number for step in report.steps] == list(range(1, 9))
    assert {kind for kind in KINDS if report.counts.get(kind)} == set(KINDS)
    assert sum(report.counts.get(kind, 0) for kind in KINDS) == report.size
    assert seen[-1] == ("entries", report.size, report.size)


@pytest.mark.parametrize("size", [2, 3, 255, 256, 257, 512, 600])
def test_logs_of_every_shape_verify(tmp_path: Path, size: int) -> None:
    log = filled_log(tmp_path / "log", size)
    report = verify_log(log.directory, log.vkey)
    assert report.ok, report.steps
    assert (report.size, report.root) == (size, log.tree.root().hex())


def test_a_log_with_tiles_of_three_levels_verifies(tmp_path: Path) -> None:
    log = filled_log(tmp_path / "log", 256 * 256 // 16 + 3)
    paths = {name.path for name in changed(0, log.tree.size)}
    assert "tile/1/000.p/16" in paths
    assert verify_log(log.directory, log.vkey).ok


def test_the_genesis_alone_is_a_log(tmp_path: Path) -> None:
    log = LogBuilder(tmp_path / "log")
    log.add("genesis", log.genesis(), log.identity)
    log.publish()
    assert verify_log(log.directory, log.vkey).ok


def test_a_log_without_entries_proves_no_keys(tmp_path: Path) -> None:
    log = LogBuilder(tmp_path / "log")
    log.publish()
    report = verify_log(log.directory, log.vkey)
    assert failed(report) == [4]
    assert report.first_bad_index is None


def test_a_folder_without_a_checkpoint_proves_nothing(tmp_path: Path) -> None:
    log = filled_log(tmp_path / "log", 20)
    (log.directory / "checkpoint").unlink()
    report = verify_log(log.directory, log.vkey)
    assert failed(report) == list(range(1, 9))
    assert (report.size, report.root, report.first_bad_index) == (0, "", None)
    (log.directory / "checkpoint").mkdir()
    assert failed(verify_log(log.directory, log.vkey)) == list(range(1, 9))


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"No such file"):
        verify_log(tmp_path / "none", Vkey("a", seeded(1).public))


def grow(log: LogBuilder, to: int) -> None:
    number = 1_000 + log.tree.size
    while log.tree.size < to:
        log.decide(number, allow=False)
        number += 1


def test_older_partial_tiles_may_stay(tmp_path: Path) -> None:
    """Published in small steps and never cleaned up, as a gateway does it."""
    log = LogBuilder(tmp_path / "log")
    log.begin()
    for size in (10, 11, 40, 255, 256, 258, 300, 511, 520):
        grow(log, size)
        log.publish()
        report = verify_log(log.directory, log.vkey)
        assert report.ok, (size, report.steps)
        assert report.counts["files ahead"] == 0


@pytest.mark.parametrize(
    ("old", "new"), [(10, 11), (200, 256), (256, 300), (250, 600), (512, 513), (511, 700)]
)
def test_a_copy_taken_at_any_instant_verifies(tmp_path: Path, old: int, new: int) -> None:
    """Bundles, tiles, checkpoint: after each single file, the folder is a log of the old size."""
    log = filled_log(tmp_path / "log", old)
    grow(log, new)
    before = {path for path in (tmp_path / "log").rglob("*") if path.is_file()}
    full = tmp_path / "full"
    shutil.copytree(log.directory, full)
    LogBuilder.publish_tiles(other := LogBuilder(full, entries=log.entries, tree=log.tree), None)
    assert other.published == new
    for name in changed(old, new):
        path = log.directory / name.path
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(full / name.path, path)
        report = verify_log(log.directory, log.vkey)
        assert report.ok, (name.path, report.steps)
        assert report.size == old
        assert report.counts["files ahead"] > 0
    assert before < {path for path in log.directory.rglob("*") if path.is_file()}
    (log.directory / "checkpoint").write_bytes(log.checkpoint())
    report = verify_log(log.directory, log.vkey)
    assert report.ok, report.steps
    assert (report.size, report.counts["files ahead"]) == (new, 0)


def test_a_wider_tile_stands_for_a_narrower_one(tmp_path: Path) -> None:
    """A log that cleans up its partial tiles may have done so before its next checkpoint."""
    log = filled_log(tmp_path / "log", 200)
    grow(log, 256)
    log.publish_tiles()
    shutil.rmtree(log.directory / "tile/0/000.p")
    shutil.rmtree(log.directory / "tile/entries/000.p")
    report = verify_log(log.directory, log.vkey)
    assert report.ok, report.steps
    assert report.size == 200


@pytest.mark.parametrize("size", [301, 340, 511, 512, 513, 700, 1_100])
def test_a_log_that_grows_and_cleans_up_while_it_is_read(tmp_path: Path, size: int) -> None:
    """Files that were listed are replaced by wider ones; what the checkpoint covers stays."""
    log = filled_log(tmp_path / "log", 300)
    older = [path for path in (log.directory / "tile").rglob("*") if path.parent.suffix == ".p"]

    def publish(*_: object) -> None:
        if log.tree.size == 300:
            grow(log, size)
            log.publish()
            for path in older:
                if path.name != "1" or size >= 512:
                    path.unlink()

    report = verify_log(log.directory, log.vkey, publish)
    assert report.ok, report.steps
    assert report.size == 300
    report = verify_log(log.directory, log.vkey)
    assert report.ok, report.steps
    assert report.size == size


def test_deleted_documents_are_counted(tmp_path: Path) -> None:
    log = filled_log(tmp_path / "log", 100)
    total = verify_log(log.directory, log.vkey).counts["documents"]
    for number, path in enumerate(sorted((log.directory / "blobs").iterdir())):
        if number % 2:
            path.unlink()
    report = verify_log(log.directory, log.vkey)
    assert report.ok, report.steps
    assert report.counts["documents absent"] == len(range(1, total, 2))
    shutil.rmtree(log.directory / "blobs")
    report = verify_log(log.directory, log.vkey)
    assert report.ok, report.steps
    assert report.counts["documents"] == 0


def test_a_document_may_be_published_before_its_entry(tmp_path: Path) -> None:
    log = filled_log(tmp_path / "log", 10)
    log.publish_document(b"of the next entry")
    report = verify_log(log.directory, log.vkey)
    assert report.ok, report.steps
    assert report.counts["documents unnamed"] == 1


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 300, 512, 600])
def test_a_log_continues_its_earlier_checkpoints(tmp_path: Path, size: int) -> None:
    log = filled_log(tmp_path / "log", 600)
    report = verify_log(log.directory, log.vkey, earlier=log.checkpoint(size))
    assert report.ok, report.steps
    assert len(report.steps) == 9


def test_a_log_that_was_rolled_back(tmp_path: Path) -> None:
    log = filled_log(tmp_path / "log", 400)
    known = log.checkpoint()
    shutil.rmtree(log.directory / "tile")
    log.published = 0
    log.publish(300)
    assert verify_log(log.directory, log.vkey).ok, "by itself it is a sound log"
    report = verify_log(log.directory, log.vkey, earlier=known)
    assert failed(report) == [9]
    assert report.first_bad_index == 300


@pytest.mark.parametrize("known", [100, 256, 300])
def test_a_log_that_was_forked(tmp_path: Path, known: int) -> None:
    log = filled_log(tmp_path / "log", 300)
    fork = LogBuilder(tmp_path / "fork")
    fork.begin()
    grow(fork, 400)
    fork.publish()
    report = verify_log(fork.directory, fork.vkey, earlier=log.checkpoint(known))
    assert failed(report) == [9]
    assert verify_log(fork.directory, fork.vkey, earlier=log.checkpoint(6)).ok, "before the fork"


def test_an_earlier_checkpoint_of_another_log_says_nothing(tmp_path: Path) -> None:
    log = filled_log(tmp_path / "log", 20)
    other = LogBuilder(tmp_path / "other", log_signer=seeded(9))
    assert failed(verify_log(log.directory, log.vkey, earlier=other.checkpoint(0))) == [9]
    assert failed(verify_log(log.directory, log.vkey, earlier=b"")) == [9]


def test_links_are_not_followed(tmp_path: Path) -> None:
    log = filled_log(tmp_path / "log", 20)
    moved = tmp_path / "checkpoint"
    (log.directory / "checkpoint").rename(moved)
    (log.directory / "checkpoint").symlink_to(moved)
    assert not verify_log(log.directory, log.vkey).ok
    (log.directory / "checkpoint").unlink()
    moved.rename(log.directory / "checkpoint")
    assert verify_log(log.directory, log.vkey).ok
    (log.directory / "tile/0/001").symlink_to(log.directory / "tile/0/000.p/20")
    assert failed(verify_log(log.directory, log.vkey)) == [8]


def test_a_pipe_in_the_folder_blocks_nobody(tmp_path: Path) -> None:
    log = filled_log(tmp_path / "log", 20)
    digest = "ab" * 32
    os.mkfifo(log.directory / "blobs" / digest)
    assert failed(verify_log(log.directory, log.vkey)) == [8]
    (log.directory / "checkpoint").unlink()
    os.mkfifo(log.directory / "checkpoint")
    assert not verify_log(log.directory, log.vkey).ok
