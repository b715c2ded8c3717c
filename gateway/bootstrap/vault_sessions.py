"""The gateway's two sessions with a vault; loaded only where one is configured."""

from __future__ import annotations

from gateway.config import Settings
from vault.address import VaultAddress
from vault.logins import KUBERNETES_TOKEN, AppRoleLogin, KubernetesLogin, Login
from vault.session import VaultSession


def gateway_session(settings: Settings) -> VaultSession:
    """The session that reads credentials and has the identity key sign; nothing is contacted yet.

    Raises:
        ProviderError: ``vault-address`` or ``vault-login``: a setting that cannot be used.
    """
    return VaultSession(vault_address(settings), gateway_login(settings))


def ledger_session(settings: Settings) -> VaultSession:
    """The session that reads the log key, and nothing else; close it when that is done.

    Raises:
        ProviderError: as `gateway_session`.
    """
    return VaultSession(vault_address(settings), ledger_login(settings))


def vault_address(settings: Settings) -> VaultAddress:
    """Where the vault is, and how it is believed."""
    return VaultAddress(
        settings.vault_url or "",
        settings.vault_ca_file,
        settings.vault_namespace,
        settings.vault_timeout_ms,
    )


def gateway_login(settings: Settings) -> Login:
    """How the gateway proves who it is."""
    if settings.vault_login == "kubernetes":
        return _kubernetes(settings, settings.vault_role)
    role_id, file = settings.vault_role_id, settings.vault_secret_id_file
    assert role_id is not None, "settings were checked"
    assert file is not None, "settings were checked"
    return AppRoleLogin(role_id, file, settings.vault_role)


def ledger_login(settings: Settings) -> Login:
    """How the ledger proves who it is: another role, which may read the log key alone."""
    if settings.vault_login == "kubernetes":
        return _kubernetes(settings, settings.vault_ledger_role)
    role_id, file = settings.vault_ledger_role_id, settings.vault_ledger_secret_id_file
    assert role_id is not None, "settings were checked"
    assert file is not None, "settings were checked"
    return AppRoleLogin(role_id, file, settings.vault_ledger_role)


def _kubernetes(settings: Settings, role: str) -> KubernetesLogin:
    return KubernetesLogin(role, settings.vault_kubernetes_token_file or KUBERNETES_TOKEN)
