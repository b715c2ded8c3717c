"""One description, two databases: migrations make what the tables say, from wherever one starts."""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import apsw
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from gateway.domain.errors import RefusedError
from gateway.ledger import opening, schema
from gateway.ledger.postgresql.session import Address
from gateway.ledger.schema import MIGRATIONS, creation
from gateway.ledger.stored import StoredLedger
from gateway.ledger.tables import POSTGRESQL_ONLY, SCHEMA_VERSION, TABLES
from gateway.ports import Batch, Draft
from support.ledgers import Story, faults, opened, opened_on
from support.postgres import shared_server

Later = Callable[[], None]
Opens = Callable[[Path], AbstractAsyncContextManager[StoredLedger]]

ADDED = ("reduce_only", "extended_hours", "expires_us", "replaces", "replaced_by", "anomaly")
"""The columns of an order that the first version did not have."""

SECOND = '''
"""A later revision, as one may be written some day."""
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "0004", "0003", None, None
def upgrade():
    op.create_table("notes", sa.Column("name", sa.Text(), primary_key=True), sqlite_strict=True)
    op.add_column("claims", sa.Column("note", sa.Text(), nullable=True))
'''


def mode() -> Batch:
    return Batch((Draft("mode", {"mode": "SIMULATION", "by": "alice"}),))


def described(*, on_sqlite: bool) -> MetaData:
    """The tables that a store has."""
    chosen = MetaData()
    for table in TABLES:
        if not (on_sqlite and table.info == POSTGRESQL_ONLY):
            table.to_metadata(chosen)
    return chosen


def differences(connection: Connection, metadata: MetaData) -> list[Any]:
    options = {"compare_type": True, "compare_server_default": True}
    context = MigrationContext.configure(connection, opts=options)
    return [
        change
        for change in compare_metadata(context, metadata)
        if not (change[0] == "remove_table" and change[1].name == schema.VERSION_TABLE)
    ]


def test_the_newest_revision_is_the_one_that_the_gateway_knows() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [f"{SCHEMA_VERSION:04}"]


def test_on_sqlite_the_migrations_make_what_the_tables_say(tmp_path: Path) -> None:
    path = tmp_path / "writ.db"
    with sqlite3.connect(path) as plain:
        for statement in creation("sqlite"):
            plain.execute(statement)
    plain.close()
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        assert differences(connection, described(on_sqlite=True)) == []
        # The comparison sees a difference where there is one.
        connection.exec_driver_sql("ALTER TABLE claims ADD COLUMN more TEXT")
        assert differences(connection, described(on_sqlite=True)) != []


async def test_on_postgresql_the_migrations_make_what_the_tables_say(tmp_path: Path) -> None:
    server = shared_server()
    name = server.new_database()
    async with opened_on(tmp_path, Address(server.url(name))):
        pass
    url = server.url(name).replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences, described(on_sqlite=False)) == []
        await connection.exec_driver_sql("ALTER TABLE claims ADD COLUMN more text")
        assert await connection.run_sync(differences, described(on_sqlite=False)) != []
    await engine.dispose()
    kinds = server.execute(
        name,
        "SELECT DISTINCT data_type FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name <> 'alembic_version'",
    )
    assert sorted(kinds) == [("bigint",), ("bytea",), ("text",)]


def as_0_1_0_made_it(path: Path) -> None:
    """Take a database back to the first version, which knew no migrations and fewer columns."""
    with sqlite3.connect(path) as plain:
        for column in ADDED:
            plain.execute(f"ALTER TABLE orders DROP COLUMN {column}")
        plain.execute("DROP TABLE alembic_version")
        plain.execute("UPDATE meta SET value = '1' WHERE name = 'schema_version'")
    plain.close()


async def test_a_directory_of_the_first_version_goes_on(tmp_path: Path) -> None:
    story = Story()
    async with opened(tmp_path) as ledger:
        await ledger.commit(story.opening())
        await ledger.commit(story.decide())
        [(_, order)] = await ledger.orders(account=None, status=None, before=None, limit=9)
    as_0_1_0_made_it(tmp_path / "writ.db")
    for _ in range(2):
        async with opened(tmp_path) as ledger:
            assert await ledger.entry("d1") is not None
            assert await ledger.order(order.order_id) == order
            await ledger.commit(mode())
        connection = apsw.Connection(str(tmp_path / "writ.db"))
        stamp = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        connection.close()
        assert stamp == [("0003",)]
    assert faults(tmp_path / "log") == []


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Later:
    """Called, it makes this a gateway that knows one revision more."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for path in MIGRATIONS.rglob("*.py"):
        (folder / path.relative_to(MIGRATIONS)).write_bytes(path.read_bytes())
    (folder / "versions" / "r0004_notes.py").write_text(SECOND, encoding="utf-8")

    def apply() -> None:
        monkeypatch.setattr(schema, "MIGRATIONS", folder)
        monkeypatch.setattr(schema, "SCHEMA_VERSION", 4)

    return apply


async def _older_then_newer(opens: Opens, apply: Later, directory: Path) -> None:
    story = Story()
    async with opens(directory) as ledger:
        await ledger.commit(story.opening())
        await ledger.commit(story.decide())
        size = ledger.size
    apply()
    async with opens(directory) as ledger:
        assert ledger.size == size + 1
        assert await ledger.entry("d1") is not None
        assert await ledger.find_key("strategy", "client_order_id", "c1") is not None
        await ledger.commit(story.decide())
    assert faults(directory / "log") == []


async def test_an_older_sqlite_database_is_brought_up(later: Later, tmp_path: Path) -> None:
    data = tmp_path / "data"
    await _older_then_newer(opened, later, data)
    connection = apsw.Connection(str(data / "writ.db"))
    assert connection.execute("SELECT version_num FROM alembic_version").get == "0004"
    assert connection.execute("SELECT value FROM meta WHERE name = 'schema_version'").get == "4"
    assert connection.execute("SELECT count(*) FROM notes").get == 0
    connection.close()


async def test_an_older_postgresql_database_is_brought_up(later: Later, tmp_path: Path) -> None:
    server = shared_server()
    name = server.new_database()

    def opens(directory: Path) -> AbstractAsyncContextManager[StoredLedger]:
        return opened_on(directory, Address(server.url(name)))

    await _older_then_newer(opens, later, tmp_path / "data")
    assert server.execute(name, "SELECT version_num FROM alembic_version") == [("0004",)]
    assert server.execute(name, "SELECT value FROM meta WHERE name = 'schema_version'") == [("4",)]
    assert server.execute(name, "SELECT count(*) FROM notes") == [(0,)]


async def test_an_upgrade_that_fails_leaves_the_old_schema(
    later: Later, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    async with opened(data) as ledger:
        await ledger.commit(mode())
        size = ledger.size
    with monkeypatch.context():
        later()
        found = schema.upgrade
        broken = schema.Upgrade(("CREATE TABLE half (a TEXT)", "no statement at all"))
        monkeypatch.setattr(opening, "upgrade", lambda *_: broken)
        with pytest.raises(Exception, match="near"):
            async with opened(data):
                pass
        monkeypatch.setattr(opening, "upgrade", found)
    connection = apsw.Connection(str(data / "writ.db"))
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").get == 0
    assert connection.execute("SELECT count(*) FROM entries").get == size
    connection.close()


async def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    server = shared_server()
    name = server.new_database()
    async with opened_on(tmp_path, Address(server.url(name))) as ledger:
        await ledger.commit(mode())
    epoch = server.execute(name, "SELECT epoch, number FROM writer")
    for version in ("4", "0", "one"):
        server.execute(name, f"UPDATE meta SET value = '{version}' WHERE name = 'schema_version'")  # noqa: S608  the test's own words
        with pytest.raises(RefusedError) as error:
            async with opened_on(tmp_path, Address(server.url(name))):
                pass
        assert error.value.code == "ledger-schema"
        assert f"has schema {version}" in error.value.detail
    assert server.execute(name, "SELECT epoch, number FROM writer") == epoch
