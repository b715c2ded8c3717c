"""PostgreSQL lost, cut off, put back: what is acknowledged stays, what is in doubt is found out."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.errors import RefusedError, UnavailableError
from gateway.ledger.postgresql import database, lock
from gateway.ledger.postgresql import ledger as ledger_module
from gateway.ledger.postgresql.ledger import PostgresLedger
from gateway.ledger.postgresql.session import Address
from gateway.ports import Batch, Draft
from support.ledgers import Story, becomes, faults, opened_on, verified
from support.postgres import PostgresServer, running_server, shared_server
from support.postgres_proxy import Plan, Proxy
from support.secrets_made import secret

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that may be stopped."""
    with running_server() as server:
        yield server


@pytest.fixture
def name() -> str:
    """An empty database of the shared server."""
    return shared_server().new_database()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy(shared_server().port)
    yield made
    made.close()


def mode() -> Batch:
    return Batch((Draft("mode", {"mode": "SIMULATION", "by": "alice"}),))


def through(proxy: Proxy, name: str) -> Address:
    return Address(shared_server().url(name, proxy.port))


async def refused(ledger: PostgresLedger, batch: Batch) -> str:
    """The code that a batch is refused with."""
    with pytest.raises(UnavailableError) as error:
        await asyncio.wait_for(ledger.commit(batch), 25)
    assert error.value.remedy
    return error.value.code


def rows_of(name: str, statement: str) -> list[tuple[object, ...]]:
    return shared_server().execute(name, statement)


# ---- a commit without an answer


@pytest.mark.requirement("W-01")
@pytest.mark.parametrize("plan", [Plan.LOSE_ANSWER, Plan.SILENCE])
async def test_a_commit_whose_answer_was_lost_is_found_to_be_there(
    proxy: Proxy, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    monkeypatch.setattr(database, "COMMIT_TIMEOUT_MS", 500)
    story = Story()
    async with opened_on(tmp_path, through(proxy, name)) as ledger:
        await ledger.commit(story.opening())
        before = await ledger.commit(story.decide())
        proxy.plan = plan
        after = await asyncio.wait_for(ledger.commit(story.decide()), 25)
        assert proxy.happened == 1
        assert after.indices == (before.indices[0] + 1,)
        assert ledger.latched is None
        assert ledger.unreachable is None
        assert (await ledger.commit(mode())).indices == (after.indices[0] + 1,)
    kinds = rows_of(name, "SELECT decision_id FROM entries WHERE kind = 'decision' ORDER BY 1")
    assert kinds == [("d1",), ("d2",)]
    assert faults(tmp_path / "log") == []


@pytest.mark.requirement("W-01")
@pytest.mark.parametrize("plan", [Plan.LOSE_REQUEST, Plan.HOLD_REQUEST])
async def test_a_commit_that_never_arrived_is_found_not_to_be_there(
    proxy: Proxy, name: str, tmp_path: Path, plan: Plan
) -> None:
    """Also while the server still holds the transaction open and waits for its COMMIT."""
    story = Story()
    async with opened_on(tmp_path, through(proxy, name)) as ledger:
        await ledger.commit(story.opening())
        before = await ledger.commit(mode())
        proxy.plan = plan
        lost = story.decide()
        assert await refused(ledger, lost) == "ledger-unreachable"
        assert proxy.happened == 1
        assert ledger.latched is None
        assert await ledger.entry("d1") is None
        # Its outcome is known, so recording goes on by itself, and the same may be asked again.
        await becomes(lambda: ledger.unreachable is None)
        assert (await ledger.commit(lost)).indices == (before.indices[0] + 1,)
    assert faults(tmp_path / "log") == []


@pytest.mark.requirement("W-01")
@pytest.mark.parametrize("plan", [Plan.LOSE_ANSWER, Plan.LOSE_REQUEST])
async def test_a_commit_that_nobody_can_be_asked_about_latches(
    proxy: Proxy, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    monkeypatch.setattr(database, "RESOLVE_MS", 300)
    story = Story()
    async with opened_on(tmp_path, through(proxy, name)) as ledger:
        await ledger.commit(story.opening())
        proxy.refuse_after, proxy.plan = True, plan
        assert await refused(ledger, story.decide()) == "ledger-latched"
        assert "the outcome of a commit is not known" in str(ledger.latched)
        proxy.refusing = False
        # The server is there again, and nothing is tried: only a new start may look.
        assert await refused(ledger, mode()) == "ledger-latched"
    async with opened_on(tmp_path, Address(shared_server().url(name))) as ledger:
        found = await ledger.entry("d1")
        assert (found is not None) == (plan is Plan.LOSE_ANSWER)
        await ledger.commit(mode())
    assert faults(tmp_path / "log") == []


async def test_one_lost_answer_among_many_callers_loses_nobody(
    proxy: Proxy, name: str, tmp_path: Path
) -> None:
    story = Story()
    async with opened_on(tmp_path, through(proxy, name)) as ledger:
        await ledger.commit(story.opening())
        batches = [[story.decide() for _ in range(4)] for _ in range(16)]

        async def commit_all(own: list[Batch]) -> list[int]:
            return [(await ledger.commit(batch)).indices[0] for batch in own]

        proxy.plan = Plan.LOSE_ANSWER
        places = await asyncio.gather(*(commit_all(own) for own in batches))
        assert proxy.happened == 1
        assert len({index for own in places for index in own}) == 64
        for own, indices in zip(batches, places, strict=True):
            for batch, index in zip(own, indices, strict=True):
                found = await ledger.entry(batch.drafts[0].payload["decision_id"])
                assert found is not None
                assert found[0] == index
    assert faults(tmp_path / "log") == []


# ---- a server that is away


async def test_while_the_server_is_down_everything_is_refused_and_then_goes_on(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    address = Address(own_server.url(own_server.new_database()))
    story = Story()
    async with opened_on(tmp_path, address) as ledger:
        await ledger.commit(story.opening())
        good = await ledger.commit(story.decide())
        own_server.stop()
        waiting = story.decide()
        assert await refused(ledger, waiting) == "ledger-unreachable"
        assert await refused(ledger, mode()) == "ledger-unreachable"
        assert ledger.unreachable is not None
        assert ledger.latched is None
        with pytest.raises(UnavailableError):
            await ledger.entry("d1")
        own_server.start()
        await becomes(lambda: ledger.unreachable is None)
        assert (await ledger.entry("d1")) is not None
        assert (await ledger.commit(waiting)).indices == (good.indices[0] + 1,)
    assert faults(tmp_path / "log") == []


async def test_a_restart_between_two_commits_is_not_noticed(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    """Nothing was under way: the first statement to fail is BEGIN, which is begun anew."""
    address = Address(own_server.url(own_server.new_database()))
    async with opened_on(tmp_path, address) as ledger:
        good = await ledger.commit(mode())
        own_server.stop()
        own_server.start()
        assert (await ledger.commit(mode())).indices == (good.indices[0] + 1,)
        # The lock went with its session and was taken again.
        with pytest.raises(RefusedError, match="ledger-locked"):
            async with opened_on(tmp_path / "other", address):
                pass


async def test_a_server_that_is_down_at_the_start_is_waited_for_and_then_named(
    own_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = Address(own_server.url(own_server.new_database()))
    own_server.stop()
    try:
        monkeypatch.setattr(lock, "OPEN_PATIENCE_MS", 300)
        with pytest.raises(UnavailableError) as error:
            async with opened_on(tmp_path, address):
                pass
        assert error.value.code == "ledger-unreachable"
    finally:
        own_server.start()
    async with opened_on(tmp_path, address) as ledger:
        await ledger.commit(mode())


async def test_readers_get_new_connections(name: str, tmp_path: Path) -> None:
    story = Story()
    async with opened_on(tmp_path, Address(shared_server().url(name))) as ledger:
        await ledger.commit(story.opening())
        await ledger.commit(story.decide())
        assert await ledger.entry("d1") is not None
        ended = rows_of(
            name,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        assert len(ended) >= 4  # the lock's, the writer's and two that read
        assert await ledger.entry("d1") is not None
        assert (await ledger.replay()).orders.keys() == {"o1"}
        await ledger.commit(mode())


@pytest.fixture
def of_a_plain_user(own_server: PostgresServer) -> Iterator[str]:
    """A database of a user who may nothing else and has a password; its name is both."""
    name = own_server.new_database()
    own_server.execute(name, f"CREATE ROLE {name} LOGIN PASSWORD 'geheim: %/@'")
    own_server.execute(name, f"ALTER DATABASE {name} OWNER TO {name}")
    rules = own_server.data / "pg_hba.conf"
    before = rules.read_text("utf-8")
    rules.write_text(f"host all {name} 127.0.0.1/32 scram-sha-256\n{before}", "utf-8")
    own_server.execute(name, "SELECT pg_reload_conf(), pg_sleep(0.5)")
    yield name
    rules.write_text(before, "utf-8")
    own_server.execute(name, "SELECT pg_reload_conf()")


@pytest.mark.requirement("W-01")
@pytest.mark.parametrize("plan", [Plan.LOSE_ANSWER, Plan.HOLD_REQUEST])
async def test_a_plain_user_with_a_password_may_all_that_is_needed(
    own_server: PostgresServer, of_a_plain_user: str, tmp_path: Path, plan: Plan
) -> None:
    name, story = of_a_plain_user, Story()
    proxy = Proxy(own_server.port)
    url = f"postgresql://{name}@127.0.0.1:{proxy.port}/{name}"
    with pytest.raises(UnavailableError) as error:
        async with opened_on(tmp_path, Address(url, secret("wrong"))):
            pass
    assert error.value.code == "ledger-unreachable"
    assert "password" in error.value.detail
    async with opened_on(tmp_path, Address(url, secret("geheim: %/@"))) as ledger:
        await ledger.commit(story.opening())
        with pytest.raises(RefusedError, match="ledger-locked"):
            async with opened_on(tmp_path / "other", Address(url, secret("geheim: %/@"))):
                pass
        proxy.plan = plan
        batch = story.decide()
        if plan is Plan.HOLD_REQUEST:
            assert await refused(ledger, batch) == "ledger-unreachable"
            await becomes(lambda: ledger.unreachable is None)
        await ledger.commit(batch)
        assert proxy.happened == 1
    proxy.close()
    assert faults(tmp_path / "log") == []


# ---- servers and databases that are not right


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
async def test_a_server_that_does_not_wait_for_its_disk_is_refused(
    own_server: PostgresServer, tmp_path: Path, setting: str
) -> None:
    address = Address(own_server.url(own_server.new_database()))
    own_server.execute("postgres", f"ALTER SYSTEM SET {setting} = off")
    own_server.execute("postgres", "SELECT pg_reload_conf(), pg_sleep(0.5)")
    try:
        with pytest.raises(RefusedError) as error:
            async with opened_on(tmp_path, address):
                pass
        assert error.value.code == "ledger-no-sync"
        assert f"{setting} is off" in error.value.detail
    finally:
        own_server.execute("postgres", f"ALTER SYSTEM RESET {setting}")
        own_server.execute("postgres", "SELECT pg_reload_conf(), pg_sleep(0.5)")


@pytest.mark.parametrize("value", ["off", "local", "remote_write"])
async def test_a_database_that_commits_without_the_disk_is_refused(
    name: str, tmp_path: Path, value: str
) -> None:
    rows_of(name, f"ALTER DATABASE {name} SET synchronous_commit = {value}")
    with pytest.raises(RefusedError) as error:
        async with opened_on(tmp_path, Address(shared_server().url(name))):
            pass
    assert error.value.code == "ledger-no-sync"
    rows_of(name, f"ALTER DATABASE {name} RESET synchronous_commit")
    async with opened_on(tmp_path, Address(shared_server().url(name))) as ledger:
        await ledger.commit(mode())


async def test_a_database_of_another_program_is_refused(name: str, tmp_path: Path) -> None:
    rows_of(name, "CREATE TABLE notes (text text)")
    with pytest.raises(RefusedError, match="ledger-foreign"):
        async with opened_on(tmp_path, Address(shared_server().url(name))):
            pass
    assert rows_of(name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)]


async def test_a_database_put_back_from_a_copy_is_refused(name: str, tmp_path: Path) -> None:
    address = Address(shared_server().url(name))
    async with opened_on(tmp_path, address) as ledger:
        await ledger.commit(mode())
    copy = f"{name}_copy"
    rows_of("postgres", f"CREATE DATABASE {copy} TEMPLATE {name}")
    async with opened_on(tmp_path, address) as ledger:
        await ledger.commit(mode())
    size = verified(tmp_path / "log").size
    with pytest.raises(RefusedError) as error:
        async with opened_on(tmp_path, Address(shared_server().url(copy))):
            pass
    assert error.value.code == "ledger-rolled-back"
    assert f"{size} entries are published" in error.value.detail


async def test_a_database_that_went_back_under_a_running_writer_latches(
    name: str, tmp_path: Path
) -> None:
    async with opened_on(tmp_path, Address(shared_server().url(name))) as ledger:
        await ledger.commit(mode())
        rows_of(name, "UPDATE writer SET number = number - 1")
        assert await refused(ledger, mode()) == "ledger-latched"
        assert "transaction" in str(ledger.latched)


TAMPERED = [
    ("UPDATE entries SET leaf_hash = decode(repeat('00', 32), 'hex') WHERE entry_index = 2", "2"),
    ("DELETE FROM entries WHERE entry_index = 2", "entry 2 is missing"),
    ("DELETE FROM checkpoints", "no checkpoint"),
    ("UPDATE entries SET at_us = 1 WHERE entry_index = 2", "is older"),
]


@pytest.mark.parametrize(("statement", "reason"), TAMPERED)
async def test_a_changed_database_is_refused(
    name: str, tmp_path: Path, statement: str, reason: str
) -> None:
    address = Address(shared_server().url(name))
    async with opened_on(tmp_path, address) as ledger:
        for _ in range(3):
            await ledger.commit(mode())
    rows_of(name, statement)
    with pytest.raises(RefusedError) as error:
        async with opened_on(tmp_path, address):
            pass
    assert error.value.code == "ledger-damaged"
    assert reason in error.value.detail


# ---- a gateway that nobody uses


async def test_an_idle_writer_sees_that_its_server_is_gone_and_back(
    own_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "CHECK_MS", 100)
    address = Address(own_server.url(own_server.new_database()))
    async with opened_on(tmp_path, address) as ledger:
        own_server.stop()
        await becomes(lambda: ledger.unreachable is not None)
        own_server.start()
        await becomes(lambda: ledger.unreachable is None)
        await ledger.commit(mode())


async def test_an_idle_writer_takes_its_lock_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "CHECK_MS", 50)
    held = (
        "FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
        "WHERE l.locktype = 'advisory' AND d.datname = current_database()"
    )
    async with opened_on(tmp_path, Address(shared_server().url(name))) as ledger:
        [(first, _)] = rows_of(name, f"SELECT l.pid, pg_terminate_backend(l.pid, 2000) {held}")
        async with asyncio.timeout(60):
            while (found := rows_of(name, f"SELECT l.pid {held}")) in ([], [(first,)]):  # noqa: ASYNC110  seen from outside
                await asyncio.sleep(0.05)
        assert len(found) == 1
        await ledger.commit(mode())


async def test_an_idle_writer_sees_that_it_was_taken_over(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "CHECK_MS", 50)
    async with opened_on(tmp_path, Address(shared_server().url(name))) as ledger:
        rows_of(name, "UPDATE writer SET epoch = epoch + 1, number = 0")
        await becomes(lambda: ledger.latched is not None)
        assert "another gateway has taken over" in str(ledger.latched)
        assert await refused(ledger, mode()) == "ledger-fenced"
