"""Steps 4 to 6: the first entry, every signature as of its time, and the fields of every record."""

from __future__ import annotations

from signing.envelope import Envelope, EnvelopeError, open_envelope
from signing.keyring import Keyring, KeyringError, Tenure
from signing.keys import PublicKey, Vkey
from signing.records import RecordError, check
from signing.verification.findings import Findings

GENESIS = 4
SIGNATURES = 5
RECORDS = 6


class EntryCheck:
    """Judges entries in their order; a later entry changes nothing said of an earlier one."""

    def __init__(self, vkey: Vkey, findings: Findings, identity: PublicKey | None = None) -> None:
        """`identity` is the identity key that has to stand at the end, where it is known."""
        self._vkey = vkey
        self._findings = findings
        self._expected = identity
        self._keyring = Keyring(vkey.public)
        self._last_us = 0

    @property
    def keys(self) -> tuple[Tenure, ...]:
        """Every key that the log has brought in so far."""
        return self._keyring.history

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
        """Close step 4 for a log without entries, and step 5 with the key that stands."""
        if size == 0:
            self._findings.fault(GENESIS, None, "the log is empty: nothing pins its keys")
        elif self._expected is not None and self._keyring.identity != self._expected:
            brought_in = [one.first_index for one in self.keys if one.role == "identity"]
            message = "it brings in another identity key than the one that is known"
            self._findings.fault(SIGNATURES, brought_in[-1] if brought_in else None, message)

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
            self._keyring.begin(envelope)
        except KeyringError as error:
            self._findings.fault(GENESIS, 0, str(error))

    def _check_signature(self, index: int, envelope: Envelope, at_us: int | None) -> None:
        try:
            match envelope.kind:
                case "genesis":
                    pass
                case "certificate" if at_us is not None:
                    self._keyring.certify(index, envelope)
                case "certificate":
                    self._keyring.check_certifier(envelope)
                case "identity" if at_us is not None:
                    self._keyring.succeed(index, envelope)
                case "identity":
                    pass  # who has to sign it stands in a field that cannot be relied on
                case _:
                    self._keyring.judge(envelope, at_us)
        except KeyringError as error:
            self._findings.fault(SIGNATURES, index, str(error))
