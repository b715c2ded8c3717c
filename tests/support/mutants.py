"""Mutants of an allowed document, and of what it is decided under: parts gone or corrupted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gateway.domain.decision import EngineFailure, Verdict
from support.policy_cases import (
    SOURCE,
    Data,
    Document,
    Place,
    at,
    data,
    document,
    drop,
    paths,
    put,
    stop_limit_document,
)

MARK = "x-writ-optional"
BASES = {"at every limit": document, "nothing borrowed or short": stop_limit_document}


def schema(name: str) -> dict[str, Any]:
    found = json.loads((SOURCE / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    return found["definitions"]["table"] if name == "limits" else found


def described(tree: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every part that a schema describes, by its place."""
    parts = dict(tree.get("properties", {}))
    if isinstance(every := tree.get("additionalProperties"), dict):
        parts["EUR"] = every  # the one key that the documents of the cases have
    for name, part in parts.items():
        yield (name,), part
        yield from (((name, *rest), inner) for rest, inner in described(part))


def marked(name: str) -> dict[Place, str]:
    """The places that may be missing, each with its reason."""
    return {place: part[MARK] for place, part in described(schema(name)) if MARK in part}


def corrupted(value: object, part: dict[str, Any]) -> Iterator[object]:
    """Values that are not what stands there: another type, null, out of range, unknown."""
    yield None
    yield from ([], {}, [value], {"value": value})
    if isinstance(value, bool):
        yield from (int(value), str(value).lower())
    elif isinstance(value, int):
        yield from (str(value), True, -1, -value - 1, 2**53, -(2**53), value + 0.5, 10**400)
    elif isinstance(value, str):
        yield from (0, 1, True, "", value * 100)
        if "enum" in part or "anyOf" in part:
            yield from ("unknown", value.upper() + "X")
    else:
        yield from (0, "text", True)


def mutants(base: Document, parts: dict[Place, dict[str, Any]]) -> Iterator[tuple[Place, Document]]:
    for place in paths(base):
        yield place, drop(base, place)
        for value in corrupted(at(base, place), parts[place]):
            yield place, put(base, place, value)


def limit_mutants(base: Document) -> Iterator[tuple[Place, Document, Data]]:
    """The document as it is, under limits that are not."""
    for name, value in data()["limits"]["global"].items():
        place = ("limits", "global", name)
        yield (name,), base, drop(data(), place)
        for bad in (0, *corrupted(value, {})):
            yield (name,), base, put(data(), place, bad)
    yield ("limits",), base, drop(data(), ("limits",))


def allows(answer: Verdict | EngineFailure) -> bool:
    return isinstance(answer, Verdict) and answer.allow
