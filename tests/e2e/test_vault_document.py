"""`docs/vault.md` is typed as it stands, against a server that nobody has set up; then it works."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from signing.keys import PublicKey
from support.vault_server import VaultServer, binary, empty_vault
from support.vault_sessions import address, now, reference, refusal
from vault.logins import AppRoleLogin
from vault.providers.hashicorp import HashiCorpProvider
from vault.session import VaultSession
from vault.signers import create_key
from vault.transit import TransitKey, open_signer

pytestmark = [pytest.mark.requirement("S3-15"), pytest.mark.slow]
DOCUMENT = Path(__file__).parents[2] / "docs" / "vault.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shell(server: VaultServer, folder: Path, script: str, token: str) -> str:
    environment = {
        "PATH": f"{binary().parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "BAO_ADDR": server.url,
        "BAO_CACERT": str(server.ca_file),
        "BAO_TOKEN": token,
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[VaultServer, Path]]:
    """A server, and the folder in which an administrator has typed the whole document."""
    folder = tmp_path_factory.mktemp("typed")
    (folder / "credentials.json").write_text(json.dumps({"key": "broker-key", "secret": "s"}))
    (folder / "alice.password").write_text("a-password")
    create_key(folder / "log.key")
    blocks = BLOCK.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert len(blocks) > 5
    with empty_vault() as server:
        shell(server, folder, "".join(blocks), server.root_token)
        yield server, folder


def test_the_gateway_gets_in_and_has_what_it_needs(typed: tuple[VaultServer, Path]) -> None:
    server, folder = typed
    role_id = (folder / "role-id").read_text().strip()
    login = AppRoleLogin(role_id, folder / "secret-id", "writ-gateway")
    held = VaultSession(address(server), login)
    provider = HashiCorpProvider(held)
    found = provider.fetch(reference("writ/brokers/alpaca"), now())
    assert found.reveal() == "broker-key"
    signer = open_signer(held, TransitKey("writ-identity", 1), PublicKey, now)
    assert signer.public.verify(signer.sign(b"message"), b"message")
    denied = refusal(lambda: provider.fetch(reference("writ/log-key"), now()))
    assert denied.code == "vault-denied"
    held.close()


def test_an_operator_needs_no_more_than_the_policy(typed: tuple[VaultServer, Path]) -> None:
    server, folder = typed
    made = server.call(
        "POST", "auth/token/create", {"policies": ["writ-operator"], "no_default_policy": True}
    )
    token = made["auth"]["client_token"]
    blocks = BLOCK.findall(DOCUMENT.read_text(encoding="utf-8"))
    (handing_out,) = (block for block in blocks if "wrap-ttl" in block)
    (writing,) = (block for block in blocks if "credentials.json" in block)
    (folder / "credentials.json").write_text(json.dumps({"key": "newer-key"}))
    shell(server, folder, handing_out + writing, token)
    role_id = (folder / "role-id").read_text().strip()
    login = AppRoleLogin(role_id, folder / "secret-id", "writ-gateway")
    provider = HashiCorpProvider(VaultSession(address(server), login))
    found = provider.fetch(reference("writ/brokers/alpaca"), now())
    assert (found.reveal(), found.provenance.version) == ("newer-key", "2")


def test_the_ledger_reads_the_log_key(typed: tuple[VaultServer, Path]) -> None:
    server, folder = typed
    login = AppRoleLogin(server.role_id("ledger"), folder / "secret-id-ledger", "writ-ledger")
    (folder / "secret-id-ledger").write_text(server.wrapped_secret_id("ledger"))
    (folder / "secret-id-ledger").chmod(0o600)
    provider = HashiCorpProvider(VaultSession(address(server), login))
    assert provider.fetch(reference("writ/log-key"), now()).reveal() == (
        folder / "log.key"
    ).read_text(encoding="ascii")


def test_an_officer_signs_with_her_own_key_alone(typed: tuple[VaultServer, Path]) -> None:
    server, folder = typed
    script = """
    export BAO_TOKEN=$(bao login -method=userpass -token-only username=alice password=a-password)
    bao write -field=signature transit/sign/writ-officer-alice input=bWVzc2FnZQ==
    ! bao write transit/sign/writ-identity input=bWVzc2FnZQ== 2> refused
    """
    assert shell(server, folder, script, "").startswith("vault:v1:")
    assert "permission denied" in (folder / "refused").read_text()


def test_the_codes_are_all_there() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(vault-[a-z]+)`", text, re.MULTILINE))
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (Path(__file__).parents[2] / "vault").rglob("*.py")
    )
    assert told == set(re.findall(r'"(vault-[a-z]+)"', source))
