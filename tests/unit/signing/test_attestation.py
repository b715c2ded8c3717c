"""Attestations: in-toto's statement, one encoding, one file."""

import io
import json
from typing import Any

import pytest

from signing import attestation
from signing.attestation import (
    ATTESTATION_BYTES_MAX,
    PAYLOAD_TYPE,
    AttestationError,
    attest,
    file_digest,
    read_attestation,
)
from signing.canonical import encode
from signing.dsse import seal_payload
from signing.envelope import EnvelopeError, open_envelope, seal
from signing.override import OverrideError, read_override
from support.logs import seeded

pytestmark = pytest.mark.requirement("S4-03")

SIGNER = seeded(1)
DIGEST = "ab" * 32
MADE = attest("run-7", "targets.csv", DIGEST, created_us=5, by="alice", signer=SIGNER)


def statement() -> dict[str, Any]:
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "targets.csv", "digest": {"sha256": DIGEST}}],
        "predicateType": attestation.PREDICATE_TYPE,
        "predicate": {"run_id": "run-7", "created_us": 5, "by": "alice"},
    }


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_it_reads_what_was_attested(end: bytes) -> None:
    found = read_attestation(MADE + end)
    assert (found.run_id, found.file_name, found.sha256) == ("run-7", "targets.csv", DIGEST)
    assert (found.created_us, found.by) == (5, "alice")
    assert found.signed_by(SIGNER.public)
    assert not found.signed_by(seeded(2).public)
    assert seal_payload(PAYLOAD_TYPE, statement(), SIGNER) == MADE


def changed(path: tuple[Any, ...], value: object) -> dict[str, Any]:
    made = statement()
    node: Any = made
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    return made


@pytest.mark.parametrize(
    "wrong",
    [
        changed(("_type",), "https://in-toto.io/Statement/v0.1"),
        changed(("predicateType",), "https://slsa.dev/provenance/v1"),
        changed(("subject",), []),
        changed(("subject",), statement()["subject"] * 2),
        changed(("subject", 0, "name"), "../targets.csv"),
        changed(("subject", 0, "name"), "a/b"),
        changed(("subject", 0, "name"), ".hidden"),
        changed(("subject", 0, "name"), ""),
        changed(("subject", 0, "name"), "a\x00"),
        changed(("subject", 0, "digest"), {"sha1": "ab" * 20}),
        changed(("subject", 0, "digest"), {"sha256": DIGEST, "sha512": "0"}),
        changed(("subject", 0, "digest", "sha256"), DIGEST.upper()),
        changed(("predicate", "run_id"), "a b"),
        changed(("predicate", "run_id"), ""),
        changed(("predicate", "run_id"), "r" * 65),
        changed(("predicate", "run_id"), 7),
        changed(("predicate", "created_us"), -1),
        changed(("predicate", "created_us"), "5"),
        changed(("predicate", "created_us"), True),
        changed(("predicate", "extra"), 1),
        changed(("extra",), 1),
    ],
)
def test_a_signed_statement_with_other_fields_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(AttestationError):
        read_attestation(seal_payload(PAYLOAD_TYPE, wrong, SIGNER))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        MADE + b"\n\n",
        b" " + MADE,
        MADE[:-1],
        MADE + b" " * ATTESTATION_BYTES_MAX,
        json.dumps(json.loads(MADE)).encode(),
        encode(json.loads(MADE) | {"note": "x"}),
    ],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(AttestationError):
        read_attestation(data)


def test_no_signature_counts_under_another_type() -> None:
    """The same key may sign entries, overrides and attestations: none passes for another."""
    with pytest.raises(AttestationError, match="in-toto"):
        read_attestation(seal("override", statement(), SIGNER))
    with pytest.raises(EnvelopeError):
        open_envelope(MADE)
    with pytest.raises(OverrideError):
        read_override(MADE.decode())
    retyped = json.loads(seal("override", statement(), SIGNER))
    retyped["payloadType"] = PAYLOAD_TYPE
    assert not read_attestation(encode(retyped)).signed_by(SIGNER.public)


def test_what_cannot_be_attested_is_not_signed() -> None:
    with pytest.raises(AttestationError, match="run_id"):
        attest("no spaces", "a", DIGEST, created_us=1, by="x", signer=SIGNER)
    with pytest.raises(AttestationError, match="name"):
        attest("r", "a/b", DIGEST, created_us=1, by="x", signer=SIGNER)


def test_a_file_has_a_longest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attestation, "OUTPUT_BYTES_MAX", 10)
    assert file_digest(io.BytesIO(b"x" * 11)) is None
    assert file_digest(io.BytesIO(b"abc")) == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
