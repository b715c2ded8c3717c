"""Envelopes: one encoding, whatever the signature would allow."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from signing.canonical import encode
from signing.envelope import (
    ENVELOPE_BYTES_MAX,
    EnvelopeError,
    open_envelope,
    payload_type,
    seal,
)
from support.logs import seeded

SIGNER = seeded(1)
PAYLOAD = {"at_us": 1, "by": "alice", "mode": "RESEARCH"}
SEALED = seal("mode", PAYLOAD, SIGNER)


def test_an_envelope_opens_to_what_was_sealed() -> None:
    envelope = open_envelope(SEALED)
    assert (envelope.kind, envelope.payload) == ("mode", PAYLOAD)
    assert envelope.payload_bytes == encode(PAYLOAD)
    assert envelope.keyid == SIGNER.public.keyid
    assert envelope.data == SEALED
    assert envelope.signed_by(SIGNER.public)
    assert not envelope.signed_by(seeded(2).public)


def test_the_signature_is_over_the_pre_authentication_encoding() -> None:
    body = encode(PAYLOAD)
    kind = b"application/vnd.writ.mode.v1+json"
    signed = b"DSSEv1 33 " + kind + b" " + str(len(body)).encode() + b" " + body
    assert SIGNER.public.verify(open_envelope(SEALED).signature, signed)


def test_a_signature_under_one_kind_is_none_under_another() -> None:
    """An order's signature can never pass for a manifest's: the type is signed."""
    outer = json.loads(SEALED)
    outer["payloadType"] = payload_type("halt")
    moved = open_envelope(encode(outer))
    assert moved.kind == "halt"
    assert not moved.signed_by(SIGNER.public)


def test_the_key_that_signed_must_be_the_key_that_is_named() -> None:
    outer = json.loads(SEALED)
    outer["signatures"][0]["keyid"] = seeded(2).public.keyid
    renamed = open_envelope(encode(outer))
    assert not renamed.signed_by(SIGNER.public)
    assert not renamed.signed_by(seeded(2).public)


def changed(change: Callable[[dict[str, Any]], None]) -> bytes:
    outer = json.loads(SEALED)
    change(outer)
    return encode(outer)


def signature(outer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = outer["signatures"][0]
    return found


def url_safe(text: str) -> str:
    return base64.urlsafe_b64encode(base64.b64decode(text)).decode()


def with_loose_bits(text: str) -> str:
    """The same bytes, with bits set in the last character that no byte uses."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    kept = text.rstrip("=")
    return kept[:-1] + alphabet[alphabet.index(kept[-1]) + 1] + text[len(kept) :]


CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "emptied keyid": lambda o: signature(o).update(keyid=""),
    "no keyid": lambda o: signature(o).pop("keyid"),
    "keyid in capitals": lambda o: signature(o).update(keyid=signature(o)["keyid"].upper()),
    "URL-safe signature": lambda o: signature(o).update(
        sig=url_safe("+" * 8 + signature(o)["sig"][8:])
    ),
    "signature without padding": lambda o: signature(o).update(sig=signature(o)["sig"].rstrip("=")),
    "signature with loose bits": lambda o: signature(o).update(
        sig=with_loose_bits(signature(o)["sig"])
    ),
    "signature of 63 bytes": lambda o: signature(o).update(
        sig=base64.b64encode(bytes(63)).decode()
    ),
    "signature is a number": lambda o: signature(o).update(sig=1),
    "another field in the signature": lambda o: signature(o).update(cert=""),
    "two signatures": lambda o: o["signatures"].append(signature(o)),
    "no signature": lambda o: o.update(signatures=[]),
    "signatures is an object": lambda o: o.update(signatures={"0": 1}),
    "signature is a list": lambda o: o.update(signatures=[["keyid", "sig"]]),
    "another field": lambda o: o.update(unsigned="note"),
    "no type": lambda o: o.pop("payloadType"),
    "type of another project": lambda o: o.update(payloadType="application/vnd.in-toto+json"),
    "type of another version": lambda o: o.update(payloadType="application/vnd.writ.mode.v2+json"),
    "empty kind": lambda o: o.update(payloadType="application/vnd.writ..v1+json"),
    "overlapping type": lambda o: o.update(payloadType="application/vnd.writ.v1+json"),
    "kind in capitals": lambda o: o.update(payloadType="application/vnd.writ.Mode.v1+json"),
    "type is a list": lambda o: o.update(payloadType=["application/vnd.writ.mode.v1+json"]),
    "payload with a line end": lambda o: o.update(payload=o["payload"] + "\n"),
    "payload is an object": lambda o: o.update(payload={}),
    "payload is no object": lambda o: o.update(payload=base64.b64encode(b"[]").decode()),
    "payload with a space": lambda o: o.update(payload=base64.b64encode(b'{"a": 1}').decode()),
    "payload with a duplicate": lambda o: o.update(
        payload=base64.b64encode(b'{"a":1,"a":1}').decode()
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_other_encodings_are_refused(name: str) -> None:
    data = changed(CHANGES[name])
    assert data != SEALED
    with pytest.raises(EnvelopeError):
        open_envelope(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        SEALED + b"\n",
        b" " + SEALED,
        SEALED[:-1],
        SEALED.replace(b'"payload":', b'"payload": '),
        SEALED.replace(b'"payload"', b'"p\\u0061yload"'),
        json.dumps(dict(reversed(json.loads(SEALED).items())), separators=(",", ":")).encode(),
        b"\xef\xbb\xbf" + SEALED,
        SEALED[:-1] + b',"payload":"e30="}',
    ],
)
def test_other_bytes_around_the_same_content_are_refused(data: bytes) -> None:
    with pytest.raises(EnvelopeError):
        open_envelope(data)


def test_an_envelope_fits_into_a_bundle() -> None:
    overhead = len(seal("mode", {"a": ""}, SIGNER))
    room = (ENVELOPE_BYTES_MAX - overhead) // 4 * 3
    largest = seal("mode", {"a": "x" * room}, SIGNER)
    assert ENVELOPE_BYTES_MAX - 4 < len(largest) <= ENVELOPE_BYTES_MAX
    assert open_envelope(largest).signed_by(SIGNER.public)
    with pytest.raises(EnvelopeError):
        seal("mode", {"a": "x" * (room + 4)}, SIGNER)
    with pytest.raises(EnvelopeError):
        open_envelope(b" " * (ENVELOPE_BYTES_MAX + 1))


@pytest.mark.parametrize("kind", ["", "Mode", "a b", "a/b", "1a", "a" * 33, "mode\n"])
def test_kinds_are_lower_case_words(kind: str) -> None:
    with pytest.raises(EnvelopeError):
        seal(kind, {}, SIGNER)
