"""Where a vault may be, and what must vouch for it."""

import ssl
from pathlib import Path

import pytest

from support.vault_server import make_ca
from support.vault_sessions import refusal
from vault.address import VaultAddress

pytestmark = pytest.mark.requirement("S3-15")
CA = Path("ca.pem")


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://vault.example", "vault.example", 8200),
        ("https://vault.example:443/", "vault.example", 443),
        ("https://[2001:db8::1]:8200", "2001:db8::1", 8200),
        ("https://10.1.2.3", "10.1.2.3", 8200),
    ],
)
def test_over_tls_with_a_ca(url: str, host: str, port: int) -> None:
    found = VaultAddress(url, CA)
    assert (found.scheme, found.host, found.port) == ("https", host, port)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.9.9.9"])
def test_plain_on_this_machine(host: str) -> None:
    assert VaultAddress(f"http://{host}:8200").scheme == "http"
    assert VaultAddress(f"http://{host}:8200").trust() is None


@pytest.mark.attack
@pytest.mark.parametrize(
    ("url", "ca_file"),
    [
        ("http://vault.example:8200", None),
        ("http://10.1.2.3:8200", None),
        ("http://localhost.evil.example", None),
        ("http://127.0.0.1.evil.example", None),
        ("http://0.0.0.0:8200", None),
        ("https://vault.example", None),
        ("http://127.0.0.1:8200", CA),
        ("https://user:pass-word@vault.example", CA),
        ("https://vault.example/v1", CA),
        ("https://vault.example?x=1", CA),
        ("https://vault.example#x", CA),
        ("https://vault.example:0", CA),
        ("https://vault.example:65536", CA),
        ("https://vault.example:pass-word", CA),
        ("https://", CA),
        ("https://[::1", CA),
        ("https://va ult.example", CA),
        ("https://v\u00e4ult.example", CA),
        ("ftp://vault.example", CA),
        ("unix:///run/vault", None),
        ("vault.example:8200", CA),
        ("", None),
    ],
)
def test_addresses_that_are_refused(url: str, ca_file: Path | None) -> None:
    error = refusal(lambda: VaultAddress(url, ca_file))
    assert error.code == "vault-address"
    assert "pass-word" not in f"{error} {error.remedy}"


@pytest.mark.parametrize("namespace", ["desk", "desk/eu", "a-b_c/9"])
def test_namespaces(namespace: str) -> None:
    assert VaultAddress("https://vault.example", CA, namespace).namespace == namespace


@pytest.mark.parametrize(
    "namespace", ["/", "/desk", "desk/", "a//b", "..", "a b", "a\r\nX-Evil: 1", "x" * 65]
)
def test_namespaces_that_are_refused(namespace: str) -> None:
    made = refusal(lambda: VaultAddress("https://vault.example", CA, namespace))
    assert made.code == "vault-address"


@pytest.mark.parametrize("timeout_ms", [0, -1, 30_001])
def test_waiting_has_an_end(timeout_ms: int) -> None:
    made = refusal(lambda: VaultAddress("https://vault.example", CA, "", timeout_ms))
    assert made.code == "vault-address"


def test_the_ca_file_alone_is_trusted(tmp_path: Path) -> None:
    make_ca(tmp_path)
    context = VaultAddress("https://vault.example", tmp_path / "ca.pem").trust()
    assert context is not None
    assert len(context.get_ca_certs()) == 1
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("data", [b"", b"no certificate", b"\xff\xfe", b"x" * 1_048_577, None])
def test_ca_files_that_cannot_be_used(tmp_path: Path, data: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if data is not None:
        file.write_bytes(data)
    error = refusal(VaultAddress("https://vault.example", file).trust)
    assert error.code == "vault-address"
