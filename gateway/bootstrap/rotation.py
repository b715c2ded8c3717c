"""Another identity key for a log whose gateway is stopped: from one file or vault to another.

The log is opened as a start opens it, with the same settings, lock and checks, and closed again.
What a crash leaves behind is finished by the same command typed again: the new key is on disk
before the log names it, and takes the old one's place only after.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.bootstrap.app import Host
from gateway.bootstrap.custody import Custodian, open_custody, refused
from gateway.bootstrap.signers import IDENTITY_KEY, KEYS, open_identity, open_log_signer
from gateway.config import Settings
from gateway.domain.errors import InvalidInputError, RefusedError
from gateway.host import OsEntropy, SystemClock, ThreadRunner
from gateway.ledger.choice import open_chosen
from gateway.ledger.opening import VKEY_FILE
from gateway.ledger.succession import Succession
from gateway.ledger.syncing import sync_directory
from signing.keys import Ed25519Signer, Signer
from signing.records import RecordError, check
from vault.errors import ProviderError
from vault.signers import KeyFileError, load_key, open_key

NEXT_KEY: Final = "identity.next.key"
"""The key that is about to take over, until the log has named it."""
_DIGITS: Final = 64


@dataclass(frozen=True, slots=True)
class Takeover:
    """What an operator asks for.

    Attributes:
        to: where the new key is, `vault:MOUNT/NAME/VERSION`; None: a new file of the data folder.
        revoked: the key that leaves was stolen or lost; it is not asked, and counts for nothing.
        by: who asks.
        reason: why, in a line.
    """

    to: str | None
    revoked: bool
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The identity key that stands now.

    Attributes:
        key: its public half, 64 hexadecimal digits.
        where: its file, or its place in the vault.
        index: the entry that brought it in; None: it stood already, and only its file was missing.
    """

    key: str
    where: str
    index: int | None


async def rotate_identity(settings: Settings, takeover: Takeover) -> Standing:
    """Have another identity key take over, in the log and on the disk.

    Raises:
        InvalidInputError: `config-invalid`, or the name or the reason is none.
        RefusedError, UnavailableError: as a start; `ledger-missing`, `identity-used`; and
            `identity-stands` for a key in a vault that has taken over before.
    """
    _check_words(takeover)
    if not (settings.data / VKEY_FILE).is_file():
        raise RefusedError(
            "ledger-missing",
            f"no gateway has kept a log in {settings.data}",
            "name its data folder: --data, or WRIT_DATA",
        )
    async with contextlib.AsyncExitStack() as stack:
        host = Host(SystemClock(), OsEntropy(), ThreadRunner())
        stack.callback(host.runner.close)
        custody = await open_custody(
            _keys_alone(settings, takeover), host.clock, host.entropy, stack
        )
        coming = await _coming(settings, takeover, custody)
        former = None if takeover.revoked else await _former(settings, custody)
        succession = Succession(coming, former, takeover.by, takeover.reason)
        index = await _enter(settings, host, succession, again=takeover.to is None)
    where = takeover.to or str(_put_in_place(settings.data / KEYS))
    return Standing(coming.public.hex, where, index)


async def _enter(
    settings: Settings, host: Host, succession: Succession, *, again: bool
) -> int | None:
    """Write it into the log, published at once; None where that had been done, `again` allowed."""
    log_signer = await open_log_signer(settings, host)
    try:
        ledger = await open_chosen(
            settings,
            log_signer=log_signer,
            identity_signer=succession,
            clock=host.clock,
            entropy=host.entropy,
            runner=host.runner,
        )
    except ProviderError as error:
        raise refused(error, "the identity key: ") from None
    except RefusedError as error:
        if error.code == "identity-stands" and again:
            return None
        raise
    try:
        index = ledger.size - 2  # its first certificate follows it
        await ledger.publish_now()
    finally:
        await ledger.close()
    return index


async def _coming(settings: Settings, takeover: Takeover, custody: Custodian) -> Signer:
    if takeover.to is not None:
        return await open_identity(takeover.to, settings.data, custody)
    path = settings.data / KEYS / NEXT_KEY
    try:
        return Ed25519Signer(open_key(path))
    except KeyFileError as error:
        raise RefusedError(error.code, str(error), error.remedy) from error


async def _former(settings: Settings, custody: Custodian) -> Signer:
    if settings.identity_key is not None:
        return await open_identity(settings.identity_key, settings.data, custody)
    try:
        # A key that is missing must not be made here, as a first start would.
        return Ed25519Signer(load_key(settings.data / KEYS / IDENTITY_KEY))
    except KeyFileError as error:
        remedy = f"{error.remedy}; if the key is lost, revoke it: --revoked"
        raise RefusedError(error.code, str(error), remedy) from error


def _put_in_place(folder: Path) -> Path:
    """Give the new key the old one's name; the old one is gone with that, and of no more use."""
    path = folder / IDENTITY_KEY
    (folder / NEXT_KEY).replace(path)
    sync_directory(folder)
    return path


def _keys_alone(settings: Settings, takeover: Takeover) -> Settings:
    """The settings for what is opened here: no account's credentials, no key that is revoked."""
    key = settings.identity_key or takeover.to
    if takeover.revoked:
        key = takeover.to
    return settings.model_copy(update={"accounts": {}, "identity_key": key})


def _check_words(takeover: Takeover) -> None:
    stated = {"by": takeover.by, "reason": takeover.reason, "revoked": takeover.revoked}
    try:
        check("identity", {"at_us": 0, "identity_key": "0" * _DIGITS, **stated})
    except RecordError as error:
        raise InvalidInputError("usage", str(error), "see writ keys rotate --help") from error
