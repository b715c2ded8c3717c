"""Where passkeys are used: the one origin that a browser must show, and its relying party."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.domain.errors import InvalidInputError

_ORIGIN: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)(:(?P<port>[1-9][0-9]{0,4}))?"
)
_PORT_MAX: Final = 65_535
_PLAIN: Final = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class PasskeyOrigin:
    """``https://writ.example`` or ``http://localhost:8470``, as a browser writes it.

    ``relying_party`` is the name alone: what passkeys are bound to for good.
    """

    text: str
    relying_party: str

    @classmethod
    def parse(cls, text: str) -> PasskeyOrigin:
        """Read an origin.

        Raises:
            InvalidInputError: ``config-invalid``: no origin, a path behind it, an address in
                numbers (browsers make no passkeys there), or ``http`` elsewhere than localhost.
        """
        found = _ORIGIN.fullmatch(text)
        if found is None or not _usable(found["scheme"], found["host"], found["port"]):
            raise InvalidInputError(
                "config-invalid",
                "WRIT_PASSKEY_ORIGIN is no origin that passkeys work at",
                "use https://NAME, https://NAME:PORT or http://localhost:PORT, without a path",
            )
        return cls(text, found["host"])


def _usable(scheme: str, host: str, port: str | None) -> bool:
    if port is not None and (int(port) > _PORT_MAX or port == _PLAIN[scheme]):
        return False  # a browser leaves the usual port out, and would never match
    in_numbers = host.rpartition(".")[2].isdecimal()
    named = "." in host and not in_numbers and ".." not in host
    return host == "localhost" or (scheme == "https" and named)
