"""Ed25519 keys: the only algorithm, and no field of any document chooses another.

A public key is refused where it is not the canonical encoding of a point on the curve, or where
the point has a small order: signatures under such keys prove nothing. A signature is refused
where its second half is not below the order of the group, so that nobody can write the same
signature in two ways.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final, NoReturn, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from signing.encoding import EncodingError, from_base64, to_base64

RAW_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_HEX_KEY: Final = re.compile(r"[0-9a-f]{64}")
# An origin is a URL without its scheme: no space, no plus, nothing that a note could misread.
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._~-]|[/:](?!/)){0,199}")
_ED25519_NOTE: Final = b"\x01"

_FIELD: Final = 2**255 - 19
_GROUP_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_CURVE_D: Final = -121665 * pow(121666, -1, _FIELD) % _FIELD
# The y of the points of order 8, next to 1 (order 1), -1 (order 2) and 0 (order 4).
_ORDER_8_Y: Final = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_SMALL_ORDER_Y: Final = frozenset({0, 1, _FIELD - 1, _ORDER_8_Y, _FIELD - _ORDER_8_Y})


class InvalidKeyError(ValueError):
    """A key, or the text of a key, that Writ does not accept. The message never holds key bytes."""


class Signer(Protocol):
    """Whatever signs with one Ed25519 key: a key in memory, a file, a vault."""

    @property
    def public(self) -> PublicKey:
        """The public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of `message`."""
        ...


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key of full order.

    Attributes:
        raw: its 32 bytes.

    Raises:
        InvalidKeyError: wrong length, not canonical, not on the curve, or of small order.
    """

    raw: bytes
    _key: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse keys that must never be trusted."""
        _check_point(self.raw)
        object.__setattr__(self, "_key", Ed25519PublicKey.from_public_bytes(self.raw))

    @classmethod
    def from_raw(cls, raw: bytes) -> PublicKey:
        """Make a key of its 32 bytes.

        Raises:
            InvalidKeyError: as the class.
        """
        return cls(raw)

    @classmethod
    def from_hex(cls, text: str) -> PublicKey:
        """Make a key of 64 lower-case hexadecimal digits.

        Raises:
            InvalidKeyError: as the class, and for any other text.
        """
        if not _HEX_KEY.fullmatch(text):
            raise InvalidKeyError("a public key is 64 lower-case hexadecimal digits")
        return cls(bytes.fromhex(text))

    @property
    def hex(self) -> str:
        """The raw key as 64 lower-case hexadecimal digits."""
        return self.raw.hex()

    @property
    def keyid(self) -> str:
        """The SHA-256 of the raw key in hexadecimal: a label, which no decision relies on."""
        return hashlib.sha256(self.raw).hexdigest()

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Tell whether `signature` (64 bytes, canonical) is this key's signature of `message`."""
        if len(signature) != SIGNATURE_BYTES:
            return False
        if int.from_bytes(signature[32:], "little") >= _GROUP_ORDER:
            return False
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Ed25519Signer:
    """A private key in memory. It cannot be printed, copied or pickled."""

    __slots__ = ("_private", "_public")

    def __init__(self, private: Ed25519PrivateKey) -> None:
        """Sign with `private`."""
        self._private = private
        self._public = PublicKey(private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> Ed25519Signer:
        """Make a new random key that lives in memory only."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> Ed25519Signer:
        """Make the key of a 32-byte seed.

        Raises:
            InvalidKeyError: the seed is not 32 bytes.
        """
        if len(seed) != RAW_BYTES:
            raise InvalidKeyError(f"a seed is {RAW_BYTES} bytes")
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`."""
        return self._private.sign(message)

    def __repr__(self) -> str:
        """Name the key by its public half."""
        return f"Ed25519Signer(keyid={self._public.keyid})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be copied or pickled: a private key has one place."""
        raise TypeError("a private key is neither copied nor pickled")


@dataclass(frozen=True, slots=True)
class Vkey:
    """A log's verifier key: its origin and its public key, written `name+hash+key`.

    Attributes:
        name: the log's origin, a URL without scheme.
        public: the key that signs its checkpoints.

    Raises:
        InvalidKeyError: the name could not stand in a signed note.
    """

    name: str
    public: PublicKey

    def __post_init__(self) -> None:
        """Refuse names that a note could misread."""
        if not _NAME.fullmatch(self.name):
            raise InvalidKeyError(
                "an origin is a URL without scheme, of letters, digits and . _ ~ - : /"
            )

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that mark this key's signatures in a note."""
        return hashlib.sha256(
            self.name.encode("ascii") + b"\n" + _ED25519_NOTE + self.public.raw
        ).digest()[:4]

    def __str__(self) -> str:
        """Write the key as it is published, without a line end."""
        key = to_base64(_ED25519_NOTE + self.public.raw)
        return f"{self.name}+{self.key_id.hex()}+{key}"

    @classmethod
    def parse(cls, text: str) -> Vkey:
        """Read a published verifier key; one line end after it is accepted.

        Raises:
            InvalidKeyError: anything but the one form that `str` writes for an Ed25519 log key.
        """
        name, _, rest = text.removesuffix("\n").partition("+")
        key = rest.partition("+")[2]
        try:
            raw = from_base64(key)
        except EncodingError as error:
            raise InvalidKeyError("a verifier key is name+hash+key, the key in base64") from error
        if raw[:1] != _ED25519_NOTE:
            raise InvalidKeyError("the verifier key is not an Ed25519 log key")
        vkey = cls(name, PublicKey(raw[1:]))
        if str(vkey) != text.removesuffix("\n"):
            raise InvalidKeyError("the verifier key's hash or encoding is wrong")
        return vkey


def _check_point(raw: bytes) -> None:
    if len(raw) != RAW_BYTES:
        raise InvalidKeyError(f"a public key is {RAW_BYTES} bytes")
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _FIELD:
        raise InvalidKeyError("the public key is not in canonical form")
    if y in _SMALL_ORDER_Y:
        raise InvalidKeyError("the public key has a small order")
    # x² = (y² - 1) / (d·y² + 1) must be a square; the divisor is never zero on this curve.
    x_squared = (y * y - 1) * pow(_CURVE_D * y * y + 1, -1, _FIELD) % _FIELD
    if pow(x_squared, (_FIELD - 1) // 2, _FIELD) != 1:
        raise InvalidKeyError("the public key is not a point of the curve")
