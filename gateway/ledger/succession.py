"""Which identity key a gateway may certify with, and how another one takes its place."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.errors import RefusedError
from gateway.ledger.faults import cannot_open
from signing.keyring import Keyring
from signing.keys import PublicKey, Signer


@dataclass(frozen=True, slots=True)
class Succession:
    """An identity key that takes over from the one that stands, at the opening that it is given to.

    Attributes:
        coming: the key that takes over.
        former: the key that leaves, which signs the entry; None revokes it as stolen or lost.
        by: who does it.
        reason: why, in a line.
    """

    coming: Signer
    former: Signer | None
    by: str
    reason: str

    @property
    def public(self) -> PublicKey:
        """The public half of the key that takes over."""
        return self.coming.public

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message` by the key that takes over."""
        return self.coming.sign(message)


def check_identity(keyring: Keyring, ours: PublicKey, succession: Succession | None) -> None:
    """Refuse any other identity key than the one that stands, or than one that may succeed it.

    Args:
        keyring: the keys of the log that is opened, all of its entries taken.
        ours: the key that is to certify from here on.
        succession: how it comes to stand, where it does not stand yet.

    Raises:
        RefusedError: `ledger-foreign`: another key stands; `identity-stands`: the key that is to
            take over has done so; `identity-used`: the key had another purpose, or left before.
    """
    standing = keyring.identity
    assert standing is not None, "the log has a sound entry 0"
    if succession is not None and ours == standing:
        raise RefusedError(
            "identity-stands", "this identity key stands already", "start the gateway with it"
        )
    leaves = ours if succession is None else standing
    if succession is not None and succession.former is not None:
        leaves = succession.former.public
    if leaves != standing:
        raise cannot_open(
            "ledger-foreign",
            f"the log's identity key is {standing.hex}, this gateway's is {leaves.hex}",
            "start the gateway with the keys and the origin that the log was begun with, or with "
            "the identity key that took over last",
        )
    if succession is not None and keyring.used(ours):
        raise RefusedError(
            "identity-used", "this key had another purpose in the log before", "make a new one"
        )
