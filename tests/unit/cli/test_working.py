"""Long work shows itself on a terminal and nowhere else, and Ctrl-C ends it in one line."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.working import working
from gateway.cli.written_files import write_whole, written

pytestmark = pytest.mark.requirement("W-03")

CHECK = [sys.executable, "-c", "from gateway.cli.main import main; main()", "policy", "check"]


def test_a_pipe_sees_nothing_of_it(capfd: pytest.CaptureFixture[str]) -> None:
    with working("counting") as step:
        step("counting on")
    assert capfd.readouterr() == ("", "")


def test_an_interruption_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), working("counting"):
        raise KeyboardInterrupt
    assert capfd.readouterr() == ("", "interrupted\n")


def test_a_check_tells_a_terminal_what_it_does(tmp_path: Path) -> None:
    """The folder does not compile, so that the check is short; stdout stays data alone."""
    (tmp_path / "main.rego").write_text("package writ.main\n\nregistry := \n")
    reading, writing = pty.openpty()
    plain = dict(os.environ) | {"TERM": "xterm"}
    with subprocess.Popen(
        [*CHECK, str(tmp_path), "-o", "json"], stdout=subprocess.PIPE, stderr=writing, env=plain
    ) as started:
        out, _ = started.communicate(timeout=60)
    os.close(writing)
    said = os.read(reading, 65_536).decode()
    os.close(reading)
    assert started.returncode == 1
    assert out.startswith(b"[")
    assert "compiling the rules" in said
    assert "1 to mend" not in out.decode()


def break_off(path: Path) -> None:
    with written(path) as file:
        file.write("half of the sec")
        raise KeyboardInterrupt


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "report"
    write_whole(path, "first")
    with pytest.raises(KeyboardInterrupt):
        break_off(path)
    assert path.read_text() == "first"
    link = tmp_path / "link"
    link.symlink_to(path)
    write_whole(link, "second")
    assert (path.read_text(), link.is_symlink()) == ("second", True)
    assert {one.name for one in tmp_path.iterdir()} == {"report", "link"}


def test_a_device_is_written_to_and_not_replaced() -> None:
    write_whole(Path("/dev/null"), "nothing")
    assert not Path("/dev/null").is_file()


def test_the_file_that_cannot_be_written_is_named_as_it_was_typed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        write_whole(tmp_path / "nowhere" / "report", "text")
    assert caught.value.filename == str(tmp_path / "nowhere" / "report")
