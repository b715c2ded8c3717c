"""Where alerts go: Slack, PagerDuty or a plain webhook, by one address each, through one library.

An address is a secret: whoever has it can write to the channel, or read the key out of it. It is
asked for at each send and kept nowhere. The library logs addresses, and of one that it does not
understand the keys in it; so it is not heard at all. What it may do is a closed list of four kinds
and a few parameters, whatever an address says: others would read files of this host.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from apprise import AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins.base import NotifyBase
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.pagerduty import NotifyPagerDuty
from apprise.plugins.slack import NotifySlack

from gateway.telemetry.notices import Notice, UnsentError, What
from gateway.telemetry.rules import Severity

ADDRESS_MAX: Final = 2_000
CONNECT_TIMEOUT_S: Final = 3
READ_TIMEOUT_S: Final = 5
_Kind = NotifySlack | NotifyPagerDuty | NotifyJSON
KINDS: Final[dict[str, type[_Kind]]] = {
    "slack": NotifySlack,
    "pagerduty": NotifyPagerDuty,
    "json": NotifyJSON,
    "jsons": NotifyJSON,
}
"""Schemes of addresses that are taken."""
PARAMETERS: Final = frozenset({"region", "group", "class", "footer", "timestamp", "to", "method"})
"""What an address may say beside where it leads; and headers, which begin with ``+``."""
METHODS: Final = frozenset({"POST", "PUT"})
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
"""Where ``json://`` may lead, which is not encrypted."""
_ASSET: Final = AppriseAsset(app_id="Writ", app_desc="Writ", app_url="")
_PAGED: Final = {
    Severity.CRITICAL: "critical",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
}


def silence() -> None:
    """Let the libraries that know addresses log nothing."""
    for name in ("apprise", "urllib3", "urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).disabled = True


def send(address: Callable[[], str], notice: Notice) -> None:
    """Send one notice, once; blocks for as long as the time-outs let it.

    Raises:
        UnsentError: ``address-unusable`` or ``not-taken``.
    """
    plugin = _prepared(address(), notice)
    resolved = notice.what is What.RESOLVED
    try:
        taken = plugin.notify(
            title=_title(notice),
            body=_body(notice),
            notify_type=NotifyType.SUCCESS if resolved else _type(notice.severity),
            body_format=NotifyFormat.TEXT,
        )
    except Exception:  # noqa: BLE001  its words may hold the address
        taken = False
    if not taken:
        raise UnsentError("not-taken")


def flaw(address: str) -> str | None:
    """Why nothing can be sent to an address, without a word of it; ``None``: it can be tried."""
    try:
        _plugin(address)
    except UnsentError as error:
        return error.code
    return None


def _plugin(address: str) -> NotifyBase:
    """The library's own part for an address."""
    kind = KINDS.get(address.partition("://")[0])
    if kind is None or len(address) > ADDRESS_MAX or not address.isprintable():
        raise UnsentError("address-unusable")
    try:
        plugin = _made(kind, address)
    except Exception:  # noqa: BLE001  its words may hold the address
        plugin = None
    if plugin is None:
        raise UnsentError("address-unusable")
    return plugin


def _made(kind: type[_Kind], address: str) -> NotifyBase | None:
    """The part of a kind, if the address is one of that kind and asks for nothing more."""
    fields: dict[str, Any] | None = kind.parse_url(address)  # pyright: ignore[reportUnknownMemberType]  of the library
    if not fields or not _modest(fields):
        return None
    fields |= {
        "include_image": False,
        "redirect": False,
        "verify": True,
        "cto": CONNECT_TIMEOUT_S,
        "rto": READ_TIMEOUT_S,
    }
    return kind(asset=_ASSET, **fields)


def _modest(fields: dict[str, Any]) -> bool:
    """Whether an address asks for nothing beyond what is allowed."""
    given = {name: value for name, value in fields["qsd"].items() if not name.startswith("+")}
    if given.keys() - PARAMETERS or str(given.get("method", "POST")).upper() not in METHODS:
        return False
    return fields["schema"] != "json" or str(fields["host"]).strip("[]") in LOOPBACK


def _prepared(address: str, notice: Notice) -> NotifyBase:
    """The same, told which alert it is about."""
    plugin = _plugin(address)
    if isinstance(plugin, NotifyPagerDuty):
        plugin.severity = _PAGED[notice.severity]
        plugin.action = "map"
        plugin.dedup = notice.dedup_key
        plugin.source = notice.origin
        plugin.component = "writ"
    elif isinstance(plugin, NotifyJSON):
        plugin.payload_extras = {
            "event": notice.what.value,
            "key": notice.dedup_key,
            "severity": notice.severity.value,
            "origin": notice.origin,
            "since": _instant(notice.since_us),
        }
    return plugin


def _title(notice: Notice) -> str:
    marked = notice.what.value if notice.what is not What.RAISED else notice.severity.value
    return f"[{marked.upper()}] {notice.title}"


def _body(notice: Notice) -> str:
    ended = "It is over. " if notice.what is What.RESOLVED else ""
    return f"{ended}{notice.text} ({notice.origin}, since {_instant(notice.since_us)})"


def _type(severity: Severity) -> NotifyType:
    return NotifyType.WARNING if severity is Severity.MEDIUM else NotifyType.FAILURE


def _instant(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
