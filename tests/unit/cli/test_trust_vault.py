"""An officer signs with a key that a real vault keeps."""

import json
import shutil
from pathlib import Path

import pytest

from support.ceremony import Ceremony
from support.vault_server import VaultServer, shared_vault
from support.vault_sessions import write_private

KEY = "vault:transit/writ-officer-vera/1"


@pytest.fixture
def desk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Ceremony:
    return Ceremony(tmp_path, capsys, monkeypatch)


@pytest.fixture(scope="module")
def server() -> VaultServer:
    """The vault, with a key for Vera and another for Walt."""
    made = shared_vault()
    for name in ("vera", "walt"):
        made.call("POST", f"transit/keys/writ-officer-{name}", {"type": "ed25519"})
    return made


@pytest.fixture
def token(server: VaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Vera has logged in: her token lies in a file of hers."""
    server.call("POST", "identity/entity", {"name": "vera"})
    entity = server.call("GET", "identity/entity/name/vera")["data"]["id"]
    accessor = server.call("GET", "sys/auth")["data"]["userpass/"]["accessor"]
    alias = {"name": "vera", "canonical_id": entity, "mount_accessor": accessor}
    server.call("POST", "identity/entity-alias", alias)
    user = {"password": "a-password", "token_policies": ["writ-officer"], "token_ttl": "15m"}
    server.call("POST", "auth/userpass/users/vera", user)
    path, sent = "auth/userpass/login/vera", {"password": "a-password"}
    told = server.call("POST", path, sent, token="")["auth"]["client_token"]
    monkeypatch.setenv("VAULT_ADDR", server.url)
    monkeypatch.setenv("VAULT_CACERT", str(server.ca_file))
    file = write_private(tmp_path / "token", told)
    monkeypatch.setenv("WRIT_VAULT_TOKEN_FILE", str(file))
    return file


@pytest.mark.requirement("W-04")
def test_a_key_in_a_vault_signs_as_one_in_a_file(desk: Ceremony, token: Path) -> None:
    vera = desk.home / "vera"
    vera.mkdir()
    desk.must("keys", "show", KEY, "--pub", vera / "officer.pub")
    draft = desk.init("anna", "vera")
    copy = desk.home / "vera.draft"
    shutil.copy(draft, copy)
    yes = ("--yes", desk.digest(draft))
    said = desk.must("trust", "sign", copy, "--key", KEY, *yes, "-o", "json")
    assert said.json["signed_by"] == ["vera"]
    desk.must("trust", "publish", copy, desk.sign("anna", draft), "--trust", desk.trust)
    for name in ("anna", "vera", "pub"):
        shutil.copy(desk.trust / "metadata" / "1.root.json", desk.home / name / "root.json")
    manifest = desk.draft()
    mine = desk.home / "mine.draft"
    shutil.copy(manifest, mine)
    yes = ("--yes", desk.digest(manifest))
    desk.must("manifest", "sign", mine, "--key", KEY, *desk.at("vera"), *yes)
    assert desk.publish(mine, desk.sign("anna", manifest)).status == 0
    shown = desk.must("trust", "show", *desk.at("anna"), "-o", "json").json
    assert shown["signed_by"]["targets"] == ["anna", "vera"]


@pytest.mark.attack
@pytest.mark.requirement("W-04")
def test_nobody_signs_with_anothers_key(
    desk: Ceremony, token: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = desk.init("anna", "ben")
    before = draft.read_bytes()
    sign = ("trust", "sign", draft, "--yes", desk.digest(draft), "--key")
    tried = {
        "vault:transit/writ-officer-walt/1": (1, "vault-denied"),
        KEY: (1, "signer-unknown"),
        "vault:transit/writ-officer-vera/2": (2, "vault-key"),
        "vault:transit/writ-officer-vera": (2, "vault-key"),
        "vault:transit/writ-officer-vera/latest": (2, "vault-key"),
    }
    for key, (status, code) in tried.items():
        said = desk.writ(*sign, key)
        assert (said.status, code in said.err) == (status, True), said.err
    secret = token.read_text().strip()
    for other in ("s.AAAAAAAAAAAAAAAAAAAAAAAA", "", "two words"):
        write_private(token, other)
        said = desk.writ(*sign, KEY)
        assert (said.status, "vault-login" in said.err) == (1, True)
    write_private(token, secret)
    token.chmod(0o644)
    said = desk.writ(*sign, KEY)
    assert (said.status, "file-mode" in said.err) == (2, True)
    token.chmod(0o600)
    monkeypatch.setenv("VAULT_ADDR", "https://127.0.0.1:1")
    said = desk.writ(*sign, KEY)
    assert said.status == 3
    monkeypatch.setenv("VAULT_ADDR", "http://vault.example:8200")
    said = desk.writ(*sign, KEY)
    assert (said.status, "vault-address" in said.err) == (2, True)
    assert desk.writ("keys", "show", "vault:transit/none").status == 2
    assert secret not in said.err
    assert draft.read_bytes() == before
    assert json.loads(before)["metadata"]["signatures"] == []
