"""What `writ doctor` looks at in the ledger's store; it reads, and takes no lock."""

from __future__ import annotations

from gateway.cli.checks import Finding, Grade
from gateway.config import Settings
from gateway.domain.errors import WritError
from gateway.host import SystemClock
from gateway.ledger.choice import database_of
from gateway.ledger.database import DATABASE
from gateway.ports import moment
from vault.secret import Secret

CHECK = "ledger"
_MIB = 2**20


def store_findings(settings: Settings) -> list[Finding]:
    """The one finding on the store that the settings choose."""
    try:
        located = database_of(settings, moment(SystemClock()))
        return [_file(settings) if located is None else _database(*located)]
    except WritError as error:
        return [Finding(CHECK, Grade.FAIL, error.detail, error.remedy)]


def _file(settings: Settings) -> Finding:
    path = settings.data / DATABASE
    if not path.exists():
        return Finding(CHECK, Grade.NOTE, "sqlite, none yet; serve begins one")
    return Finding(CHECK, Grade.OK, f"sqlite, {path}, {path.stat().st_size // _MIB:,} MiB")


def _database(url: str, password: Secret | None) -> Finding:
    from gateway.ledger.postgresql.lock import check_server
    from gateway.ledger.postgresql.session import Address, Session

    session = Session(Address(url, password), read_only=True)
    try:
        check_server(session)
        version, tables = session.fetch(
            "SELECT current_setting('server_version'), to_regclass('entries') IS NOT NULL"
        )[0]
    finally:
        session.close()
    what = f"postgresql {version}"
    if not tables:
        return Finding(CHECK, Grade.NOTE, f"{what}, no log yet; serve begins one")
    return Finding(CHECK, Grade.OK, f"{what}, holds a log")
