"""Finding and running ``opa``: exactly the version that the policies are written for.

It is needed to check, test and build policies, never to decide.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import policies
from gateway.domain.errors import UnavailableError

TIMEOUT_S: Final = 120
_PROBE_TIMEOUT_S: Final = 20

# `opa` parses and compiles for seconds and then ends, so most of what its garbage collector frees
# is not needed back: collecting less often takes a quarter off its CPU time, for 200 MB more.
_GARBAGE: Final = {"GOGC": "800"}


class OpaToolError(UnavailableError):
    """``opa`` is missing, of another version, or did not come back.

    Codes: ``opa-missing``, ``opa-version``, ``opa-timeout``.
    """


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of ``opa`` left behind."""

    status: int
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        """Both streams without surrounding blanks, errors first."""
        return "\n".join(part for part in (self.stderr.strip(), self.stdout.strip()) if part)


def required_version() -> str:
    """The one version that the policies are checked, tested and built with."""
    return (Path(policies.__file__).parent / "OPA_VERSION").read_text(encoding="ascii").strip()


def find_opa() -> Path:
    """The path of ``opa`` in the required version: $OPA_BIN, PATH, or the tools folder.

    Raises:
        OpaToolError: none is there; ``make tools`` finds or builds one.
    """
    wanted = required_version()
    chosen = os.environ.get("OPA_BIN")
    if chosen:
        return _chosen(Path(chosen), wanted)
    root = Path(policies.__file__).parent.parent
    on_path = shutil.which("opa")
    candidates = [Path(on_path)] if on_path else []
    candidates.append(root / ".tools" / "bin" / "opa")
    seen = [(path, opa_version(path)) for path in candidates if path.is_file()]
    for path, found in seen:
        if found == wanted:
            return path
    others = ", ".join(f"{path} is {found or 'no opa'}" for path, found in seen)
    raise OpaToolError(
        "opa-missing",
        f"opa {wanted} was not found" + (f" ({others})" if others else ""),
        "run `make tools`, or set OPA_BIN",
    )


def _chosen(path: Path, wanted: str) -> Path:
    found = opa_version(path)
    if found != wanted:
        raise OpaToolError(
            "opa-version",
            f"OPA_BIN={path} is {found or 'no opa that runs'}, the policies need {wanted}",
            "run `make tools`, or set OPA_BIN to that version",
        )
    return path


@lru_cache(maxsize=16)
def opa_version(path: Path) -> str | None:
    """The version that a binary reports; ``None`` if it cannot be run."""
    try:
        done = subprocess.run(  # noqa: S603  the path is the operator's own choice
            [path, "version"], capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    for line in done.stdout.splitlines():
        name, _, value = line.partition(":")
        if name == "Version":
            return value.strip()
    return None


def run_opa(
    opa: Path, arguments: Sequence[str | Path], *, cwd: Path, given: str | None = None
) -> Outcome:
    """Run ``opa`` in a folder and return what it says; its exit status is not judged here.

    ``given`` is its standard input. Its environment is this one's; a ``GOGC`` set here stands.

    Raises:
        OpaToolError: ``opa-timeout`` after two minutes.
    """
    try:
        done = subprocess.run(  # noqa: S603  the path was checked by find_opa
            [opa, *arguments],
            cwd=cwd,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            env=_GARBAGE | os.environ,
            capture_output=True,
            encoding="utf-8",
            errors="replace",  # it repeats what it reads, and a file may hold anything
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OpaToolError(
            "opa-timeout",
            f"opa {arguments[0]} did not end within {TIMEOUT_S} s",
            "look for a test or rule that does not end",
        ) from error
    return Outcome(done.returncode, done.stdout, done.stderr)
