"""What a command says and ends with when a vault refuses it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from gateway.cli import exits
from vault.errors import ProviderError

_DENIED: Final = frozenset({"vault-denied", "vault-login", "vault-signature", "vault-token"})
_USAGE: Final = frozenset({"vault-address", "vault-key"})
_FILE: Final = "file-"


@contextmanager
def vault_refusals() -> Generator[None]:
    """Turn a vault's refusal into what the command says; what may pass by itself is unavailable."""
    try:
        yield
    except ProviderError as error:
        raise exits.CommandError(
            error.code, error.detail, error.remedy, _status(error.code)
        ) from error


def _status(code: str) -> int:
    if code in _DENIED:
        return exits.DENIED
    return exits.USAGE if code in _USAGE or code.startswith(_FILE) else exits.UNAVAILABLE
