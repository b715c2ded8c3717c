"""One past decision under a candidate release: the same, flipped, or not to be decided.

The candidate is given the facts as they were recorded. A control that it lets fail only because
a fact was never recorded says nothing about the order: such a decision is set apart, never
counted as a denial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from gateway.domain.decision import EngineFailure, Verdict
from gateway.policy.catalogue import Catalogue

ALLOW_TO_DENY: Final = "allow-to-deny"
DENY_TO_ALLOW: Final = "deny-to-allow"
SAME: Final = "same"
OTHERWISE: Final = "denied-otherwise"
"""Denied in both, by other controls."""
UNDECIDABLE: Final = "undecidable"
OUTCOMES: Final = (SAME, OTHERWISE, ALLOW_TO_DENY, DENY_TO_ALLOW, UNDECIDABLE)

SHAPE: Final = "INP-01"
"""The control over the document's own form."""

BROUGHT: Final = frozenset({"override", "provenance", "replaced"})
"""Sections that an order brings along: where a document lacks one, the order had none."""

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the candidate makes of one decision.

    ``controls`` are those that the outcome is owed to: that now fail, or that had failed.
    ``facts`` are paths of the document that were not recorded.
    """

    outcome: str
    controls: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


def judge(
    payload: Payload, document: Payload, answer: Verdict | EngineFailure, candidate: Catalogue
) -> Judged:
    """Compare a recorded decision with the candidate's answer to its document."""
    if isinstance(answer, EngineFailure):
        return Judged(UNDECIDABLE, (answer.code,))
    recorded = payload["verdict"]
    denied_by = set(recorded["required"]) - set(recorded["passed"])
    if answer.allow:
        if payload["allow"]:
            return Judged(SAME)
        was = sorted(denied_by) or [str(payload["failure"])]
        return Judged(DENY_TO_ALLOW, tuple(was))
    failing = set(answer.required) - set(answer.passed)
    if not failing:  # everything is proven and the door lets nothing out
        failing = {"door"}
    unknown = {c: _unrecorded(c, document, denied_by, candidate) for c in failing}
    told = tuple(sorted(control for control, facts in unknown.items() if not facts))
    if not told:
        facts = {fact for missing in unknown.values() for fact in missing}
        return Judged(UNDECIDABLE, tuple(sorted(failing)), tuple(sorted(facts)))
    if payload["allow"]:
        return Judged(ALLOW_TO_DENY, told)
    return Judged(SAME if failing == denied_by else OTHERWISE, told)


def _unrecorded(
    control: str, document: Payload, denied_by: set[str], candidate: Catalogue
) -> list[str]:
    """The facts that a failing control reads and the document lacks, if that is all it is.

    A control that had failed when the order was decided, failed for what was known then. What an
    order did not bring along is known too: there was none.
    """
    if control in denied_by:
        return []
    if control == SHAPE:  # the document was in order for its own release: its form has changed
        return ["v"]
    text = candidate.controls.get(control)
    if text is None:
        return []
    return [
        fact
        for fact in text.facts
        if fact.partition(".")[0] not in BROUGHT and not _there(document, fact)
    ]


def _there(document: Payload, fact: str) -> bool:
    *sections, name = fact.split(".")
    node = document
    for section in sections:
        inner = node.get(section)
        if not isinstance(inner, dict):
            return False
        node = cast("Payload", inner)
    return name in node
