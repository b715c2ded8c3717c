"""Gateways and servers that are killed, stopped and continued, on one PostgreSQL database.

Real processes, real sessions: the counts that must be zero are those of acknowledged decisions
that are not in the log, and of entries that two writers both believe to be theirs.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

from gateway.domain.errors import RefusedError
from gateway.ledger.postgresql.session import Address
from gateway.ports import Batch, Draft
from support.ledgers import faults, opened_on
from support.postgres import PostgresServer, running_server

pytestmark = pytest.mark.slow

LOAD = Path(__file__).resolve().parents[1] / "support" / "postgres_load.py"
PATIENCE_S = 60

Lines = list[list[str]]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_server() as made:
        yield made


class Load:
    """The load in a process of its own."""

    def __init__(self, directory: Path, url: str) -> None:
        command = [sys.executable, str(LOAD), str(directory), url]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.lines: Lines = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def read(self, enough: Callable[[list[str]], bool], count: int = 1) -> None:
        """Read on until so many lines were as wanted."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + PATIENCE_S
        while count:
            words = self.process.stdout.readline().split()
            assert words, self.lines[-1:]
            assert time.monotonic() < deadline
            self.lines.append(words)
            count -= enough(words)

    def acks(self, count: int) -> None:
        self.read(lambda words: words[0] == "ack", count)

    def finish(self, signum: int | None = None) -> None:
        """Kill it, or wait for its own end; take in what it said."""
        if signum is not None:
            self.process.send_signal(signum)
        rest, _ = self.process.communicate(timeout=PATIENCE_S)
        # Whoever is killed may leave half a line.
        whole = rest.rpartition("\n")[0] if signum == signal.SIGKILL else rest
        self.lines += [line.split() for line in whole.splitlines()]

    @property
    def acknowledged(self) -> dict[str, int]:
        return {words[2]: int(words[1]) for words in self.lines if words[0] == "ack"}

    @property
    def refusals(self) -> set[str]:
        return {words[1] for words in self.lines if words[0] == "refused"}


def mode() -> Batch:
    return Batch((Draft("mode", {"mode": "SIMULATION", "by": "alice"}),))


async def in_the_log(directory: Path, url: str, acknowledged: dict[str, int]) -> None:
    """Open the database: each acknowledged decision is where its caller was told."""
    async with opened_on(directory, Address(url)) as ledger:
        for decision_id, index in acknowledged.items():
            found = await ledger.entry(decision_id)
            assert found is not None, decision_id
            assert found[0] == index
            assert await ledger.document(found[1]["input_digest"]) is not None
        await ledger.replay()
    assert faults(directory / "log") == []


@pytest.mark.requirement("W-01")
async def test_a_killed_gateway_loses_nothing_acknowledged(
    server: PostgresServer, tmp_path: Path
) -> None:
    url, rng = server.url(server.new_database()), random.Random(os.urandom(8))
    acknowledged: dict[str, int] = {}
    for number in range(6):
        with Load(tmp_path, url) as load:
            if number % 3:  # the others are killed while they open
                load.acks(rng.randint(1, 200))
            await asyncio.sleep(rng.uniform(0, 0.3 if number % 3 else 1.5))
            load.finish(signal.SIGKILL)
            acknowledged |= load.acknowledged
        if (tmp_path / "log" / "checkpoint").exists():
            assert faults(tmp_path / "log") == []
    assert acknowledged
    await in_the_log(tmp_path, url, acknowledged)


@pytest.mark.requirement("W-01")
@pytest.mark.parametrize("how", ["kill", "immediate", "fast"])
async def test_a_server_that_crashes_under_load_loses_nothing_acknowledged(
    server: PostgresServer, tmp_path: Path, how: str
) -> None:
    """Killed in the middle of commits; the gateway finds out what became of them, and goes on."""
    url = server.url(server.new_database())
    with Load(tmp_path, url) as load:
        for _ in range(3):
            load.acks(150)
            if how == "kill":
                server.kill()
            else:
                server.stop(signal.SIGQUIT if how == "immediate" else signal.SIGINT)
            server.start()
            load.acks(1)
        load.finish(signal.SIGKILL)
    assert load.refusals <= {"ledger-unreachable"}, load.lines[-1]
    await in_the_log(tmp_path, url, load.acknowledged)


def sessions(server: PostgresServer, name: str, condition: str) -> int:
    """End the sessions of a database's gateway that a condition is true of; how many they were."""
    return len(
        server.execute(
            name,
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity a "  # noqa: S608  the test's own words
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            f"AND application_name = 'writ' AND {condition}",
        )
    )


HOLDS_THE_LOCK = "EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory')"


@pytest.mark.requirement("W-01")
@pytest.mark.parametrize(
    ("condition", "count"), [(HOLDS_THE_LOCK, 1), ("true", 4)], ids=["its lock", "everything"]
)
async def test_a_writer_that_slept_through_its_successor_appends_nothing(
    server: PostgresServer, tmp_path: Path, condition: str, count: int
) -> None:
    """Stopped, its sessions dead or only its lock's; continued when another has the database."""
    name = server.new_database()
    url, heir = server.url(name), tmp_path / "heir"
    with Load(tmp_path / "first", url) as load:
        load.acks(100)
        load.process.send_signal(signal.SIGSTOP)
        with pytest.raises(RefusedError) as error:  # it lives, so far as anybody can tell
            async with opened_on(heir, Address(url)):
                pass
        assert error.value.code == "ledger-locked"
        assert "session" in error.value.detail
        assert sessions(server, name, condition) >= count
        # Stopped between BEGIN and COMMIT it also holds the writer's row, until the server's
        # patience with idle transactions ends; that is not what this test waits for.
        sessions(server, name, "state = 'idle in transaction'")
        async with opened_on(heir, Address(url)) as ledger:
            mine = [(await ledger.commit(mode())).indices[0] for _ in range(3)]
            load.process.send_signal(signal.SIGCONT)
            load.read(lambda words: words[0] == "latched")
            mine += [(await ledger.commit(mode())).indices[0] for _ in range(3)]
        load.finish()
    assert "another gateway has taken over" in " ".join(load.lines[-1])
    assert mine == list(range(mine[0], mine[0] + 6))  # nothing came between
    assert all(index < mine[0] for index in load.acknowledged.values())
    await in_the_log(heir, url, load.acknowledged)


async def test_a_lock_that_died_alone_keeps_nobody_from_writing(
    server: PostgresServer, tmp_path: Path
) -> None:
    """Nobody has taken over: the epoch stands, and so does the writer."""
    name = server.new_database()
    async with opened_on(tmp_path, Address(server.url(name))) as ledger:
        first = await ledger.commit(mode())
        assert sessions(server, name, HOLDS_THE_LOCK) == 1
        assert (await ledger.commit(mode())).indices == (first.indices[0] + 1,)
    assert faults(tmp_path / "log") == []
