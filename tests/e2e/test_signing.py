"""docs/signing.md, followed to the letter by three people at three terminals."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from signing.manifest import parse_manifest
from signing.overlay import CAPPABLE
from signing.rendering.units import limit_words
from support.manifests import DEMO
from support.processes import WRIT

ROOT = Path(__file__).resolve().parents[2]


def _dated(page: str) -> str:
    """The page with its dates moved: what it shows would otherwise have expired one day."""
    today = datetime.now(UTC)
    for written, days in (("2026-11-01", -20), ("2027-10-31", 340), ("2027-12-31", 400)):
        assert written in page
        page = page.replace(written, (today + timedelta(days=days)).strftime("%Y-%m-%d"))
    return page


PAGE = _dated((ROOT / "docs" / "signing.md").read_text(encoding="utf-8"))
BLOCK = re.compile(r"^```sh\n# (anna|ben|desk)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The blank comes last, when the terminal waits: what is typed before is thrown away.
ASKED = {
    re.compile(rb"[Pp]assphrase[^\n]*: $"): "passphrase",
    re.compile(rb"Repeat for confirmation: $"): "passphrase",
    re.compile(rb"first 8 digits of the digest: $"): "digest",
}
DIGEST = re.compile(rb"digest +([0-9a-f]{64})")
SECONDS = 60


@dataclass
class Person:
    """Somebody with a folder and a terminal, who answers what they are asked."""

    folder: Path
    passphrase: str
    said: bytes = b""
    exported: list[str] = field(default_factory=list[str])

    def type_in(self, commands: str) -> str:
        """Type a block of the page; what `export` said in an earlier one still holds."""
        script = "\n".join(["set -e", *self.exported, commands])
        self.exported += re.findall(r"^export .*$", commands, re.MULTILINE)
        master, slave = pty.openpty()
        shell = subprocess.Popen(
            ["setsid", "--ctty", "--wait", "bash", "-c", script],
            cwd=self.folder,
            env={"PATH": f"{Path(WRIT).parent}:/usr/bin:/bin", "TERM": "dumb"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        try:
            self.said = self._converse(master)
            assert shell.wait(SECONDS) == 0, self.said.decode()
        finally:
            os.close(master)  # hangs the terminal up
            shell.kill()
            shell.wait(SECONDS)
        return self.said.decode()

    def _converse(self, master: int) -> bytes:
        said, answered, end = b"", 0, time.monotonic() + SECONDS
        while time.monotonic() < end:
            if not select.select([master], [], [], 0.2)[0]:
                continue
            try:
                said += os.read(master, 65_536)
            except OSError:  # the other side of the terminal is closed
                return said
            for question, about in ASKED.items():
                if question.search(said[answered:]):
                    answered = len(said)
                    os.write(master, self._answer(about, said) + b"\n")
        raise AssertionError(said.decode())

    def _answer(self, about: str, said: bytes) -> bytes:
        if about == "passphrase":
            return self.passphrase.encode()
        return DIGEST.findall(said)[-1][:8]


def lines_shown() -> list[str]:
    """What the page says that the terminal shows, but for lines that are cut short."""
    blocks = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    lines = [" ".join(line.split()) for line in "".join(blocks).splitlines()]
    return [line for line in lines if "…" not in line and not line.startswith("To sign")]


@pytest.mark.slow
@pytest.mark.requirement("W-04")
@pytest.mark.requirement("S1-15")
def test_two_officers_follow_the_page(tmp_path: Path) -> None:
    people = {
        name: Person(tmp_path / name, f"the secret of {name}") for name in ("anna", "ben", "desk")
    }
    for person in people.values():
        person.folder.mkdir()
    (tmp_path / "post").mkdir()
    (tmp_path / "release").symlink_to(DEMO)
    plan = PAGE.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "anna" / "plan.toml").write_text(plan, encoding="utf-8")

    blocks = BLOCK.findall(PAGE)
    assert len(blocks) == PAGE.count("```sh\n") == 25
    said = [(name, people[name].type_in(commands)) for name, commands in blocks]

    shown = "\n".join(text for _, text in said)
    for sign in ("2 of 2 officers", "signed by anna: 1 more must sign", "it can be published"):
        assert sign in shown
    assert re.search(r"tighter +ceiling orders per day: from 500 to 400 ", shown)
    assert re.search(r"new +added limit order_notional_max: 100,000 USD ", shown)
    assert re.search(r"looser +removed overlay calm, which was order_notional_max at most ", shown)
    assert "error:" not in shown
    for line in lines_shown():
        assert line in {" ".join(one.split()) for one in shown.splitlines()}, line
    published = sorted((tmp_path / "post" / "trust" / "targets").glob("*.manifest.json"))
    assert [parse_manifest(path.read_bytes()).mode for path in published] == ["PAPER"]
    assert not any(person.passphrase in shown for person in people.values())
    revoked = subprocess.run(
        [WRIT, "manifest", "show", "--trust", "post/trust", "--root", "anna/root.json"],
        cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert (revoked.returncode, "no-manifest" in revoked.stderr) == (1, True)


def test_the_page_names_every_limit_that_can_be_capped() -> None:
    table = PAGE.partition("| what can be capped |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z_]+)`", table)) == {limit_words(name) for name in CAPPABLE}


def test_the_page_names_every_field_of_a_plan() -> None:
    table = PAGE.partition("| field | what it binds |")[2].partition("\n\n")[0]
    named = set(
        re.findall(r"`([a-z_]+)`", "\n".join(r.split("|")[1] for r in table.split("\n")[2:]))
    )
    plan = PAGE.partition("```toml\n")[2].partition("```")[0]
    written = set(re.findall(r"^(\w+) =|^\[+(\w+)", plan.partition("[accounts")[0], re.MULTILINE))
    assert {a or b for a, b in written} <= named
    assert named == {
        "environment", "gateway", "mode", "accounts", "strategies", "ceilings", "valid_from",
        "valid_until", "attestations", "acknowledgement", "at_lapse", "epoch",
    }  # fmt: skip
