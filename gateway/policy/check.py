"""The whole of ``writ policy check``: format, types, METADATA, limits, tests and their coverage."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from gateway.domain.errors import InvalidInputError
from gateway.policy.build import CAPABILITIES
from gateway.policy.check_data import data_findings, limit_findings
from gateway.policy.check_rules import proof_findings
from gateway.policy.findings import Finding
from gateway.policy.metadata import (
    Annotated,
    annotated_packages,
    block_findings,
)
from gateway.policy.opa_tool import Outcome, find_opa, run_opa
from gateway.policy.readings import (
    library_facts,
    reading_findings,
    rule_lines,
    syntax_trees,
)
from gateway.policy.rego_tests import REGO_ONLY, opa_test
from gateway.policy.sources import rego_sources, stage

Told = Callable[[str], None]
"""Told which part of the check comes next."""

_COVERAGE: Final = 100
_TOLD_MAX: Final = 10
_SCHEMAS: Final = "schemas"
_MAIN: Final = "main.rego"
_REMEDIES: Final = {
    "rego_recursion_error": "let no rule need itself: a decision always ends",
    "rego_parse_error": "mend the line; opa reads no further",
}
_BETTER: Final = (
    ("import ", "remove the import, or use it"),
    ("undefined ref: input.", "name a fact that schemas/document.json describes, or describe it"),
    ("undefined ref: data.limits", "name a limit that schemas/limits.json describes"),
    (
        "undefined function ",
        "use what capabilities.json lists: no clock, network, randomness, division or pattern",
    ),
    ("undefined function data.", "mend the name of the rule"),
)
"""What helps, by how the message begins; the last that fits counts."""


def check(source: Path, told: Told | None = None) -> list[Finding]:
    """Everything that is wrong with a policies folder; empty when all is well.

    What takes long comes last and only where nothing else is to be mended: every test is run
    with its coverage.

    Args:
        source: the policies folder.
        told: told which part is looked at next.

    Raises:
        OpaToolError: ``opa`` is missing or does not come back.
        InvalidInputError: the folder holds no policies.
    """
    tell: Told = told or (lambda _part: None)
    found = findings_without_tests(source, tell)
    if any(not finding.warning for finding in found):
        return found
    tell("running every test with its coverage")
    return found + coverage_findings(find_opa(), source)


def findings_without_tests(source: Path, tell: Told) -> list[Finding]:
    """What :func:`check` finds in a second or two: all that no test has to be run for."""
    rego_sources(source)
    opa = find_opa()
    tell("compiling the rules")
    compiled = compile_findings(opa, source)
    findings = format_findings(opa, source) + compiled
    findings += data_findings(source)
    if compiled:
        return findings  # nothing further can be read from what does not compile
    tell("reading the controls")
    return findings + control_findings(opa, source)


def refuse_unsound(source: Path, tell: Told) -> None:
    """Stop a build of what :func:`check` refuses; that the tests pass is not asked.

    Raises:
        InvalidInputError: ``policy-check``: what is to be mended, a line each.
        OpaToolError: ``opa`` is missing or does not come back.
    """
    found = [one for one in findings_without_tests(source, tell) if not one.warning]
    if not found:
        return
    told = "\n".join(f"{one.place}: {one.message}" for one in found[:_TOLD_MAX])
    more = len(found) - _TOLD_MAX
    remedy = "run `writ policy check`: it tells what helps, line by line"
    raise InvalidInputError(
        "policy-check",
        f"{told}\nand {more} more" if more > 0 else told,
        remedy if len(found) > 1 else found[0].remedy,
    )


def format_findings(opa: Path, source: Path) -> list[Finding]:
    """Files that ``opa fmt`` would write differently."""
    done = run_opa(opa, ["fmt", "--list", "."], cwd=source)
    if done.status != 0:
        return []  # it does not parse, which compile_findings tells with the line
    names = done.stdout.splitlines()
    return [Finding(name, "not formatted", _formatting(source / name)) for name in names]


def _formatting(file: Path) -> str:
    return f"run `opa fmt --write {shlex.quote(os.fspath(file))}`"


def compile_findings(opa: Path, source: Path) -> list[Finding]:
    """What ``opa check`` says with strict mode, schemas and the reduced capabilities."""
    fixed = ("check", "--strict", "--schema", _SCHEMAS, "--capabilities", CAPABILITIES)
    done = run_opa(opa, [*fixed, "-f", "json", *REGO_ONLY, "."], cwd=source)
    return [] if done.status == 0 else _compile_errors(done)


def coverage_findings(opa: Path, source: Path) -> list[Finding]:
    """Failing tests, or lines that no test reaches: each must be reached, 100 in a hundred."""
    covered = opa_test(opa, source, "--coverage")
    if covered.status == 0:
        return _uncovered(json.loads(covered.stdout))
    plain = opa_test(opa, source)  # with coverage opa does not say which test failed
    return [Finding(".", plain.said or covered.said, "mend the rule or the test")]


def control_findings(opa: Path, source: Path) -> list[Finding]:
    """METADATA, test files, identifiers, the registry, and the limits."""
    with tempfile.TemporaryDirectory(prefix="writ-check-") as folder:
        staged = Path(folder)
        stage(source, staged)
        packages = annotated_packages(opa, staged)
        controls = [package for package in packages if package.is_control]
        trees = syntax_trees(opa, staged, (package.file for package in packages))
        libraries = library_facts(packages, trees)
        findings = _unannotated(source, packages)
        for package in packages:
            findings += block_findings(package) if package.is_control else []
            findings += reading_findings(package, trees[package.file], libraries)
            lines = partial(rule_lines, opa, staged, package.file)
            findings += proof_findings(package, trees[package.file], lines)
        registry, required = _required(opa, staged)
    findings += _missing_tests(source, controls)
    findings += _registry_findings(registry, controls) + _required_findings(registry, required)
    return findings + limit_findings(source, packages)


def _unannotated(source: Path, packages: Iterable[Annotated]) -> list[Finding]:
    known = {package.file for package in packages}
    return [
        Finding(path.as_posix(), "the package has no METADATA", "write a block above `package`")
        for path in rego_sources(source)
        if path.as_posix() not in known
    ]


def _missing_tests(source: Path, controls: Iterable[Annotated]) -> list[Finding]:
    found: list[Finding] = []
    for control in controls:
        test = Path(control.file).with_name(f"{Path(control.file).stem}_test.rego")
        if not (source / test).is_file():
            found.append(Finding(control.file, "the control has no test", f"write {test}"))
    return found


def _required(opa: Path, staged: Path) -> tuple[dict[str, str], set[str]]:
    """The registry, and what is required of an order, as the Rego computes them."""
    done = run_opa(opa, ["eval", "-b", ".", "-f", "json", "data.writ.main"], cwd=staged)
    if done.status != 0:
        raise InvalidInputError("policy-sources", done.said, "mend the Rego that opa names")
    result = cast("dict[str, Any]", json.loads(done.stdout)).get("result")
    main: dict[str, Any] = result[0]["expressions"][0]["value"] if result else {}
    return _registered(main.get("registry")), set(_registered(main.get("required")))


def _registered(value: object) -> dict[str, str]:
    """An object, or a list as an object of its members; empty where it is neither."""
    if isinstance(value, list):
        return {str(item): "" for item in cast("list[object]", value)}
    found = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    return {name: str(item) for name, item in found.items()}


def _required_findings(registry: dict[str, str], required: set[str]) -> list[Finding]:
    """Whatever is not required is not proven either: nothing may thin it out."""
    if not registry:
        message = "the registry is empty: nothing would have to be proven"
        return [Finding(_MAIN, message, "register the controls")]
    missing = sorted(set(registry) - required)
    if not missing:
        return []
    message = f"required leaves out {', '.join(missing)} of the registry"
    return [Finding(_MAIN, message, "write `required := object.keys(registry)`")]


def _registry_findings(registry: dict[str, str], controls: Sequence[Annotated]) -> list[Finding]:
    """Each control is required under its own identifier, and nothing else is."""
    by_id: dict[str, str] = {}
    found: list[Finding] = []
    for control in controls:
        identifier = str(control.custom.get("id"))
        if identifier in by_id:
            message = f"{identifier} is also the identifier of {by_id[identifier]}"
            found.append(Finding(control.file, message, "choose another one"))
        by_id[identifier] = control.package[-1]
    remedy = "make the registry and the controls agree"
    for identifier in sorted(set(by_id) | set(registry)):
        if by_id.get(identifier) != registry.get(identifier):
            message = (
                f"{identifier} is {registry.get(identifier, 'missing')} in the registry and "
                f"{by_id.get(identifier, 'missing')} among the controls"
            )
            found.append(Finding(_MAIN, message, remedy))
    return found


def _compile_errors(done: Outcome) -> list[Finding]:
    """One finding for each error with its line, or all that ``opa`` says as one."""
    try:
        errors = cast("dict[str, Any]", json.loads(done.stderr or done.stdout))["errors"]
        return [_compile_error(error) for error in errors]
    except (ValueError, KeyError, TypeError):
        return [Finding(".", done.said, "mend what opa names")]


def _compile_error(error: dict[str, Any]) -> Finding:
    message: str = error["message"]
    if "code" not in error:  # a file that cannot be read at all: it has neither code nor line
        return Finding(".", message, "mend what opa names")
    remedy = _REMEDIES.get(error["code"], f"mend the Rego ({error['code']})")
    for beginning, better in _BETTER:
        remedy = better if message.startswith(beginning) else remedy
    place = error["location"]
    return Finding(place["file"], message, remedy, place["row"])


def _uncovered(report: dict[str, Any]) -> list[Finding]:
    found: list[Finding] = []
    for name, part in sorted(report["files"].items()):
        spans = [(r["start"]["row"], r["end"]["row"]) for r in part.get("not_covered", ())]
        lines = [str(first) if first == last else f"{first}-{last}" for first, last in spans]
        if lines:
            one = len(spans) == 1 and spans[0][0] == spans[0][1]
            message = f"not covered: {'line' if one else 'lines'} {', '.join(lines)}"
            found.append(Finding(name, message, "test these lines, or remove them"))
    if report["coverage"] != _COVERAGE and not found:
        found.append(Finding(".", f"coverage is {report['coverage']} %", "test every line"))
    return found
