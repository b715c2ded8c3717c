"""Rules for the fields of records, put together from small ones.

A rule is a function of a path and a value; it returns nothing, or raises `RecordError` naming the
path. `signing.records` holds the table that is written with these rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias, cast

from signing.canonical import INT_MAX


class RecordError(ValueError):
    """A payload that is not a record of its kind.

    Attributes:
        path: where, as `verdict.reasons[0].control`.
        reason: what is wrong there.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


Rule: TypeAlias = Callable[[str, object], None]
"""Checks the value at a path."""


def integer(low: int = -INT_MAX, high: int = INT_MAX) -> Rule:
    """Accept integers from `low` to `high`; a boolean is no integer."""

    def check(path: str, value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise RecordError(path, "is not an integer")
        if not low <= value <= high:
            raise RecordError(path, f"is not between {low} and {high}")

    return check


def text(pattern: str, what: str) -> Rule:
    """Accept strings that match `pattern` as a whole; `what` names them in the message."""
    compiled = re.compile(pattern)

    def check(path: str, value: object) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise RecordError(path, f"is not {what}")

    return check


def shown_text(limit: int, *, lines: bool) -> Rule:
    """Accept text that looks on every screen like what it is: no control, no hidden character."""

    def check(path: str, value: object) -> None:
        if not isinstance(value, str) or not 0 < len(value) <= limit:
            raise RecordError(path, f"is not a text of 1 to {limit} characters")
        if not all(c.isprintable() or (lines and c == "\n") for c in value) or not value.strip():
            raise RecordError(path, "has a character that cannot be seen, or none that can")

    return check


def word(choices: Collection[str]) -> Rule:
    """Accept one of a few words."""
    known = frozenset(choices)

    def check(path: str, value: object) -> None:
        if not isinstance(value, str) or value not in known:
            raise RecordError(path, f"is none of {', '.join(sorted(known))}")

    return check


def boolean() -> Rule:
    """Accept true and false."""

    def check(path: str, value: object) -> None:
        if not isinstance(value, bool):
            raise RecordError(path, "is not true or false")

    return check


def or_none(rule: Rule) -> Rule:
    """Accept what `rule` accepts, and the word "none"."""

    def check(path: str, value: object) -> None:
        if value != "none":
            rule(path, value)

    return check


def record(required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None) -> Rule:
    """Accept objects with every required field, perhaps the optional ones, and no other."""
    rules = {**required, **(optional or {})}
    needed = frozenset(required)

    def check(path: str, value: object) -> None:
        fields = _object(path, value)
        for name in sorted(needed - fields.keys()):
            raise RecordError(_join(path, name), "is missing")
        for name, item in fields.items():
            rule = rules.get(name)
            if rule is None:
                raise RecordError(_join(path, name), "is not a field of this record")
            rule(_join(path, name), item)

    return check


def many(rule: Rule, limit: int) -> Rule:
    """Accept lists of at most `limit` values that `rule` accepts."""

    def check(path: str, value: object) -> None:
        if not isinstance(value, list):
            raise RecordError(path, "is not a list")
        items = cast("list[object]", value)
        if len(items) > limit:
            raise RecordError(path, f"has more than {limit} items")
        for index, item in enumerate(items):
            rule(f"{path}[{index}]", item)

    return check


def mapping(key: Rule, rule: Rule, limit: int) -> Rule:
    """Accept objects of at most `limit` fields whose names and values are accepted."""

    def check(path: str, value: object) -> None:
        fields = _object(path, value)
        if len(fields) > limit:
            raise RecordError(path, f"has more than {limit} fields")
        for name, item in fields.items():
            key(_join(path, name), name)
            rule(_join(path, name), item)

    return check


def _object(path: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise RecordError(path, "is not an object")
    return cast("dict[str, object]", value)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
