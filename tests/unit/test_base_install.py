"""The wheel with the base lock alone: what an auditor installs verifies a log, and is light."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.logs import make_log
from support.replay_logs import engine_of, release_in, replayable

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).parent / "uv"
LOCKS = ROOT / "requirements"
ENV = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
SERVER_ONLY = ("apsw", "fastapi", "httpx2", "opapywasm", "pydantic", "sqlalchemy", "uvicorn")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=ENV,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def must(*command: str | Path, cwd: Path) -> str:
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(folder: Path, lock: str, wheel: Path) -> Path:
    """Makes a fresh environment of one lock and the wheel; returns its bin folder."""
    python = folder / "bin" / "python"
    must(UV, "venv", "--python", sys.executable, folder, cwd=folder.parent)
    pip = (UV, "pip", "install", "--python", python)
    must(*pip, "--require-hashes", "-r", LOCKS / lock, cwd=folder.parent)
    must(*pip, "--no-deps", wheel, cwd=folder.parent)
    return python.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    constraints = ("--build-constraints", LOCKS / "build.txt", "--require-hashes")
    must(UV, "build", "--wheel", *constraints, "--out-dir", out, ROOT, cwd=out)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    return install(tmp_path_factory.mktemp("base") / "venv", "base.txt", wheel)


@pytest.fixture
def log(tmp_path: Path) -> tuple[Path, Path]:
    """Returns a published log and the file of its verifier key."""
    directory, vkey = tmp_path / "log", tmp_path / "log.vkey"
    vkey.write_text(f"{make_log(directory, decisions=20)}\n")
    return directory, vkey


def test_the_base_is_light(base: Path) -> None:
    code = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    assert must(base / "python", "-c", code, *SERVER_ONLY, cwd=base) == "[]\n"
    assert must(base / "python", "-c", code, "signing", cwd=base) == "['signing']\n"


@pytest.mark.requirement("W-01")
def test_the_base_alone_verifies_a_log(base: Path, log: tuple[Path, Path]) -> None:
    directory, vkey = log
    command = (base / "writ", "audit", "verify", "--log", directory, "--vkey", vkey)
    must(*command, cwd=directory)

    tile = next(path for path in sorted((directory / "tile" / "0").rglob("*")) if path.is_file())
    damaged = bytearray(tile.read_bytes())
    damaged[-1] ^= 1
    tile.write_bytes(damaged)
    assert run(*command, cwd=directory).returncode == 1


@pytest.mark.parametrize(
    "command",
    [("serve",), ("keys", "rotate", "identity", "--by", "alice", "--reason", "a year is over")],
)
def test_the_base_says_what_a_server_command_lacks(
    base: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = run(base / "writ", *command, cwd=tmp_path)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "server" in done.stderr


def test_the_base_lists_every_command_about_keys(base: Path, tmp_path: Path) -> None:
    listed = must(base / "writ", "keys", "--help", cwd=tmp_path)
    assert all(f" {name} " in listed for name in ("new", "show", "rotate"))


@pytest.mark.requirement("S4-03")
@pytest.mark.requirement("S4-04")
def test_the_base_alone_attests_and_overrides(base: Path, tmp_path: Path) -> None:
    """Whoever attests a run, and whoever overrides for an order, needs no gateway."""
    must(base / "writ", "keys", "new", "--kind", "identity", "--out", tmp_path, cwd=tmp_path)
    (tmp_path / "targets.csv").write_text("AAPL,10\n")
    key = ("--key", tmp_path / "identity.key")
    must(base / "writ", "signal", "attest", "targets.csv", "--run", "r-1", *key, cwd=tmp_path)
    public = (tmp_path / "identity.pub").read_text().strip()
    show = (base / "writ", "signal", "show", "targets.csv.att", "--public-key", public)
    assert "r-1" in must(*show, cwd=tmp_path)
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
    order = ("--account", "a", "--symbol", "X", "--side", "buy", "--qty", "1", *key)
    why = ("--client-order-id", "c", "--expires", soon, "--reason", "test")
    must(base / "writ", "keys", "new", "--name", "a.b/log", "--out", tmp_path, cwd=tmp_path)
    where = ("--vkey", "log.vkey", "--mode", "live")
    sign = (base / "writ", "override", "sign", "--control", "REG-01", *where, *order, *why)
    assert "payload" in must(*sign, cwd=tmp_path)


@pytest.mark.requirement("W-02")
def test_the_base_and_one_extra_decide_a_log_again(base: Path, tmp_path: Path) -> None:
    release = release_in(tmp_path / "release")
    with engine_of(release) as engine, replayable(tmp_path, release, engine) as made:
        made.decide(20)
        directory = made.publish()
    replay = ("audit", "replay", "--log", directory, "--vkey", made.vkey_file, "-o", "json")
    alone = run(base / "writ", *replay, cwd=tmp_path)
    assert alone.returncode == 3
    assert "pip install 'writ[replay]'" in alone.stderr
    assert must(base / "writ", "audit", "--help", cwd=tmp_path).count("replay")

    server = (LOCKS / "server.txt").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[a-z0-9])", server)
    engine_only = [one for one in blocks if one.startswith(("opa-py-wasm==", "wasmtime=="))]
    assert len(engine_only) == 2
    lock = tmp_path / "replay.txt"
    lock.write_text("\n".join(engine_only) + "\n", encoding="utf-8")
    folder = tmp_path / "venv"
    shutil.copytree(base.parent, folder, symlinks=True)
    python = folder / "bin" / "python"
    must(UV, "pip", "install", "--python", python, "--require-hashes", "-r", lock, cwd=tmp_path)
    # Started through its module: the copied script names the other environment's Python.
    entry = ("-P", "-c", "from gateway.cli.main import main; main()")
    found = json.loads(must(python, *entry, *replay, "--jobs", "2", cwd=tmp_path))
    assert found["equal"] == found["decisions"] == 20


def test_the_wheel_carries_what_the_gateway_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    release = {"release.json", "policy.wasm", "data.json"}
    assert {f"policies/release/{name}" for name in release} <= names
    assert {f"{package}/py.typed" for package in ("gateway", "signing", "vault")} <= names
    assert not {name for name in names if name.startswith(("tests/", "scripts/", "docs/"))}


def test_the_signing_tests_pass_on_the_wheel(tmp_path: Path, wheel: Path) -> None:
    """An editable tree can hide a file that the wheel lacks; here only the wheel is importable."""
    binaries = install(tmp_path / "venv", "dev.txt", wheel)
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "tests", copy / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs", copy / "docs")
    shutil.copy2(ROOT / "pyproject.toml", copy)
    command = (binaries / "python", "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    # The verifier's own tests take most of the time; the base test above runs it from the wheel.
    without = "--ignore-glob=*/test_verify*.py"
    assert " passed" in must(*command, "tests/unit/signing", without, cwd=copy)
    where = must(
        binaries / "python", "-P", "-c", "import signing; print(signing.__file__)", cwd=copy
    )
    assert str(tmp_path) in where
