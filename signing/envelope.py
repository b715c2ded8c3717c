"""Log entries: DSSE envelopes whose payload type names one of our kinds.

`signing.dsse` has their one encoding; here a kind is turned into a payload type and back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from signing.canonical import JsonObject
from signing.dsse import (
    ENVELOPE_BYTES_MAX,
    EnvelopeError,
    open_payload,
    seal_payload,
    signed_bytes,
)
from signing.keys import PublicKey, Signer

__all__ = [
    "ENVELOPE_BYTES_MAX",
    "Envelope",
    "EnvelopeError",
    "open_envelope",
    "payload_type",
    "seal",
]

_TYPE_PREFIX: Final = "application/vnd.writ."
_TYPE_SUFFIX: Final = ".v1+json"
_KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """An opened envelope. Opening checks its form; only `signed_by` says who made it.

    Attributes:
        kind: what the payload is (a key of `signing.records.KINDS`, when it is a known one).
        payload: the decoded payload.
        payload_bytes: the payload as signed.
        keyid: SHA-256 of the raw public key, as claimed.
        signature: 64 bytes.
        data: the envelope as stored and hashed.
    """

    kind: str
    payload: JsonObject
    payload_bytes: bytes = field(repr=False)
    keyid: str
    signature: bytes = field(repr=False)
    data: bytes = field(repr=False)

    def signed_by(self, public: PublicKey) -> bool:
        """Tell whether `public` signed this kind and payload, and is the key that is named."""
        if self.keyid != public.keyid:
            return False
        return public.verify(
            self.signature, signed_bytes(payload_type(self.kind), self.payload_bytes)
        )


def payload_type(kind: str) -> str:
    """Return the DSSE payload type of `kind`.

    Raises:
        EnvelopeError: `kind` is not a lower-case word.
    """
    if not _KIND.fullmatch(kind):
        raise EnvelopeError("a kind is a lower-case word of at most 32 characters")
    return f"{_TYPE_PREFIX}{kind}{_TYPE_SUFFIX}"


def seal(kind: str, payload: Mapping[str, object], signer: Signer) -> bytes:
    """Sign `payload` as an entry of `kind`; return the envelope's bytes.

    Raises:
        CanonicalError: the payload has no canonical form.
        EnvelopeError: the kind is malformed, or the envelope would exceed ENVELOPE_BYTES_MAX.
    """
    return seal_payload(payload_type(kind), payload, signer)


def open_envelope(data: bytes) -> Envelope:
    """Read an envelope, strictly: the form of its bytes, not yet its signature or its fields.

    Raises:
        EnvelopeError: any other encoding than the one that `seal` writes.
    """
    opened = open_payload(data)
    return Envelope(
        kind=_read_kind(opened.payload_type),
        payload=opened.payload,
        payload_bytes=opened.payload_bytes,
        keyid=opened.keyid,
        signature=opened.signature,
        data=data,
    )


def _read_kind(name: str) -> str:
    if name.startswith(_TYPE_PREFIX) and name.endswith(_TYPE_SUFFIX):
        kind = name[len(_TYPE_PREFIX) : -len(_TYPE_SUFFIX)]
        if _KIND.fullmatch(kind):
            return kind
    raise EnvelopeError("the payload type is none of ours")
