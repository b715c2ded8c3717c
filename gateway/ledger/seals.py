"""Who signs an entry, and when it says it was made.

The identity key certifies a decision key that lives in memory for at most a day; the decision
key signs entries. Nothing here changes state: each seal returns what holds after it, and the
writer keeps that only once the entry is durable, so a failed commit leaves no trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway.ports import Clock, Draft, Entropy
from signing.canonical import digest
from signing.documents import match_document
from signing.envelope import seal
from signing.keys import Ed25519Signer, PublicKey, Signer, Vkey
from signing.records import check
from signing.verification.folder import DOCUMENT_BYTES_MAX

CERTIFICATE_LIFETIME_US: Final = 24 * 3_600 * 1_000_000
RENEWAL_MARGIN_US: Final = 3_600 * 1_000_000
BLOB_BYTES_MAX: Final = 32 * 1_024 * 1_024
"""The longest document; a file of a release may be as long, or it could not be recorded."""
_SEED_BYTES: Final = 32
_OURS_ALONE: Final = frozenset({"genesis", "certificate"})


@dataclass(frozen=True, slots=True)
class Sealing:
    """What the next seal depends on.

    Attributes:
        last_at_us: the time of the newest entry; time never goes back in the log.
        decision: the certified key, or None before this process has certified one.
        not_after_us: the end of its certificate.
    """

    last_at_us: int = 0
    decision: Signer | None = None
    not_after_us: int = 0


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry ready to be stored: what was signed, and the bytes of the envelope."""

    kind: str
    at_us: int
    payload: dict[str, Any]
    envelope: bytes
    blobs: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """The documents it names, by their SHA-256."""


class Sealer:
    """Makes entries of drafts, under keys that it can prove."""

    def __init__(self, vkey: Vkey, identity: Signer, clock: Clock, entropy: Entropy) -> None:
        """`vkey` names the log; `identity` certifies decision keys."""
        self._vkey = vkey
        self._identity = identity
        self._clock = clock
        self._entropy = entropy

    @property
    def identity(self) -> PublicKey:
        """The key that certifies."""
        return self._identity.public

    def genesis(self, sealing: Sealing) -> tuple[Sealed, Sealing]:
        """The first entry: pins the origin and both long-lived keys."""
        payload = {
            "origin": self._vkey.name,
            "log_key": self._vkey.public.hex,
            "identity_key": self._identity.public.hex,
        }
        return _seal("genesis", payload, self._identity, sealing, self._now_us(sealing))

    def certificate(self, sealing: Sealing) -> tuple[Sealed, Sealing]:
        """Make a new decision key and certify it for a day, from now on."""
        return self._certify(sealing, self._now_us(sealing))

    def entries(self, draft: Draft, sealing: Sealing) -> tuple[tuple[Sealed, ...], Sealing]:
        """Seal a caller's draft, behind a new certificate when the present one runs out.

        One reading of the clock dates both, so that no entry outlives its key's certificate
        however the clock jumps.

        Raises:
            ValueError: the draft is of a kind that only the ledger writes, sets its own time,
                carries other documents than it names, or is not a record of its kind.
        """
        if draft.kind in _OURS_ALONE or "at_us" in draft.payload:
            raise ValueError(f"a {draft.kind} and every at_us are written by the ledger alone")
        blobs = _named_blobs(draft)
        at_us = self._now_us(sealing)
        before: tuple[Sealed, ...] = ()
        key = sealing.decision
        if key is None or at_us > sealing.not_after_us - RENEWAL_MARGIN_US:
            certificate, sealing = self._certify(sealing, at_us)
            before, key = (certificate,), sealing.decision
        assert key is not None, "a certificate has just been made"
        entry, after = _seal(draft.kind, draft.payload, key, sealing, at_us)
        return (*before, replace(entry, blobs=blobs)), after

    def _certify(self, sealing: Sealing, at_us: int) -> tuple[Sealed, Sealing]:
        key = Ed25519Signer.from_seed(self._entropy.token(_SEED_BYTES))
        not_after_us = at_us + CERTIFICATE_LIFETIME_US
        payload = {
            "decision_key": key.public.hex,
            "not_before_us": at_us,
            "not_after_us": not_after_us,
        }
        entry, after = _seal("certificate", payload, self._identity, sealing, at_us)
        return entry, replace(after, decision=key, not_after_us=not_after_us)

    def _now_us(self, sealing: Sealing) -> int:
        """Wall time, held where it is while the host's clock is behind the log."""
        return max(self._clock.wall_us(), sealing.last_at_us)


def _seal(
    kind: str, payload: Mapping[str, Any], signer: Signer, sealing: Sealing, at_us: int
) -> tuple[Sealed, Sealing]:
    dated = {**payload, "at_us": at_us}
    check(kind, dated)
    entry = Sealed(kind, at_us, dated, seal(kind, dated, signer))
    return entry, replace(sealing, last_at_us=at_us)


def _named_blobs(draft: Draft) -> Mapping[str, bytes]:
    """The draft's documents by digest, each named by its payload; a decision's input is one."""
    blobs = {digest(content): content for content in draft.blobs}
    if any(len(content) > BLOB_BYTES_MAX for content in draft.blobs):
        raise ValueError(f"a document has at most {BLOB_BYTES_MAX} bytes")
    if blobs.keys() - set(filter(_is_text, draft.payload.values())):
        raise ValueError(f"a {draft.kind} carries a document that it does not name")
    if draft.kind == "decision":
        _check_input(blobs.get(draft.payload.get("input_digest", "")), draft)
    return blobs


def _check_input(document: bytes | None, draft: Draft) -> None:
    """A decision without its own input could neither be verified nor replayed."""
    if document is None:
        raise ValueError("a decision carries its input document")
    if len(document) > DOCUMENT_BYTES_MAX:
        raise ValueError(f"an input document has at most {DOCUMENT_BYTES_MAX} bytes")
    match_document(dict(draft.payload), document)


def _is_text(value: object) -> bool:
    return isinstance(value, str)
