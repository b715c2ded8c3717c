"""Who signs an entry, and when it says it was made.

The identity key certifies a decision key that lives in memory for at most a day; the decision
key signs entries. Nothing here changes state: each seal returns what holds after it, and the
writer keeps that only once the entry is durable, so a failed commit leaves no trace.

Where the identity key is far away, in a vault, no commit may wait for it. A certificate is then
made ahead of its time: dated a little into the future, it takes its place in front of the first
entry that is sealed from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway.domain.errors import UnavailableError
from gateway.ledger.succession import Succession
from gateway.ports import BlockingRunner, Clock, Draft, Entropy
from signing.canonical import digest
from signing.documents import match_document
from signing.envelope import seal
from signing.keyring import ABOUT_KEYS
from signing.keys import Ed25519Signer, PublicKey, Signer, Vkey
from signing.records import CERTIFICATE_US_MAX, check
from signing.verification.folder import DOCUMENT_BYTES_MAX

CERTIFICATE_LIFETIME_US: Final = CERTIFICATE_US_MAX
RENEWAL_MARGIN_US: Final = 3_600 * 1_000_000
PREPARED_LEAD_US: Final = 60 * 1_000_000
"""How far ahead a certificate is dated: longer than a vault takes to sign it."""
BLOB_BYTES_MAX: Final = 32 * 1_024 * 1_024
"""The longest document; a file of a release may be as long, or it could not be recorded."""
_SEED_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class FarSigner:
    """An identity key that is asked over a network, which may take long, or fail for hours."""

    signer: Signer
    asked_on: BlockingRunner
    """Whatever waits for it runs here, and takes none of the threads that commits need."""

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self.signer.public

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`; blocks."""
        return self.signer.sign(message)


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


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A certificate that waits for its time, and what holds once it is in the log."""

    entry: Sealed
    after: Sealing

    def follows(self, sealing: Sealing) -> bool:
        """Whether it is not in the log yet and could still get there: time never goes back."""
        fresh = self.after.decision is not sealing.decision
        return fresh and sealing.last_at_us <= self.entry.at_us


class Sealer:
    """Makes entries of drafts, under keys that it can prove."""

    def __init__(self, vkey: Vkey, identity: Signer, clock: Clock, entropy: Entropy) -> None:
        """`vkey` names the log; `identity` certifies decision keys.

        A `FarSigner` is asked by `prepare`, and by `genesis` and `certificate` at a start, and
        never while entries are sealed.
        """
        self._vkey = vkey
        self._identity = identity
        self._clock = clock
        self._entropy = entropy
        self._ahead = isinstance(identity, FarSigner)
        self._prepared: _Prepared | None = None

    @property
    def asked_on(self) -> BlockingRunner | None:
        """Where a far identity key is asked; None: it is in this process."""
        return self._identity.asked_on if isinstance(self._identity, FarSigner) else None

    @property
    def identity(self) -> PublicKey:
        """The key that certifies."""
        return self._identity.public

    @property
    def succession(self) -> Succession | None:
        """From whom it takes over, if it has not stood before."""
        return self._identity if isinstance(self._identity, Succession) else None

    def behind_ms(self, last_at_us: int) -> int:
        """By how much our clock is behind the newest entry of a log that is opened again."""
        return max(0, last_at_us - self._clock.wall_us()) // 1_000

    def genesis(self, sealing: Sealing) -> tuple[Sealed, Sealing]:
        """The first entry: pins the origin and both long-lived keys."""
        payload = {
            "origin": self._vkey.name,
            "log_key": self._vkey.public.hex,
            "identity_key": self._identity.public.hex,
        }
        return _seal("genesis", payload, self._identity, sealing, self._now_us(sealing))

    def take_over(self, sealing: Sealing) -> tuple[Sealed, Sealing]:
        """Enter this identity key as the one that certifies from here on."""
        succession = self.succession
        assert succession is not None, "there is a key to take over from"
        payload = {
            "identity_key": self._identity.public.hex,
            "revoked": succession.former is None,
            "by": succession.by,
            "reason": succession.reason,
        }
        signer = succession.former or succession.coming
        return _seal("identity", payload, signer, sealing, self._now_us(sealing))

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
            UnavailableError: `ledger-uncertified`: the certificate has ended, and the far
                identity key has made no other.
        """
        if draft.kind in ABOUT_KEYS or "at_us" in draft.payload:
            raise ValueError(f"a {draft.kind} and every at_us are written by the ledger alone")
        blobs = _named_blobs(draft)
        at_us = self._now_us(sealing)
        before, sealing = self._certified(sealing, at_us)
        assert sealing.decision is not None, "there is a certificate"
        entry, after = _seal(draft.kind, draft.payload, sealing.decision, sealing, at_us)
        return (*before, replace(entry, blobs=blobs)), after

    def due(self, sealing: Sealing) -> bool:
        """Whether `prepare` has something to do; any thread."""
        now_us = self._now_us(sealing)
        if not self._ahead or now_us <= sealing.not_after_us - RENEWAL_MARGIN_US:
            return False
        ready = self._prepared
        return (
            ready is None
            or not ready.follows(sealing)
            or now_us > ready.after.not_after_us - RENEWAL_MARGIN_US
        )

    def prepare(self, sealing: Sealing) -> None:
        """Have the identity key certify the next decision key; blocks, any thread.

        If entries overtake it, it is of no use and is made again; nobody has seen it then.
        """
        now_us = self._now_us(sealing)
        at_us = max(now_us, min(now_us + PREPARED_LEAD_US, sealing.not_after_us))
        self._prepared = _Prepared(*self._certify(sealing, at_us))

    def uncertified(self, sealing: Sealing) -> bool:
        """Whether no entry can be sealed now, for want of a certificate; any thread."""
        now_us = self._now_us(sealing)
        return self._ahead and self._ready(sealing, now_us) is None and _ended(sealing, now_us)

    def _certified(self, sealing: Sealing, at_us: int) -> tuple[tuple[Sealed, ...], Sealing]:
        """What has to stand before an entry of this instant, and the key that it has then."""
        if not self._ahead:
            if not _ended(sealing, at_us + RENEWAL_MARGIN_US):
                return (), sealing
            certificate, sealing = self._certify(sealing, at_us)
            return (certificate,), sealing
        ready = self._ready(sealing, at_us)
        if ready is not None:
            return (ready.entry,), ready.after
        if _ended(sealing, at_us):
            raise UnavailableError(
                "ledger-uncertified",
                "the certificate of the key that signs has ended, and there is no other",
                "see why the identity key cannot be asked; recording resumes by itself",
            )
        return (), sealing

    def _ready(self, sealing: Sealing, at_us: int) -> _Prepared | None:
        ready = self._prepared  # read once: another thread may put the next one there
        if ready is None or not ready.follows(sealing):
            return None
        return ready if ready.entry.at_us <= at_us <= ready.after.not_after_us else None

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


def _ended(sealing: Sealing, at_us: int) -> bool:
    """Whether there is no key that may sign at this instant."""
    return sealing.decision is None or at_us > sealing.not_after_us


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
