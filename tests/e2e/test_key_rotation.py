"""The identity key of a real gateway, rotated from a file into a vault, there, and back again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.processes import GatewayProcess, Typed, simulation
from support.release_folder import write_release
from support.vault_gateway import environment, vault_settings, wrapped
from support.vault_server import VaultServer, running_vault

pytestmark = [
    pytest.mark.requirement("W-01"),
    pytest.mark.requirement("S3-15"),
    pytest.mark.slow,
]
IDENTITY = "WRIT_IDENTITY_KEY"


@pytest.fixture(scope="module")
def server() -> Iterator[VaultServer]:
    with running_vault() as made:
        yield made


@pytest.fixture
def gateway(server: VaultServer, tmp_path: Path) -> Iterator[GatewayProcess]:
    """A gateway with its keys in files, that could use the vault."""
    told = environment(vault_settings(server, tmp_path, ledger=False))
    process = simulation(tmp_path, write_release(tmp_path / "release"), **told)
    try:
        yield process
    finally:
        if process.process is not None:
            process.stop()


def runs(process: GatewayProcess) -> None:
    process.start()
    assert process.stop() == 0


def typed(process: GatewayProcess, *options: str) -> Typed:
    words = ("--by", "alice", "--reason", "a year is over", "--data", str(process.data))
    return process.writ("keys", "rotate", "identity", *words, *options, "-o", "json")


def rotated(process: GatewayProcess, *options: str) -> dict[str, Any]:
    done = typed(process, *options)
    assert done.status == 0, done.err
    assert isinstance(done.json["entry"], int)
    found: dict[str, Any] = done.json
    return found


def now_with(process: GatewayProcess, identity: str | None) -> GatewayProcess:
    """The same gateway, its identity key elsewhere."""
    plain = {name: value for name, value in process.environment.items() if name != IDENTITY}
    return GatewayProcess(process.folder, plain | ({IDENTITY: identity} if identity else {}))


def test_from_a_file_into_the_vault_to_its_next_version_and_back(
    gateway: GatewayProcess, server: VaultServer
) -> None:
    runs(gateway)
    first = rotated(gateway, "--to", "vault:transit/writ-identity/1")
    wrapped(server, gateway.folder, "gateway")
    again = typed(gateway, "--to", "vault:transit/writ-identity/1")
    assert (again.status, "identity-stands" in again.err) == (2, True)

    wrapped(server, gateway.folder, "gateway")
    in_vault = now_with(gateway, "vault:transit/writ-identity/1")
    runs(in_vault)
    server.call("POST", "transit/keys/writ-identity/rotate")
    wrapped(server, gateway.folder, "gateway")
    second = rotated(in_vault, "--to", "vault:transit/writ-identity/2")

    wrapped(server, gateway.folder, "gateway")
    newer = now_with(gateway, "vault:transit/writ-identity/2")
    runs(newer)
    # Stolen from the vault, say: then the vault is not even asked, and may be gone.
    third = rotated(newer, "--revoked")
    runs(now_with(gateway, None))

    keys = ("audit", "verify", "--log", str(gateway.data / "log"))
    verified = gateway.writ(*keys, "--vkey", str(gateway.data / "log.vkey"), "-o", "json")
    assert verified.status == 0, verified.out
    identities = [one for one in verified.json["keys"] if one["role"] == "identity"]
    assert [one["ending"] for one in identities] == ["rotated", "rotated", "revoked", "stands"]
    assert [one["key"] for one in identities[1:]] == [
        made["identity_key"] for made in (first, second, third)
    ]
    assert [one["by"] for one in identities] == [
        "none", identities[0]["key"], identities[1]["key"], "none",
    ]  # fmt: skip
