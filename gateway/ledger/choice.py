"""Choosing the store: by configuration, once, at the start; none stands in for another."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NoReturn, Protocol
from urllib.parse import parse_qsl, urlsplit

from gateway.domain.errors import InvalidInputError
from gateway.ledger import sqlite
from gateway.ledger.stored import StoredLedger
from gateway.ports import BlockingRunner, Clock, Entropy, moment
from signing.keys import Signer
from vault.errors import ProviderError
from vault.providers.files import read_file
from vault.secret import Moment, Secret

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"

_FORM: Final = "write it as postgresql://USER@HOST:PORT/DATABASE, without a password"
_SECRETS: Final = frozenset({"password", "sslpassword"})
_PASSWORD_MAX_BYTES: Final = 1_024


class StoreSettings(Protocol):
    """What is chosen about the ledger, as `gateway.config` has it."""

    @property
    def data(self) -> Path:
        """The data folder."""
        ...

    @property
    def origin(self) -> str:
        """The log's permanent name."""
        ...

    @property
    def ledger(self) -> str:
        """`sqlite` or `postgresql`."""
        ...

    @property
    def postgresql_url(self) -> str | None:
        """Where the database is."""
        ...

    @property
    def postgresql_password_file(self) -> Path | None:
        """The file with the password; None: the server asks for none, or libpq's own file."""
        ...


async def open_chosen(
    settings: StoreSettings,
    *,
    log_signer: Signer,
    identity_signer: Signer,
    clock: Clock,
    entropy: Entropy,
    runner: BlockingRunner,
) -> StoredLedger:
    """Open the ledger that the settings name; see `gateway.ledger.sqlite.open_ledger`.

    Raises:
        InvalidInputError: `config-invalid`: the settings contradict each other, or an address or
            password cannot be used.
        RefusedError, UnavailableError: as the store's own `open_ledger`.
    """
    located = database_of(settings, moment(clock))
    if located is None:
        return await sqlite.open_ledger(
            settings.data,
            origin=settings.origin,
            log_signer=log_signer,
            identity_signer=identity_signer,
            clock=clock,
            entropy=entropy,
            runner=runner,
        )
    # A gateway without a server never loads the client.
    from gateway.ledger.postgresql.ledger import open_ledger  # noqa: PLC0415  loaded where needed
    from gateway.ledger.postgresql.session import Address  # noqa: PLC0415  loaded where needed

    return await open_ledger(
        settings.data,
        Address(*located),
        origin=settings.origin,
        log_signer=log_signer,
        identity_signer=identity_signer,
        clock=clock,
        entropy=entropy,
        runner=runner,
    )


def database_of(settings: StoreSettings, now: Moment) -> tuple[str, Secret | None] | None:
    """The address and password of a PostgreSQL database; None: the ledger is a file.

    Raises:
        InvalidInputError: `config-invalid`.
    """
    url, password_file = settings.postgresql_url, settings.postgresql_password_file
    if settings.ledger == SQLITE:
        if url is not None or password_file is not None:
            _refuse(
                "WRIT_POSTGRESQL_URL and WRIT_POSTGRESQL_PASSWORD_FILE say nothing to sqlite",
                "set WRIT_LEDGER=postgresql, or remove them",
            )
        return None
    if url is None:
        _refuse("WRIT_LEDGER=postgresql needs WRIT_POSTGRESQL_URL", _FORM)
    _check(url)
    return url, None if password_file is None else _password(password_file, now)


def _check(url: str) -> None:
    """Refuse what is no address of a database, or gives a secret away; never repeat it."""
    try:
        parts = urlsplit(url)
        names = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        usable = parts.port != 0 and parts.scheme in ("postgresql", "postgres")
    except ValueError:
        _refuse("WRIT_POSTGRESQL_URL is no URL", _FORM)
    if parts.password is not None or names & _SECRETS:
        _refuse(
            "WRIT_POSTGRESQL_URL holds a password",
            "put it into a file that its owner alone can read: WRIT_POSTGRESQL_PASSWORD_FILE",
        )
    if not usable or not parts.path.strip("/"):
        _refuse("WRIT_POSTGRESQL_URL names no database", _FORM)


def _password(path: Path, now: Moment) -> Secret:
    try:
        password = read_file(path, now)
    except ProviderError as error:
        _refuse(f"WRIT_POSTGRESQL_PASSWORD_FILE: {error.detail}", error.remedy)
    if not password.reveal().isprintable():
        _refuse(f"{path} holds no password of one line", "write the password into it")
    return password


def _refuse(detail: str, remedy: str) -> NoReturn:
    raise InvalidInputError("config-invalid", detail, remedy)
