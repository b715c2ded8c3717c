"""Steps 4 to 6: the first entry, every signature as of its time, and the fields of every record."""

from __future__ import annotations

from dataclasses import dataclass

from signing.canonical import JsonObject
from signing.envelope import Envelope, EnvelopeError, open_envelope
from signing.keys import InvalidKeyError, PublicKey, Vkey
from signing.records import RecordError, check
from signing.verification.findings import Findings

GENESIS = 4
SIGNATURES = 5
RECORDS = 6


@dataclass(frozen=True, slots=True)
class _Certificate:
    """What the identity key vouches for: a decision key, and the time in which it may sign."""

    key: PublicKey
    not_before_us: int
    not_after_us: int


class EntryCheck:
    """Judges entries in their order; a later entry changes nothing said of an earlier one."""

    def __init__(self, vkey: Vkey, findings: Findings) -> None:
        self._vkey = vkey
        self._findings = findings
        self._identity: PublicKey | None = None
        self._certificates: dict[str, list[_Certificate]] = {}
        self._last_us = 0

    def take(self, index: int, entry: bytes) -> Envelope | None:
        """Check one entry; return it opened if its fields can be relied on to be there."""
        try:
            envelope = open_envelope(entry)
        except EnvelopeError as error:
            self._findings.fault(SIGNATURES, index, str(error))
            return None
        try:
            check(envelope.kind, envelope.payload)
        except RecordError as error:
            self._findings.fault(RECORDS, index, f"{envelope.kind}: {error}")
            # Its signature is still looked at, so that both steps tell what they know.
            self._check_signature(index, envelope, at_us=None)
            return None
        self._check_genesis(index, envelope)
        at_us = int(envelope.payload["at_us"])
        self._check_signature(index, envelope, at_us)
        if at_us < self._last_us:
            self._findings.fault(RECORDS, index, "its time is before that of an earlier entry")
        self._last_us = max(self._last_us, at_us)
        self._findings.counts[envelope.kind] += 1
        return envelope

    def finish(self, size: int) -> None:
        """Close step 4 for a log without entries."""
        if size == 0:
            self._findings.fault(GENESIS, None, "the log is empty: nothing pins its keys")

    def _check_genesis(self, index: int, envelope: Envelope) -> None:
        if (index == 0) != (envelope.kind == "genesis"):
            message = "is not the genesis" if index == 0 else "is a second genesis"
            self._findings.fault(GENESIS, index, message)
            return
        if index > 0:
            return
        pinned = envelope.payload
        if pinned["origin"] != self._vkey.name or pinned["log_key"] != self._vkey.public.hex:
            self._findings.fault(GENESIS, 0, "it pins another origin or log key")
            return
        try:
            identity = PublicKey.from_hex(pinned["identity_key"])
        except InvalidKeyError as error:
            self._findings.fault(GENESIS, 0, f"the identity key: {error}")
            return
        if identity == self._vkey.public:
            self._findings.fault(GENESIS, 0, "the identity key is the log key")
        if not envelope.signed_by(identity):
            self._findings.fault(GENESIS, 0, "it is not signed by the identity key it pins")
            return
        self._identity = identity

    def _check_signature(self, index: int, envelope: Envelope, at_us: int | None) -> None:
        if envelope.kind == "genesis":
            return
        if envelope.kind == "certificate":
            self._check_certificate(index, envelope, at_us)
            return
        known = self._certificates.get(envelope.keyid, [])
        if not known:
            self._findings.fault(SIGNATURES, index, "its key has no certificate before it")
        elif not envelope.signed_by(known[0].key):
            self._findings.fault(SIGNATURES, index, "its signature is not valid")
        elif at_us is not None and not any(
            one.not_before_us <= at_us <= one.not_after_us for one in known
        ):
            self._findings.fault(SIGNATURES, index, "its key was not certified at its time")

    def _check_certificate(self, index: int, envelope: Envelope, at_us: int | None) -> None:
        if self._identity is None or not envelope.signed_by(self._identity):
            message = "the certificate is not signed by the identity key"
            self._findings.fault(SIGNATURES, index, message)
        elif at_us is not None:
            self._admit(index, envelope.payload)

    def _admit(self, index: int, payload: JsonObject) -> None:
        """Accept the key of a certificate from here on."""
        try:
            key = PublicKey.from_hex(payload["decision_key"])
        except InvalidKeyError as error:
            self._findings.fault(SIGNATURES, index, f"the certified key: {error}")
            return
        if key in {self._identity, self._vkey.public}:
            # A key has one purpose: what one signs can never pass for what another signs.
            self._findings.fault(SIGNATURES, index, "the certified key has another purpose")
            return
        certificate = _Certificate(key, payload["not_before_us"], payload["not_after_us"])
        self._certificates.setdefault(key.keyid, []).append(certificate)
