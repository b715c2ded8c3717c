"""What the Rego really reads, held against what its METADATA says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from gateway.policy.findings import Finding
from gateway.policy.metadata import Annotated, Ref, opa_json, texts

_LIBRARIES: Final = ("data", "writ", "lib")
_PARSE: Final = "{name: rego.parse_module(name, text) | some name, text in input}"


def syntax_trees(opa: Path, staged: Path, files: Iterable[str]) -> dict[str, Any]:
    """The parsed module of each file of a staged tree, all in one run of ``opa``."""
    given = json.dumps({name: (staged / name).read_text(encoding="utf-8") for name in files})
    report = opa_json(opa, staged, "eval", "-f", "json", "--stdin-input", _PARSE, given=given)
    return report["result"][0]["expressions"][0]["value"]


def rule_lines(opa: Path, staged: Path, file: str) -> list[int]:
    """The line of each rule of one file, in the order of its syntax tree."""
    options = ("--format", "json", "--json-include", "locations")
    report = opa_json(opa, staged, "parse", *options, file)
    return [rule["location"]["row"] for rule in report.get("rules", ())]


def reading_findings(
    package: Annotated, tree: Mapping[str, Any], libraries: Mapping[Ref, frozenset[str]]
) -> list[Finding]:
    """Where the declared facts, limits and schemas differ from what the Rego refers to.

    Args:
        package: the package with its METADATA.
        tree: its parsed module (:func:`syntax_trees`).
        libraries: the facts that a library's rules read (:func:`library_facts`); a control that
            uses one may name them.
    """
    refs = set(_refs(tree))
    limits = _limits_read(package, refs) | {name for name in limits_compared(tree) if name}
    if not package.is_control:  # it may go through limits by a table of their names
        limits |= package.limits & set(_strings(tree.get("rules", ())))
    found = _difference(package.file, "custom.limits", package.limits, limits)
    if package.is_control:
        facts = _facts(refs)
        used = {
            path[: len(root)] for path in refs for root in libraries if path[: len(root)] == root
        }
        lent = facts.union(*(libraries[root] for root in used))
        declared = set(texts(package.custom.get("facts")))
        unread = {fact for fact in declared if not any(_under(ref, fact) for ref in lent)}
        undeclared = {ref for ref in facts if not any(_under(ref, fact) for fact in declared)}
        found += _difference(package.file, "custom.facts", unread, undeclared)
    return found + _schema_findings(package, refs)


def library_facts(
    packages: Iterable[Annotated], trees: Mapping[str, Mapping[str, Any]]
) -> dict[Ref, frozenset[str]]:
    """The facts that each library reads by itself, by the library's path."""
    return {
        package.package: frozenset(_facts(set(_refs(trees[package.file]))))
        for package in packages
        if package.package[:-1] == _LIBRARIES and package.package[1:] != _RESOLVER
    }


def _facts(refs: Iterable[Ref]) -> set[str]:
    return {".".join(ref[1:]) for ref in refs if ref[0] == "input" and len(ref) > 1}


def _strings(node: object) -> Iterator[str]:
    """Every text that stands below a node."""
    if isinstance(node, list):
        for item in cast("list[object]", node):
            yield from _strings(item)
    elif isinstance(node, dict):
        fields = cast("dict[str, Any]", node)
        if fields.get("type") == "string":
            yield fields["value"]
        for item in fields.values():
            yield from _strings(item)


_SIGNED: Final = frozenset(
    {"limits", "instruments", "restricted", "compliance_symbols", "permissions"}
)
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


def limits_compared(tree: Mapping[str, Any]) -> list[str]:
    """What a control names as the limit that it compares with; empty where it is no plain text."""
    return [
        rule["head"]["value"]["value"] if rule["head"]["value"]["type"] == "string" else ""
        for rule in tree.get("rules", ())
        if rule["head"]["ref"][0]["value"] == "limit" and "value" in rule["head"]
    ]


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
