"""`writ policy try --decision`: a recorded decision again, out of the files beside a log."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.domain.errors import InvalidInputError, NotFoundError
from gateway.policy.recorded import recorded_decision, recorded_release
from gateway.policy.release import shipped_directory
from support.replay_logs import Replayable, engine_of, release_in, replayable


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Replayable, Path]]:
    """Three decisions, the last of them a denial, and their published files."""
    folder = tmp_path_factory.mktemp("log")
    release = release_in(folder / "release")
    with engine_of(release) as engine, replayable(folder, release, engine) as made:
        made.decide(3)
        yield made, made.publish()


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["policy", "try", *map(str, arguments)])
    code = caught.value.code
    assert isinstance(code, int)
    return code


def test_a_decision_is_found_with_its_document_and_release(log: tuple[Replayable, Path]) -> None:
    made, folder = log
    for name, number in (("d0", 0), ("o2", 2)):
        found = recorded_decision(folder, name)
        assert json.loads(found.document)["ids"]["decision_id"] == f"d{number}"
        assert recorded_release(folder, found.payload["release_digest"]) == made.release


@pytest.mark.requirement("W-05")
def test_the_recorded_release_decides_unless_another_is_given(
    log: tuple[Replayable, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    made, folder = log
    allowed = recorded_decision(folder, "d0").allow
    assert run("--decision", "d0", "--log", folder, "-o", "json") == (0 if allowed else 1)
    told = json.loads(capsys.readouterr().out)
    assert told["release"]["digest"] == made.release.digest
    assert told["allow"] == told["recorded"] == allowed
    assert all(one["title"] for one in told["controls"])
    assert run("--decision", "o2", "--log", folder, "-o", "json") == 1
    told = json.loads(capsys.readouterr().out)
    assert "ORD-01" in [one["control"] for one in told["controls"] if not one["passed"]]
    assert run("--decision", "d0", "--log", folder, "--release", shipped_directory()) == 1
    assert "it was " in capsys.readouterr().err


def test_what_is_not_there(log: tuple[Replayable, Path], tmp_path: Path) -> None:
    made, folder = log
    with pytest.raises(NotFoundError, match="decision-unknown"):
        recorded_decision(folder, "d99")
    with pytest.raises(NotFoundError, match="not beside the log"):
        recorded_release(folder, "0" * 64)
    with pytest.raises(InvalidInputError, match="log-damaged"):
        recorded_release(folder, "../../etc/passwd")
    assert run("--decision", "d99", "--log", folder) == 2
    assert run("--decision", "d0", "--log", tmp_path) == 2
    assert made.release.digest


def test_a_document_that_was_exchanged(log: tuple[Replayable, Path]) -> None:
    _, folder = log
    digest = recorded_decision(folder, "d1").payload["input_digest"]
    (blob,) = [path for path in folder.rglob("*") if path.is_file() and path.name.endswith(digest)]
    before = blob.read_bytes()
    blob.chmod(0o600)
    try:
        blob.write_bytes(before + b" ")
        with pytest.raises(InvalidInputError, match="not what its name says"):
            recorded_decision(folder, "d1")
    finally:
        blob.write_bytes(before)
