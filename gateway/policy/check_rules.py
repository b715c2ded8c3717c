"""What a control's rules must be: a proof that is true or nothing, and figures that fit it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.policy.findings import Finding
from gateway.policy.metadata import Annotated
from gateway.policy.readings import limits_compared
from gateway.policy.units import limit_name

_PROVEN: Final = "proven"
_TRUE: Final = {"type": "boolean", "value": True}


def proof_findings(package: Annotated, tree: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with the rules of a control; ``tree`` is its parsed module."""
    if not package.is_control:
        return []
    return [
        Finding(package.file, message, remedy)
        for message, remedy in (*_proof(tree), *_limit(package, tree))
    ]


def _proof(tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    rules = [rule for rule in tree.get("rules", ()) if _name(rule) == _PROVEN]
    if not rules:
        yield "there is no rule `proven`", "write the proof"
    for rule in rules:
        head = rule["head"]
        if rule.get("default"):
            yield "`proven` has a default, which would prove without a reason", "remove it"
        elif "args" in head or "key" in head or len(head["ref"]) > 1:
            yield "`proven` is a function, a set or an object", "write `proven if { … }`"
        elif not _is_true(head):
            yield "`proven` is something else than true", "write `proven if { … }`"
        elif [one.get("terms") for one in rule["body"]] == [_TRUE]:
            yield "`proven` needs nothing to be so", "prove it from a fact"
        elif "else" in rule:
            yield "`proven` has an `else`", "write another `proven if { … }` beside it"


def _limit(package: Annotated, tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The compared limit comes first in ``custom.limits``, and is of the control's unit."""
    compared = limits_compared(tree)
    if len(set(compared)) > 1 or "" in compared:
        yield "`limit` is not one plain text", 'write `limit := "the_name_of_it"`'
        return
    for name in compared[:1]:
        if (package.custom.get("limits") or [None])[0] != name:
            yield f"{name} is compared and is not the first of custom.limits", "list it first"
        parts = limit_name(name)
        if parts and parts.unit != package.custom.get("unit"):
            yield f"custom.unit is not the one of {name}", f"write `unit: {parts.unit}`"


def _is_true(head: Mapping[str, Any]) -> bool:
    value = head.get("value", {})
    return value.get("type") == "boolean" and value.get("value") is True


def _name(rule: Mapping[str, Any]) -> str:
    return str(rule["head"]["ref"][0]["value"])
