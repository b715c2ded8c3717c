"""What `writ doctor` says of secrets and of the vault: nothing is spent, kept or shown.

A wrapped secret id serves once, so it is looked at and left for the gateway. What only a session
could read is then read by the gateway alone; `GET /v1/secrets` of a running one tells of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gateway.bootstrap.signers import public_key_of
from gateway.bootstrap.vault_settings import (
    KEY_PREFIX,
    account_references,
    check_vault_settings,
    gateway_needs_vault,
    ledger_needs_vault,
    log_key_reference,
)
from gateway.cli.checks import Finding, Grade, answers
from gateway.config import Settings
from gateway.domain.errors import WritError
from signing.keys import InvalidKeyError, Vkey
from vault.errors import ProviderError
from vault.providers.environment import EnvironmentProvider
from vault.providers.files import FileProvider
from vault.references import Scheme, SecretRef
from vault.secret import Moment, Secret
from vault.secret_keys import key_of

if TYPE_CHECKING:
    from vault.session import VaultSession

CHECK: Final = "secrets"
VAULT: Final = "vault"
_SERVED_ONCE: Final = frozenset({"vault-wrapping", "file-missing"})
"""How a secret id looks that a running gateway has taken."""


def vault_findings(settings: Settings) -> list[Finding]:
    """One finding for each secret that can be looked at, and for each login."""
    try:
        check_vault_settings(settings)
    except WritError as error:
        return [Finding(VAULT, Grade.FAIL, error.detail, error.remedy)]
    found = [
        _told(CHECK, lambda one=reference: _read(settings, one))
        for reference in _references(settings)
        if reference.scheme is not Scheme.VAULT
    ]
    if gateway_needs_vault(settings):
        found.append(_login(settings, ledger=False))
    if ledger_needs_vault(settings):
        found.append(_login(settings, ledger=True))
    return found


def _references(settings: Settings) -> list[SecretRef]:
    credentials = [one for pair in account_references(settings).values() for one in pair]
    log_key = log_key_reference(settings)
    return list(dict.fromkeys([*credentials, *([] if log_key is None else [log_key])]))


def _read(settings: Settings, reference: SecretRef) -> str:
    places = {Scheme.ENVIRONMENT: EnvironmentProvider(), Scheme.FILE: FileProvider()}
    return _fit(settings, places[reference.scheme].fetch(reference, _now()))


def _fit(settings: Settings, secret: Secret) -> str:
    """What is said of a secret that could be read; a log key is held against the log."""
    reference = secret.provenance.reference
    if reference == log_key_reference(settings):
        _match(settings, key_of(secret).public_key().public_bytes_raw(), reference)
        return f"{reference}: the log key"
    unfit = secret.provenance.unfit_for_live
    return f"{reference}: there" if unfit is None else f"{reference}: there; not for LIVE: {unfit}"


def _match(settings: Settings, raw: bytes, reference: SecretRef) -> None:
    file = settings.data / "log.vkey"
    if not file.exists():
        return
    try:
        known = Vkey.parse(file.read_text(encoding="ascii").strip()).public.raw
    except (InvalidKeyError, UnicodeDecodeError):
        known = b""
    if raw != known:
        raise ProviderError(
            "vault-key",
            f"{reference} is another key than the one in {file}",
            "store the key that the log was begun with",
        )


def _login(settings: Settings, *, ledger: bool) -> Finding:
    """Log in where that spends nothing, and read what the role may; otherwise only look."""
    try:
        text = _logged_in(settings, ledger=ledger)
    except ProviderError as error:
        if error.code in _SERVED_ONCE and answers(settings):
            found = f"{_role(settings, ledger=ledger)}: its secret id has served; a gateway runs"
            return Finding(VAULT, Grade.NOTE, found, "issue another one before the next start")
        return Finding(VAULT, Grade.FAIL, f"{error.code}: {error.detail}", error.remedy)
    return Finding(VAULT, Grade.OK, text)


def _logged_in(settings: Settings, *, ledger: bool) -> str:
    # Loads the vault's library, which nobody else needs.
    from gateway.bootstrap.vault_sessions import (
        gateway_login,
        gateway_session,
        ledger_login,
        ledger_session,
        vault_address,
    )
    from vault.answers import StatusError
    from vault.logins import AppRoleLogin
    from vault.session import condition
    from vault.transport import BoundedAdapter

    role = _role(settings, ledger=ledger)
    login = (ledger_login if ledger else gateway_login)(settings)
    if isinstance(login, AppRoleLogin):
        way = BoundedAdapter(vault_address(settings))
        try:
            login.look(way)
        except StatusError as error:
            raise condition(way, error) from error
        return f"{role}: a secret id waits in its file"
    session = (ledger_session if ledger else gateway_session)(settings)
    try:
        count = _read_all(settings, session, ledger=ledger)
    finally:
        session.close()
    return f"{role}: logged in, {count} secrets and keys are there"


def _read_all(settings: Settings, session: VaultSession, *, ledger: bool) -> int:
    from vault.providers.hashicorp import HashiCorpProvider
    from vault.transit import TransitKey, open_signer

    provider, log_key = HashiCorpProvider(session), log_key_reference(settings)
    wanted = [
        reference
        for reference in _references(settings)
        if reference.scheme is Scheme.VAULT and (reference == log_key) == ledger
    ]
    for reference in wanted:
        _fit(settings, provider.fetch(reference, _now()))
    if ledger or settings.identity_key is None:
        return len(wanted)
    key = TransitKey.parse(settings.identity_key.removeprefix(KEY_PREFIX))
    open_signer(session, key, public_key_of, _now)
    return len(wanted) + 1


def _told(check: str, work: Callable[[], str]) -> Finding:
    try:
        return Finding(check, Grade.OK, work())
    except ProviderError as error:
        return Finding(check, Grade.FAIL, f"{error.code}: {error.detail}", error.remedy)


def _role(settings: Settings, *, ledger: bool) -> str:
    return settings.vault_ledger_role if ledger else settings.vault_role


def _now() -> Moment:
    return Moment(time.time_ns() // 1_000, time.monotonic_ns())
