"""The plugin that ties tests to rows, run on small suites of its own in a second pytest."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
TRACEABILITY = TESTS.parent / "scripts" / "traceability.py"


def run(folder: Path, source: str, *options: str, ci: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(f"import pytest\n{source}\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "requirements_plugin",
        "-p",
        "no:cacheprovider",
    ]
    if "-n" in options:
        command += ["-p", "xdist"]
    env = os.environ | {"PYTHONPATH": str(TESTS), "CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    env.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(
        [*command, "--rootdir", str(folder), *options, "test_it.py"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


SKIPPED = "@pytest.mark.skip(reason='no')\ndef test_a(): pass\ndef test_b(): pass"


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_a_skip_is_red_in_ci_and_named(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = run(tmp_path, SKIPPED, *options, ci="true")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "skipped tests fail this run" in done.stdout
    assert "test_it.py::test_a\n" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout


def test_a_module_that_skips_itself_is_red_in_ci(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_c(): pass\n")
    source = "pytest.skip('no', allow_module_level=True)"
    done = run(tmp_path, source, "test_other.py", ci="1")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "\ntest_it.py\n" in done.stdout


def test_a_skip_is_a_skip_elsewhere(tmp_path: Path) -> None:
    assert run(tmp_path, SKIPPED).returncode == pytest.ExitCode.OK


@pytest.mark.parametrize("arguments", ["'S9-01'", "", "'S0-01', 'S0-02'", "row='S0-01'"])
def test_a_marker_without_a_known_row_ends_the_run(tmp_path: Path, arguments: str) -> None:
    done = run(tmp_path, f"@pytest.mark.requirement({arguments})\ndef test_a(): pass")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "names no row" in done.stdout + done.stderr


RESULTS = """
@pytest.mark.requirement("S0-01")
@pytest.mark.requirement("S0-02")
@pytest.mark.parametrize("n", range(3))
def test_each(n): assert n < LIMIT
@pytest.mark.requirement("S0-02")
def test_other(): pass
@pytest.fixture
def broken(): raise OSError
@pytest.mark.requirement("S0-03")
def test_unready(broken): pass
"""


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_a_row_is_tested_only_by_passing_tests(tmp_path: Path, options: tuple[str, ...]) -> None:
    results = tmp_path / "out" / "results.json"
    source = RESULTS.replace("LIMIT", "2")
    run(tmp_path, source, *options, f"--requirement-results={results}")
    document = json.loads(results.read_text())
    assert document["outcomes"] == {
        "S0-01": {"test_it.py::test_each": "failed"},
        "S0-02": {"test_it.py::test_each": "failed", "test_it.py::test_other": "passed"},
        "S0-03": {"test_it.py::test_unready": "failed"},
    }


def test_the_document_shows_what_is_open() -> None:
    script = runpy.run_path(str(TRACEABILITY))
    rows = {"S0-01": "one", "S0-02": "two", "S0-03": "three"}
    text = script["render"](rows, {"S0-01": {"t::a": "passed"}, "S0-02": {"t::b": "failed"}})
    assert "1 of 3 rows are tested." in text
    assert "| S0-01 | one | tested | 1 |" in text
    assert "| S0-02 | two | **open** | 1 |" in text
    assert "| S0-03 | three | **open** |  |" in text
    assert "- `t::b` (failed)" in text
