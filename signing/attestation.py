"""Attestations: a person or a pipeline signs that a file is the output of a run.

The form is in-toto's: a Statement v1 in a DSSE envelope, with one subject, the file by its name
and SHA-256. Other people's tools verify it; ours takes one encoding of it and no other field.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from signing.canonical import INT_MAX, JsonObject
from signing.dsse import EnvelopeError, SignedPayload, open_payload, seal_payload
from signing.keys import PublicKey, Signer
from signing.shapes import RecordError, integer, many, record, text, word

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://writ.local/attestation/source-run/v1"
"""A name, not an address: what the predicate's fields mean stands in docs/provenance.md."""

SUFFIX: Final = ".att"
"""How the name of an attestation's file ends."""
OUTPUT_BYTES_MAX: Final = 64 * 1024 * 1024
"""The longest output file that can be attested: 64 MiB."""
ATTESTATION_BYTES_MAX: Final = 8_192
"""The longest attestation that is read."""

_CHUNK_BYTES: Final = 1 << 20
_ID: Final = text(r"[A-Za-z0-9_.:-]{1,64}", "an id of at most 64 of A-Z a-z 0-9 _ . : -")
# A name and no path: it is looked for beside the attestation and nowhere else.
_FILE_NAME: Final = text(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", "a plain file name without folders")
_HEX: Final = text(r"[0-9a-f]{64}", "64 lower-case hexadecimal digits")
_SUBJECT: Final = record({"name": _FILE_NAME, "digest": record({"sha256": _HEX})})
_STATEMENT: Final = record(
    {
        "_type": word({STATEMENT_TYPE}),
        "subject": many(_SUBJECT, 1),
        "predicateType": word({PREDICATE_TYPE}),
        "predicate": record({"run_id": _ID, "created_us": integer(0, INT_MAX), "by": _ID}),
    }
)


class AttestationError(ValueError):
    """What cannot be attested, or bytes that are no attestation."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """A read attestation: its form is right; only `signed_by` says who made it.

    Attributes:
        run_id: the run that made the file.
        file_name: the file, by its name without folders.
        sha256: the file's digest, 64 lower-case hexadecimal digits.
        created_us: when it was signed by its maker's clock, microseconds UTC.
        by: who signed by their own account: a label.
    """

    run_id: str
    file_name: str
    sha256: str
    created_us: int
    by: str
    _envelope: SignedPayload = field(repr=False)

    def signed_by(self, public: PublicKey) -> bool:
        """Tell whether `public` signed it."""
        return self._envelope.signed_by(public)


def attest(
    run_id: str, file_name: str, sha256: str, *, created_us: int, by: str, signer: Signer
) -> bytes:
    """Sign that the file of this name and digest is an output of the run.

    Raises:
        AttestationError: an id, a name, a digest or a time that no attestation can hold.
    """
    statement: JsonObject = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": file_name, "digest": {"sha256": sha256}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {"run_id": run_id, "created_us": created_us, "by": by},
    }
    _check(statement)
    return seal_payload(PAYLOAD_TYPE, statement, signer)


def read_attestation(data: bytes) -> Attestation:
    """Read an attestation; one line end after it is accepted, as a file has it.

    Raises:
        AttestationError: not an envelope in its one encoding, of another type, or with other
            fields.
    """
    if len(data) > ATTESTATION_BYTES_MAX:
        raise AttestationError(f"an attestation has at most {ATTESTATION_BYTES_MAX} bytes")
    try:
        envelope = open_payload(data.removesuffix(b"\n"))
    except EnvelopeError as error:
        raise AttestationError(str(error)) from error
    if envelope.payload_type != PAYLOAD_TYPE:
        raise AttestationError("the payload type is not in-toto's")
    statement = envelope.payload
    _check(statement)
    [subject], predicate = statement["subject"], statement["predicate"]
    return Attestation(
        run_id=predicate["run_id"],
        file_name=subject["name"],
        sha256=subject["digest"]["sha256"],
        created_us=predicate["created_us"],
        by=predicate["by"],
        _envelope=envelope,
    )


def file_digest(file: BinaryIO) -> str | None:
    """The SHA-256 of an open file from here on, or None beyond OUTPUT_BYTES_MAX."""
    found, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK_BYTES):
        size += len(chunk)
        if size > OUTPUT_BYTES_MAX:
            return None
        found.update(chunk)
    return found.hexdigest()


def _check(statement: JsonObject) -> None:
    try:
        _STATEMENT("", statement)
    except RecordError as error:
        raise AttestationError(str(error)) from error
    if not statement["subject"]:
        raise AttestationError("subject: is empty")
