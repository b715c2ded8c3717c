"""Makes .venv: the locked packages of one level (server or dev) and the project itself.

Run by every make target, so a second run must cost next to nothing: a stamp in .venv names the
digests of everything that the installation was made from, and equal digests end the work at once.
Only the standard library is used here, because nothing else exists yet.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
REQUIREMENTS = ROOT / "requirements"
LEVELS = ("server", "dev")  # each one holds the one before it
MIN_VERSION = (3, 11)


class BootstrapError(Exception):
    """The environment cannot be made; the message says what to do."""


def say(text: str) -> None:
    """Prints one line of progress (stderr: stdout belongs to the command that follows)."""
    print(f"bootstrap: {text}", file=sys.stderr, flush=True)


def digest(level: str) -> str:
    """Returns the SHA-256 over every file that decides what an installation of `level` holds."""
    names = [f"requirements/{level}.txt", "requirements/uv.txt", "requirements/build.txt"]
    names += ["pyproject.toml", "scripts/bootstrap.py"]
    total = hashlib.sha256(str(ROOT).encode())
    for name in names:
        total.update(hashlib.sha256((ROOT / name).read_bytes()).digest())
    return total.hexdigest()


def stamp(level: str) -> Path:
    """Returns where the digest of the last whole installation of `level` is kept."""
    return VENV / f".writ-{level}"


def is_current(level: str) -> bool:
    """Returns whether `.venv` holds exactly what the locks of `level` say."""
    path = stamp(level)
    return path.is_file() and PYTHON.exists() and path.read_text() == digest(level)


def run(*command: str | Path) -> None:
    """Runs a command with its output shown.

    Raises:
        BootstrapError: it did not end with 0.
    """
    # A virtual environment or a uv setting of the caller must not steer the installation.
    drop = {"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON"}
    env = {k: v for k, v in os.environ.items() if k not in drop}
    env["UV_PYTHON_DOWNLOADS"] = "never"
    result = subprocess.run([str(part) for part in command], env=env, cwd=ROOT, check=False)
    if result.returncode != 0:
        shown = " ".join(str(part) for part in command[:4])
        message = f"'{shown} …' failed with exit code {result.returncode}"
        raise BootstrapError(message)


def venv_works() -> bool:
    """Returns whether `.venv` was made here and has a running interpreter that is new enough."""
    activate = VENV / "bin" / "activate"
    # The scripts of an environment name its path: one that was moved or copied is of no use.
    if not PYTHON.exists() or not activate.exists() or str(VENV) not in activate.read_text():
        return False
    test = f"import sys; sys.exit(sys.version_info < {MIN_VERSION})"
    return subprocess.run([PYTHON, "-c", test], check=False, capture_output=True).returncode == 0


def make_venv() -> None:
    """Creates `.venv` and puts uv, pinned by hash, into it.

    A Python without ensurepip (Debian keeps it in a package of its own) is helped by the pip that
    belongs to it, where there is one.
    """
    if VENV.exists():
        say("the old .venv does not work here: making it anew")
        shutil.rmtree(VENV)
    say(f"[1/3] creating .venv with Python {sys.version.split()[0]}, and uv in it")
    lock = REQUIREMENTS / "uv.txt"
    common = ("--disable-pip-version-check", "--no-input", "--require-hashes", "-r", lock)
    try:
        import ensurepip  # noqa: F401, PLC0415 - only asked whether it is there
    except ImportError:
        run(sys.executable, "-m", "venv", "--without-pip", VENV)
        site = VENV / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
        try:
            run(sys.executable, "-m", "pip", "install", "--target", site, *common)
        except BootstrapError as error:
            shutil.rmtree(VENV)
            message = f"this Python has neither ensurepip nor pip (Debian: python3-venv): {error}"
            raise BootstrapError(message) from error
        shutil.copy2(site / "bin" / "uv", UV)
    else:
        run(sys.executable, "-m", "venv", VENV)
        run(PYTHON, "-m", "pip", "install", *common)


def install(level: str) -> None:
    """Brings `.venv` to exactly the locked packages of `level`, plus the project, editable."""
    for other in LEVELS:
        stamp(other).unlink(missing_ok=True)
    lock, uv_lock = REQUIREMENTS / f"{level}.txt", REQUIREMENTS / "uv.txt"
    say(f"[2/3] installing the locked packages of requirements/{lock.name}")
    pip = (UV, "pip")
    # sync, not install: what the locks do not name goes, so nothing is used that is not declared.
    run(*pip, "sync", "--python", PYTHON, "--require-hashes", lock, uv_lock)
    say("[3/3] installing Writ itself (editable)")
    build = ("--build-constraints", REQUIREMENTS / "build.txt")
    run(*pip, "install", "--python", PYTHON, "--no-deps", *build, "--editable", ROOT)
    for made in LEVELS[: LEVELS.index(level) + 1]:
        stamp(made).write_text(digest(made))


def ensure(level: str) -> None:
    """Makes `.venv` hold at least `level`; a developer's .venv is never cut back to the server."""
    if is_current(level):
        return
    had_dev = stamp("dev").exists()
    if not venv_works() or not UV.exists():
        make_venv()
    install("dev" if had_dev else level)
    say("done")


def main(arguments: list[str]) -> int:
    """Runs the command line: one argument, the level."""
    if len(arguments) != 1 or arguments[0] not in LEVELS:
        say(f"usage: bootstrap.sh {'|'.join(LEVELS)}")
        return 2
    try:
        # Two makes at once would write into one .venv.
        with (ROOT / "requirements" / "uv.txt").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ensure(arguments[0])
    except BootstrapError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
