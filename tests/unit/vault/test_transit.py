"""Signing with a key that stays in the vault: real signatures, and nothing else is believed."""

import base64
import pickle
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from peers.vault import Asked, HostileVault, after_login, answer, hostile_vault
from signing.keys import Ed25519Signer, PublicKey, Signer
from support.vault_server import VaultServer, shared_vault
from support.vault_sessions import now, refusal, session, write_private
from vault.address import VaultAddress
from vault.logins import AppRoleLogin
from vault.session import VaultSession
from vault.transit import TransitKey, TransitSigner, open_signer

pytestmark = pytest.mark.requirement("S3-15")
IDENTITY = TransitKey("writ-identity", 1)
RULE = 'path "transit/{}" {{ capabilities = ["read", "update"] }}'


@pytest.fixture(scope="module")
def server() -> VaultServer:
    made = shared_vault()
    rules = RULE.format("keys/try-*") + RULE.format("sign/try-*")
    made.call("PUT", "sys/policies/acl/try", {"policy": rules})
    made.add_role("try", token_policies=["try"], token_no_default_policy=False)
    return made


@pytest.fixture(scope="module")
def gateway(server: VaultServer, tmp_path_factory: pytest.TempPathFactory) -> VaultSession:
    return session(server, tmp_path_factory.mktemp("gateway"))


@pytest.fixture(scope="module")
def trier(server: VaultServer, tmp_path_factory: pytest.TempPathFactory) -> VaultSession:
    return session(server, tmp_path_factory.mktemp("try"), "try")


def open_it(
    held: VaultSession, key: TransitKey, pinned: bytes | None = None
) -> TransitSigner[PublicKey]:
    return open_signer(held, key, PublicKey, now, pinned)


def test_it_is_a_signer_as_signing_wants_it(gateway: VaultSession) -> None:
    signer: Signer = open_it(gateway, IDENTITY)
    for message in (b"", b"a message", bytes(range(256)) * 40):
        signature = signer.sign(message)
        assert len(signature) == 64
        Ed25519PublicKey.from_public_bytes(signer.public.raw).verify(signature, message)
        assert signer.sign(message) == signature


def test_the_public_key_can_be_pinned(gateway: VaultSession) -> None:
    public = open_it(gateway, IDENTITY).public.raw
    assert open_it(gateway, IDENTITY, pinned=public).public.raw == public
    other = Ed25519Signer.generate().public.raw
    assert refusal(lambda: open_it(gateway, IDENTITY, pinned=other)).code == "vault-key"


def test_a_rotated_key_is_not_followed(server: VaultServer, trier: VaultSession) -> None:
    server.call("POST", "transit/keys/try-rotated", {"type": "ed25519"})
    first = open_it(trier, TransitKey("try-rotated", 1))
    assert refusal(lambda: open_it(trier, TransitKey("try-rotated", 2))).code == "vault-key"
    server.call("POST", "transit/keys/try-rotated/rotate")
    signature = first.sign(b"message")
    assert first.public.verify(signature, b"message")
    second = open_it(trier, TransitKey("try-rotated", 2))
    assert second.public != first.public
    assert second.public.verify(second.sign(b"message"), b"message")
    config = {"min_decryption_version": 2, "min_encryption_version": 2}
    server.call("POST", "transit/keys/try-rotated/config", config)
    # OpenBao answers with status 500 here, and Vault with 400.
    assert refusal(lambda: first.sign(b"message")).code in {"vault-failed", "vault-key"}
    assert second.sign(b"message")


@pytest.mark.parametrize(
    "settings",
    [
        {"type": "ecdsa-p256"},
        {"type": "aes256-gcm96"},
        {"type": "ed25519", "exportable": True},
        {"type": "ed25519", "allow_plaintext_backup": True},
        {"type": "ed25519", "derived": True},
    ],
)
def test_keys_that_are_none_or_do_not_stay_inside(
    server: VaultServer, trier: VaultSession, settings: dict[str, object]
) -> None:
    name = "try-" + "-".join(map(str, settings.values()))
    server.call("POST", f"transit/keys/{name}", settings)
    assert refusal(lambda: open_it(trier, TransitKey(name, 1))).code == "vault-key"


def test_keys_that_are_not_there_or_not_allowed(trier: VaultSession, gateway: VaultSession) -> None:
    assert refusal(lambda: open_it(trier, TransitKey("try-none", 1))).code == "vault-key"
    assert refusal(lambda: open_it(trier, IDENTITY)).code == "vault-denied"
    assert refusal(lambda: open_it(gateway, TransitKey("try-none", 1))).code == "vault-denied"


@pytest.mark.parametrize(
    ("name", "version", "mount"),
    [
        ("", 1, "transit"),
        ("../x", 1, "transit"),
        ("a/b", 1, "transit"),
        ("a", 0, "transit"),
        ("a", 2**31, "transit"),
        ("a", 1, "t/../sys"),
        ("a?b", 1, "transit"),
    ],
)
def test_names_that_could_be_paths(name: str, version: int, mount: str) -> None:
    assert refusal(lambda: TransitKey(name, version, mount)).code == "vault-key"


def test_it_names_its_key_and_is_not_copied(gateway: VaultSession) -> None:
    assert str(IDENTITY) == "transit/writ-identity/1"
    with pytest.raises(TypeError):
        pickle.dumps(open_it(gateway, IDENTITY))


@pytest.fixture
def lying(tmp_path: Path) -> Iterator[tuple[VaultSession, Ed25519Signer, list[str]]]:
    """A vault that knows a key and answers each request for a signature with what the test says."""
    key, told = Ed25519Signer.generate(), list[str]()
    public = base64.b64encode(key.public.raw).decode()
    data = {"type": "ed25519", "keys": {"1": {"public_key": public}}}
    data |= dict.fromkeys(("exportable", "derived", "allow_plaintext_backup"), False)

    def script(asked: Asked, connection: socket.socket, peer: HostileVault) -> None:
        signing = "/sign/" in asked.path
        about = {"data": {"signature": told[-1]} if signing else data}
        after_login(answer(about))(asked, connection, peer)

    with hostile_vault(script) as peer:
        login = AppRoleLogin("role", write_private(tmp_path / "id", "a-secret-id"), None)
        yield VaultSession(VaultAddress(peer.url), login), key, told


@pytest.mark.attack
@pytest.mark.parametrize(
    "forge",
    [
        lambda key, sign: f"vault:v1:{sign(key, b'another message')}",
        lambda key, sign: f"vault:v1:{sign(Ed25519Signer.generate(), b'message')}",
        lambda key, sign: f"vault:v2:{sign(key, b'message')}",
        lambda key, sign: sign(key, b"message"),
        lambda key, sign: f"vault:v1:{sign(key, b'message')[:-4]}",
        lambda key, sign: f"vault:v1:{sign(key, b'message')}\n",
        lambda key, sign: "vault:v1:" + "A" * 86 + "==",
        lambda key, sign: f"vault:v1:x:{sign(key, b'message')}",
    ],
)
def test_signatures_that_are_none_never_get_out(
    lying: tuple[VaultSession, Ed25519Signer, list[str]], forge: Callable[..., str]
) -> None:
    held, key, told = lying
    signer = open_it(held, IDENTITY)

    def sign(by: Ed25519Signer, message: bytes) -> str:
        return base64.b64encode(by.sign(message)).decode()

    told.append(f"vault:v1:{sign(key, b'message')}")
    assert signer.sign(b"message") == key.sign(b"message"), "the true one does"
    told.append(forge(key, sign))
    assert refusal(lambda: signer.sign(b"message")).code == "vault-signature"
