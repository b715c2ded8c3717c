"""Strict reading of what an engine answers: what does not fit exactly is a failure, not a verdict.

An answer is trusted only where it agrees with itself: ``allow`` is true exactly where everything
required has passed, and each control that has not passed has one reason. Sets arrive in any
order and leave sorted.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, cast

from gateway.domain.decision import EngineFailure, HaltTriggers, Reason, Verdict
from gateway.domain.halt import HaltTrigger, Scope
from gateway.domain.quantities import in_bounds

ENGINE_ERROR: Final = EngineFailure("ENGINE_ERROR")
ENGINE_TIMEOUT: Final = EngineFailure("ENGINE_TIMEOUT")
ENGINE_UNDEFINED: Final = EngineFailure("ENGINE_UNDEFINED")
ENGINE_MALFORMED: Final = EngineFailure("ENGINE_MALFORMED")
ENGINE_UNREACHABLE: Final = EngineFailure("ENGINE_UNREACHABLE")
ENGINE_REVISION: Final = EngineFailure("ENGINE_REVISION")
ENGINE_VERSION: Final = EngineFailure("ENGINE_VERSION")

_CONTROL: Final = re.compile(r"[A-Z][A-Z0-9]{1,15}-[0-9]{1,4}")
_CAUSE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,63}")
_NAME: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")
_SCOPES: Final = frozenset({"account", "symbol", "strategy"})
_VERDICT_FIELDS: Final = frozenset(
    {"allow", "required", "passed", "reasons", "proofs", "halts", "door"}
)
_DOOR_FIELDS: Final = frozenset(
    {"approval_age_max_ms", "close_buffer_min_ms", "quote_age_max_ms", "spread_max_bps"}
)
_FIGURES: Final = frozenset({"observed", "limit"})
_CONTROL_FIELD: Final = frozenset({"control"})
_SOURCES: Final = frozenset({"global", "account", "strategy", "symbol", "caps", "manifest"})
_FIGURES_AND_SOURCE: Final = _FIGURES | {"source"}
_VERDICT_HALTS_MAX: Final = 16


class _MalformedError(Exception):
    """An answer does not fit; never leaves this module."""


def verdicts(answer: object, count: int) -> list[Verdict | EngineFailure]:
    """Read the answer to ``count`` documents, in order.

    An answer that is no array of ``count`` elements is a failure for each document: nothing
    tells which verdict belongs to which. A malformed element fails for itself.
    """
    if not isinstance(answer, list):
        return [ENGINE_MALFORMED] * count
    elements = cast("list[object]", answer)
    if len(elements) != count:
        return [ENGINE_MALFORMED] * count
    return [verdict(element) for element in elements]


def verdict(element: object) -> Verdict | EngineFailure:
    """Read one element of the answer; ``ENGINE_MALFORMED`` if it does not fit exactly."""
    try:
        return _verdict(element)
    except _MalformedError:
        return ENGINE_MALFORMED


def halts(answer: object) -> HaltTriggers:
    """Read the halts that are due, sorted; ``ENGINE_MALFORMED`` if any part does not fit."""
    try:
        return _halts(answer)
    except _MalformedError:
        return ENGINE_MALFORMED


def _verdict(element: object) -> Verdict:
    fields = _object(element, _VERDICT_FIELDS)
    allow = fields["allow"]
    if not isinstance(allow, bool):
        raise _MalformedError
    required = _controls(fields["required"])
    passed = _controls(fields["passed"])
    reasons, proofs = _reasons(fields["reasons"]), _reasons(fields["proofs"])
    halts = _halts(fields["halts"])
    door = _door(fields["door"])
    proven_ones = frozenset(passed)
    missing = tuple(control for control in required if control not in proven_ones)
    proven = bool(required) and not missing and min(door.values()) > 0
    if (
        allow != proven
        or not proven_ones <= frozenset(required)
        or tuple(reason.control for reason in reasons) != missing
        or tuple(proof.control for proof in proofs) != passed
        or (allow and halts)
        or len(halts) > _VERDICT_HALTS_MAX
    ):
        raise _MalformedError
    return Verdict(allow, required, passed, reasons, proofs, tuple(halts), MappingProxyType(door))


def _door(value: object) -> dict[str, int]:
    fields = _object(value, _DOOR_FIELDS)
    door = {name: _integer(threshold) for name, threshold in sorted(fields.items())}
    if min(door.values()) < 0:
        raise _MalformedError
    return door


def _controls(value: object) -> tuple[str, ...]:
    found = _array(value)
    if not all(isinstance(item, str) for item in found):
        raise _MalformedError
    return _control_list(tuple(cast("list[str]", found)))


@lru_cache(maxsize=1_024)  # verdicts name the same few sets of controls again and again
def _control_list(found: tuple[str, ...]) -> tuple[str, ...]:
    """The names sorted; raises what they raise where one is malformed or stands twice."""
    controls = {_text(item, _CONTROL) for item in found}
    if len(controls) != len(found):
        raise _MalformedError
    return tuple(sorted(controls))


def _reasons(value: object) -> tuple[Reason, ...]:
    return tuple(sorted(map(_reason, _array(value)), key=lambda reason: reason.control))


def _reason(value: object) -> Reason:
    fields = _object(value, _CONTROL_FIELD, _FIGURES_AND_SOURCE)
    source = fields.get("source")
    # A limit says where it comes from, and nothing else does.
    if ("limit" in fields) != (isinstance(source, str) and source in _SOURCES):
        raise _MalformedError
    if "limit" not in fields and "source" in fields:
        raise _MalformedError
    return Reason(
        _text(fields["control"], _CONTROL),
        _figure(fields, "observed"),
        _figure(fields, "limit"),
        source,
    )


def _halts(value: object) -> list[HaltTrigger]:
    found = [_halt(element) for element in _array(value)]
    return sorted(found, key=lambda halt: (halt.cause, halt.scope.kind, halt.scope.name))


def _halt(value: object) -> HaltTrigger:
    fields = _object(value, frozenset({"cause", "scope"}), _FIGURES)
    scope = _object(fields["scope"], frozenset({"kind", "name"}))
    if scope["kind"] == "global" and scope["name"] == "*":
        where = Scope("global", "*")
    elif isinstance(scope["kind"], str) and scope["kind"] in _SCOPES:
        where = Scope(scope["kind"], _text(scope["name"], _NAME))
    else:
        raise _MalformedError
    return HaltTrigger(
        _text(fields["cause"], _CAUSE),
        where,
        _figure(fields, "observed"),
        _figure(fields, "limit"),
    )


def _figure(fields: dict[str, Any], name: str) -> int | None:
    return _integer(fields[name]) if name in fields else None


def _integer(value: object) -> int:
    # bool is a subclass of int, and 1.0 is equal to 1: only the type tells them apart.
    if type(value) is not int or not in_bounds(value):
        raise _MalformedError
    return value


def _text(value: object, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise _MalformedError
    return value


def _array(value: object) -> list[object]:
    if not isinstance(value, list):
        raise _MalformedError
    return cast("list[object]", value)


def _object(
    value: object, required: frozenset[str], optional: frozenset[str] = frozenset()
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _MalformedError
    fields = cast("dict[str, Any]", value)
    if frozenset(fields) - optional != required:
        raise _MalformedError
    return fields
