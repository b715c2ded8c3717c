"""What `writ doctor` says of secrets that are in no vault, and of settings that do not fit."""

from pathlib import Path
from typing import Any

import pytest

from gateway.cli.checks import Finding, Grade
from gateway.cli.vault_checks import vault_findings
from gateway.config import AccountSettings, Settings
from signing.keys import Ed25519Signer, Vkey
from support.vault_sessions import write_private
from vault.signers import create_key

pytestmark = pytest.mark.requirement("S3-15")
CANARY = "canary-2c26b46b68ffc68f"


def settings(tmp_path: Path, **changes: object) -> Settings:
    file = write_private(tmp_path / "broker-secret", CANARY)
    account = AccountSettings(broker="alpaca", key_id="env://BROKER_KEY", secret=f"file://{file}")
    given: dict[str, Any] = {"accounts": {"main": account}} | changes
    return Settings(data=tmp_path, **given)


def test_secrets_are_looked_at_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_KEY", CANARY)
    found = vault_findings(settings(tmp_path))
    assert [(one.check, one.grade) for one in found] == [("secrets", Grade.OK)] * 2
    assert "not for LIVE" in found[0].found
    assert CANARY not in repr(found)


def test_a_secret_that_is_missing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BROKER_KEY", raising=False)
    missing, there = vault_findings(settings(tmp_path))
    assert missing.grade is Grade.FAIL
    assert missing.found.startswith("secret-missing: env://BROKER_KEY")
    assert missing.remedy
    assert there.grade is Grade.OK


@pytest.mark.parametrize("same", [True, False])
def test_a_log_key_is_held_against_the_log(tmp_path: Path, same: bool) -> None:
    signer = Ed25519Signer(create_key(tmp_path / "elsewhere.key"))
    public = signer.public if same else Ed25519Signer.generate().public
    (tmp_path / "log.vkey").write_text(f"{Vkey('writ.local/log', public)}\n", encoding="ascii")
    given = Settings(data=tmp_path, log_key=f"file://{tmp_path}/elsewhere.key")
    [found] = vault_findings(given)
    if same:
        place = f"file://{tmp_path}/elsewhere.key"
        assert found == Finding("secrets", Grade.OK, f"{place}: the log key")
    else:
        assert found.grade is Grade.FAIL
        assert found.found.startswith("vault-key")


def test_settings_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    [found] = vault_findings(settings(tmp_path, vault_role_id="role"))
    assert (found.check, found.grade) == ("vault", Grade.FAIL)
    assert "WRIT_VAULT_ROLE_ID" in found.found


def test_nothing_is_said_where_nothing_is_configured(tmp_path: Path) -> None:
    assert vault_findings(Settings(data=tmp_path)) == []
