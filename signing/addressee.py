"""Which gateway a manifest or an overlay is for: a log's origin, or one log's verifier key.

An origin is a name that people choose, and two gateways may have chosen the same one. A verifier
key is the one log, whatever it is called: `origin+hash+key`, as `log.vkey` has it.
"""

from __future__ import annotations

from typing import Final

from signing.keys import InvalidKeyError, Vkey
from signing.shapes import RecordError, text

_ORIGIN: Final = text(
    r"[A-Za-z0-9](?:[A-Za-z0-9._~-]|[/:](?!/)){0,199}",
    "the origin of a gateway's log, or the log's verifier key",
)
_BETWEEN: Final = "+"


def gateway_rule(path: str, value: object) -> None:
    """Accept an origin, or a verifier key in its one writing.

    Raises:
        RecordError: neither of them.
    """
    if isinstance(value, str) and names_one_log(value):
        vkey_rule(path, value)
    else:
        _ORIGIN(path, value)


def vkey_rule(path: str, value: object) -> None:
    """Accept a log's verifier key in its one writing, without a line end.

    Raises:
        RecordError: anything else.
    """
    try:
        read = Vkey.parse(value if isinstance(value, str) else "")
    except InvalidKeyError as error:
        raise RecordError(path, f"is not a log's verifier key: {error}") from error
    if str(read) != value:
        raise RecordError(path, "is not a log's verifier key alone")


def names_one_log(gateway: str) -> bool:
    """Tell whether a checked `gateway` is a verifier key, and not only an origin."""
    return _BETWEEN in gateway


def is_for(gateway: str, log: Vkey) -> bool:
    """Tell whether a checked `gateway` means the gateway that keeps this log."""
    return gateway == (str(log) if names_one_log(gateway) else log.name)
