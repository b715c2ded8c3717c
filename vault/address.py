"""Where a vault is and how it is believed: an address, the only CA that may vouch for it, a limit.

What a vault says becomes keys and credentials, so it comes from this machine or through TLS.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import SplitResult, urlsplit

from vault.errors import ProviderError

TIMEOUT_MS_MAX: Final = 30_000
DEFAULT_PORT: Final = 8200
_CA_BYTES_MAX: Final = 1_048_576
_HOST: Final = re.compile(r"[A-Za-z0-9.:-]{1,253}")
_NAMESPACE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,7}")
_FORMS: Final = "use https://HOST:PORT with a CA file, or http://127.0.0.1:PORT on this machine"


@dataclass(frozen=True, slots=True)
class VaultAddress:
    """One vault.

    Attributes:
        url: `https://HOST[:PORT]`, or `http://` with a loopback host; port 8200 unless it says so.
        ca_file: PEM certificates, the only ones that may vouch for the server; for `https` alone,
            and needed there. Who trusts a public authority names the system's own file.
        namespace: of Vault Enterprise or OpenBao, such as `desk/eu`; empty: the root namespace.
        timeout_ms: for one whole request, from connecting to the last byte; 1 to 30,000.

    Raises:
        ProviderError: `vault-address`, for anything else.
    """

    url: str
    ca_file: Path | None = None
    namespace: str = ""
    timeout_ms: int = 5_000

    def __post_init__(self) -> None:
        """Refuse addresses whose answers could be forged, and waiting without an end."""
        if self.scheme == "http" and not _loopback(self.host):
            _refuse("is plain http to another machine: its secrets could be read on the way")
        if (self.scheme == "https") != (self.ca_file is not None):
            _refuse("and the CA file do not fit: https needs one, http has no use for it")
        if self.namespace and not _NAMESPACE.fullmatch(self.namespace):
            _refuse("has a namespace that is not made of letters, digits, - and _ between /")
        if not 1 <= self.timeout_ms <= TIMEOUT_MS_MAX:
            _refuse(f"has a time-out that is not from 1 to {TIMEOUT_MS_MAX} ms")

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return _split(self.url).scheme

    @property
    def host(self) -> str:
        """A name or an IP address, without brackets."""
        return _split(self.url).hostname or ""

    @property
    def port(self) -> int:
        """From 1 to 65535."""
        return _split(self.url).port or DEFAULT_PORT

    def trust(self) -> ssl.SSLContext | None:
        """Read the CA file: TLS that believes these certificates alone; None for plain http.

        Raises:
            ProviderError: `vault-address`: the file cannot be read or holds no certificate.
        """
        if self.ca_file is None:
            return None
        remedy = "put the CA's certificates there, as PEM"
        try:
            with self.ca_file.open("rb") as file:
                pem = file.read(_CA_BYTES_MAX + 1)
            if len(pem) > _CA_BYTES_MAX:
                raise ProviderError("vault-address", f"{self.ca_file} is too large", remedy)
            # Not `create_default_context`: without a certificate that one believes the system's,
            # and it writes session keys where SSLKEYLOGFILE says.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_verify_locations(cadata=pem.decode("ascii"))
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            detail = f"the CA file {self.ca_file} cannot be used"
            raise ProviderError("vault-address", detail, remedy) from error
        return context


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ProviderError("vault-address", "the vault's address is no URL", _FORMS) from error
    if parts.scheme not in ("http", "https") or port == 0:
        _refuse("is neither http nor https, or has no usable port")
    if not _HOST.fullmatch(parts.hostname or "") or parts.path not in ("", "/"):
        _refuse("has no host, or a path")
    if parts.query or parts.fragment or "@" in parts.netloc:
        _refuse("has a user, a query or a fragment")
    return parts


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse(what: str) -> NoReturn:
    # The address is not repeated: somebody may have put a password into it.
    raise ProviderError("vault-address", f"the vault's address {what}", _FORMS)
