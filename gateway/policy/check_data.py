"""What is wrong with the limits and lists of a policies folder, by themselves and for the rules."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from gateway.domain.errors import InvalidInputError
from gateway.policy.data_files import (
    LIMITS,
    LIMITS_SCHEMA,
    LIST_NAMES,
    LISTS,
    json_file,
    limit_names,
    list_file,
    qty_decimals,
)
from gateway.policy.findings import Finding
from gateway.policy.limits_file import GLOBAL, Known, LimitsFile, read_limits, without_effect
from gateway.policy.metadata import Annotated
from gateway.policy.release import ReleaseError, read_file
from signing.units import UNITS, limit_name

_FILE: Final = LIMITS.as_posix()
_SCHEMA: Final = LIMITS_SCHEMA.as_posix()


def data_findings(source: Path) -> list[Finding]:
    """What is wrong in the limits file and in the lists themselves."""
    lists, found = _lists(source)
    try:
        limits = _limits(source, lists.get("instruments"))
    except InvalidInputError as error:
        return [*found, _finding(source, error)]
    found += limits.findings
    found += without_effect(limits, _FILE)
    return found + _unlisted(lists)


def limit_findings(source: Path, packages: Iterable[Annotated]) -> list[Finding]:
    """Each limit is read by something, stands in the global table, and is described."""
    read = {limit for package in packages for limit in package.limits}
    described = limit_names(source)
    standing = {
        place[1]: line
        for place, line in _limits(source, json_file(_list(source, "instruments"))).lines.items()
        if place[0] == GLOBAL
    }
    found = [
        Finding(_SCHEMA, f"{name} is read by no control", "remove it there and in limits.yaml")
        for name in sorted(described - read)
    ]
    found += [
        Finding(_SCHEMA, f"{name} is missing, which a control reads", "describe it")
        for name in sorted(read - described)
    ]
    found += [
        Finding(_FILE, f"{_bare(name)} is missing in global", "add it with the value 0")
        for name in sorted(described - set(standing))
    ]
    return found + _names(described)


def _names(described: Iterable[str]) -> list[Finding]:
    """A limit is written by people without its unit, so that part must be its own."""
    found: list[Finding] = []
    taken: dict[str, str] = {}
    for name in sorted(described):
        parts = limit_name(name)
        if parts is None or not ("_max" in parts.bare or "_min" in parts.bare):
            wanted = f"end it with _max_ or _min_ and one of {', '.join(UNITS)}"
            found.append(Finding(_SCHEMA, f"{name} does not tell direction and unit", wanted))
        elif parts.bare in taken:
            message = f"people would write {name} and {taken[parts.bare]} alike"
            found.append(Finding(_SCHEMA, message, "choose another name"))
        else:
            taken[parts.bare] = name
    return found


def _bare(name: str) -> str:
    parts = limit_name(name)
    return parts.bare if parts else name


def _limits(source: Path, instruments: object) -> LimitsFile:
    known = Known(limit_names(source), qty_decimals(instruments))
    try:
        data = read_file(source / LIMITS)
    except ReleaseError as error:
        raise InvalidInputError("policy-data", error.detail, "write limits/limits.yaml") from error
    return read_limits(data, _FILE, known)


def _lists(source: Path) -> tuple[dict[str, Any], list[Finding]]:
    """The lists that are sound, and what is wrong with the others."""
    sound: dict[str, Any] = {}
    found: list[Finding] = []
    for name in LIST_NAMES:
        try:
            sound[name] = list_file(_list(source, name), name)
        except InvalidInputError as error:
            found.append(_finding(source, error))
    return sound, found


def _unlisted(lists: dict[str, Any]) -> list[Finding]:
    """Names that nothing else knows: they have no effect, and are perhaps misspelt."""
    instruments: dict[str, Any] = lists.get("instruments", {})
    classes = {str(fields["class"]) for fields in instruments.values()}
    found = [
        Finding(
            f"{LISTS}/{name}.json",
            f"{symbol} is not among the instruments, which denies it already",
            "check its spelling",
            warning=True,
        )
        for name in ("restricted", "compliance_symbols")
        for symbol in sorted(set(lists.get(name, {})) - set(instruments))
        if instruments
    ]
    for account, entry in lists.get("permissions", {}).items():
        found += [
            Finding(
                f"{LISTS}/permissions.json",
                f"no instrument is of class {name}, which {account} may trade",
                "check its spelling",
                warning=True,
            )
            for name in sorted(set(entry["classes"]) - classes)
            if classes
        ]
    return found


def _list(source: Path, name: str) -> Path:
    return source / LISTS / f"{name}.json"


def _finding(source: Path, error: InvalidInputError) -> Finding:
    message = error.detail.replace(f"{source}/", "")
    file, _, rest = message.partition(":")
    line, _, said = rest.partition(":")
    if line.isdecimal():
        return Finding(file, said.strip(), error.remedy, int(line))
    return Finding(file, rest.strip() or message, error.remedy)
