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
_FIGURES: Final = ("observed", "limit", "source")

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
    figures = {one["control"]: one for one in (*verdict["reasons"], *verdict["proofs"])}
    found = {"allow": str(of["allow"]).lower(), "verdict.allow": str(verdict["allow"]).lower()}
    if "failure" in of:
        found["failure"] = of["failure"]
    found |= {f"door.{name}": str(value) for name, value in verdict["door"].items()}
    for control in {*verdict["required"], *verdict["passed"], *figures}:
        found[control] = _standing(control, verdict, figures.get(control))
    found |= {f"halt.{halt['cause']}": str(halt["scope"]) for halt in verdict["halts"]}
    return found


def _standing(control: str, verdict: Mapping[str, Any], figures: Mapping[str, Any] | None) -> str:
    parts = ["passed" if control in verdict["passed"] else "not proven"]
    if control not in verdict["required"]:
        parts.append("not required")
    if figures is not None:
        known = [f"{name} {figures[name]}" for name in _FIGURES if name in figures]
        parts.append("because " + (", ".join(known) or "no figure was known"))
    return "; ".join(parts)
