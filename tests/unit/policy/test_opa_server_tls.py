"""An OPA server behind TLS: taken with the CA that the settings name, and with no other."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.domain.decision import EngineFailure
from gateway.policy.opa_server.endpoint import endpoint
from gateway.policy.opa_server.engine import OpaServerEngine
from gateway.policy.release import shipped_release
from support.opa_server import TOKEN, running_opa
from support.secrets_made import secret


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for loopback that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([loopback]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(made.public_bytes(pem))
    paths[1].write_bytes(plain)
    return paths


@pytest.mark.parametrize("trusted", ["ours", "another", None])
async def test_only_the_named_ca_is_trusted(tmp_path: Path, trusted: str | None) -> None:
    files = {name: certificate(tmp_path, name) for name in ("ours", "another")}
    release = shipped_release()
    with running_opa(release, tls=files["ours"]) as opa:
        ca = files[trusted][0] if trusted else None
        engine = OpaServerEngine(release, endpoint(opa.url, secret(TOKEN), ca), timeout_ms=60_000)
        try:
            [answer] = await engine.decide([b"{}"])
        finally:
            await engine.close()
    if trusted == "ours":
        assert not isinstance(answer, EngineFailure)
    else:
        assert answer == EngineFailure("ENGINE_UNREACHABLE")
