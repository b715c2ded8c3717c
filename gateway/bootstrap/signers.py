"""The log's two lasting keys: files of the data folder, unless the settings keep them elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import Final

from gateway.bootstrap.app import Host
from gateway.bootstrap.custody import Custodian, refused
from gateway.bootstrap.vault_settings import KEY_PREFIX, ledger_needs_vault, log_key_reference
from gateway.config import Settings
from gateway.domain.errors import RefusedError
from gateway.ledger.opening import VKEY_FILE
from gateway.ledger.seals import FarSigner
from gateway.ports import Clock, moment
from signing.keys import Ed25519Signer, InvalidKeyError, PublicKey, Signer
from vault.errors import ProviderError
from vault.providers.files import FileProvider
from vault.references import SecretRef
from vault.secret import Secret
from vault.secret_keys import key_of
from vault.signers import KeyFileError, load_key, open_key

KEYS: Final = "keys"
LOG_KEY: Final = "log.key"
IDENTITY_KEY: Final = "identity.key"


async def open_log_signer(settings: Settings, host: Host) -> Signer:
    """The log key: the ledger's alone, read once.

    Raises:
        RefusedError, UnavailableError: ``key-…`` or ``custody-…``: it cannot be had.
    """
    reference = log_key_reference(settings)
    if reference is None:
        return _file_signer(settings.data, LOG_KEY)
    try:
        # The key is made on the thread that reads it: its text goes no further.
        return await host.runner.run(lambda: _signer_of(settings, reference, host.clock))
    except ProviderError as error:
        raise refused(error, "the log key: ") from None


async def open_identity(reference: str | None, data: Path, custody: Custodian) -> Signer:
    """The identity key: in the data folder, or where ``vault:MOUNT/NAME/VERSION`` says.

    Raises:
        RefusedError, UnavailableError: ``key-…`` or ``custody-…``: it cannot be had.
    """
    if reference is None:
        return _file_signer(data, IDENTITY_KEY)
    session = custody.session
    assert session is not None, "a key in a vault needs the gateway's session"
    # Loads the vault's library, which nobody else needs.
    from vault.transit import TransitKey, open_signer  # noqa: PLC0415  loaded where a vault is used

    key = reference.removeprefix(KEY_PREFIX)
    try:
        signer = await custody.runner.run(
            lambda: open_signer(session, TransitKey.parse(key), public_key_of, custody.now)
        )
    except ProviderError as error:
        raise refused(error, "the identity key: ") from None
    return FarSigner(signer, custody.runner)


def _file_signer(data: Path, name: str) -> Signer:
    """The key in the data folder, made at the first start and never again.

    Beside a log whose key is gone a new one would be of no use, and would lie where the backup of
    the right one belongs.
    """
    begun = (data / VKEY_FILE).exists()
    try:
        return Ed25519Signer((load_key if begun else open_key)(data / KEYS / name))
    except KeyFileError as error:
        lost = begun and error.code == "key-missing"
        remedy = "restore it from its backup: the log in this folder rests on it"
        raise RefusedError(error.code, str(error), remedy if lost else error.remedy) from error


def _signer_of(settings: Settings, reference: SecretRef, clock: Clock) -> Signer:
    with _log_key(settings, reference, clock) as secret:
        return Ed25519Signer(key_of(secret))


@contextlib.contextmanager
def _log_key(settings: Settings, reference: SecretRef, clock: Clock) -> Generator[Secret]:
    """Read the log key; a session that was begun for it ends with the block."""
    if not ledger_needs_vault(settings):
        yield FileProvider().fetch(reference, moment(clock))
        return
    from gateway.bootstrap.vault_sessions import ledger_session  # noqa: PLC0415  as above
    from vault.providers.hashicorp import HashiCorpProvider  # noqa: PLC0415  loaded where a vault is used

    session = ledger_session(settings)
    try:
        yield HashiCorpProvider(session).fetch(reference, moment(clock))
    finally:
        session.close()


def public_key_of(raw: bytes) -> PublicKey:
    """A public key of its 32 bytes, as a vault tells them.

    Raises:
        ProviderError: ``vault-key``.
    """
    try:
        return PublicKey(raw)
    except InvalidKeyError as error:
        raise ProviderError(
            "vault-key", f"the vault's key cannot be used: {error}", "have another one made"
        ) from error
