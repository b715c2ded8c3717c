"""The last step's confirmation: asked for once, answered once, within five minutes."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections import deque
from dataclasses import dataclass
from typing import Final

from gateway.domain.errors import NotFoundError, RefusedError
from gateway.domain.permission import Permission
from gateway.ports import Clock, Entropy
from signing import canonical

LIFE_NS: Final = 5 * 60 * 1_000_000_000
SECRET_BYTES: Final = 32
PURPOSE: Final = "writ live confirmation v1"
_ENDED_MAX: Final = 64
"""How many ended ones are remembered, to tell a replay from a guess."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A confirmation that is waited for: of one manifest, by one Admin, to one process.

    ``permission`` is what the Admin is shown; ``ends_us`` is when it ends, in wall time.
    """

    by: str
    instance: str
    permission: Permission
    nonce: str
    ends_us: int

    def statement(self) -> bytes:
        """What the passkey signs over, as canonical JSON: who, what, where, and this once."""
        return canonical.encode(
            {
                "by": self.by,
                "instance": self.instance,
                "manifest_digest": self.permission.digest,
                "nonce": self.nonce,
                "purpose": PURPOSE,
            }
        )

    @property
    def challenge(self) -> bytes:
        """The SHA-256 of the statement: an assertion over it is for this manifest alone."""
        return hashlib.sha256(self.statement()).digest()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the Admin is handed: the id is in the link alone, and is shown once."""

    confirmation_id: str
    ends_us: int


class Confirmations:
    """At most one is waited for; a new one ends the one before."""

    def __init__(self, clock: Clock, entropy: Entropy) -> None:
        """Begin with none."""
        self._clock = clock
        self._entropy = entropy
        self._waiting: tuple[bytes, Pending, int] | None = None
        """Hash of the id, what is to be confirmed, and its end (monotonic)."""
        self._ended: deque[bytes] = deque(maxlen=_ENDED_MAX)

    def ask(self, by: str, instance: str, permission: Permission) -> Asked:
        """Begin to wait for an Admin's confirmation of a manifest."""
        self.drop()
        secret = urlsafe_b64encode(self._entropy.token(SECRET_BYTES)).decode().rstrip("=")
        ends_us = self._clock.wall_us() + LIFE_NS // 1_000
        nonce = self._entropy.token(SECRET_BYTES).hex()
        pending = Pending(by, instance, permission, nonce, ends_us)
        self._waiting = (_hash(secret), pending, self._clock.monotonic_ns() + LIFE_NS)
        return Asked(secret, ends_us)

    def find(self, confirmation_id: str) -> Pending:
        """What the id asks to confirm.

        Raises:
            NotFoundError: ``confirmation-unknown``.
            RefusedError: ``confirmation-used``: answered, dropped or replaced;
                ``confirmation-expired``.
        """
        hashed = _hash(confirmation_id)
        if hashed in self._ended:
            raise RefusedError(
                "confirmation-used", "this link has been used or has ended", _ASK_ANEW
            )
        if self._waiting is None or self._waiting[0] != hashed:
            raise NotFoundError("confirmation-unknown", "no confirmation has this id", _ASK_ANEW)
        if self._clock.monotonic_ns() >= self._waiting[2]:
            self.drop()
            raise RefusedError("confirmation-expired", "this link is past its time", _ASK_ANEW)
        return self._waiting[1]

    def take(self, confirmation_id: str) -> Pending:
        """As :meth:`find`; from here on the id is used, whatever the answer is worth."""
        pending = self.find(confirmation_id)
        self.drop()
        return pending

    @property
    def waits(self) -> bool:
        """Whether one is waited for."""
        return self._waiting is not None

    def drop(self) -> None:
        """Wait no longer."""
        if self._waiting is not None:
            self._ended.append(self._waiting[0])
            self._waiting = None


def _hash(confirmation_id: str) -> bytes:
    # Compared by hash: how long that takes tells nothing about the id.
    return hashlib.sha256(confirmation_id.encode("utf-8", "surrogateescape")).digest()


_ASK_ANEW: Final = "take the step enable again: it gives a new link"
