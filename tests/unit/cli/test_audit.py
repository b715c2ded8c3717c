"""`writ audit`, as a process would meet it: exit status, stdout, stderr."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from support.logs import START_US, LogBuilder, filled_log, make_log, seeded

pytestmark = pytest.mark.requirement("W-01")

Writ = Callable[..., tuple[int, str, str]]


@pytest.fixture
def writ(capsys: pytest.CaptureFixture[str]) -> Writ:
    """Runs `writ audit …`; returns its exit status, stdout and stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["audit", *map(str, arguments)])
        told = capsys.readouterr()
        status = ended.value.code
        assert isinstance(status, int)
        return status, told.out, told.err

    return run


@pytest.fixture
def log(tmp_path: Path) -> LogBuilder:
    log = filled_log(tmp_path / "log", 300)
    (tmp_path / "log.vkey").write_text(f"{log.vkey}\n")
    return log


@pytest.fixture
def vkey(tmp_path: Path, log: LogBuilder) -> Path:
    return tmp_path / "log.vkey"


def report(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_sound_log(writ: Writ, log: LogBuilder, vkey: Path) -> None:
    status, out, err = writ("verify", "--log", log.directory, "--vkey", vkey)
    assert (status, err) == (0, "")
    lines = [line.split() for line in out.splitlines() if line.strip()[:1].isdigit()]
    assert [(line[0], "ok" in line) for line in lines] == [(str(n), True) for n in range(1, 9)]
    assert log.tree.root().hex() in out


def test_a_sound_log_for_programs(writ: Writ, log: LogBuilder, vkey: Path) -> None:
    status, out, _ = writ("verify", "--log", log.directory, "--vkey", vkey, "-o", "json")
    found = report(out)
    assert status == 0
    assert (found["ok"], found["size"], found["first_bad_index"]) == (True, 300, None)
    assert [step["number"] for step in found["steps"]] == list(range(1, 9))
    assert found["counts"]["genesis"] == 1


def test_one_flipped_byte(writ: Writ, log: LogBuilder, vkey: Path) -> None:
    path = log.directory / "tile/entries/001.p/44"
    data = bytearray(path.read_bytes())
    data[10] ^= 1
    path.write_bytes(data)
    status, out, _ = writ("verify", "--log", log.directory, "--vkey", vkey)
    assert status == 1
    assert "FAILED" in out
    assert "first bad index  256" in out
    status, out, _ = writ("verify", "--log", log.directory, "--vkey", vkey, "-o", "json")
    assert (status, report(out)["first_bad_index"]) == (1, 256)


def test_another_key(writ: Writ, log: LogBuilder, tmp_path: Path, vkey: Path) -> None:
    other = LogBuilder(tmp_path / "other", log_signer=seeded(9))
    vkey.write_text(str(other.vkey))
    status, out, _ = writ("verify", "--log", log.directory, "--vkey", vkey)
    assert status == 1
    assert "not run" in out


def test_an_earlier_checkpoint(writ: Writ, log: LogBuilder, vkey: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    command = ("verify", "--log", log.directory, "--vkey", vkey, "--earlier", kept)
    kept.write_bytes(log.checkpoint(200))
    assert writ(*command)[0] == 0
    (log.directory / "checkpoint").write_bytes(log.checkpoint(100))
    status, out, _ = writ(*command)
    assert status == 1
    assert "cut back" in out


@pytest.mark.parametrize("entry", ["7", "d1", "o1"])
def test_a_receipt_there_and_back(
    writ: Writ, log: LogBuilder, vkey: Path, tmp_path: Path, entry: str
) -> None:
    file = tmp_path / "receipt"
    status, out, err = writ("receipt", entry, "--log", log.directory, "-o", file)
    assert (status, out) == (0, "")
    assert "receipt of entry" in err
    status, out, _ = writ("verify", "--receipt", file, "--vkey", vkey, "-o", "json")
    found = report(out)
    assert status == 0
    assert (found["ok"], found["size"]) == (True, 300)
    assert entry in {str(found["index"]), found["payload"].get("decision_id"), "o1"}
    status, shown, _ = writ("verify", "--receipt", file, "--vkey", vkey)
    told = found["payload"]
    assert (status, told.get("decision_id", "ok") in shown) == (0, True)
    assert not {"payload", "input_digest", "verdict"} & {
        line.split()[0] for line in shown.split("\n") if line
    }
    status, out, _ = writ("receipt", entry, "--log", log.directory, "--vkey", vkey)
    assert (status, out.encode()) == (0, file.read_bytes())


def test_a_changed_receipt(writ: Writ, log: LogBuilder, vkey: Path, tmp_path: Path) -> None:
    file = tmp_path / "receipt"
    for old, new, code in (
        (b"index 7", b"index 8", "inclusion"),
        (b"index 7", b"index 07", "format"),
        (b"writ.example/log\n300", b"writ.example/log\n301", "checkpoint"),
    ):
        file.write_bytes(log.receipt(7).replace(old, new))
        status, out, _ = writ("verify", "--receipt", file, "--vkey", vkey, "-o", "json")
        found = report(out)
        assert (status, found["ok"], found["code"]) == (1, False, code)


def test_a_receipt_of_what_is_no_record(writ: Writ, tmp_path: Path) -> None:
    log = LogBuilder(tmp_path / "log")
    log.begin()
    index = log.add("wish", {})
    (tmp_path / "vkey").write_text(str(log.vkey))
    (tmp_path / "receipt").write_bytes(log.receipt(index))
    status, out, _ = writ(
        "verify", "--receipt", tmp_path / "receipt", "--vkey", tmp_path / "vkey", "-o", "json"
    )
    assert (status, report(out)["code"]) == (1, "record")


def test_no_receipt_comes_out_of_a_damaged_log(
    writ: Writ, log: LogBuilder, vkey: Path, tmp_path: Path
) -> None:
    tile = log.directory / "tile/0/001.p/44"
    data = bytearray(tile.read_bytes())
    data[0] ^= 1
    tile.write_bytes(data)
    file = tmp_path / "receipt"
    status, out, err = writ("receipt", "299", "--log", log.directory, "-o", file)
    assert (status, out, file.exists()) == (1, "", False)
    assert "log-damaged" in err
    (log.directory / "tile/entries/000").write_bytes(b"\x00")
    assert writ("receipt", "d1", "--log", log.directory)[0] == 1
    (log.directory / "checkpoint").unlink()
    assert writ("receipt", "7", "--log", log.directory)[0] == 1


@pytest.mark.parametrize("entry", ["300", "d9999", "9" * 30, "x"])
def test_no_receipt_of_what_is_not_there(writ: Writ, log: LogBuilder, entry: str) -> None:
    status, out, err = writ("receipt", entry, "--log", log.directory)
    assert (status, out) == (2, "")
    assert "no entry" in err


def test_wrong_usage(writ: Writ, log: LogBuilder, vkey: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.vkey"
    bad.write_text("nonsense")
    for command in (
        ("verify",),
        ("verify", "--vkey", vkey),
        ("verify", "--vkey", vkey, "--log", log.directory, "--receipt", vkey),
        ("verify", "--vkey", vkey, "--receipt", vkey, "--earlier", vkey),
        ("verify", "--vkey", bad, "--log", log.directory),
        ("verify", "--vkey", tmp_path / "none", "--log", log.directory),
        ("verify", "--vkey", tmp_path, "--log", log.directory),
        ("verify", "--vkey", vkey, "--log", tmp_path / "none"),
        ("verify", "--vkey", vkey, "--receipt", tmp_path / "none"),
        ("verify", "--vkey", vkey, "--log", log.directory, "-o", "yaml"),
        ("receipt", "7"),
        ("receipt", "7", "--log", tmp_path / "none"),
    ):
        status, out, err = writ(*command)
        assert (status, out) == (2, ""), command
        assert err


def test_what_cannot_be_read(
    writ: Writ, log: LogBuilder, vkey: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(log.directory))

    monkeypatch.setattr("os.scandir", refuse)
    status, out, err = writ("verify", "--log", log.directory, "--vkey", vkey)
    assert (status, out) == (3, "")
    assert "Permission denied" in err
    assert writ("receipt", "7", "--log", log.directory)[0] == 3


def test_every_kind_of_entry(writ: Writ, tmp_path: Path) -> None:
    (tmp_path / "vkey").write_text(f"{make_log(tmp_path / 'log', 20)}\n")
    assert writ("verify", "--log", tmp_path / "log", "--vkey", tmp_path / "vkey")[0] == 0


def test_the_history_of_the_keys(writ: Writ, log: LogBuilder, vkey: Path) -> None:
    first = log.identity.public.hex
    index = log.rotate(5, revoked=True, certified=seeded(6))
    log.publish()
    status, out, err = writ("verify", "--log", log.directory, "--vkey", vkey)
    assert status == 0
    assert "identity keys revoked: 1" in out
    assert "--identity" in err
    (ended,) = (line for line in out.splitlines() if line.strip().startswith("certificates   813"))
    assert f"REVOKED by alice, entry {index}" in " ".join(ended.split())
    assert "a year is over" in ended
    status, out, _ = writ("verify", "--log", log.directory, "--vkey", vkey, "-o", "json")
    keys = report(out)["keys"]
    assert [(one["role"], one["by"], one["ending"]) for one in keys] == [
        ("identity", "none", "revoked"),
        ("decision", first, "revoked"),
        ("identity", "none", "stands"),
        ("decision", seeded(5).public.hex, "stands"),
    ]
    assert keys[0] == {
        "role": "identity", "key": first, "by": "none", "first_index": 0,
        "first_us": START_US + 1_000, "last_us": log.at_us - 1_000, "ending": "revoked",
        "ended_index": index, "reason": "a year is over", "ended_by": "alice",
    }  # fmt: skip


def test_of_many_decision_keys_a_table_has_the_newest(
    writ: Writ, log: LogBuilder, vkey: Path
) -> None:
    for number in range(20, 40):
        log.add("certificate", log.certificate(seeded(number).public), log.identity)
    log.publish()
    status, out, err = writ("verify", "--log", log.directory, "--vkey", vkey)
    shown = [line for line in out.splitlines() if line.strip().startswith("entries   ")]
    assert (status, len(shown)) == (0, 8)
    assert seeded(39).public.hex[:16] in shown[-1]
    assert "13 earlier decision keys are not shown" in err


def test_the_identity_key_that_an_auditor_was_told(
    writ: Writ, log: LogBuilder, vkey: Path, tmp_path: Path
) -> None:
    known = tmp_path / "identity.pub"
    known.write_text(f"{log.identity.public.hex}\n")
    command = ("verify", "--log", log.directory, "--vkey", vkey, "--identity", known)
    assert writ(*command)[0] == 0
    log.rotate(5, revoked=True)
    log.publish()
    status, out, err = writ(*command, "-o", "json")
    assert err == ""
    assert (status, report(out)["first_bad_index"]) == (1, log.tree.size - 2)
    known.write_text("no key")
    assert writ(*command)[0] == 2
    assert writ("verify", "--receipt", known, "--vkey", vkey, "--identity", known)[0] == 2
