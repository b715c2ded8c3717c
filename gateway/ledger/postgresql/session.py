"""One connection to the server, for code that blocks on a worker thread.

asyncpg wants an event loop. Each session has one of its own, which runs only while a call is under
way, in whichever worker thread made the call: nothing of it ever touches the gateway's loop.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol, TypeVar, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  it has none

from gateway.ledger.faults import Nature, StoreError
from gateway.ledger.postgresql.errors import translated
from gateway.ledger.store import Bindings, Row
from vault.secret import Secret

CONNECT_TIMEOUT_MS: Final = 5_000
STATEMENT_TIMEOUT_MS: Final = 10_000
CLOSE_TIMEOUT_MS: Final = 1_000
RETRY_MS: Final = 200
FETCH_ROWS: Final = 1_024

_SETTINGS: Final = {
    "application_name": "writ",
    # A writer that stops in the middle of a transaction holds its successor up for this long.
    "idle_in_transaction_session_timeout": "15000",
    "lock_timeout": "5000",
    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
    "tcp_user_timeout": "15000",
    "jit": "off",
}

T = TypeVar("T")


class _Connection(Protocol):
    """What is used of asyncpg's connections, with types."""

    async def execute(self, query: str, *, timeout: float) -> str: ...  # noqa: ASYNC109  asyncpg's own

    async def executemany(
        self,
        command: str,
        args: Sequence[Sequence[Any]],
        *,
        timeout: float,  # noqa: ASYNC109  asyncpg's own
    ) -> None: ...

    async def fetch(self, query: str, *args: Any, timeout: float) -> list[Row]: ...  # noqa: ASYNC109  asyncpg's own

    async def close(self, *, timeout: float) -> None: ...  # noqa: ASYNC109  asyncpg's own

    def terminate(self) -> None: ...


class _Connect(Protocol):
    async def __call__(
        self,
        dsn: str,
        *,
        password: str | None,
        timeout: float,  # noqa: ASYNC109  asyncpg's own
        server_settings: dict[str, str],
    ) -> _Connection: ...


_connect: Final[_Connect] = cast("Any", asyncpg).connect


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is: `url` without a password, and the password if there is one."""

    url: str
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class Backend:
    """A session as the server knows it; the start tells it from a later one of that number."""

    pid: int
    started: Any
    """A time of the server's, only ever handed back to it."""


class Session:
    """A connection; one thread at a time. Its errors are the ledger's own (`translated`)."""

    def __init__(self, address: Address, *, read_only: bool = False, patience_ms: int = 0) -> None:
        """Connect; with `patience_ms` again and again while the server cannot be reached.

        Raises:
            StoreError: `ledger-unreachable` and worse.
        """
        self._runner = asyncio.Runner(loop_factory=asyncio.SelectorEventLoop)
        settings = {**_SETTINGS, "default_transaction_read_only": "on" if read_only else "off"}
        try:
            self._connection = self._run(lambda: _connected(address, settings, patience_ms))
        except BaseException:
            self._runner.close()
            raise
        try:
            started = self.fetch(_WHEN_STARTED)[0]
        except BaseException:
            self.abandon()
            raise
        self.backend = Backend(started[0], started[1])

    def execute(self, statements: str, timeout_ms: int = STATEMENT_TIMEOUT_MS) -> str:
        """Execute statements without arguments; returns what the server says to the last."""
        return self._run(lambda: self._connection.execute(statements, timeout=timeout_ms / 1_000))

    def execute_many(self, statement: str, bindings: Sequence[Bindings]) -> None:
        """Execute one statement for each of the bindings, in their order, or for none."""
        text, names = positional(statement)
        rows = [[each[name] for name in names] for each in bindings]
        timeout_s = STATEMENT_TIMEOUT_MS / 1_000
        self._run(lambda: self._connection.executemany(text, rows, timeout=timeout_s))

    def fetch(self, statement: str, bindings: Bindings | None = None) -> list[Row]:
        """The rows of a query."""
        text, names = positional(statement)
        values = [(bindings or {})[name] for name in names]
        timeout_s = STATEMENT_TIMEOUT_MS / 1_000
        return self._run(lambda: self._connection.fetch(text, *values, timeout=timeout_s))

    def scan(self, query: str) -> Iterator[Row]:
        """The rows of a query, some at a time, in a transaction of its own.

        Whoever does not read to the end closes the session: the transaction stays open.
        """
        self.execute("BEGIN READ ONLY")
        self.execute(f"DECLARE everything NO SCROLL CURSOR FOR {query}")
        while rows := self.fetch(f"FETCH {FETCH_ROWS} FROM everything"):
            yield from rows
        self.execute("ROLLBACK")

    def close(self) -> None:
        """Say goodbye if the server still listens, and close."""
        timeout_s = CLOSE_TIMEOUT_MS / 1_000
        with suppress(StoreError):  # it need not hear it
            self._run(lambda: self._connection.close(timeout=timeout_s))
        self._runner.close()

    def abandon(self) -> None:
        """Cut the connection, whatever state it is in."""
        self._connection.terminate()
        self._runner.close()

    def _run(self, work: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            return await work()

        try:
            return self._runner.run(run())
        except Exception as error:
            found = translated(error)
            if found is error:
                raise
            raise found from error


async def _connected(address: Address, settings: dict[str, str], patience_ms: int) -> _Connection:
    """Connect once, or until the patience ends; the last error says why not."""
    last: Exception = TimeoutError("the server does not answer")
    with suppress(TimeoutError):
        async with asyncio.timeout((patience_ms or CONNECT_TIMEOUT_MS) / 1_000):
            while True:
                try:
                    return await _connect(
                        address.url,
                        password=None if address.password is None else address.password.reveal(),
                        timeout=CONNECT_TIMEOUT_MS / 1_000,
                        server_settings=settings,
                    )
                except (OSError, asyncpg.PostgresError) as error:
                    last = error
                    if not patience_ms or not _may_pass(error):
                        break
                await asyncio.sleep(RETRY_MS / 1_000)
    raise last


def _may_pass(error: Exception) -> bool:
    """Whether waiting may help: not against a wrong password or the name of no database."""
    found = translated(error)
    if isinstance(
        error, (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)
    ):
        return False
    return isinstance(found, StoreError) and found.nature is Nature.AWAY


@cache
def positional(statement: str) -> tuple[str, tuple[str, ...]]:
    """A statement with $1, $2 for its :names, and the names in that order."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return re.sub(r"(?<!:):([a-z_][a-z0-9_]*)", number, statement), tuple(names)


_WHEN_STARTED: Final = (
    "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
)
