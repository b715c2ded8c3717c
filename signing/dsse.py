"""DSSE envelopes of any payload type, in exactly one encoding.

An envelope's signature covers its type and its payload, not the JSON around them. So that nobody
can change an envelope's bytes under a valid signature, those bytes have one form here: canonical
JSON, padded standard base64, one signature, the key id written out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from signing.canonical import CanonicalError, JsonObject, decode_object, encode
from signing.encoding import EncodingError, from_base64, to_base64
from signing.keys import SIGNATURE_BYTES, PublicKey, Signer

ENVELOPE_BYTES_MAX: Final = 65_535
"""The longest entry that a bundle can hold, and the longest envelope that is read."""

_KEYID: Final = re.compile(r"[0-9a-f]{64}")


class EnvelopeError(ValueError):
    """Bytes that are not an envelope in its one encoding."""


@dataclass(frozen=True, slots=True)
class SignedPayload:
    """An opened envelope. Opening checks its form; only `signed_by` says who made it.

    Attributes:
        payload_type: what the payload is, as signed.
        payload: the decoded payload.
        payload_bytes: the payload as signed.
        keyid: SHA-256 of the raw public key, as claimed.
        signature: 64 bytes.
        data: the envelope as stored and hashed.
    """

    payload_type: str
    payload: JsonObject
    payload_bytes: bytes = field(repr=False)
    keyid: str
    signature: bytes = field(repr=False)
    data: bytes = field(repr=False)

    def signed_by(self, public: PublicKey) -> bool:
        """Tell whether `public` signed this type and payload, and is the key that is named."""
        if self.keyid != public.keyid:
            return False
        return public.verify(self.signature, signed_bytes(self.payload_type, self.payload_bytes))


def seal_payload(payload_type: str, payload: Mapping[str, object], signer: Signer) -> bytes:
    """Sign `payload` under a type of ASCII characters; return the envelope's bytes.

    Raises:
        CanonicalError: the payload has no canonical form.
        EnvelopeError: the envelope would exceed ENVELOPE_BYTES_MAX.
    """
    body = encode(dict(payload))
    signature = signer.sign(signed_bytes(payload_type, body))
    data = encode(
        {
            "payload": to_base64(body),
            "payloadType": payload_type,
            "signatures": [{"keyid": signer.public.keyid, "sig": to_base64(signature)}],
        }
    )
    if len(data) > ENVELOPE_BYTES_MAX:
        raise EnvelopeError(
            f"an envelope has at most {ENVELOPE_BYTES_MAX} bytes, this one {len(data)}"
        )
    return data


def open_payload(data: bytes) -> SignedPayload:
    """Read an envelope, strictly: the form of its bytes, not yet its signature or its fields.

    Raises:
        EnvelopeError: any other encoding than the one that `seal_payload` writes.
    """
    if len(data) > ENVELOPE_BYTES_MAX:
        raise EnvelopeError(f"an envelope has at most {ENVELOPE_BYTES_MAX} bytes")
    outer = _object(data, "the envelope")
    if outer.keys() != {"payload", "payloadType", "signatures"}:
        raise EnvelopeError("an envelope has payload, payloadType and signatures")
    keyid, signature = _read_signature(outer["signatures"])
    payload_bytes = _bytes(outer["payload"], "the payload")
    payload_type = outer["payloadType"]
    if not isinstance(payload_type, str) or not payload_type.isascii():
        raise EnvelopeError("the payload type is none of ours")
    return SignedPayload(
        payload_type=payload_type,
        payload=_object(payload_bytes, "the payload"),
        payload_bytes=payload_bytes,
        keyid=keyid,
        signature=signature,
        data=data,
    )


def signed_bytes(payload_type: str, body: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding: the type keeps kinds of signatures apart."""
    name = payload_type.encode("ascii")
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(body), body)


def _read_signature(value: object) -> tuple[str, bytes]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    if len(items) != 1 or not isinstance(items[0], dict):
        raise EnvelopeError("an envelope has exactly one signature")
    fields = cast("JsonObject", items[0])
    if fields.keys() != {"keyid", "sig"}:
        raise EnvelopeError("a signature has keyid and sig")
    keyid, signature = fields["keyid"], _bytes(fields["sig"], "the signature")
    if not isinstance(keyid, str) or not _KEYID.fullmatch(keyid):
        raise EnvelopeError("a keyid is 64 lower-case hexadecimal digits")
    if len(signature) != SIGNATURE_BYTES:
        raise EnvelopeError(f"a signature is {SIGNATURE_BYTES} bytes")
    return keyid, signature


def _object(data: bytes, what: str) -> JsonObject:
    try:
        return decode_object(data)
    except CanonicalError as error:
        raise EnvelopeError(f"{what} is not a canonical JSON object: {error}") from error


def _bytes(value: object, what: str) -> bytes:
    try:
        return from_base64(value)
    except EncodingError as error:
        raise EnvelopeError(f"{what}: {error}") from error
