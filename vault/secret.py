"""A secret in the process's memory, and where it came from.

A value here has one way out, `reveal`, and a test counts who takes it. Everything that would
carry it further by accident is refused: formatting, logging, pickling, copying, serialising. What
Python cannot promise is that the memory is wiped, or that code which means to look does not find
it: a core dump of the process holds its secrets.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn, final

from vault.errors import ProviderError
from vault.references import SecretRef

SECRET_BYTES_MAX: Final = 16_384
"""The most that a secret may take as UTF-8: a private key in PEM fits."""
_UNUSABLE: Final = re.compile("[\0\ud800-\udfff]")
"""Bytes that are no UTF-8 arrive as lone surrogates from files and the environment."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of both clocks: wall time for people, a clock that never goes back for ages."""

    wall_us: int
    """UTC, in microseconds since the epoch."""
    monotonic_ns: int
    """In nanoseconds, from anywhere."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a secret came from and for how long it is good. Holds nothing secret."""

    reference: SecretRef
    fetched: Moment
    """Before it was asked for, so that a lease is never taken for longer than it is."""
    version: str = ""
    """What tells it from the one before: a document's version, a file's number and time."""
    lease_end_ns: int | None = None
    """Monotonic; None: whoever keeps it has set no end."""
    unfit_for_live: str | None = None
    """Why LIVE must not run on it; None: it may."""


@final
class Secret:
    """A value that cannot be shown, and its provenance.

    Equality of two secrets takes the same time wherever they differ. There is no order, no hash,
    no length and no truth of their content.
    """

    __slots__ = ("__value", "_provenance")
    __hash__ = None  # type: ignore[assignment]  # a hash of a short secret gives it away

    def __init__(self, value: str, provenance: Provenance) -> None:
        """Take a value of 1 to `SECRET_BYTES_MAX` bytes as UTF-8, without NUL.

        Raises:
            ProviderError: `secret-malformed`; the value is not repeated.
        """
        flaw = _flaw(value)
        if flaw is not None:
            raise ProviderError(
                "secret-malformed",
                f"{provenance.reference} {flaw}",
                "store the secret there as text of one or more characters",
            )
        self.__value = value
        self._provenance = provenance

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("a secret has no kinds")

    @property
    def provenance(self) -> Provenance:
        """Where it came from."""
        return self._provenance

    def reveal(self) -> str:
        """Hand out the value, to the one call that needs it: keep it in no variable for longer."""
        return self.__value

    def __repr__(self) -> str:
        return f"<secret {self._provenance.reference}>"

    def __str__(self) -> str:
        raise TypeError("a secret cannot be printed")

    def __format__(self, format_spec: str) -> str:
        raise TypeError("a secret cannot be formatted")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode(), other.__value.encode())

    def __copy__(self) -> NoReturn:
        raise TypeError("a secret cannot be copied")

    def __deepcopy__(self, memo: dict[int, Any]) -> NoReturn:
        raise TypeError("a secret cannot be copied")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    def __iter__(self) -> NoReturn:
        raise TypeError("a secret cannot be iterated over")


def _flaw(value: str) -> str | None:
    if not value:
        return "is empty"
    # A character takes a byte at least: what is far too long is not encoded to be measured.
    if len(value) > SECRET_BYTES_MAX:
        return f"is longer than {SECRET_BYTES_MAX} bytes"
    if _UNUSABLE.search(value):
        return "holds a NUL, or what is no UTF-8"
    if len(value.encode()) > SECRET_BYTES_MAX:
        return f"is longer than {SECRET_BYTES_MAX} bytes"
    return None
