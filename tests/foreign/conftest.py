"""Verifiers that were not written here, built from tests/foreign/* by `make tools`."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / ".tools" / "bin"
TIMEOUT_S = 90

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def foreign() -> Run:
    """Runs a foreign verifier: `foreign(name, *arguments, lines=…)`."""

    def run(
        name: str, *arguments: str | Path, lines: Sequence[bytes] = ()
    ) -> subprocess.CompletedProcess[str]:
        program = TOOLS / name
        assert program.exists(), f"{program} is missing: run `make tools`"
        done = subprocess.run(
            [str(program), *map(str, arguments)],
            input=b"".join(line + b"\n" for line in lines),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode in {0, 1}, done.stderr.decode()
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return run
