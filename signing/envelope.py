"""Log entries: DSSE envelopes whose payload type names one of our kinds.

`signing.dsse` has their one encoding; here a kind is turned into a payload type and back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from signing.dsse import (
    ENVELOPE_BYTES_MAX,
    EnvelopeError,
    SignedPayload,
    open_payload,
    seal_payload,
)
from signing.keys import Signer

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
class Envelope(SignedPayload):
    """An opened entry.

    Attributes:
        kind: what the payload is (a key of `signing.records.KINDS`, when it is a known one).
    """

    kind: str


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
        payload_type=opened.payload_type,
        payload=opened.payload,
        payload_bytes=opened.payload_bytes,
        keyid=opened.keyid,
        signature=opened.signature,
        data=data,
        kind=_read_kind(opened.payload_type),
    )


def _read_kind(name: str) -> str:
    if name.startswith(_TYPE_PREFIX) and name.endswith(_TYPE_SUFFIX):
        kind = name[len(_TYPE_PREFIX) : -len(_TYPE_SUFFIX)]
        if _KIND.fullmatch(kind):
            return kind
    raise EnvelopeError("the payload type is none of ours")
