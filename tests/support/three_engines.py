"""The three ways to be answered: the module in process, `opa eval`, and `opa run` as a server.

Each takes encoded documents and gives what a decision would record of each: the canonical bytes
of the verdict, or of the failure's code. Whatever is equal here is equal in the log.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from gateway.domain.decision import EngineFailure, HaltTriggers, Verdict
from gateway.policy import decode
from gateway.policy.opa_server.engine import OpaServerEngine
from gateway.policy.opa_tool import find_opa, run_opa
from gateway.policy.release import Release
from signing import canonical
from support.opa_server import running_opa

EVAL_CHUNK: Final = 500
"""Documents in one run of `opa eval`."""

BATCH: Final = 16
"""Documents in one question to an engine, as in a turn of the gateway."""

_PATIENCE_MS: Final = 30_000  # the answer is what is tested, not how fast it comes
_START_S: Final = 20
_ASK_S: Final = 20
_STOP_S: Final = 10


def said(answer: Verdict | EngineFailure) -> bytes:
    """What a decision records of an answer."""
    if isinstance(answer, EngineFailure):
        return canonical.encode({"failure": answer.code})
    return canonical.encode(answer.payload())


def said_of_halts(answer: HaltTriggers) -> bytes:
    """The same of the second query."""
    if isinstance(answer, EngineFailure):
        return canonical.encode({"failure": answer.code})
    return canonical.encode(
        [
            {"cause": h.cause, "kind": h.scope.kind, "name": h.scope.name}
            | ({} if h.observed is None else {"observed": h.observed})
            | ({} if h.limit is None else {"limit": h.limit})
            for h in answer
        ]
    )


def batch_of(documents: Sequence[bytes]) -> bytes:
    """The input of the first query."""
    return b'{"batch":[' + b",".join(documents) + b"]}"


def eval_says(release: Release, documents: Sequence[bytes]) -> list[bytes]:
    """What `opa eval` says of each document: the release's bundle and data, a few runs in all."""
    found: list[bytes] = []
    for start in range(0, len(documents), EVAL_CHUNK):
        chunk = documents[start : start + EVAL_CHUNK]
        answer = opa_eval(release, "data.writ.main.decisions", batch_of(chunk))
        found += map(said, decode.verdicts(answer, len(chunk)))
    return found


def opa_eval(release: Release, query: str, given: bytes) -> Any:  # noqa: ANN401  any JSON
    """One run of `opa eval`, builtin errors not forgiven; the query's value."""
    with tempfile.TemporaryDirectory(prefix="writ-eval-") as name:
        folder = Path(name)
        (folder / "bundle.tar.gz").write_bytes(release.bundle)
        (folder / "data.json").write_bytes(release.data)
        (folder / "input.json").write_bytes(given)
        arguments = ["eval", "-f", "json", "--strict-builtin-errors", "-b", "bundle.tar.gz"]
        arguments += ["-d", "data.json", "-i", "input.json", query]
        done = run_opa(find_opa(), arguments, cwd=folder)
    assert done.status == 0, done.said
    return json.loads(done.stdout)["result"][0]["expressions"][0]["value"]


@dataclass(frozen=True, slots=True)
class Server:
    """A running `opa run --server` on a Unix socket, open to this process alone."""

    client: httpx2.Client

    def ask(self, path: str, given: bytes) -> Any:  # noqa: ANN401  any JSON
        """POST an input to a path of data; the result, which must be defined."""
        answer = self.client.post(
            f"/v1/data/{path}?strict-builtin-errors=true",
            content=b'{"input":' + given + b"}",
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == httpx2.codes.OK, answer.text
        body = json.loads(answer.content)
        assert "result" in body, f"{path} is undefined"
        return body["result"]

    def says(self, documents: Sequence[bytes]) -> list[bytes]:
        """What it says of each document, asked in batches as the gateway asks."""
        found: list[bytes] = []
        for start in range(0, len(documents), BATCH):
            chunk = documents[start : start + BATCH]
            answer = self.ask("writ/main/decisions", batch_of(chunk))
            found += map(said, decode.verdicts(answer, len(chunk)))
        return found

    def load(self, data: Mapping[str, Any]) -> None:
        """Replace what people sign beside the rules, whatever it is."""
        for name in (
            "base_currency",
            "limits",
            "instruments",
            "restricted",
            "permissions",
            "compliance_symbols",
        ):
            content = json.dumps(data[name]).encode()
            answer = self.client.put(f"/v1/data/{name}", content=content)
            assert answer.status_code == httpx2.codes.NO_CONTENT, answer.text


@contextmanager
def serving(release: Release) -> Iterator[Server]:
    """The release in a server of its own."""
    with tempfile.TemporaryDirectory(prefix="writ-opa-") as name:
        folder = Path(name)
        (folder / "bundle.tar.gz").write_bytes(release.bundle)
        with serving_files(folder, "-b", "bundle.tar.gz") as server:
            server.load(json.loads(release.data))
            yield server


@contextmanager
def serving_files(folder: Path, *arguments: str) -> Iterator[Server]:
    """`opa run` in a folder, given files to load, until it answers and then until it is left."""
    address = folder / "opa.sock"
    command = [find_opa(), "run", "--server", "--addr", f"unix://{address}", "--disable-telemetry"]
    command += ["--log-level", "error", *arguments]
    with (folder / "stderr").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        transport = httpx2.HTTPTransport(uds=str(address))
        with httpx2.Client(transport=transport, base_url="http://opa", timeout=_ASK_S) as client:
            _await_ready(client, address, process, folder / "stderr")
            yield Server(client)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_S)


def _await_ready(
    client: httpx2.Client, path: Path, process: subprocess.Popen[bytes], log: Path
) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        # Knocked at by hand first: the client leaves a socket behind where none listens.
        if _listens(path) and client.get("/health").status_code == httpx2.codes.OK:
            return
        time.sleep(0.02)
    raise AssertionError(f"opa did not start within {_START_S} s")


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


class ServerBench:
    """The gateway's own engine for an OPA server, without a running loop."""

    def __init__(self, engine: OpaServerEngine) -> None:
        self.engine = engine
        self._runner = asyncio.Runner()

    def close(self) -> None:
        """End the engine's connections."""
        self._runner.run(self.engine.close())
        self._runner.close()

    def says(self, documents: Sequence[bytes]) -> list[bytes]:
        """What it says of each document, asked in batches of 16."""
        found: list[bytes] = []
        for start in range(0, len(documents), BATCH):
            answers = self._runner.run(self.engine.decide(documents[start : start + BATCH]))
            found += map(said, answers)
        return found

    def halts(self, document: bytes) -> HaltTriggers:
        """The second query."""
        return self._runner.run(self.engine.triggered_halts(document))


@contextmanager
def server_bench(release: Release) -> Iterator[ServerBench]:
    """A :class:`ServerBench` with a real server behind it that holds the release."""
    with running_opa(release) as opa:
        made = ServerBench(OpaServerEngine(release, opa.endpoint, timeout_ms=_PATIENCE_MS))
        try:
            yield made
        finally:
            made.close()
