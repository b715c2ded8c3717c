"""An authenticator in software, of one key; the test in a browser proves that it is right."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import encode_cbor

ORIGIN = "http://localhost:8470"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encoded(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """The bytes of base64url without padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(slots=True)
class Authenticator:
    """Makes and uses one ES256 passkey; each part of an answer can be told otherwise."""

    relying_party: str = "localhost"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    credential_id: bytes = b""
    sign_count: int = 0
    user_handle: str | None = None

    def create(
        self, options: Mapping[str, Any], *, origin: str = ORIGIN, verified: bool = True
    ) -> dict[str, Any]:
        """Answer an invitation's options: the fields of the registration's body."""
        numbers = self.key.public_key().public_numbers()
        x, y = (n.to_bytes(32, "big") for n in (numbers.x, numbers.y))
        self.credential_id = hashlib.sha256(x + y).digest()
        self.user_handle = options["user"]["id"]
        cose = encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        length = len(self.credential_id).to_bytes(2, "big")
        attested = bytes(16) + length + self.credential_id + cose
        data = self._data(ATTESTED, verified=verified) + attested
        return {
            "credential_id": encoded(self.credential_id),
            "client_data": _client("webauthn.create", options["challenge"], origin),
            "attestation_object": encoded(
                encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
            ),
        }

    def get(
        self,
        options: Mapping[str, Any],
        *,
        origin: str = ORIGIN,
        verified: bool = True,
        count: int | None = None,
        challenge: str | None = None,
    ) -> dict[str, Any]:
        """Answer a confirmation's options: the fields of the answer's body."""
        self.sign_count = self.sign_count + 1 if count is None else count
        client = _client("webauthn.get", challenge or options["challenge"], origin)
        data = self._data(0, verified=verified)
        signed = data + hashlib.sha256(decoded(client)).digest()
        return {
            "credential_id": encoded(self.credential_id),
            "client_data": client,
            "authenticator_data": encoded(data),
            "signature": encoded(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "user_handle": self.user_handle,
        }

    def _data(self, flags: int, *, verified: bool) -> bytes:
        flags |= PRESENT | (VERIFIED if verified else 0)
        party = hashlib.sha256(self.relying_party.encode()).digest()
        return party + bytes([flags]) + self.sign_count.to_bytes(4, "big")


def _client(kind: str, challenge: str, origin: str) -> str:
    fields = {"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}
    return encoded(json.dumps(fields).encode())
