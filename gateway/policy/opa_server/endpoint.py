"""Where an OPA server is and how it is spoken to: an address, a token from a file, perhaps a CA.

The answers decide orders, so they come from this machine (loopback, a Unix socket) or through TLS.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import SplitResult, urlsplit

from gateway.domain.errors import InvalidInputError
from vault.errors import ProviderError
from vault.providers.files import read_file
from vault.secret import Moment, Secret

DEFAULT_URL: Final = "http://127.0.0.1:8181"

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{16,512}")
_HOST: Final = re.compile(r"[A-Za-z0-9.:-]{1,253}")
_SOCKET_MAX_BYTES: Final = 100
"""A Unix socket's path is cut off by the system a little beyond this."""
_DEFAULT_PORT: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class OpaEndpoint:
    """One OPA server. ``socket`` stands instead of ``host`` and ``port`` for a Unix socket."""

    url: str
    token: Secret
    host: str = "localhost"
    port: int = 0
    tls: bool = False
    socket: Path | None = None
    ca_file: Path | None = None


def read_endpoint(
    url: str, token_file: Path, now: Moment, ca_file: Path | None = None
) -> OpaEndpoint:
    """Check an address and read the token that is shown there.

    Args:
        url: ``http://`` with a loopback host, ``https://HOST[:PORT]``, or ``unix:///PATH``.
        token_file: holds the bearer token alone, readable by its owner only.
        now: when that is.
        ca_file: PEM certificates to trust instead of the system's; for ``https`` only.

    Raises:
        InvalidInputError: ``config-invalid``; the token is never repeated.
    """
    return endpoint(url, _token(token_file, now), ca_file)


def endpoint(url: str, token: Secret, ca_file: Path | None = None) -> OpaEndpoint:
    """As :func:`read_endpoint`, with the token itself.

    Raises:
        InvalidInputError: ``config-invalid``.
    """
    parts = _split(url)
    if ca_file is not None and (parts.scheme != "https" or not ca_file.is_file()):
        _refuse("WRIT_OPA_CA_FILE is no file, or the address is not https", "see WRIT_OPA_URL")
    if parts.scheme == "unix":
        return OpaEndpoint(url, token, socket=_socket(parts))
    host = parts.hostname or ""
    if _HOST.fullmatch(host) is None or parts.path not in ("", "/"):
        _refuse("WRIT_OPA_URL is not an address with a host and no path", _FORMS)
    if parts.scheme == "http" and not _loopback(host):
        _refuse(
            "WRIT_OPA_URL is plain http to another machine: its answers could be forged",
            "use https:// with WRIT_OPA_CA_FILE, or run OPA on this machine",
        )
    return OpaEndpoint(
        url,
        token,
        host=f"[{host}]" if ":" in host else host,
        port=_port(parts),
        tls=parts.scheme == "https",
        ca_file=ca_file,
    )


_FORMS: Final = "use http://127.0.0.1:8181, https://HOST:PORT or unix:///PATH"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        _refuse("WRIT_OPA_URL is not an address", _FORMS)
    if parts.scheme not in ("http", "https", "unix"):
        _refuse("WRIT_OPA_URL is neither http, https nor unix", _FORMS)
    if parts.query or parts.fragment or "@" in parts.netloc:
        _refuse("WRIT_OPA_URL has a user, a query or a fragment", _FORMS)
    return parts


def _socket(parts: SplitResult) -> Path:
    if parts.netloc or not parts.path.startswith("/"):
        _refuse("WRIT_OPA_URL names no absolute path of a socket", "use unix:///PATH")
    if len(os.fsencode(parts.path)) > _SOCKET_MAX_BYTES:
        _refuse("the path of the socket is too long", f"use at most {_SOCKET_MAX_BYTES} bytes")
    return Path(parts.path)


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        _refuse("WRIT_OPA_URL has no port from 1 to 65535", _FORMS)
    return _DEFAULT_PORT[parts.scheme] if port is None else port


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _token(path: Path, now: Moment) -> Secret:
    try:
        token = read_file(path, now)
    except ProviderError as error:
        _refuse(f"WRIT_OPA_TOKEN_FILE: {error.detail}", error.remedy)
    if _TOKEN.fullmatch(token.reveal()) is None:
        _refuse(
            f"{path} holds no token of 16 to 512 letters, digits and . _ ~ + / = -",
            "make one with `writ policy opa-config`",
        )
    return token


def _refuse(detail: str, remedy: str) -> NoReturn:
    raise InvalidInputError("config-invalid", detail, remedy)
