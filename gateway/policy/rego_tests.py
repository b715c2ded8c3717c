"""Running the tests of a policies folder with ``opa test``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from gateway.policy.build import CAPABILITIES
from gateway.policy.opa_tool import Outcome, find_opa, run_opa

TEST_TIMEOUT: Final = "60s"
"""Of one test; the usual five seconds are too few on a busy machine."""

REGO_ONLY: Final = ("--ignore", "*.json", "--ignore", "*.yaml", "--ignore", "*.tar.gz")
"""Rego alone is read: tests bring their own limits, and built releases hold the rules once more."""

_SCHEMAS: Final = "schemas"


@dataclass(frozen=True, slots=True)
class Summary:
    """How the tests went; ``failed`` has a line for each that did not pass, or what opa said."""

    passed: int
    total: int
    failed: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether there are tests, and all of them pass."""
        return not self.failed and 0 < self.total == self.passed


def opa_test(opa: Path, source: Path, *options: str) -> Outcome:
    """One run of ``opa test`` with schemas and the reduced capabilities.

    Raises:
        OpaToolError: ``opa`` does not come back.
    """
    bounds = ("--fail-on-empty", "--timeout", TEST_TIMEOUT)
    fixed = ("test", *bounds, "--schema", _SCHEMAS, "--capabilities", CAPABILITIES)
    return run_opa(opa, [*fixed, *options, *REGO_ONLY, "."], cwd=source)


def run_tests(source: Path, expression: str) -> Outcome:
    """Run the tests whose names fit a regular expression (all if empty), verbosely.

    Raises:
        OpaToolError: ``opa`` is missing or does not come back.
    """
    return opa_test(find_opa(), source, "--verbose", "--run", expression)


def summary_of_tests(source: Path, expression: str) -> Summary:
    """Run the same tests and count them.

    Raises:
        OpaToolError: ``opa`` is missing or does not come back.
    """
    done = opa_test(find_opa(), source, "-f", "json", "--run", expression)
    try:
        results = cast("list[dict[str, Any]]", json.loads(done.stdout))
        bad = [one for one in results if one.get("fail") or one.get("error")]
        failed = tuple(_line(one) for one in bad)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Summary(0, 0, (done.said,))
    if done.status != 0 and not failed:
        failed = (done.said,)
    return Summary(len(results) - len(bad), len(results), failed)


def _line(result: dict[str, Any]) -> str:
    place = result["location"]
    name = f"{result['package'].removeprefix('data.writ.')}.{result['name']}"
    error: Any = result.get("error")
    why = f": {cast('dict[str, Any]', error).get('message')}" if isinstance(error, dict) else ""
    return f"{place['file']}:{place['row']}: {name} fails{why}"
