"""`writ access passkey`: a link for an Admin, and the list and the end of passkeys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.api.passkey_file import FILE_NAME, Passkey, PasskeyFile
from gateway.cli.main import main

ORIGIN = "http://localhost:8470"


def typed(*arguments: str) -> int:
    """Type a command; returns its exit status."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder in which Ada is an Admin, and Ben is not."""
    folder = tmp_path / "data"
    for name, scope in (("ada", "admin"), ("ben", "propose")):
        assert typed("access", "add", name, "--scope", scope, "--data", str(folder)) == 0
    return folder


@pytest.mark.requirement("S3-14")
def test_an_admin_gets_a_link_that_is_kept_as_a_hash(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert typed("access", "passkey", "ada", "--data", str(data), "--origin", ORIGIN) == 0
    link = capsys.readouterr().out.strip()
    assert re.fullmatch(rf"{ORIGIN}/passkey#[A-Za-z0-9_-]{{43}}", link)
    assert link.partition("#")[2] not in (data / FILE_NAME).read_text()
    [invitation] = PasskeyFile(data / FILE_NAME).held().invitations.values()
    assert invitation.name == "ada"


@pytest.mark.parametrize(
    ("name", "origin", "code"),
    [
        ("ben", ORIGIN, "passkey-not-admin"),
        ("eve", ORIGIN, "passkey-not-admin"),
        ("ada", "http://writ.example", "config-invalid"),
        ("ada", None, "passkey-origin-unset"),
    ],
)
def test_no_link_for_others_and_to_nowhere(
    data: Path, capsys: pytest.CaptureFixture[str], name: str, origin: str | None, code: str
) -> None:
    option = () if origin is None else ("--origin", origin)
    assert typed("access", "passkey", name, "--data", str(data), *option) == 2
    shown = capsys.readouterr()
    assert f"({code})" in shown.err
    assert "passkey#" not in shown.out
    assert not (data / FILE_NAME).exists()


def test_passkeys_are_listed_and_revoked(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("access", "passkey", "ada", "--revoke", "--data", str(data)) == 2
    with PasskeyFile(data / FILE_NAME).edited() as held:
        held.add(Passkey("AAAA", "ada", "BBBB", 3, 1))
    assert typed("access", "passkeys", "--data", str(data), "-o", "json") == 0
    assert '"revoked": null' in capsys.readouterr().out
    assert typed("access", "passkey", "ada", "--revoke", "--data", str(data)) == 0
    assert PasskeyFile(data / FILE_NAME).held().working("ada") == []
