"""`writ policy new control`: writes a rule, its test, and every place that must know of it.

All of it is made in a copy first, formatted, compiled and tried there. What does not come out in
order is not written.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.domain.errors import InvalidInputError
from gateway.policy import template_edits as edits
from gateway.policy.check import compile_findings
from gateway.policy.data_files import LIMITS, LIMITS_SCHEMA, limit_names
from gateway.policy.opa_tool import find_opa, run_opa
from gateway.policy.rego_tests import summary_of_tests
from gateway.policy.template import NewControl, check_new, rule_text
from gateway.policy.template_tests import control_test

_MAIN: Final = Path("main.rego")
_SCHEMA: Final = Path("schemas") / "document.json"
_SHAPE: Final = Path("controls") / "well_formed.rego"
_FIXTURES: Final = Path("lib") / "fixtures_test.rego"
_TRIED: Final = "data.writ.(main|controls.{name})_test"
_TOLD_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Written:
    """The files that were written, by their path in the policies folder, and what is left to do."""

    files: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _New:
    """Which parts of a control are not there yet."""

    fact: bool
    section: bool
    limit: bool


def new_control(source: Path, new: NewControl) -> Written:
    """Add a control to a policies folder, so that `writ policy check` is content with it.

    Raises:
        InvalidInputError: ``control-new``: name or id is taken, a part cannot be, or the folder is
            not as this expects; nothing was written.
        OSError: a file cannot be written; none was.
        OpaToolError: ``opa`` is missing.
    """
    check_new(new)
    parts = _refuse_taken(source, new)
    with tempfile.TemporaryDirectory(prefix="writ-new-") as folder:
        copy = Path(folder) / "policies"
        ignored = shutil.ignore_patterns("release", "__pycache__")
        shutil.copytree(source, copy, ignore=ignored)
        files = _write(copy, new, parts)
        _try(copy, new, files)
        contents = {path: (copy / path).read_bytes() for path in files}
    put_all(source, contents)
    return Written(tuple(path.as_posix() for path in files), _left(new, parts))


def put_all(folder: Path, contents: Mapping[Path, bytes]) -> None:
    """Write all of the files or, where one of them cannot be written, leave each as it was.

    Raises:
        OSError: one cannot be written.
    """
    before = {path: _content(folder / path) for path in contents}
    beside = {path: (folder / path).with_name(f".{path.name}.new") for path in contents}
    made: list[Path] = []
    placed: list[Path] = []
    try:
        for path, content in contents.items():
            made.append(path)
            beside[path].write_bytes(content)
        for path in contents:
            placed.append(path)
            beside[path].replace(folder / path)
    except BaseException:  # an interruption above all
        for path in placed:
            _restore(folder / path, before[path])
        for path in made:
            with suppress(OSError):
                beside[path].unlink(missing_ok=True)
        raise


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _restore(path: Path, content: bytes | None) -> None:
    """As well as it goes: one that cannot be put back must not keep the others from it."""
    with suppress(OSError):
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(content)


def _refuse_taken(source: Path, new: NewControl) -> _New:
    rule = source / "controls" / f"{new.name}.rego"
    registry = edits.registered((source / _MAIN).read_text(encoding="utf-8"))
    if rule.exists() or new.name in registry.values():
        raise InvalidInputError(
            "control-new", f"there is a control {new.name}", "choose another name"
        )
    if new.control in registry:
        detail = f"{new.control} is the identifier of {registry[new.control]}"
        raise InvalidInputError("control-new", detail, "choose another id")
    schema = (source / _SCHEMA).read_text(encoding="utf-8")
    fact = edits.described(schema, new)
    wanted = "integer" if new.limit else "boolean"
    if fact is not None and fact.get("type") != wanted:
        detail = f"{new.fact} is there, and is no {wanted}"
        remedy = "name a limit for an integer, and none for a truth value"
        raise InvalidInputError("control-new", detail, remedy)
    limit = bool(new.limit) and new.limit not in limit_names(source)
    return _New(fact is None, not edits.has_section(schema, new.section), limit)


def _write(copy: Path, new: NewControl, parts: _New) -> list[Path]:
    """Make every file in the copy; their paths."""
    rule = Path("controls") / f"{new.name}.rego"
    test = Path("controls") / f"{new.name}_test.rego"
    tests = control_test(new, new_fact=parts.fact, new_section=parts.section)
    (copy / rule).write_text(rule_text(new), encoding="utf-8")
    (copy / test).write_text(tests, encoding="utf-8")
    changed: dict[Path, Callable[[str], str]] = {
        _MAIN: lambda text: edits.with_registration(text, new),
    }
    if parts.limit:
        changed[LIMITS_SCHEMA] = lambda text: edits.with_limit_described(text, new)
        changed[LIMITS] = lambda text: edits.with_limit_of_zero(text, new)
    if parts.fact:
        changed[_SCHEMA] = lambda text: edits.with_fact_described(text, new)
        changed[_SHAPE] = lambda text: edits.with_shape(text, new, new_section=parts.section)
    if parts.fact or parts.limit:
        changed[_FIXTURES] = lambda text: edits.with_fixture(
            text, new, new_fact=parts.fact, new_section=parts.section, new_limit=parts.limit
        )
    for path, change in changed.items():
        before = (copy / path).read_text(encoding="utf-8")
        (copy / path).write_text(change(before), encoding="utf-8")
    return [rule, test, *changed]


def _try(copy: Path, new: NewControl, files: list[Path]) -> None:
    """Format, compile and test what was made."""
    opa = find_opa()
    remedy = "nothing was written; add it by hand: docs/adding-a-control.md"
    rego = [path for path in files if path.suffix == ".rego"]
    done = run_opa(opa, ["fmt", "-w", *rego], cwd=copy)
    if done.status != 0:
        raise InvalidInputError("control-new", done.said, remedy)
    for finding in compile_findings(opa, copy):
        raise InvalidInputError("control-new", f"{finding.place}: {finding.message}", remedy)
    summary = summary_of_tests(copy, _TRIED.format(name=new.name))
    if not summary.ok:
        told = "; ".join(summary.failed[:_TOLD_MAX]) or "there are none"
        detail = f"in a copy with it, tests fail: {told}"
        raise InvalidInputError("control-new", detail, remedy)


def _left(new: NewControl, parts: _New) -> tuple[str, ...]:
    """What no template can do."""
    left: list[str] = []
    if parts.fact:
        left.append(
            f"{new.fact} is described and not known yet: until gateway/facts puts it into the "
            f"document, {new.control} denies every order"
        )
    if parts.limit:
        left.append(f"{new.limit} is 0, which lets nothing out: sign a value in limits.yaml")
    return (*left, "read the rule's words, and make them your own", "writ policy check, then build")
