"""Holding a recorded decision against what its release says of its document now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.domain.decision import NO_VERDICT, EngineFailure, Verdict
from signing import canonical

NONE: Final = "none"
FACTS_ERROR: Final = "FACTS_ERROR"
"""A source of facts failed; the policy was asked all the same, and could only have denied."""

DIFF_ROWS_MAX: Final = 32

Outcome = dict[str, Any]
"""``{allow, verdict}`` of a decision, or ``{failure}`` where an engine gives no verdict."""


def denied_by_failure(payload: Mapping[str, Any]) -> bool:
    """Whether a decision is a denial because no verdict could be had: nothing to compare."""
    return payload["failure"] != NONE and payload["verdict"] == NO_VERDICT


def recorded(payload: Mapping[str, Any]) -> Outcome:
    """What a decision entry says; an engine that failed cannot have given its verdict."""
    said = {"allow": payload["allow"], "verdict": payload["verdict"]}
    failure = payload["failure"]
    return said if failure in {NONE, FACTS_ERROR} else said | {"failure": failure}


def outcome(answer: Verdict | EngineFailure, failure: str) -> Outcome:
    """What the gateway would record for this answer, under a failure that was not the engine's."""
    if isinstance(answer, EngineFailure):
        return {"failure": answer.code}
    return {"allow": answer.allow and failure == NONE, "verdict": answer.payload()}


def same(payload: Mapping[str, Any], now: Outcome) -> bool:
    """Whether both are the same bytes."""
    return canonical.encode(recorded(payload)) == canonical.encode(now)


def differences(was: Outcome, now: Outcome) -> list[dict[str, str]]:
    """What differs, a line for each: ``control`` (or the part), ``was`` and ``is``; bounded."""
    if "verdict" not in now:
        return [{"control": "verdict", "was": "recorded", "is": f"none: {now['failure']}"}]
    before, after = _lines(was), _lines(now)
    rows = [
        {"control": name, "was": before.get(name, "absent"), "is": after.get(name, "absent")}
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    if not rows:
        rows = [{"control": "order", "was": "listed otherwise", "is": "sorted, each once"}]
    return rows[:DIFF_ROWS_MAX]


def _lines(of: Outcome) -> dict[str, str]:
    verdict = of["verdict"]
    reasons = {reason["control"]: reason for reason in verdict["reasons"]}
    found = {"allow": str(of["allow"]).lower(), "verdict.allow": str(verdict["allow"]).lower()}
    if "failure" in of:
        found["failure"] = of["failure"]
    found |= {f"door.{name}": str(value) for name, value in verdict["door"].items()}
    for control in {*verdict["required"], *verdict["passed"], *reasons}:
        found[control] = _standing(control, verdict, reasons.get(control))
    return found


def _standing(control: str, verdict: Mapping[str, Any], reason: Mapping[str, Any] | None) -> str:
    parts = ["passed" if control in verdict["passed"] else "not proven"]
    if control not in verdict["required"]:
        parts.append("not required")
    if reason is not None:
        figures = [f"{name} {reason[name]}" for name in ("observed", "limit") if name in reason]
        parts.append("because " + (", ".join(figures) or "no figure was known"))
    return "; ".join(parts)
