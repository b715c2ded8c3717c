"""docs/operations/key-compromise.md, typed as it stands by whoever has ten minutes."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.api.passkey_file import FILE_NAME, Passkey, PasskeyFile
from gateway.cli.main import COMMANDS
from support.processes import ALL_SCOPES, WRIT, GatewayProcess, simulation
from support.release_folder import write_release
from support.vault_server import Refused, VaultServer, binary, running_vault
from support.vault_sessions import now, reference, session
from vault.providers.hashicorp import HashiCorpProvider

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations" / "key-compromise.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```sh\n# (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACES = {"the gateway runs", "the gateway is stopped", "an officer", "the vault"}
TIMEOUT_S = 60

pytestmark = pytest.mark.requirement("W-01")


def section(title: str) -> list[tuple[str, str]]:
    """The blocks under a heading: where each is typed, and what."""
    found = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert found, title
    return BLOCK.findall(found)


def commands() -> list[str]:
    """Every `writ` command of the page, on one line."""
    text = "".join(typed for _, typed in BLOCK.findall(PAGE)).replace("\\\n", " ")
    return [line for line in text.splitlines() if line.startswith("writ ")]


def test_every_block_says_where_it_is_typed() -> None:
    blocks = BLOCK.findall(PAGE)
    assert len(blocks) == PAGE.count("```sh\n") > 8
    assert {where for where, _ in blocks} == PLACES


@pytest.mark.parametrize("command", commands())
def test_every_command_and_option_exists(command: str) -> None:
    words = command.split()
    path = [words[1]]
    path += [word for word in words[2:4] if word in {"verify", "list", "add", "revoke", "show",
        "rotate", "identity", "officer", "remove", "passkey"}]  # fmt: skip
    assert path[0] in COMMANDS
    shown = subprocess.run(
        [WRIT, *path, "--help"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    for option in re.findall(r" (--[a-z-]+)", command):
        assert f"{option} " in shown.stdout, option


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    """A gateway that has traded, and the two keys that somebody was told of it."""
    process = simulation(tmp_path, write_release(tmp_path / "release"))
    process.key = process.new_key("ops", *ALL_SCOPES)
    process.start()
    process.new_key("strategy", "propose")
    assert process.writ("omega4", "lift", "--reason", "a test").status == 0
    ordered = process.writ("order", "submit", "buy", "10", "AAPL", "--limit", "24.80")
    assert ordered.status == 0, ordered.err
    shutil.copy(process.data / "log.vkey", tmp_path)
    show = ("keys", "show", str(process.data / "keys" / "identity.key"))
    assert process.writ(*show, "--pub", str(tmp_path / "identity.pub")).status == 0
    try:
        yield process
    finally:
        if process.process is not None:
            process.stop()


Types = Callable[[str], str]


@pytest.fixture
def types(gateway: GatewayProcess) -> Types:
    """Types the blocks under a heading, the gateway stopped and started as they say."""

    def put(*, running: bool) -> None:
        if running and gateway.process is None:
            gateway.start()
        elif not running and gateway.process is not None:
            assert gateway.stop() == 0

    def run(title: str) -> str:
        said = ""
        for where, typed in section(title):
            put(running=where == "the gateway runs")
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", typed],
                cwd=gateway.folder,
                env={
                    **gateway.environment,
                    "PATH": f"{Path(WRIT).parent}:/usr/bin:/bin",
                    "WRIT_DATA": str(gateway.data),
                    "WRIT_URL": gateway.url,
                    "WRIT_API_KEY": gateway.key,
                },
                capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            said += done.stdout
        return said

    return run


FIRST = "The first minutes, whatever it is"


def decided(process: GatewayProcess) -> bool:
    done = process.writ("order", "submit", "buy", "10", "AAPL", "--limit", "24.80", "-o", "json")
    assert done.status in {0, 1}, done.err
    return bool(done.status == 0)


def history(process: GatewayProcess) -> list[dict[str, Any]]:
    done = process.writ(
        *("audit", "verify", "--log", str(process.data / "log"), "--vkey", "log.vkey"),
        *("--earlier", "checkpoint.kept", "--identity", "identity.pub", "-o", "json"),
    )
    assert done.status == 0, done.out
    return [one for one in done.json["keys"] if one["role"] == "identity"]


@pytest.mark.slow
def test_the_identity_key_was_stolen(gateway: GatewayProcess, types: Types) -> None:
    types(FIRST)
    assert not decided(gateway)
    old = (gateway.folder / "identity.pub").read_text()
    said = types("The identity key")
    assert "REVOKED by alice" in said
    assert decided(gateway)
    assert (gateway.folder / "identity.pub").read_text() != old
    endings = [(one["ending"], one["reason"]) for one in history(gateway)]
    assert endings == [("revoked", "a backup with keys/ was stolen"), ("stands", "")]


@pytest.mark.slow
def test_the_log_key_was_stolen(gateway: GatewayProcess, types: Types) -> None:
    types(FIRST)
    types("The log key")
    assert not gateway.data.exists()
    ended = gateway.folder / "data.ended"
    assert (ended / "log" / "checkpoint").read_bytes() == (
        gateway.folder / "checkpoint.last"
    ).read_bytes()
    again = GatewayProcess(
        gateway.folder, {**gateway.environment, "WRIT_ORIGIN": "trading.example/log-2"}
    )
    again.key = again.new_key("ops", *ALL_SCOPES)
    again.start()
    try:
        assert (again.data / "log.vkey").read_text().startswith("trading.example/log-2+")
        assert not decided(again)  # Omega 4 is not lifted there, whatever it was before
        assert again.writ("omega4", "lift", "--reason", "the new log").status == 0
        assert decided(again)
    finally:
        assert again.stop() == 0


@pytest.mark.slow
def test_an_api_key_was_stolen(gateway: GatewayProcess, types: Types) -> None:
    types("An API key")
    listed = gateway.writ("access", "list", "--data", str(gateway.data), "-o", "json")
    ended = [one["revoked"] is not None for one in listed.json if one["name"] == "strategy"]
    assert ended == [True, False]
    new = (gateway.folder / "strategy.key").read_text().strip()
    with gateway.http(new) as client:
        assert client.get("/v1/orders").status_code == 200


@pytest.mark.slow
def test_a_passkey_was_stolen(gateway: GatewayProcess, types: Types) -> None:
    gateway.new_key("alice", "admin")
    passkeys = PasskeyFile(gateway.data / FILE_NAME)
    with passkeys.edited() as held:
        held.add(Passkey("aWQ", "alice", "a2V5", sign_count=1, added_us=1))
    types("A passkey")
    assert passkeys.held().working("alice") == []
    assert not decided(gateway)
    listed = gateway.writ("access", "list", "--data", str(gateway.data), "-o", "json")
    assert [one["revoked"] is not None for one in listed.json if one["name"] == "alice"] == [True]


# --- What is typed at the vault -------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[VaultServer]:
    with running_vault() as made:
        yield made


def types_at_the_vault(server: VaultServer, folder: Path, title: str) -> None:
    ((where, typed),) = section(title)
    assert where == "the vault"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", typed],
        cwd=folder,
        env={
            "PATH": f"{binary().parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "BAO_ADDR": server.url,
            "BAO_CACERT": str(server.ca_file),
            "BAO_TOKEN": server.root_token,
        },
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.requirement("S3-15")
def test_broker_credentials_were_stolen(server: VaultServer, tmp_path: Path) -> None:
    server.put("writ/brokers/alpaca", {"key": "stolen"})
    (tmp_path / "credentials.json").write_text('{"key": "new"}')
    types_at_the_vault(server, tmp_path, "Broker credentials")
    assert not (tmp_path / "credentials.json").exists()
    provider = HashiCorpProvider(session(server, tmp_path))
    assert provider.fetch(reference("writ/brokers/alpaca"), now()).reveal() == "new"


@pytest.mark.slow
@pytest.mark.requirement("S3-15")
def test_the_vaults_secret_id_was_stolen(server: VaultServer, tmp_path: Path) -> None:
    """The thief's secret id and sessions end; the gateway's own go on with the new file."""
    server.put("writ/brokers/alpaca", {"key": "held"})
    held = session(server, tmp_path)
    provider = HashiCorpProvider(held)
    assert provider.fetch(reference("writ/brokers/alpaca"), now()).reveal() == "held"
    stolen = {"role_id": server.role_id("gateway"), **server.secret_id("gateway")}
    login = {name: stolen[name] for name in ("role_id", "secret_id")}
    token = server.call("POST", "auth/approle/login", login)["auth"]["client_token"]

    types_at_the_vault(server, tmp_path, "The vault's secret id or token")

    with pytest.raises(Refused):
        server.call("POST", "auth/approle/login", login)
    with pytest.raises(Refused):
        server.call("GET", "kv/data/writ/brokers/alpaca", token=token)
    assert provider.fetch(reference("writ/brokers/alpaca"), now()).reveal() == "held"
    held.close()
