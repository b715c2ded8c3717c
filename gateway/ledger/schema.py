"""From one schema to the next: alembic's migrations, as statements for one transaction.

Alembic writes the statements, and the ledger's own writer executes them in the same transaction
as the entries that need them: a crash leaves the old schema or the new one, never half of one.
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeAlias

from gateway.ledger import statements as sql
from gateway.ledger.faults import cannot_open
from gateway.ledger.store import Store
from gateway.ledger.tables import SCHEMA_VERSION

Dialect: TypeAlias = Literal["sqlite", "postgresql"]

MIGRATIONS: Final = Path(__file__).with_name("migrations")
VERSION_TABLE: Final = "alembic_version"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What brings a database to this gateway's schema: nothing, mostly.

    Attributes:
        statements: to be executed in order.
        meta: what `meta` says afterwards.
    """

    statements: tuple[str, ...] = ()
    meta: tuple[tuple[str, str], ...] = ()


def creation(dialect: Dialect) -> tuple[str, ...]:
    """Every statement that makes an empty database ours, in order."""
    return _migrated(dialect, MIGRATIONS, _revision(SCHEMA_VERSION))


def upgrade(store: Store, dialect: Dialect) -> Upgrade:
    """Look at a database that is not new.

    Databases made by version 0.1.0 carry no revision of alembic's: they get theirs.

    Raises:
        RefusedError: `ledger-schema`, it is newer than this gateway, or of no known version.
    """
    found = store.value(sql.META, {"name": "schema_version"})
    version = int(found) if isinstance(found, str) and found.isdecimal() else 0
    if not 1 <= version <= SCHEMA_VERSION:
        raise cannot_open(
            "ledger-schema",
            f"the database has schema {found}, this gateway knows 1 to {SCHEMA_VERSION}",
            "run the version of Writ that made it, or a newer one",
        )
    statements: tuple[str, ...] = ()
    if VERSION_TABLE not in store.tables():
        statements += _stamped(dialect, MIGRATIONS, _revision(version))
    if version < SCHEMA_VERSION:
        span = f"{_revision(version)}:{_revision(SCHEMA_VERSION)}"
        statements += _migrated(dialect, MIGRATIONS, span)
    if not statements:
        return Upgrade()
    return Upgrade(statements, (("schema_version", str(SCHEMA_VERSION)),))


def _revision(version: int) -> str:
    """The name of a schema's revision in `migrations/versions`."""
    return f"{version:04}"


class _Statements(io.StringIO):
    """Takes what alembic writes, one statement a call; comments are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def write(self, text: str, /) -> int:
        """Keep a statement without its end."""
        statement = text.strip().removesuffix(";")
        if statement and not statement.startswith("--"):
            self.found.append(statement)
        return len(text)


@cache
def _migrated(dialect: Dialect, folder: Path, revisions: str) -> tuple[str, ...]:
    """The statements of `alembic upgrade REVISIONS --sql`."""
    return _written(dialect, folder, "upgrade", revisions)


@cache
def _stamped(dialect: Dialect, folder: Path, revision: str) -> tuple[str, ...]:
    """The statements of `alembic stamp REVISION --sql`."""
    return _written(dialect, folder, "stamp", revision)


def _written(dialect: Dialect, folder: Path, command: str, revisions: str) -> tuple[str, ...]:
    # It tells every step of its own at INFO; a failure comes as an exception.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # alembic takes a fifth of a second to load, and most starts do not need it.
    from alembic import command as commands  # noqa: PLC0415  loaded where it is needed
    from alembic.config import Config  # noqa: PLC0415  loaded where it is needed

    config, statements = Config(), _Statements()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes |= {"dialect": dialect, "statements": statements}
    getattr(commands, command)(config, revisions, sql=True)
    return tuple(statements.found)
