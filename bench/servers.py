"""The servers that are measured, each a process of its own, ended whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from bench import workload
from bench.measure import BenchError
from gateway.policy.opa_tool import find_opa

WRIT: Final = Path(sys.executable).with_name("writ")
START_TIMEOUT_S: Final = 600
STOP_TIMEOUT_S: Final = 120
HTTP_TIMEOUT_S: Final = 60
_SCOPES: Final = ("propose", "cancel", "read", "audit:read", "operate", "admin")
_POLL_S: Final = 0.02
_TAIL_CHARACTERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; ``started_ms`` is how long it took until it could be asked."""

    url: str
    process: subprocess.Popen[str]
    started_ms: float

    @property
    def rss_mib(self) -> float:
        """Its resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        [kib] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
        return int(kib) / 1024


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway with a key that may do everything."""

    server: Server
    data: Path
    key: str

    def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  JSON
        """One call that must succeed.

        Raises:
            BenchError: it did not.
        """
        request = urllib.request.Request(  # noqa: S310  an address of our own
            self.server.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/json",
            },
        )
        try:
            with _opener().open(request, timeout=HTTP_TIMEOUT_S) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise BenchError(f"{path}: {error.code} {error.read()[:500]!r}") from error


def plain_environment() -> dict[str, str]:
    """Ours without any setting of a gateway."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WRIT_")}


@contextlib.contextmanager
def announced(
    command: Sequence[str | Path], environment: Mapping[str, str], log: Path
) -> Iterator[Server]:
    """A server that prints its address on stdout as soon as it can be asked.

    Raises:
        BenchError: it ended instead.
    """
    began = time.perf_counter()
    with _process(command, environment, log) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise BenchError(f"{command[0]} did not start: {_tail(log)}")
        yield Server(url, process, (time.perf_counter() - began) * 1_000)


@contextlib.contextmanager
def gateway_server(
    folder: Path, release: Path, *, mode: str = "RESEARCH", more: Mapping[str, str] | None = None
) -> Iterator[Gateway]:
    """`writ serve` on SQLite, on recorded prices; Ω4 is lifted where orders are forwarded.

    ``more`` are further settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    environment = gateway_environment(mode, release) | dict(more or {})
    key = access_key(data, environment)
    command = [WRIT, "serve", "--data", data, "--port", "0"]
    with announced(command, environment, folder / "stderr") as server:
        gateway = Gateway(server, data, key)
        if mode != "RESEARCH":
            gateway.call("POST", "/v1/omega4", {"lifted": True, "reason": "measured on paper"})
        yield gateway


def access_key(data: Path, environment: Mapping[str, str]) -> str:
    """A new key with every scope, made as a person would."""
    return with_scopes(data, environment, *_SCOPES)


def with_scopes(data: Path, environment: Mapping[str, str], *scopes: str) -> str:
    """A new key with these scopes."""
    options = [part for scope in scopes for part in ("--scope", scope)]
    name = f"bench-{time.time_ns()}"
    made = subprocess.run(
        [str(WRIT), "access", "add", name, *options, "--data", str(data)],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=HTTP_TIMEOUT_S,
        check=True,
    )
    return made.stdout.strip()


def gateway_environment(mode: str, release: Path) -> dict[str, str]:
    """What `writ serve` is configured with."""
    return plain_environment() | {
        "WRIT_MODE": mode,
        "WRIT_MARKET": "historical",
        "WRIT_MARKET_START": workload.MARKET_START,
        "WRIT_RELEASE": str(release),
        "WRIT_ACCOUNTS": json.dumps(workload.accounts()),
    }


@contextlib.contextmanager
def opa_server(folder: Path, release: Path) -> Iterator[Server]:
    """A bare `opa run` with the release's own bundle and data, and nothing switched on."""
    port = free_port()
    command = [
        *(find_opa(), "run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error"),
        *(release / "bundle.tar.gz", release / "data.json"),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    log = folder / "opa-stderr"
    with _process(command, plain_environment(), log) as process:
        url = f"http://127.0.0.1:{port}"
        _until_healthy(url, process, log)
        yield Server(url, process, (time.perf_counter() - began) * 1_000)


@contextlib.contextmanager
def module_server(name: str, folder: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """One of this package's own services."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", f"bench.{name}", str(folder)]
    with announced(command, environment, folder / "stderr") as server:
        yield server


@contextlib.contextmanager
def _process(
    command: Sequence[str | Path], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[str]]:
    with (
        log.open("a", encoding="utf-8") as stderr,
        # A session of its own: Ctrl-C reaches us alone, and we end it.
        subprocess.Popen(
            [str(part) for part in command],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_TIMEOUT_S)


def _until_healthy(url: str, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with _opener().open(f"{url}/health", timeout=1) as answer:
                if answer.status == HTTPStatus.OK:
                    return
        except OSError:
            time.sleep(_POLL_S)
    raise BenchError(f"{url} does not answer: {_tail(log)}")


def _opener() -> urllib.request.OpenerDirector:
    """Without proxies: every address here is this machine."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-_TAIL_CHARACTERS:].strip()
