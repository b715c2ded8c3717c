"""Files of trusted public keys: whose attestations and overrides count.

One key a line: a name, a blank, the raw key in 64 lower-case hexadecimal digits. Empty lines and
lines that begin with # are left out. A name may have several keys, so that one can be replaced by
the next; a key has one name, because a signature must say who made it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from signing.keys import InvalidKeyError, PublicKey

FILE_BYTES_MAX: Final = 65_536
"""The longest file of keys that is read."""
KEYS_MAX: Final = 256

_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class TrustedKeysError(ValueError):
    """Text that is not a file of trusted keys; the message names the line."""


class Signed(Protocol):
    """Whatever can say whether a key signed it: an opened envelope."""

    def signed_by(self, public: PublicKey) -> bool:
        """Tell whether `public` signed it."""
        ...


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """Names by their keys.

    Attributes:
        names: raw public key -> the name that it stands for.

    Raises:
        InvalidKeyError: a key that must never be trusted.
    """

    names: Mapping[bytes, str] = field(default_factory=dict[bytes, str])
    _keys: tuple[tuple[PublicKey, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check each key once, and not again for each signature."""
        keys = tuple((PublicKey(raw), name) for raw, name in self.names.items())
        object.__setattr__(self, "_keys", keys)

    @classmethod
    def parse(cls, data: bytes) -> TrustedKeys:
        """Read a file of trusted keys.

        Raises:
            TrustedKeysError: any line that is not a name and a key, a key that stands there twice,
                more than KEYS_MAX keys or FILE_BYTES_MAX bytes, or no key at all.
        """
        if len(data) > FILE_BYTES_MAX:
            raise TrustedKeysError(f"it has more than {FILE_BYTES_MAX} bytes")
        try:
            lines = data.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise TrustedKeysError("it is not ASCII text") from error
        names: dict[bytes, str] = {}
        for number, line in enumerate(lines, 1):
            if line and not line.startswith("#"):
                name, raw = _read_line(line, number)
                if raw in names:
                    raise TrustedKeysError(f"line {number}: this key stands there twice")
                names[raw] = name
        if not 0 < len(names) <= KEYS_MAX:
            raise TrustedKeysError(f"it has {len(names)} keys, not 1 to {KEYS_MAX}")
        return cls(names)

    def signer_of(self, signed: Signed) -> str | None:
        """The name whose key signed it, or None; no label in what was signed is believed."""
        for key, name in self._keys:
            if signed.signed_by(key):
                return name
        return None


def _read_line(line: str, number: int) -> tuple[str, bytes]:
    name, _, key = line.partition(" ")
    if not _NAME.fullmatch(name):
        raise TrustedKeysError(f"line {number}: a line is NAME, one blank, the key")
    try:
        return name, PublicKey.from_hex(key).raw
    except InvalidKeyError as error:
        raise TrustedKeysError(f"line {number}: {error}") from error
