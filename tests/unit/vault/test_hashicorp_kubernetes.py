"""Logging in with a Kubernetes token: a real vault asks a peer that plays Kubernetes."""

import base64
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.bootstrap.custody import open_custody
from gateway.bootstrap.signers import open_identity
from gateway.cli.checks import Finding, Grade
from gateway.cli.vault_checks import vault_findings
from gateway.config import AccountSettings, Settings
from gateway.host import OsEntropy, SystemClock
from peers.vault import Asked, HostileVault, answer, hostile_vault
from support.vault_server import VaultServer, shared_vault
from support.vault_sessions import address, now, reference, refusal
from vault.errors import ProviderError
from vault.logins import KubernetesLogin
from vault.providers.hashicorp import HashiCorpProvider
from vault.session import VaultSession

pytestmark = pytest.mark.requirement("S3-15")
WANTED = reference("writ/brokers/kubernetes")


@dataclass
class Cluster:
    """What Kubernetes' API says of a token: it knows those that the test has made."""

    known: set[str] = field(default_factory=set[str])

    def new_token(self, account: str) -> str:
        """A token of a service account in the namespace `desk`, as a pod gets it."""
        seconds = int(time.time())
        claims = {
            "sub": f"system:serviceaccount:desk:{account}",
            "aud": ["vault"],
            "iat": seconds,
            "nbf": seconds,
            "exp": seconds + 600,
            "kubernetes.io": {
                "namespace": "desk",
                "serviceaccount": {"name": account, "uid": account},
            },
        }
        made = f"{encoded({'alg': 'RS256'})}.{encoded(claims)}.{len(self.known):06}"
        self.known.add(made)
        return made

    def review(self, asked: Asked, connection: socket.socket, peer: HostileVault) -> None:
        """Answer a TokenReview."""
        del peer
        token = json.loads(asked.body)["spec"]["token"]
        account = claims_of(token)["kubernetes.io"]["serviceaccount"]["name"]
        user = {"username": f"system:serviceaccount:desk:{account}", "uid": account}
        status = {"authenticated": token in self.known, "user": user, "audiences": ["vault"]}
        review = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status}
        connection.sendall(answer(review, "201 Created", "Content-Type: application/json"))


def encoded(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, dict[str, dict[str, str]]]:
    text = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@pytest.fixture(scope="module")
def server() -> VaultServer:
    made = shared_vault()
    made.put("writ/brokers/kubernetes", {"key": "value"})
    if "kubernetes/" not in made.call("GET", "sys/auth")["data"]:
        made.call("POST", "sys/auth/kubernetes", {"type": "kubernetes"})
    return made


@pytest.fixture
def cluster(server: VaultServer) -> Iterator[Cluster]:
    made = Cluster()
    with hostile_vault(made.review) as peer:
        config = {
            "kubernetes_host": peer.url,
            "kubernetes_ca_cert": server.ca_file.read_text(),
            "token_reviewer_jwt": made.new_token("vault"),
            "disable_local_ca_jwt": True,
        }
        server.call("POST", "auth/kubernetes/config", config)
        role = {
            "bound_service_account_names": ["writ"],
            "bound_service_account_namespaces": ["desk"],
            "audience": "vault",
            "token_policies": ["writ-gateway"],
            "token_no_default_policy": True,
            "token_ttl": "20m",
        }
        server.call("POST", "auth/kubernetes/role/writ-gateway", role)
        yield made


def begun(server: VaultServer, file: Path, role: str = "writ-gateway") -> VaultSession:
    return VaultSession(address(server), KubernetesLogin(role, file))


def read(held: VaultSession) -> str:
    return HashiCorpProvider(held).fetch(WANTED, now()).reveal()


def refused(held: VaultSession) -> ProviderError:
    return refusal(lambda: read(held))


def test_a_service_account_logs_in(server: VaultServer, cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(cluster.new_token("writ"))
    file.chmod(0o644)  # as Kubernetes mounts it where a pod has several users
    held = begun(server, file)
    assert read(held) == "value"
    lease = held.lease()
    assert lease is not None
    held.close()
    cluster.known.clear()
    file.write_text(cluster.new_token("writ"))
    assert read(held) == "value", "Kubernetes has renewed the token in its file"
    held.close()


async def test_a_gateway_in_a_cluster_has_its_secrets_and_the_doctor_sees_them(
    server: VaultServer, cluster: Cluster, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(cluster.new_token("writ"))
    settings = Settings(
        data=tmp_path / "data",
        vault_url=server.url,
        vault_ca_file=server.ca_file,
        vault_login="kubernetes",
        vault_kubernetes_token_file=file,
        identity_key="vault:transit/writ-identity/1",
        accounts={"main": AccountSettings(broker="alpaca", key_id=str(WANTED), secret=str(WANTED))},
    )
    async with contextlib.AsyncExitStack() as stack:
        custody = await open_custody(settings, SystemClock(), OsEntropy(), stack)
        assert custody.credentials("main").secret().reveal() == "value"
        signer = await open_identity(settings.identity_key, settings.data, custody)
        assert signer.public.verify(signer.sign(b"message"), b"message")
    found = vault_findings(settings)
    assert found == [
        Finding("vault", Grade.OK, "writ-gateway: logged in, 2 secrets and keys are there")
    ]
    [missing] = vault_findings(settings.model_copy(update={"identity_key": "vault:transit/none/1"}))
    assert missing.grade is Grade.FAIL
    assert missing.found.startswith("vault-")


@pytest.mark.attack
def test_nobody_else_does(server: VaultServer, cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(cluster.new_token("somebody"))
    assert refused(begun(server, file)).code == "vault-login"
    token = cluster.new_token("writ")
    file.write_text(token)
    assert refused(begun(server, file, "writ-unknown")).code == "vault-login"
    cluster.known.clear()
    error = refused(begun(server, file))
    assert error.code == "vault-login"
    assert token not in f"{error} {error.remedy}"


@pytest.mark.parametrize(
    ("text", "code"),
    [(None, "file-unreadable"), ("", "vault-login"), ("x" * 20_000, "vault-login")],
)
def test_files_that_hold_no_token(
    server: VaultServer, tmp_path: Path, text: str | None, code: str
) -> None:
    file = tmp_path / "token"
    if text is not None:
        file.write_text(text)
    assert refused(begun(server, file)).code == code


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b"])
def test_names_that_could_be_paths_are_refused(tmp_path: Path, name: str) -> None:
    for role, mount in ((name, "kubernetes"), ("role", name)):
        made = refusal(lambda role=role, mount=mount: KubernetesLogin(role, tmp_path, mount))
        assert made.code == "vault-login"
