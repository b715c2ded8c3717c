"""The entry point loads what is asked for and nothing else, and says so when it cannot."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gateway.cli.main import COMMANDS

SERVER_ONLY = (
    "fastapi",
    "pydantic",
    "httpx2",
    "apsw",
    "sqlmodel",
    "uvicorn",
    "opawasm",
    "structlog",
)
BASE_COMMANDS = ("audit", "keys", "access", "manifest", "trust")


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in BASE_COMMANDS)])
def test_the_base_commands_need_nothing_of_the_server(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        f"for name in {SERVER_ONLY}: sys.modules[name] = None\n"
        "from gateway.cli.main import main\n"
        f"main({arguments})\n"
    )
    done = run(code)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_a_gateway_with_its_engine_inside_loads_nothing_that_asks_a_server() -> None:
    clients = ("aiohttp", "opa_client", "requests")
    done = run(f"import sys, gateway.cli.serve; print(sys.modules.keys() & {clients})")
    assert (done.returncode, done.stdout) == (0, "set()\n"), done.stderr


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [(["serve"], "fastapi"), (["status"], "httpx2"), (["doctor"], "pydantic")],
)
def test_a_missing_extra_is_said_with_the_remedy(arguments: list[str], missing: str) -> None:
    code = (
        "import sys\n"
        f"sys.modules[{missing!r}] = None\n"
        "from gateway.cli.main import main\n"
        f"main({arguments})\n"
    )
    done = run(code)
    assert done.returncode == 2
    assert missing in done.stderr
    assert "writ[server]" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_is_there_and_has_its_help() -> None:
    done = run(
        "from gateway.cli.main import COMMANDS, main\n"
        "for name in COMMANDS:\n"
        "    try:\n"
        "        main([name, '--help'])\n"
        "    except SystemExit as ended:\n"
        "        assert not ended.code, name\n"
        "        print('helped with', name)\n"
    )
    assert done.returncode == 0, done.stderr
    helped = [line.split()[-1] for line in done.stdout.splitlines() if "helped with" in line]
    assert helped == list(COMMANDS)
    assert "install-completion" not in done.stdout


def test_a_defect_is_not_taken_for_a_missing_extra() -> None:
    done = run(
        "import sys\n"
        "from gateway.cli import main\n"
        "entry = main._Entry('nowhere', 'app', 'x')\n"
        "main.COMMANDS['nowhere'] = entry\n"
        "main.main(['nowhere'])\n"
    )
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize("module", ["typer", "rich", "gateway.cli.policy", "gateway.cli.impact"])
def test_an_interruption_while_a_command_loads_is_one_line(module: str) -> None:
    """A real Ctrl-C arrives as the module is looked for."""
    done = run(
        "import os, signal, sys\n"
        "class Interrupts:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupts())\n"
        "from gateway.cli.main import main\n"
        "main(['policy', '--help'])\n"
    )
    assert done.returncode == 130
    assert done.stderr == "interrupted\n"
