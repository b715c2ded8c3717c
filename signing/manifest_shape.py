"""The fields of a compliance manifest, each with its bounds, as a table of rules."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from signing.addressee import gateway_rule
from signing.canonical import INT_MAX
from signing.records import OUTSIDE
from signing.shapes import (
    RecordError,
    integer,
    many,
    mapping,
    or_none,
    record,
    shown_text,
    text,
    word,
)

VERSION: Final = 1
AT_LAPSE: Final = ("cancel", "leave")
ATTESTATION_KINDS: Final = ("registration", "membership", "disclosure")
EPOCH_MAX: Final = 10**9

_ACCOUNTS_MAX: Final = 64
_HOSTS_MAX: Final = 8
_STRATEGIES_MAX: Final = 256
_ATTESTATIONS_MAX: Final = 64
_ORDERS_MAX: Final = 10**9
_LINE_CHARACTERS_MAX: Final = 200
_ACKNOWLEDGEMENT_CHARACTERS_MAX: Final = 16_384
_PORT_MAX: Final = 65_535

_HEX: Final = text(r"[0-9a-f]{64}", "64 lower-case hexadecimal digits")
_TIME: Final = integer(0, INT_MAX)
_WORD: Final = text(r"[a-z][a-z0-9-]{0,31}", "a word of at most 32 of a-z 0-9 -")
_ALIAS: Final = text(r"[A-Za-z0-9_.-]{1,32}", "an account's alias")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST_PORT: Final = re.compile(
    rf"(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:]{{2,39}}\]):(?P<port>[1-9][0-9]{{0,4}})"
)
_HOST_CHARACTERS_MAX: Final = 253
_NUMERIC: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


def _host_port(path: str, value: object) -> None:
    """Accept `host:port` in its one writing: a name in lower case, or an address."""
    found = _HOST_PORT.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found["port"]) > _PORT_MAX or not _one_writing(found["host"]):
        raise RecordError(path, "is not a host and its port, such as api.example.com:443")


def _one_writing(host: str) -> bool:
    """Refuse addresses that a resolver would take and nobody would recognise, such as 127.1."""
    if not host.startswith("[") and not _NUMERIC.fullmatch(host):
        return len(host) <= _HOST_CHARACTERS_MAX
    bare = host.strip("[]")
    try:
        return str(ipaddress.ip_address(bare)) == bare
    except ValueError:
        return False


_LINE: Final = shown_text(_LINE_CHARACTERS_MAX, lines=False)
_ACCOUNT: Final = record(
    {
        "broker": _WORD,
        "broker_account": or_none(
            text(r"[A-Za-z0-9_.-]{1,64}", "the broker's number of the account")
        ),
        "hosts": many(_host_port, _HOSTS_MAX),
    }
)
_ATTESTATION: Final = record(
    {
        "jurisdiction": text(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", "a jurisdiction such as US or US-NY"),
        "kind": word(ATTESTATION_KINDS),
        "reference": _LINE,
        "valid_until_us": _TIME,
    }
)
MANIFEST: Final = record(
    {
        "v": integer(VERSION, VERSION),
        "environment": _WORD,
        "gateway": gateway_rule,
        "mode": word(OUTSIDE),
        "accounts": mapping(_ALIAS, _ACCOUNT, _ACCOUNTS_MAX),
        "release_digest": _HEX,
        "limits_digest": _HEX,
        "strategies": many(
            text(r"\*|[A-Za-z0-9_.:-]{1,64}", "a strategy's name, or *"), _STRATEGIES_MAX
        ),
        "ceilings": record(
            {
                "orders_per_day": integer(1, _ORDERS_MAX),
                "notional_per_day_micros": integer(1, INT_MAX),
            }
        ),
        "epoch": integer(1, EPOCH_MAX),
        "valid_from_us": _TIME,
        "valid_until_us": _TIME,
        "attestations": many(_ATTESTATION, _ATTESTATIONS_MAX),
        "acknowledgement": record(
            {
                "version": text(r"[A-Za-z0-9._-]{1,32}", "a version such as 2026-01"),
                "text": shown_text(_ACKNOWLEDGEMENT_CHARACTERS_MAX, lines=True),
            }
        ),
        "at_lapse": word(AT_LAPSE),
    }
)
"""Accepts the decoded fields of a manifest, each by itself."""
