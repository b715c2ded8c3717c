"""What the settings say of the vault, held against each other before anything is contacted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NoReturn

from gateway.config import PREFIX, Settings
from gateway.domain.errors import InvalidInputError
from vault.references import Scheme, SecretRef

KEY_PREFIX: Final = "vault:"
"""What a key that stays in a vault is written with: ``vault:MOUNT/NAME/VERSION``."""
_APPROLE: Final = frozenset({"vault_role_id", "vault_secret_id_file"})
_LEDGER: Final = frozenset({"vault_ledger_role_id", "vault_ledger_secret_id_file"})
_OF_THE_VAULT: Final = "vault_"
_READ: Final = 'see docs/vault.md, "The gateway\'s settings"'


def account_references(settings: Settings) -> dict[str, tuple[SecretRef, SecretRef]]:
    """Where the credentials of each account are: key id and secret, by alias."""
    return {
        alias: (SecretRef.parse(account.key_id), SecretRef.parse(account.secret))
        for alias, account in settings.accounts.items()
        if account.key_id is not None and account.secret is not None
    }


def alert_references(settings: Settings) -> dict[str, SecretRef]:
    """Where the address of each alert channel is, by the channel's name."""
    return {name: SecretRef.parse(reference) for name, reference in settings.alerts.items()}


def log_key_reference(settings: Settings) -> SecretRef | None:
    """Where the log key is; None: in its file of the data folder."""
    return None if settings.log_key is None else SecretRef.parse(settings.log_key)


def gateway_needs_vault(settings: Settings) -> bool:
    """Whether the gateway's own session is needed; what nobody needs is never contacted."""
    secrets = [one for pair in account_references(settings).values() for one in pair]
    secrets += alert_references(settings).values()
    return settings.identity_key is not None or _in_vault(secrets)


def ledger_needs_vault(settings: Settings) -> bool:
    """Whether the log key is read from the vault, by a session of the ledger's own."""
    reference = log_key_reference(settings)
    return reference is not None and _in_vault([reference])


def check_vault_settings(settings: Settings) -> None:
    """Refuse settings that contradict each other.

    Raises:
        InvalidInputError: ``config-invalid``.
    """
    given = {name for name in settings.model_fields_set if name.startswith(_OF_THE_VAULT)}
    reference = log_key_reference(settings)
    if reference is not None and reference.scheme is Scheme.ENVIRONMENT:
        _refuse("WRIT_LOG_KEY is in the environment, which is no place for a key that stays")
    if settings.identity_key is not None and not settings.identity_key.startswith(KEY_PREFIX):
        _refuse("WRIT_IDENTITY_KEY is not of the form vault:MOUNT/NAME/VERSION")
    if settings.vault_url is None:
        _check_absent(given, "without WRIT_VAULT_URL")
        if gateway_needs_vault(settings) or ledger_needs_vault(settings):
            _refuse("a secret or a key is in a vault, and WRIT_VAULT_URL is not set")
    elif settings.vault_login == "kubernetes":
        _check_absent(given & (_APPROLE | _LEDGER), "with WRIT_VAULT_LOGIN=kubernetes")
    else:
        _check_app_roles(settings, given)


def _check_app_roles(settings: Settings, given: set[str]) -> None:
    _check_absent(given & {"vault_kubernetes_token_file"}, "with WRIT_VAULT_LOGIN=approle")
    if gateway_needs_vault(settings):
        _check_present(_APPROLE - given)
    if ledger_needs_vault(settings):
        _check_present(_LEDGER - given)
        if settings.vault_ledger_secret_id_file == settings.vault_secret_id_file:
            _refuse("gateway and ledger name the same file with a secret id, which serves once")
    else:
        _check_absent(given & _LEDGER, "unless WRIT_LOG_KEY is in a vault")


def _check_absent(names: Iterable[str], where: str) -> None:
    for name in sorted(names):
        _refuse(f"{_variable(name)} says nothing {where}")


def _check_present(names: Iterable[str]) -> None:
    for name in sorted(names):
        _refuse(f"{_variable(name)} is needed to log in at the vault")


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _in_vault(references: Iterable[SecretRef]) -> bool:
    return any(reference.scheme is Scheme.VAULT for reference in references)


def _refuse(detail: str) -> NoReturn:
    raise InvalidInputError("config-invalid", detail, _READ)
