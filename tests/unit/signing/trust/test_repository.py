"""The folder: bounded reading, and writing that a crash cannot spoil."""

import os
import shutil
from pathlib import Path

import pytest

from signing.trust import Repository, TrustError, TrustState, propose_targets, verify_trust
from signing.trust.repository import FILES_MAX, _rank
from support.trust_root import (
    ANNA,
    BERT,
    COUNCIL,
    DAY_US,
    FILES,
    NOW_US,
    PUBLISHER,
    TrustFolder,
    trust_folder,
)

pytestmark = pytest.mark.requirement("W-04")


def code_of(refused: pytest.ExceptionInfo[TrustError]) -> str:
    return refused.value.code


def test_what_is_not_there(tmp_path: Path) -> None:
    empty = Repository(tmp_path / "nothing")
    assert empty.read("metadata/timestamp.json", 10) is None
    assert empty.latest("root") == 0
    (tmp_path / "file").write_text("")
    assert Repository(tmp_path / "file").read("metadata/1.root.json", 10) is None


def test_reading_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata/1.root.json").write_bytes(b"x" * 11)
    for repository in (
        Repository(tmp_path),
        Repository.of_files({"metadata/1.root.json": b"x" * 11}),
    ):
        assert repository.read("metadata/1.root.json", 11) == b"x" * 11
        with pytest.raises(TrustError) as refused:
            repository.read("metadata/1.root.json", 10)
        assert code_of(refused) == "file-long"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "metadata").mkdir()
    os.mkfifo(tmp_path / "metadata/1.root.json")
    (tmp_path / "metadata/2.root.json").mkdir()
    loop = tmp_path / "metadata/3.root.json"
    loop.symlink_to(loop)
    for number in (1, 2, 3):
        with pytest.raises(TrustError) as refused:
            Repository(tmp_path).metadata(f"{number}.root.json")
        assert code_of(refused) == "file-unreadable"


def test_the_newest_version(tmp_path: Path) -> None:
    folder = tmp_path / "metadata"
    folder.mkdir()
    for name in ("1.root.json", "9.root.json", "10.root.json", "11.targets.json", "012.root.json",
                 "13.root.json.tmp", ".14.root.json", "root.json", "x.root.json"):  # fmt: skip
        (folder / name).touch()
    assert Repository(tmp_path).latest("root") == 10
    staged = Repository(tmp_path).staging({"metadata/15.root.json": b""})
    assert staged.latest("root") == 15
    assert Repository(tmp_path).latest("risk") == 0


def test_a_folder_of_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert FILES_MAX == 100_000
    monkeypatch.setattr("signing.trust.repository.FILES_MAX", 3)
    (tmp_path / "metadata").mkdir()
    for number in range(1, 5):
        (tmp_path / f"metadata/{number}.root.json").touch()
    with pytest.raises(TrustError) as refused:
        Repository(tmp_path).latest("root")
    assert code_of(refused) == "file-unreadable"


def test_versions_are_written_once(tmp_path: Path) -> None:
    first = Repository(tmp_path).staging({"metadata/1.root.json": b"one"})
    first.commit()
    first.commit()
    with pytest.raises(TrustError) as refused:
        Repository(tmp_path).staging({"metadata/1.root.json": b"two"}).commit()
    assert code_of(refused) == "version-taken"
    assert (tmp_path / "metadata/1.root.json").read_bytes() == b"one"
    assert [path.name for path in (tmp_path / "metadata").iterdir()] == ["1.root.json"]


def test_the_timestamp_and_damaged_targets_are_replaced(tmp_path: Path) -> None:
    for data in (b"one", b"two"):
        files = {"metadata/timestamp.json": data, "targets/abc.manifest.json": data}
        Repository(tmp_path).staging(files).commit()
    assert (tmp_path / "metadata/timestamp.json").read_bytes() == b"two"
    assert (tmp_path / "targets/abc.manifest.json").read_bytes() == b"two"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "metadata").write_text("a file")
    with pytest.raises(TrustError) as refused:
        Repository(tmp_path).staging({"metadata/1.root.json": b"one"}).commit()
    assert code_of(refused) == "folder-unwritable"


def test_what_is_staged_is_not_on_disk(tmp_path: Path) -> None:
    staged = Repository(tmp_path / "root").staging({"metadata/1.root.json": b"one"})
    assert staged.metadata("1.root.json") == b"one"
    assert not (tmp_path / "root").exists()


def test_a_change_that_crashes_leaves_the_old_state(tmp_path: Path) -> None:
    """After each single file of a change and its publication, the folder holds, as old or new."""
    made = trust_folder(tmp_path / "before")
    old = made.verify()
    after = tmp_path / "after"
    shutil.copytree(made.folder, after)
    changed = TrustFolder(after, made.now_us, made.pinned)
    changed.targets({**FILES, "manifest.json": b'{"v":2}'})
    changed.publish()
    paths = sorted(
        (path.relative_to(after).as_posix() for path in after.rglob("*") if path.is_file()),
        key=_rank,
    )
    seen: list[int] = []
    for path in paths:
        (made.folder / path).write_bytes((after / path).read_bytes())
        seen.append(made.verify(floor=old.floor).versions["targets"])
    assert seen == [1] * (len(paths) - 1) + [2]


def test_the_same_change_can_be_tried_again(tmp_path: Path) -> None:
    made = trust_folder(tmp_path)
    draft = propose_targets(made.repository, made.roots, FILES, NOW_US + DAY_US)
    for _ in range(2):
        assert made.finish(draft, ANNA, BERT).version == 2
    assert made.publish().versions["targets"] == 2


def test_evidence_judges_the_same_moment_again(tmp_path: Path) -> None:
    """An auditor needs the bytes of metadata and targets, the pinned root, and the moment."""
    made = trust_folder(tmp_path, overlays={"overlays/a.json": b"{}"})
    made.root(COUNCIL, ANNA, BERT)
    state = made.verify()
    files = {path.relative_to(tmp_path).as_posix(): path.read_bytes()
             for path in (tmp_path / "targets").rglob("*.*") if path.is_file()}  # fmt: skip
    shutil.rmtree(tmp_path)
    evidence = Repository.of_files({**state.metadata, **files})
    again: TrustState = verify_trust(evidence, made.pinned, NOW_US)
    assert again.floor == state.floor
    assert {name: one.read() for name, one in again.targets.items()} == {
        **FILES,
        "overlays/a.json": b"{}",
    }
    assert PUBLISHER.public == again.council.publisher
