"""Published logs that were tampered with, as `writ audit` meets them: a verdict, never a crash.

What each kind of damage is blamed on is proven in tests/unit/signing; here are the ways in which
a folder can lie to a program that reads files.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from support.bad_input import untouched
from support.logs import LogBuilder, filled_log, seeded

pytestmark = pytest.mark.requirement("W-01")

SIZE = 300
Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> LogBuilder:
    log = filled_log(tmp_path_factory.mktemp("original") / "log", SIZE)
    data = b'{"v":1}'
    log.publish_document(data)
    return log


@pytest.fixture
def log(original: LogBuilder, tmp_path: Path) -> Path:
    """A copy of the log that a test may damage, with its verifier key beside it."""
    shutil.copytree(original.directory, tmp_path / "log")
    (tmp_path / "log.vkey").write_text(f"{original.vkey}\n", encoding="ascii")
    return tmp_path / "log"


def writ(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["audit", *map(str, arguments)])
    told = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    assert "Traceback" not in told.err
    return ended.value.code, told.out, told.err


def verify(
    capsys: pytest.CaptureFixture[str], log: Path, *options: str | Path
) -> tuple[int, dict[str, Any]]:
    command = ("verify", "--log", log, "--vkey", log.with_name("log.vkey"), "-o", "json")
    status, out, err = writ(capsys, *command, *options)
    assert status in (0, 1), err
    return status, json.loads(out)


def swapped(log: Path, one: str, other: str) -> None:
    first, second = log / one, log / other
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)


def instead(path: Path, make: Callable[[Path], object]) -> None:
    """Put something else where a file or folder was."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    make(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.symlink_to(path)


def cut(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])


def lengthened(path: Path, more: bytes) -> None:
    path.write_bytes(path.read_bytes() + more)


FULL, PART = "tile/entries/000", f"tile/entries/001.p/{SIZE - 256}"
LEAVES, LEAVES_PART = "tile/0/000", f"tile/0/001.p/{SIZE - 256}"

DAMAGE: dict[str, tuple[Change, int | None]] = {
    # name: what is done, the first bad index (None: the checkpoint itself proves nothing)
    "bundle cut short": (lambda log: cut(log / PART, 100), 256),
    "bundle cut to nothing": (lambda log: cut(log / FULL, 0), 0),
    "bundle gone": (lambda log: (log / PART).unlink(), 256),
    "bundle with more bytes": (lambda log: lengthened(log / PART, b"\x00\x01x"), 300),
    "bundles exchanged": (lambda log: swapped(log, FULL, PART), 0),
    "tiles exchanged": (lambda log: swapped(log, LEAVES, LEAVES_PART), 0),
    "bundle and tile exchanged": (lambda log: swapped(log, PART, LEAVES_PART), 256),
    "bundle of length bytes": (lambda log: (log / FULL).write_bytes(b"\xff" * 4096), 0),
    "tile cut short": (lambda log: cut(log / LEAVES, 33), None),
    "tile with more bytes": (lambda log: lengthened(log / LEAVES, b"x" * 32), None),
    "tile is a folder": (lambda log: instead(log / LEAVES, Path.mkdir), None),
    "bundle is a folder": (lambda log: instead(log / FULL, Path.mkdir), 0),
    "tile is endless": (lambda log: instead(log / LEAVES, endless), None),
    "bundle is endless": (lambda log: instead(log / FULL, endless), 0),
    "bundle is a loop": (lambda log: instead(log / FULL, loop), 0),
    "tiles are a file": (lambda log: instead(log / "tile", Path.touch), None),
    "tiles are a loop": (lambda log: instead(log / "tile", loop), None),
    "no tiles": (lambda log: shutil.rmtree(log / "tile"), None),
    "documents are a file": (lambda log: instead(log / "blobs", Path.touch), None),
    "a document is endless": (
        lambda log: instead(next((log / "blobs").iterdir()), endless),
        None,
    ),
    "checkpoint empty": (lambda log: cut(log / "checkpoint", 0), None),
    "checkpoint cut short": (lambda log: cut(log / "checkpoint", 60), None),
    "checkpoint with more bytes": (lambda log: lengthened(log / "checkpoint", b"x\n"), None),
    "checkpoint twice": (
        lambda log: lengthened(log / "checkpoint", (log / "checkpoint").read_bytes()),
        None,
    ),
    "checkpoint is rubbish": (
        lambda log: (log / "checkpoint").write_bytes(bytes(range(256)) * 20),
        None,
    ),
    "checkpoint is endless": (lambda log: instead(log / "checkpoint", endless), None),
    "checkpoint is a folder": (lambda log: instead(log / "checkpoint", Path.mkdir), None),
    "checkpoint is a loop": (lambda log: instead(log / "checkpoint", loop), None),
    "checkpoint with Windows line ends": (
        lambda log: (log / "checkpoint").write_bytes(
            (log / "checkpoint").read_bytes().replace(b"\n", b"\r\n")
        ),
        None,
    ),
    "nothing at all": (lambda log: instead(log, Path.mkdir), None),
    "another folder": (
        lambda log: (instead(log, Path.mkdir), (log / "README").write_text("hello")),
        None,
    ),
    "a pipe among the files": (lambda log: os.mkfifo(log / "tile" / "pipe"), None),
    "a name that is not UTF-8": (
        lambda log: (log / os.fsdecode(b"tile/\xff")).write_bytes(b""),
        None,
    ),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", DAMAGE)
def test_a_log_that_lies_is_found_out(
    capsys: pytest.CaptureFixture[str], log: Path, name: str
) -> None:
    change, index = DAMAGE[name]
    change(log)
    with untouched(log.parent):
        status, report = verify(capsys, log)
        table = writ(capsys, "verify", "--log", log, "--vkey", log.with_name("log.vkey"))
    assert (status, report["ok"]) == (1, False)
    assert [step["number"] for step in report["steps"] if not step["ok"]]
    if index is not None:
        assert report["first_bad_index"] == index
        assert f"first bad index  {index}" in table[1]
    assert table[0] == 1
    assert "FAILED" in table[1]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", DAMAGE)
def test_no_receipt_from_a_log_that_lies_is_believed(
    capsys: pytest.CaptureFixture[str], log: Path, name: str
) -> None:
    """Either none is made, or it verifies because what it rests on was not damaged."""
    DAMAGE[name][0](log)
    vkey, made = log.with_name("log.vkey"), log.with_name("receipt")
    status, _, err = writ(capsys, "receipt", "280", "--log", log, "--vkey", vkey, "-o", made)
    assert status in (0, 1, 2, 3), err
    assert made.exists() == (status == 0)
    if made.exists():
        assert writ(capsys, "verify", "--receipt", made, "--vkey", vkey)[0] == 0


def test_the_log_was_sound_before(capsys: pytest.CaptureFixture[str], log: Path) -> None:
    status, report = verify(capsys, log)
    assert (status, report["size"]) == (0, SIZE)


def test_a_log_cut_back_or_forked_is_found_by_an_earlier_checkpoint(
    capsys: pytest.CaptureFixture[str], log: Path, original: LogBuilder
) -> None:
    kept = log.with_name("kept")
    kept.write_bytes(original.checkpoint(200))
    assert verify(capsys, log, "--earlier", kept)[0] == 0
    (log / "checkpoint").write_bytes(original.checkpoint(100))
    status, report = verify(capsys, log, "--earlier", kept)
    assert (status, report["ok"]) == (1, False)
    other = filled_log(log.with_name("fork"), 250)
    assert other.vkey == original.vkey
    other.decide(9_999)
    other.publish()
    kept.write_bytes(original.checkpoint(251))
    command = ("verify", "--log", other.directory, "--vkey", log.with_name("log.vkey"))
    assert writ(capsys, *command, "--earlier", kept)[0] == 1


def test_a_log_signed_again_is_not_the_log(
    capsys: pytest.CaptureFixture[str], log: Path, original: LogBuilder
) -> None:
    other = LogBuilder(log, log_signer=seeded(9), entries=original.entries, tree=original.tree)
    (log / "checkpoint").write_bytes(other.checkpoint())
    status, report = verify(capsys, log)
    assert (status, report["ok"]) == (1, False)


@pytest.mark.parametrize(
    "text",
    ["", "x", "a+b+c", "writ.example/log+00000000+AAAA", "\x00" * 90, "é+é+é", "x" * 20_000],
    ids=ascii,
)
def test_a_verifier_key_that_is_none(
    capsys: pytest.CaptureFixture[str], log: Path, text: str
) -> None:
    log.with_name("log.vkey").write_text(text, encoding="utf-8")
    command = ("verify", "--log", log, "--vkey", log.with_name("log.vkey"))
    status, out, err = writ(capsys, *command)
    assert (status, out) == (2, "")
    assert "what to do" in err


@pytest.mark.parametrize("keep", [0, 1, 40, 200])
def test_a_receipt_that_is_damaged(
    capsys: pytest.CaptureFixture[str], log: Path, original: LogBuilder, keep: int
) -> None:
    receipt, vkey = log.with_name("receipt"), log.with_name("log.vkey")
    good = original.receipt(7)
    changes = (good[:keep], good + b"x", good.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + good)
    for data in (*changes, good * 2, good.replace(b"7", b"8", 1), b"\x1b[2J" + good):
        receipt.write_bytes(data)
        status, out, _ = writ(capsys, "verify", "--receipt", receipt, "--vkey", vkey)
        assert status == 1
        assert "\x1b" not in out
