"""Gateways whose log key, identity key and credentials are in a real vault."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from support.vault_server import VaultServer
from support.vault_sessions import write_private

LOG_KEY: Final = "vault://kv/writ/log-key#key"
IDENTITY_KEY: Final = "vault:transit/writ-identity/1"


def store_log_key(server: VaultServer) -> str:
    """A new log key in the vault; returns its PEM."""
    pem = (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )
    server.put("writ/log-key", {"key": pem})
    return pem


def vault_settings(
    server: VaultServer, folder: Path, *, ledger: bool = True, timeout_ms: int = 5_000
) -> dict[str, Any]:
    """What a gateway is told of the vault, with fresh wrapped secret ids in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {
        "vault_url": server.url,
        "vault_ca_file": server.ca_file,
        "vault_timeout_ms": timeout_ms,
        "vault_role_id": server.role_id("gateway"),
        "vault_secret_id_file": wrapped(server, folder, "gateway"),
    }
    if ledger:
        found |= {
            "vault_ledger_role_id": server.role_id("ledger"),
            "vault_ledger_secret_id_file": wrapped(server, folder, "ledger"),
        }
    return found


def wrapped(server: VaultServer, folder: Path, role: str) -> Path:
    """A file with a new wrapped secret id of a role, as an operator hands it out."""
    return write_private(folder / f"secret-id-{role}", server.wrapped_secret_id(role))


def environment(settings: dict[str, Any]) -> dict[str, str]:
    """Settings as variables of a process."""
    return {f"WRIT_{name.upper()}": str(value) for name, value in settings.items()}
