"""Ties tests to the rows of docs/requirements.md, and turns skips red in CI.

A test names its row with `@pytest.mark.requirement("S0-06")`. Unknown rows end the run before it
starts. `--requirement-results FILE` writes which test of which row passed, from which
scripts/traceability.py makes docs/traceability.md.
"""

import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "docs" / "requirements.md"
ROW = re.compile(r"^\| ((?:S\d|W)-\d\d) \| ([^|]+) \|", re.MULTILINE)
PROPERTY = "requirement"


def known_rows() -> dict[str, str]:
    """Returns the rows of docs/requirements.md in their order: id to name."""
    return dict(ROW.findall(REQUIREMENTS.read_text(encoding="utf-8")))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--requirement-results",
        metavar="FILE",
        default=None,
        help="write the outcome of every test that is marked with a requirement row",
    )


def rows_of(item: pytest.Item, rows: frozenset[str]) -> list[str]:
    """Returns the rows that a test is marked with.

    Raises:
        pytest.UsageError: a marker without exactly one row, or with an unknown one.
    """
    found: list[str] = []
    for marker in item.iter_markers("requirement"):
        if len(marker.args) != 1 or marker.kwargs or marker.args[0] not in rows:
            message = f"{item.nodeid}: requirement{marker.args} names no row of {REQUIREMENTS.name}"
            raise pytest.UsageError(message)
        if marker.args[0] not in found:
            found.append(marker.args[0])
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rows = frozenset(known_rows())
    for item in items:
        # User properties travel with the report, from an xdist worker to its controller too.
        item.user_properties.extend((PROPERTY, row) for row in rows_of(item, rows))


class Recorder:
    """Collects outcomes where all reports arrive: in the controller, or in a run without xdist."""

    def __init__(self, results: Path | None, *, skips_fail: bool) -> None:
        self.results = results
        self.skips_fail = skips_fail
        self.skipped: list[str] = []
        self.outcomes: dict[str, dict[str, str]] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module can skip itself as a whole."""
        if report.outcome == "skipped":
            self.skipped.append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome == "skipped":
            self.skipped.append(report.nodeid)
        if report.outcome == "passed" and report.when != "call":
            return
        # One test function stands for all its parameters: it passed if each of them did.
        name = report.nodeid.partition("[")[0]
        for key, row in report.user_properties:
            if key == PROPERTY:
                tests = self.outcomes.setdefault(str(row), {})
                if tests.get(name, "passed") == "passed":
                    tests[name] = report.outcome

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.results is not None:
            self.results.parent.mkdir(parents=True, exist_ok=True)
            document = {"rows": known_rows(), "outcomes": self.outcomes}
            text = json.dumps(document, indent=1)
            self.results.write_text(text + "\n", encoding="utf-8")
        if self.skips_fail and self.skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.skips_fail and self.skipped:
            terminalreporter.section("skipped tests fail this run (CI is set)", red=True)
            for nodeid in sorted(set(self.skipped)):
                terminalreporter.line(nodeid)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    path = config.getoption("--requirement-results")
    skips_fail = os.environ.get("CI", "").lower() not in {"", "0", "false"}
    results = Path(path) if path else None
    config.pluginmanager.register(Recorder(results, skips_fail=skips_fail), "writ-requirements")
