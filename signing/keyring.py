"""The keys of a log as its own entries tell of them: who may sign, and from which entry on.

Entry 0 pins the first identity key. From then on at most two keys stand, the identity key that
certifies and the decision key that it certified last. Each entry about keys ends what stood:

- `certificate`, signed by the identity key that stands: another decision key signs from here on.
- `identity`: another identity key certifies from here on. No decision key stands until the new one
  has certified one. In a planned rotation the key that leaves has signed the entry. Of a key that
  is revoked no word counts any more, so the key that comes has signed it. That it was the operator
  who wrote it then rests on the log key alone, and whoever verifies the log is told so.

What a key has signed before its end stays proven.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from signing.envelope import Envelope
from signing.keys import InvalidKeyError, PublicKey

ABOUT_KEYS: Final = frozenset({"genesis", "identity", "certificate"})
"""The kinds of entries that say which keys stand."""

Role: TypeAlias = Literal["identity", "decision"]
Ending: TypeAlias = Literal["stands", "rotated", "revoked", "followed"]


class KeyringError(ValueError):
    """An entry that the keys which stand at its place do not vouch for."""


@dataclass(frozen=True, slots=True)
class Tenure:
    """How long one key could sign, by what the log says.

    Attributes:
        role: `identity` (certifies) or `decision` (signs every other entry).
        key: the public key, 64 hexadecimal digits.
        by: the key that vouched for it, or `none`: pinned by entry 0, or in place of a revoked one.
        first_index: the entry that brought it in.
        first_us: that entry's time; a decision key signs nothing of before its certificate's time.
        last_us: the end of a decision key's certificate, or the time of the entry that ended the
            key, whichever is sooner; None where there is none yet.
        ending: `stands`; `rotated` or `revoked` by an `identity` entry, which a decision key
            shares with the key that certified it; `followed` by another certificate.
        ended_index: the entry that ended it; None where it stands.
        reason: why it was rotated or revoked, as that entry says; else empty.
        ended_by: who did that; else empty.
    """

    role: Role
    key: str
    by: str
    first_index: int
    first_us: int
    last_us: int | None = None
    ending: Ending = "stands"
    ended_index: int | None = None
    reason: str = ""
    ended_by: str = ""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A key that may sign now, and its place in the history."""

    key: PublicKey
    place: int
    not_before_us: int = 0
    not_after_us: int = 0


class Keyring:
    """Follows the entries about keys in their order, and judges every other entry by them."""

    def __init__(self, log_key: PublicKey) -> None:
        """Begin before entry 0; `log_key` signs the checkpoints, and nothing else."""
        self._log_key = log_key
        self._identity: _Standing | None = None
        self._decision: _Standing | None = None
        self._identities: set[PublicKey] = set()
        self._history: list[Tenure] = []
        # The entry that ended each key that ever stood, by its label; None where it stands.
        self._ended: dict[str, int | None] = {}

    @property
    def identity(self) -> PublicKey | None:
        """The key that certifies now; None before a sound entry 0."""
        return self._identity.key if self._identity else None

    @property
    def history(self) -> tuple[Tenure, ...]:
        """Every key that the log has brought in, in order."""
        return tuple(self._history)

    def used(self, key: PublicKey) -> bool:
        """Whether a key ever had a purpose in this log."""
        return key == self._log_key or key.keyid in self._ended

    def begin(self, envelope: Envelope) -> None:
        """Take entry 0, its fields already checked.

        Raises:
            KeyringError: it pins no usable identity key, or is not signed by the one it pins.
        """
        key = _read(envelope.payload["identity_key"], "the identity key")
        if key == self._log_key:
            raise KeyringError("the identity key is the log key")
        if not envelope.signed_by(key):
            raise KeyringError("it is not signed by the identity key it pins")
        self._identity = self._enter("identity", key, 0, envelope, "none")

    def succeed(self, index: int, envelope: Envelope) -> None:
        """Take an `identity` entry, its fields already checked.

        Raises:
            KeyringError: the new key is none, or had another purpose, or stood before; or the
                entry is not signed by the key that has to: see this module's text.
        """
        former, payload = self._identity, envelope.payload
        if former is None:
            raise KeyringError("no identity key stands that another could succeed")
        key = _read(payload["identity_key"], "the new identity key")
        if self.used(key):
            # What one key signs can never pass for another's, nor a revoked key come back.
            raise KeyringError("the new identity key had a purpose before")
        revoked: bool = payload["revoked"]
        if not envelope.signed_by(key if revoked else former.key):
            whose = "that takes over" if revoked else "that leaves"
            raise KeyringError(f"it is not signed by the identity key {whose}")
        ending: Ending = "revoked" if revoked else "rotated"
        self._end(self._decision, index, envelope, ending)
        self._end(former, index, envelope, ending)
        by = "none" if revoked else former.key.hex
        self._decision, self._identity = None, self._enter("identity", key, index, envelope, by)

    def certify(self, index: int, envelope: Envelope) -> None:
        """Take a `certificate` entry, its fields already checked.

        Raises:
            KeyringError: it is not signed by the identity key that stands, or the certified key
                is none, or has another purpose.
        """
        certifier, payload = self.check_certifier(envelope), envelope.payload
        key = _read(payload["decision_key"], "the certified key")
        if key == self._log_key or key in self._identities:
            raise KeyringError("the certified key has another purpose")
        self._end(self._decision, index, envelope, "followed")
        entered = self._enter("decision", key, index, envelope, certifier.hex)
        not_before_us, not_after_us = payload["not_before_us"], payload["not_after_us"]
        self._decision = replace(entered, not_before_us=not_before_us, not_after_us=not_after_us)
        tenure = self._history[entered.place]
        self._history[entered.place] = replace(tenure, last_us=not_after_us)

    def check_certifier(self, envelope: Envelope) -> PublicKey:
        """Return the identity key that stands, if it has signed this certificate.

        Raises:
            KeyringError: it has not, or none stands.
        """
        if self._identity is None or not envelope.signed_by(self._identity.key):
            raise KeyringError("the certificate is not signed by the identity key")
        return self._identity.key

    def judge(self, envelope: Envelope, at_us: int | None) -> None:
        """Judge an entry of any other kind; `at_us` is its time, None where it is not known.

        Raises:
            KeyringError: it is not signed by the decision key that stands, or not within the time
                that this key was certified for.
        """
        standing = self._decision
        if standing is None or envelope.keyid != standing.key.keyid:
            ended = self._ended.get(envelope.keyid)
            if ended is not None:
                raise KeyringError(f"its key was ended by entry {ended}")
            raise KeyringError("its key has no certificate before it")
        if not envelope.signed_by(standing.key):
            raise KeyringError("its signature is not valid")
        if at_us is not None and not standing.not_before_us <= at_us <= standing.not_after_us:
            raise KeyringError("its key was not certified at its time")

    def _enter(
        self, role: Role, key: PublicKey, index: int, envelope: Envelope, by: str
    ) -> _Standing:
        self._history.append(Tenure(role, key.hex, by, index, envelope.payload["at_us"]))
        self._ended[key.keyid] = None
        if role == "identity":
            self._identities.add(key)
        return _Standing(key, len(self._history) - 1)

    def _end(
        self, standing: _Standing | None, index: int, envelope: Envelope, ending: Ending
    ) -> None:
        if standing is None:
            return
        payload, tenure = envelope.payload, self._history[standing.place]
        at_us = payload["at_us"]
        self._ended[standing.key.keyid] = index
        self._history[standing.place] = replace(
            tenure,
            last_us=at_us if tenure.last_us is None else min(at_us, tenure.last_us),
            ending=ending,
            ended_index=index,
            reason=payload.get("reason", ""),
            ended_by=payload.get("by", ""),
        )


def _read(text: str, what: str) -> PublicKey:
    try:
        return PublicKey.from_hex(text)
    except InvalidKeyError as error:
        raise KeyringError(f"{what}: {error}") from error
