"""Reading the METADATA of the controls, and holding it against what the Rego really reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from gateway.domain.errors import InvalidInputError
from gateway.policy.catalogue import SEVERITIES, UNITS, ControlText
from gateway.policy.findings import Finding
from gateway.policy.opa_tool import run_opa

_CONTROLS: Final = ("data", "writ", "controls")
_ID: Final = re.compile(r"[A-Z][A-Z0-9]{1,15}-[0-9]{1,4}")
_CUSTOM: Final = {
    "id": str,
    "severity": str,
    "owner": str,
    "regulation": list,
    "fix103": int,
    "unit": str,
    "facts": list,
    "limits": list,
    "remedy": str,
}

_PARSE: Final = "{name: rego.parse_module(name, text) | some name, text in input}"

Ref = tuple[str, ...]
"""A reference as its constant parts, such as ``input``, ``order``, ``qty``."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """A package with its METADATA block, as ``opa inspect`` reports it."""

    file: str
    package: Ref
    block: Mapping[str, Any]

    @property
    def is_control(self) -> bool:
        """Whether the package is one of ``writ.controls``."""
        return self.package[:-1] == _CONTROLS

    @property
    def custom(self) -> Mapping[str, Any]:
        """The ``custom`` part, empty if it is missing."""
        return self.block.get("custom") or {}

    @property
    def limits(self) -> frozenset[str]:
        """The limits that the package says it reads."""
        return frozenset(_texts(self.custom.get("limits")))


def annotated_packages(opa: Path, staged: Path) -> list[Annotated]:
    """Every package of a staged tree that has a METADATA block, sorted by file.

    Raises:
        InvalidInputError: ``policy-sources`` when the Rego cannot be parsed.
    """
    report = _json(opa, staged, "inspect", "-a", "-f", "json", ".")
    found = [
        Annotated(
            entry["location"]["file"],
            tuple(part["value"] for part in entry["path"]),
            entry["annotations"],
        )
        for entry in report.get("annotations", ())
        if entry["annotations"].get("scope") in ("package", "subpackages")
    ]
    return sorted(found, key=lambda package: package.file)


def control_text(package: Annotated) -> ControlText:
    """The words of a control; only for a package that :func:`block_findings` is content with."""
    custom = package.custom
    return ControlText(
        control=custom["id"],
        title=package.block["title"],
        description=_one_line(package.block["description"]),
        severity=custom["severity"],
        owner=custom["owner"],
        regulation=tuple(custom["regulation"]),
        fix103=custom["fix103"],
        unit=custom["unit"],
        facts=tuple(custom["facts"]),
        limits=tuple(custom["limits"]),
        remedy=_one_line(custom["remedy"]),
    )


def block_findings(package: Annotated) -> list[Finding]:
    """What is missing or malformed in a control's METADATA block."""
    return [
        Finding(package.file, message, remedy)
        for message, remedy in (*_missing(package), *_unsuitable(package))
    ]


def _missing(package: Annotated) -> Iterator[tuple[str, str]]:
    """Parts that are not there, are of another type, or are unknown."""
    for name in ("title", "description", "related_resources"):
        if not package.block.get(name):
            yield f"METADATA has no {name}", f"write the {name}"
    for name, kind in _CUSTOM.items():
        value: object = package.custom.get(name)
        if type(value) is not kind or value == "":
            yield f"METADATA has no custom.{name} of type {kind.__name__}", f"write custom.{name}"
        elif kind is list and not _only_texts(cast("list[object]", value)):
            yield f"custom.{name} has something other than texts", f"list texts in custom.{name}"
    for name in sorted(set(package.custom) - set(_CUSTOM)):
        yield f"METADATA has an unknown custom.{name}", "remove it or mend its name"


def _unsuitable(package: Annotated) -> Iterator[tuple[str, str]]:
    """Parts that are there and do not say what they must."""
    stem = Path(package.file).stem
    if package.package[-1] != stem or Path(package.file).parent.name != "controls":
        yield "the package is not named as its file", f"call it writ.controls.{stem}"
    if _ID.fullmatch(str(package.custom.get("id"))) is None:
        yield "custom.id is not of the form ABC-01", "choose a short code and a number"
    if package.custom.get("severity") not in SEVERITIES:
        yield "custom.severity is unknown", f"choose one of {', '.join(SEVERITIES)}"
    if package.custom.get("unit") not in UNITS:
        yield "custom.unit is unknown", f"choose one of {', '.join(UNITS)}"
    if not _texts(package.custom.get("regulation")):
        yield "custom.regulation is empty", "name the rule, or write `house rule`"


def syntax_trees(opa: Path, staged: Path, files: Iterable[str]) -> dict[str, Any]:
    """The parsed module of each file of a staged tree, all in one run of ``opa``."""
    given = json.dumps({name: (staged / name).read_text(encoding="utf-8") for name in files})
    report = _json(opa, staged, "eval", "-f", "json", "--stdin-input", _PARSE, given=given)
    return report["result"][0]["expressions"][0]["value"]


def reading_findings(package: Annotated, tree: Mapping[str, Any]) -> list[Finding]:
    """Where the declared facts, limits and schemas differ from what the Rego refers to.

    ``tree`` is the parsed module of the package (:func:`syntax_trees`).
    """
    refs = set(_refs(tree))
    limits = _limits_read(package, refs) | _limit_compared(tree)
    found = _difference(package.file, "custom.limits", package.limits, limits)
    if package.is_control:
        facts = {".".join(ref[1:]) for ref in refs if ref[0] == "input" and len(ref) > 1}
        declared = set(_texts(package.custom.get("facts")))
        unread = {fact for fact in declared if not any(_under(ref, fact) for ref in facts)}
        undeclared = {ref for ref in facts if not any(_under(ref, fact) for fact in declared)}
        found += _difference(package.file, "custom.facts", unread, undeclared)
        heads = {rule["head"]["ref"][0]["value"] for rule in tree.get("rules", ())}
        if "proven" not in heads:
            found.append(Finding(package.file, "there is no rule `proven`", "write the proof"))
    return found + _schema_findings(package, refs)


_SIGNED: Final = frozenset({"limits", "instruments", "restricted", "permissions"})
_EFFECTIVE: Final = ("data", "writ", "lib", "limits", "effective")
_GLOBAL: Final = ("data", "limits", "global")
_RESOLVER: Final = ("writ", "lib", "limits")


def _limits_read(package: Annotated, refs: Iterable[Ref]) -> set[str]:
    """The limits that are read by name: as they count for the order, or from the global table."""
    if package.package[1:] == _RESOLVER:
        return set()  # it reads all of them, and names none
    return {
        ref[len(root)]
        for ref in refs
        for root in (_EFFECTIVE, _GLOBAL)
        if ref[: len(root)] == root and len(ref) > len(root)
    }


def _limit_compared(tree: Mapping[str, Any]) -> set[str]:
    """The limit that a control names as the one it compares with."""
    return {
        rule["head"]["value"]["value"]
        for rule in tree.get("rules", ())
        if rule["head"]["ref"][0]["value"] == "limit" and rule["head"]["value"]["type"] == "string"
    }


def _schema_findings(package: Annotated, refs: set[Ref]) -> list[Finding]:
    """Without a schema, ``opa check`` cannot see a reference to a field that does not exist."""
    declared = {
        ".".join(part["value"] for part in schema["path"])
        for schema in package.block.get("schemas", ())
    }
    used = {"input"} if any(ref[0] == "input" for ref in refs) else set[str]()
    used |= {
        f"data.{ref[1]}" for ref in refs if ref[0] == "data" and len(ref) > 1 and ref[1] in _SIGNED
    }
    return [
        Finding(package.file, f"METADATA names no schema for {name}", f"add {name} to schemas")
        for name in sorted(used - declared)
    ]


def _difference(
    file: str, name: str, declared: set[str] | frozenset[str], read: set[str]
) -> list[Finding]:
    return [
        Finding(file, f"{name} names {item}, which the Rego does not read", "remove it")
        for item in sorted(declared - read)
    ] + [
        Finding(file, f"the Rego reads {item}, which {name} does not name", f"add it to {name}")
        for item in sorted(read - declared)
    ]


def _under(ref: str, fact: str) -> bool:
    return ref == fact or ref.startswith(fact + ".")


def _refs(tree: Mapping[str, Any]) -> Iterator[Ref]:
    """Every reference of a module's rules to ``input`` or ``data``, imports resolved.

    Each is told up to its first part that is not a constant.
    """
    imports = dict(_imports(tree))
    for term in _terms(tree.get("rules", ())):
        first, *rest = term
        head = str(first["value"])
        if head in ("input", "data"):
            yield (head, *_constants(rest))
        elif head in imports:
            path = imports[head]
            yield (*path, *_constants(rest))


def _imports(tree: Mapping[str, Any]) -> Iterator[tuple[str, Ref]]:
    for entry in tree.get("imports", ()):
        path = (str(entry["path"]["value"][0]["value"]), *_constants(entry["path"]["value"][1:]))
        yield str(entry.get("alias") or path[-1]), path


def _terms(node: object) -> Iterator[list[dict[str, Any]]]:
    """The parts of every reference below a node."""
    if isinstance(node, list):
        for item in cast("list[object]", node):
            yield from _terms(item)
    elif isinstance(node, dict):
        fields = cast("dict[str, Any]", node)
        if fields.get("type") == "ref":
            yield fields["value"]
        for item in fields.values():
            yield from _terms(item)


def _constants(terms: Iterable[Mapping[str, Any]]) -> Ref:
    names: list[str] = []
    for term in terms:
        if term["type"] != "string":
            break
        names.append(term["value"])
    return tuple(names)


def _json(opa: Path, cwd: Path, *arguments: str, given: str | None = None) -> dict[str, Any]:
    done = run_opa(opa, arguments, cwd=cwd, given=given)
    if done.status != 0:
        raise InvalidInputError("policy-sources", done.said, "mend the Rego that opa names")
    return cast("dict[str, Any]", json.loads(done.stdout))


def _texts(value: object) -> list[str]:
    if not isinstance(value, list):
        return []
    return [item for item in cast("list[object]", value) if isinstance(item, str) and item]


def _only_texts(items: list[object]) -> bool:
    return len(_texts(items)) == len(items)


def _one_line(text: str) -> str:
    return " ".join(text.split())
