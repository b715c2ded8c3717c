"""The strategy and the rogue as processes: started with a key and a URL, rung by a line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.domain.errors import UnavailableError

ANSWER_TIMEOUT_S: Final = 120
END_TIMEOUT_S: Final = 10
STDERR_BYTES_MAX: Final = 4_096

_NEEDED_TO_START: Final = ("LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR")
"""What an interpreter may need of its parent's environment; nothing else is handed on."""


def plain_environment() -> dict[str, str]:
    """An environment without secrets or settings, enough to start Python."""
    needed = {name: os.environ[name] for name in _NEEDED_TO_START if name in os.environ}
    return {"PATH": os.defpath, **needed}


@dataclass(frozen=True, slots=True)
class Worker:
    """One process; it is rung, does its work over HTTP, and answers with one line."""

    name: str
    process: asyncio.subprocess.Process

    async def ring(self, bell: Mapping[str, Any]) -> dict[str, Any]:
        """Have it work once and return its answer.

        Raises:
            UnavailableError: ``demo-worker-failed``: it ended, or gave no answer in time.
        """
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None  # opened as pipes below
        assert stdout is not None
        try:
            stdin.write(json.dumps(bell).encode() + b"\n")
            await stdin.drain()
            line = await asyncio.wait_for(stdout.readline(), ANSWER_TIMEOUT_S)
        except (TimeoutError, ConnectionError) as error:
            raise await self._failed(type(error).__name__) from None
        if not line:
            raise await self._failed("it ended")
        return json.loads(line)

    async def _failed(self, what: str) -> UnavailableError:
        await self.end()
        assert self.process.stderr is not None
        said = await self.process.stderr.read(STDERR_BYTES_MAX)
        return UnavailableError(
            "demo-worker-failed", f"{self.name}: {what}: {said.decode(errors='replace').strip()}"
        )

    async def end(self) -> None:
        """Close its input, which ends it; kill it if it does not."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), END_TIMEOUT_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


@contextlib.asynccontextmanager
async def worker(name: str, url: str, key: str) -> AsyncGenerator[Worker]:
    """Run ``gateway.demo.<name>`` as a process that is given a URL, a key and nothing else.

    It gets a session of its own, so that Ctrl-C reaches the demonstration alone, which then ends
    it; should the demonstration be killed, its input ends and so does it.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"gateway.demo.{name}",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        env=plain_environment() | {"WRIT_URL": url, "WRIT_API_KEY": key},
    )
    started = Worker(name, process)
    try:
        yield started
    finally:
        await started.end()
