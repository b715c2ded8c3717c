"""A gateway as its users have it: a server process, and commands typed in a shell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

WRIT: Final = str(Path(sys.executable).with_name("writ"))
ALL_SCOPES: Final = ("propose", "cancel", "read", "audit:read", "operate", "admin", "facts:write")
_TIMEOUT_S: Final = 60


@dataclass(frozen=True, slots=True)
class Typed:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401  whatever the command printed
        """Its stdout, which must be JSON."""
        return json.loads(self.out)


@dataclass(slots=True)
class GatewayProcess:
    """`writ serve` in a process of its own, in a folder of its own, on a free port."""

    folder: Path
    environment: Mapping[str, str]
    options: tuple[str, ...] = ()
    program: tuple[str, ...] = (WRIT,)
    """What is run with `serve` as its first argument."""
    url: str = ""
    key: str = ""
    """The key that :meth:`writ` types with; all scopes unless changed."""
    process: subprocess.Popen[str] | None = field(default=None)

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    def start(self) -> None:
        """Start it and wait for its address, which is all that it prints on stdout."""
        self.spawn()
        assert self.process is not None
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, self.log()

    def spawn(self) -> None:
        """Start it and do not wait."""
        command = [*self.program, "serve", "--data", str(self.data), "--port", "0", *self.options]
        with (self.folder / "stderr").open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                command, env=self._environment(), stdout=subprocess.PIPE, stderr=log, text=True
            )

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """Tell it to stop and return its exit status."""
        assert self.process is not None
        self.process.send_signal(signum)
        status = self.process.wait(_TIMEOUT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return status

    def log(self) -> str:
        """What it said on stderr so far."""
        return (self.folder / "stderr").read_text(encoding="utf-8")

    def new_key(self, name: str, *scopes: str) -> str:
        """Make a key, as a person would."""
        options = [part for scope in scopes for part in ("--scope", scope)]
        made = self.writ("access", "add", name, *options, "--data", str(self.data))
        assert made.status == 0, made.err
        return made.out.strip()

    def writ(self, *arguments: str, key: str | None = None) -> Typed:
        """Type a command."""
        environment = self._environment()
        environment |= {"WRIT_URL": self.url, "WRIT_API_KEY": self.key if key is None else key}
        done = subprocess.run(
            [WRIT, *arguments],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        return Typed(done.returncode, done.stdout, done.stderr)

    def http(self, key: str | None = None) -> httpx2.Client:
        """An HTTP client with a key."""
        return httpx2.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key or self.key}"},
            timeout=_TIMEOUT_S,
            trust_env=False,
        )

    def _environment(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if name[:5] != "WRIT_"}
        return plain | dict(self.environment)


def simulation(folder: Path, release: Path, **environment: str) -> GatewayProcess:
    """A gateway in SIMULATION on historical prices with a release of the test's own."""
    accounts = {"primary": {"broker": "simulator", "opening_cash": "100000"}}
    given = {
        "WRIT_MODE": "SIMULATION",
        "WRIT_MARKET": "historical",
        "WRIT_RELEASE": str(release),
        "WRIT_ACCOUNTS": json.dumps(accounts),
    }
    return GatewayProcess(folder, given | environment)
