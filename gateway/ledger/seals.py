"""Who signs an entry, and when it says it was made.

The identity key certifies a decision key that lives in memory for at most a day; the decision
key signs entries. Nothing here changes state: each seal returns what holds after it, and the
writer keeps that only once the entry is durable, so a failed commit leaves no trace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.ports import Clock, Draft, Entropy
from signing.envelope import seal
from signing.keys import Signer, Ed25519Signer, Vkey
from signing.records import check

CERTIFICATE_LIFETIME_US: Final = 24 * 3_600 * 1_000_000
RENEWAL_MARGIN_US: Final = 3_600 * 1_000_000
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
    blobs: tuple[bytes, ...] = ()


class Sealer:
    """Makes entries of drafts, under keys that it can prove."""

    def __init__(
        self, vkey: Vkey, identity: Signer, clock: Clock, entropy: Entropy
    ) -> None:
        """`vkey` names the log; `identity` certifies decision keys."""
        self._vkey = vkey
        self._identity = identity
        self._clock = clock
        self._entropy = entropy

    def genesis(self, sealing: Sealing) -> tuple[Sealed, Sealing]:
        """The first entry: pins the origin and both long-lived keys."""
        payload = {
            "origin": self._vkey.name,
            "log_key": self._vkey.public.hex,
            "identity_key": self._identity.public.hex,
        }
        return self._seal("genesis", payload, self._identity, sealing)

    def due(self, sealing: Sealing) -> bool:
        """Whether the next entry needs a new certificate before it."""
        return (
            sealing.decision is None
            or self._now_us(sealing) > sealing.not_after_us - RENEWAL_MARGIN_US
        )

    def certificate(self, sealing: Sealing) -> tuple[Sealed, Sealing]:
        """Make a new decision key and certify it for a day."""
        key = Ed25519Signer.from_seed(self._entropy.token(_SEED_BYTES))
        start_us = self._now_us(sealing)
        payload = {
            "decision_key": key.public.hex,
            "not_before_us": start_us,
            "not_after_us": start_us + CERTIFICATE_LIFETIME_US,
        }
        # The certificate is dated before its key is used: its own time is its start.
        entry, after = self._seal("certificate", payload, self._identity, sealing, start_us)
        return entry, replace(after, decision=key, not_after_us=payload["not_after_us"])

    def entry(self, draft: Draft, sealing: Sealing) -> tuple[Sealed, Sealing]:
        """Seal a caller's draft with the decision key.

        Raises:
            ValueError: the draft is of a kind that only the ledger writes, sets its own time, or
                is not a record of its kind (`RecordError`, `CanonicalError`, `EnvelopeError`).
        """
        if draft.kind in _OURS_ALONE or "at_us" in draft.payload:
            raise ValueError(f"a {draft.kind} and every at_us are written by the ledger alone")
        assert sealing.decision is not None, "a certificate comes before every entry"
        entry, after = self._seal(draft.kind, dict(draft.payload), sealing.decision, sealing)
        return replace(entry, blobs=draft.blobs), after

    def _seal(
        self,
        kind: str,
        payload: dict[str, Any],
        signer: Signer,
        sealing: Sealing,
        at_us: int | None = None,
    ) -> tuple[Sealed, Sealing]:
        moment_us = self._now_us(sealing) if at_us is None else at_us
        dated = {**payload, "at_us": moment_us}
        check(kind, dated)
        entry = Sealed(kind, moment_us, dated, seal(kind, dated, signer))
        return entry, replace(sealing, last_at_us=moment_us)

    def _now_us(self, sealing: Sealing) -> int:
        """Wall time, held where it is while the host's clock is behind the log."""
        return max(self._clock.wall_us(), sealing.last_at_us)
