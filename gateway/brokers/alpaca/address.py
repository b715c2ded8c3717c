"""Where the orders of an account go: Alpaca's own hosts, or a test peer's, and never the other's.

A label such as ``paper`` protects nobody when the address beside it leads to real money. So an
address within Alpaca's domain must be the one host of the account's own venue.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, NoReturn
from urllib.parse import SplitResult, urlsplit

from gateway.domain.errors import InvalidInputError
from gateway.domain.mode import Mode

PAPER_HOST: Final = "paper-api.alpaca.markets"
LIVE_HOST: Final = "api.alpaca.markets"
DATA_HOST: Final = "data.alpaca.markets"
OWN_HOST: Final = {Mode.PAPER: PAPER_HOST, Mode.LIVE: LIVE_HOST}

_DOMAIN: Final = "alpaca.markets"
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]{2,39}\]")
_ADDRESS_BYTES_MAX: Final = 300
_PORT_MAX: Final = 65_535
_DEFAULT_PORT: Final = {"http": 80, "https": 443}
_FORM: Final = "use https://HOST[:PORT], or http:// with a loopback address"


@dataclass(frozen=True, slots=True)
class Address:
    """One venue as it is spoken to; ``host_port`` is what a manifest names."""

    tls: bool
    host: str
    port: int

    @property
    def host_port(self) -> str:
        """``host:port``."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """What requests begin with, without a slash at the end."""
        return f"{'https' if self.tls else 'http'}://{self.host_port}"


def address(account: str, mode: Mode, url_override: str | None) -> Address:
    """The address of an account's venue.

    Raises:
        InvalidInputError: ``broker-config-invalid``: the mode is none of a broker's, the override
            is no plain address, or it leads to another of Alpaca's hosts than the venue's own.
    """
    own = OWN_HOST.get(mode)
    if own is None:
        _refuse(account, f"has no venue in the mode {mode}", "choose the venue paper or live")
    if url_override is None:
        return Address(tls=True, host=own, port=_DEFAULT_PORT["https"])
    found = _read(account, url_override)
    within = found.host == _DOMAIN or found.host.endswith(f".{_DOMAIN}")
    if within and found != Address(tls=True, host=own, port=_DEFAULT_PORT["https"]):
        _refuse(
            account,
            f"is a {mode.value.lower()} account, and its url_override leads to {found.host_port}",
            f"leave the override out: the venue is {own}",
        )
    return found


def data_address(venue: Address) -> Address:
    """Where the market data of a venue is: Alpaca's one host of it, or the test peer itself."""
    if venue.host not in OWN_HOST.values():
        return venue
    return Address(tls=True, host=DATA_HOST, port=_DEFAULT_PORT["https"])


def _read(account: str, text: str) -> Address:
    parts = _split(account, text)
    host = _host(account, parts)
    tls = parts.scheme == "https"
    if not tls and not _loopback(host):
        _refuse(account, "has a url_override without TLS to another machine", _FORM)
    try:
        port = _DEFAULT_PORT[parts.scheme] if parts.port is None else parts.port
    except ValueError:
        port = 0
    if not 1 <= port <= _PORT_MAX:
        _refuse(account, "has a url_override without a port from 1 to 65535", _FORM)
    return Address(tls=tls, host=host, port=port)


def _split(account: str, text: str) -> SplitResult:
    # Only these characters: a client and this check must not read an address differently.
    if len(text) > _ADDRESS_BYTES_MAX or re.fullmatch(r"[A-Za-z0-9.:/\[\]-]+", text) is None:
        _refuse(account, "has a url_override that is no plain address", _FORM)
    try:
        parts = urlsplit(text)
    except ValueError:
        _refuse(account, "has a url_override that is no address", _FORM)
    if parts.scheme not in _DEFAULT_PORT or parts.path not in ("", "/"):
        _refuse(account, "has a url_override with a path, or that is neither https nor http", _FORM)
    return parts


def _host(account: str, parts: SplitResult) -> str:
    """The host as it is looked up: lower case, no dot at the end."""
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    if _HOST.fullmatch(host) is None:
        _refuse(account, "has a url_override without a plain host", _FORM)
    return host


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse(account: str, detail: str, remedy: str) -> NoReturn:
    raise InvalidInputError("broker-config-invalid", f"account {account} {detail}", remedy)
