"""Signing with an Ed25519 key that never leaves the vault (its Transit engine).

The vault is asked for a signature and is not believed: what it sends is verified under the public
key that this process pinned, before anybody sees it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, NoReturn, Protocol, TypeVar

from vault import hvac_api
from vault.answers import Answer, StatusError, text_in
from vault.errors import ProviderError
from vault.secret import Moment
from vault.session import VaultSession
from vault.transport import BoundedAdapter

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_VERSION_MAX: Final = 2**31 - 1
_WRITTEN: Final = re.compile(r"([^/]+)/([^/]+)/([1-9][0-9]{0,9})")
_RAW_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64


class VerifyingKey(Protocol):
    """A public key, as `signing` has it."""

    @property
    def raw(self) -> bytes:
        """Its 32 bytes."""
        ...

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Tell whether `signature` is this key's signature of `message`."""
        ...


KeyT = TypeVar("KeyT", bound=VerifyingKey)


@dataclass(frozen=True, slots=True)
class TransitKey:
    """One version of one key of a Transit engine.

    Attributes:
        name: the key's name.
        version: from 1. A rotated key has another public half, so that it is never followed.
        mount: where the vault has Transit.

    Raises:
        ProviderError: `vault-key`: a name or version that could not be one.
    """

    name: str
    version: int
    mount: str = "transit"

    def __post_init__(self) -> None:
        """Refuse what could not be a path."""
        for text in (self.name, self.mount):
            if _NAME.fullmatch(text) is None:
                _refuse("a Transit key's name or mount is not of letters, digits and _ . -")
        if not 1 <= self.version <= _VERSION_MAX:
            _refuse(f"a Transit key's version is not from 1 to {_VERSION_MAX}")

    @classmethod
    def parse(cls, text: str) -> TransitKey:
        """Read `MOUNT/NAME/VERSION`.

        Raises:
            ProviderError: `vault-key`; the text is not repeated.
        """
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ProviderError(
                "vault-key",
                "a key in a vault is vault:MOUNT/NAME/VERSION",
                "write it like vault:transit/writ-identity/1",
            )
        return cls(found[2], int(found[3]), found[1])

    def __str__(self) -> str:
        """Write it as `MOUNT/NAME/VERSION`."""
        return f"{self.mount}/{self.name}/{self.version}"


class TransitSigner(Generic[KeyT]):
    """Whatever signs, as `signing` wants it: `public`, and `sign`, which blocks for a request."""

    def __init__(
        self, session: VaultSession, key: TransitKey, public: KeyT, clock: Callable[[], Moment]
    ) -> None:
        """Sign with `key`, whose public half is `public`, by the session's `clock`."""
        self._session, self._key, self._clock = session, key, clock
        self._public = public

    @property
    def public(self) -> KeyT:
        """The public half."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`.

        Raises:
            ProviderError: `vault-key`: the key's version is not to be had any more;
                `vault-signature`: what came is no signature of `message` by this key;
                or a code of the session.
        """
        data = base64.b64encode(message).decode("ascii")

        def ask(way: BoundedAdapter) -> Answer:
            return hvac_api.transit(way).sign_data(
                self._key.name,
                hash_input=data,
                key_version=self._key.version,
                mount_point=self._key.mount,
            )

        text = text_in(_answered(self._session, ask, self._key, self._clock()), "data", "signature")
        prefix, _, encoded = text.rpartition(":")
        signature = _decoded(encoded, _SIGNATURE_BYTES)
        expected = prefix == f"vault:v{self._key.version}"
        if signature is None or not expected or not self._public.verify(signature, message):
            raise ProviderError(
                "vault-signature",
                f"what the vault answered is no signature by {self._key}",
                "stop, and find out what the vault is: its key is not the one that was pinned",
            )
        return signature


def open_signer(
    session: VaultSession,
    key: TransitKey,
    key_of: Callable[[bytes], KeyT],
    clock: Callable[[], Moment],
    pinned: bytes | None = None,
) -> TransitSigner[KeyT]:
    """Read the public half of a key and return what signs with it; blocking and bounded.

    Args:
        session: reaches the vault; its role may read and use the key.
        key: which one.
        key_of: makes a public key of its 32 bytes and refuses bad ones, as `signing` does.
        clock: one reading of both clocks.
        pinned: the public key that it must be, if that is known.

    Raises:
        ProviderError: `vault-key`: no Ed25519 key, one that the vault would give away, another
            than the pinned one, or no such version; or a code of the session.
    """

    def ask(way: BoundedAdapter) -> Answer:
        return hvac_api.transit(way).read_key(key.name, mount_point=key.mount)

    answer = _answered(session, ask, key, clock())
    if text_in(answer, "data", "type") != "ed25519":
        _refuse(f"{key} is no Ed25519 key")
    if not all(answer["data"].get(name) is False for name in ("exportable", "derived")):
        _refuse(f"{key} can be exported, or is a family of derived keys")
    if answer["data"].get("allow_plaintext_backup") is not False:
        _refuse(f"{key} can be taken out of the vault as a backup")
    versions = answer["data"].get("keys")
    if not isinstance(versions, dict) or str(key.version) not in versions:
        _refuse(f"{key} is a version that the vault does not have")
    encoded = text_in(answer, "data", "keys", str(key.version), "public_key")
    raw = _decoded(encoded, _RAW_BYTES)
    if raw is None or (pinned is not None and raw != pinned):
        _refuse(f"{key} has another public key than the one that is pinned, or none")
    return TransitSigner(session, key, key_of(raw), clock)


def _answered(
    session: VaultSession, ask: Callable[[BoundedAdapter], Answer], key: TransitKey, now: Moment
) -> Answer:
    try:
        return session.ask(ask, now)
    except StatusError as error:
        raise ProviderError(
            "vault-key",
            f"the vault has no usable {key}",
            "create it as `ed25519`, or allow this version to sign (min_encryption_version)",
        ) from error


def _decoded(text: str, length: int) -> bytes | None:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if len(data) == length else None


def _refuse(detail: str) -> NoReturn:
    raise ProviderError(
        "vault-key", detail, "make one with `type=ed25519` and nothing else, and name its version"
    )
