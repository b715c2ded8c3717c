"""Sessions with a server of the tests, begun as an operator would have them begin."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.vault_server import VaultServer
from vault.address import VaultAddress
from vault.errors import ProviderError
from vault.logins import AppRoleLogin
from vault.references import SecretRef
from vault.secret import Moment
from vault.session import VaultSession

SECOND_NS = 1_000_000_000


def now() -> Moment:
    """Both clocks of this machine."""
    return Moment(time.time_ns() // 1000, time.monotonic_ns())


def later(moment: Moment, seconds: int) -> Moment:
    """Another moment."""
    return Moment(moment.wall_us + seconds * 1_000_000, moment.monotonic_ns + seconds * SECOND_NS)


def address(server: VaultServer, **changes: Any) -> VaultAddress:
    """The server's address."""
    return replace(VaultAddress(server.url, server.ca_file), **changes)


def write_private(path: Path, text: str) -> Path:
    """A file for its owner alone."""
    path.write_text(text + "\n", encoding="ascii")
    path.chmod(0o600)
    return path


def app_role(server: VaultServer, folder: Path, role: str = "gateway") -> AppRoleLogin:
    """A login with a wrapped secret id, which lies in `folder/secret-id`."""
    file = write_private(folder / "secret-id", server.wrapped_secret_id(role))
    return AppRoleLogin(server.role_id(role), file, f"writ-{role}")


def session(
    server: VaultServer, folder: Path, role: str = "gateway", **changes: Any
) -> VaultSession:
    """A session that has not begun."""
    return VaultSession(address(server, **changes), app_role(server, folder, role))


def reference(path: str, key: str = "key", version: int | None = None) -> SecretRef:
    """A reference into the engine `kv`."""
    at = "" if version is None else f"@{version}"
    return SecretRef.parse(f"vault://kv/{path}{at}#{key}")


def refusal(work: Callable[[], object]) -> ProviderError:
    """What `work` is refused with."""
    with pytest.raises(ProviderError) as caught:
        work()
    assert caught.value.detail
    assert caught.value.remedy
    return caught.value
