"""An officer's key that never leaves a vault: `--key vault:transit/NAME/VERSION`.

The person has logged in with the vault's own program, which leaves a token in a file; this reads
it and asks for one signature at a time. Where the vault is stands in the variables that the vault's
own program reads, too.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Final

from signing.keys import InvalidKeyError, PublicKey, Signer
from vault import hvac_api
from vault.address import VaultAddress
from vault.answers import Answer, StatusError, number_in
from vault.errors import ProviderError
from vault.private_files import read_private
from vault.secret import Moment
from vault.session import VaultSession
from vault.transit import TransitKey, open_signer
from vault.transport import BoundedAdapter

_TOKEN: Final = re.compile(r"[!-~]{8,4096}")
_TOKEN_BYTES_MAX: Final = 4_096
_UNKNOWN: Final = (400, 403)


def vault_signer(reference: str) -> Signer:
    """Open the key at `MOUNT/NAME/VERSION` of the vault that the environment names.

    Raises:
        ProviderError: the reference, the address or the token cannot be used, or the vault has no
            such key for this person.
    """
    key = TransitKey.parse(reference)
    session = VaultSession(_address(), _TokenLogin(_token_file()))
    return open_signer(session, key, _public, _now)


class _TokenLogin:
    """A login that has happened already: the token lies in a file of the person's."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def log_in(self, way: BoundedAdapter) -> Answer:
        """As `vault.logins.Login.log_in`: look at the token, and take it if the vault knows it."""
        data = read_private(self._file, _TOKEN_BYTES_MAX).data
        token = data.decode("ascii", "replace").removesuffix("\n")
        if _TOKEN.fullmatch(token) is None:
            raise _refused(self._file)
        try:
            about = hvac_api.token(way.with_token(token)).lookup_self()
        except StatusError as error:
            if error.status not in _UNKNOWN:
                raise
            raise _refused(self._file) from error
        ttl = number_in(about, "data", "ttl")
        return {"auth": {"client_token": token, "lease_duration": ttl, "renewable": False}}


def _refused(file: Path) -> ProviderError:
    return ProviderError(
        "vault-login",
        f"the vault knows no token such as the one in {file}",
        "log in again with the vault's own program: `bao login`",
    )


def _address() -> VaultAddress:
    url, ca = os.environ.get("VAULT_ADDR", ""), os.environ.get("VAULT_CACERT", "")
    namespace = os.environ.get("VAULT_NAMESPACE", "")
    return VaultAddress(url, Path(ca) if ca else None, namespace)


def _token_file() -> Path:
    named = os.environ.get("WRIT_VAULT_TOKEN_FILE", "")
    return Path(named) if named else Path.home() / ".vault-token"


def _public(raw: bytes) -> PublicKey:
    try:
        return PublicKey(raw)
    except InvalidKeyError as error:
        raise ProviderError(
            "vault-key", f"the vault's key cannot be used: {error}", "have another one made"
        ) from error


def _now() -> Moment:
    return Moment(time.time_ns() // 1000, time.monotonic_ns())
