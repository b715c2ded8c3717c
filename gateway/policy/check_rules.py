"""What a control's rules must be: a proof that is true or nothing, and figures that fit it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.policy.findings import Finding
from gateway.policy.metadata import Annotated
from gateway.policy.readings import limits_compared
from signing.units import limit_name

_PROVEN: Final = "proven"
_LIMIT: Final = "limit"
_TRUE: Final = {"type": "boolean", "value": True}


@dataclass(frozen=True, slots=True)
class _Wrong:
    """What is wrong, what helps, and with which of the module's rules, counted from zero."""

    message: str
    remedy: str
    rule: int | None


def proof_findings(
    package: Annotated, tree: Mapping[str, Any], lines: Callable[[], Sequence[int]]
) -> list[Finding]:
    """What is wrong with the rules of a control.

    Args:
        package: any package; of one that is no control there is nothing to say.
        tree: its parsed module (:func:`gateway.policy.readings.syntax_trees`).
        lines: the line of each of its rules (:func:`gateway.policy.readings.rule_lines`); asked
            only if something is wrong.
    """
    wrong = [*_proof(tree), *_limit(package, tree)] if package.is_control else []
    if not wrong:
        return []
    at = lines()
    return [
        Finding(package.file, one.message, one.remedy, None if one.rule is None else at[one.rule])
        for one in wrong
    ]


def _proof(tree: Mapping[str, Any]) -> Iterator[_Wrong]:
    rules = _named(tree, _PROVEN)
    if not rules:
        yield _Wrong("there is no rule `proven`", "write the proof", None)
    for number, rule in rules:
        head = rule["head"]
        told: tuple[str, str] | None = None
        if rule.get("default"):
            told = "`proven` has a default, which would prove without a reason", "remove it"
        elif "args" in head or "key" in head or len(head["ref"]) > 1:
            told = "`proven` is a function, a set or an object", "write `proven if { … }`"
        elif not _is_true(head):
            told = "`proven` is something else than true", "write `proven if { … }`"
        elif [one.get("terms") for one in rule["body"]] == [_TRUE]:
            told = "`proven` needs nothing to be so", "prove it from a fact"
        elif "else" in rule:
            told = "`proven` has an `else`", "write another `proven if { … }` beside it"
        if told:
            yield _Wrong(*told, number)


def _limit(package: Annotated, tree: Mapping[str, Any]) -> Iterator[_Wrong]:
    """The compared limit comes first in ``custom.limits``, and is of the control's unit."""
    compared = limits_compared(tree)
    number = next((number for number, _ in _named(tree, _LIMIT)), None)
    if len(set(compared)) > 1 or "" in compared:
        message = "`limit` is not one plain text"
        yield _Wrong(message, 'write `limit := "the_name_of_it"`', number)
        return
    for name in compared[:1]:
        if (package.custom.get("limits") or [None])[0] != name:
            message = f"{name} is compared and is not the first of custom.limits"
            yield _Wrong(message, "list it first", number)
        parts = limit_name(name)
        if parts and parts.unit != package.custom.get("unit"):
            message = f"custom.unit is not the one of {name}"
            yield _Wrong(message, f"write `unit: {parts.unit}`", number)


def _is_true(head: Mapping[str, Any]) -> bool:
    value = head.get("value", {})
    return value.get("type") == "boolean" and value.get("value") is True


def _named(tree: Mapping[str, Any], name: str) -> list[tuple[int, Mapping[str, Any]]]:
    """The rules of that name, each with its place among all."""
    return [
        (number, rule)
        for number, rule in enumerate(tree.get("rules", ()))
        if str(rule["head"]["ref"][0]["value"]) == name
    ]
