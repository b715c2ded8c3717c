"""Why an order was allowed or denied, in words: codes from the record, texts from the catalogue.

The record holds no text, so that what was signed never depends on wording; here each reason gets
its control's title, remedy and regulation, and each failure to get a verdict its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, Field

from gateway.domain.decision import Reason, Verdict
from gateway.policy.catalogue import Catalogue

_FAILURES: Final[Mapping[str, tuple[str, str]]] = {
    "ENGINE_TIMEOUT": ("The policy engine took too long", "Repeat the order with a new key."),
    "ENGINE_ERROR": ("The policy engine failed", "Tell the operator; see the gateway's log."),
    "ENGINE_UNDEFINED": ("The release has no answer", "Tell the policy's owner."),
    "ENGINE_MALFORMED": ("The release's answer cannot be read", "Tell the policy's owner."),
    "ENGINE_UNREACHABLE": (
        "The policy engine cannot be reached",
        "Tell the operator: writ doctor.",
    ),
    "ENGINE_REVISION": ("The policy engine has another release", "Tell the operator: writ doctor."),
    "ENGINE_VERSION": ("The policy engine has another version", "Tell the operator: writ doctor."),
    "FACTS_ERROR": ("The facts could not be gathered", "Tell the operator; see the log."),
    "HALTED": (
        "A halt came while the order waited to be decided",
        "Wait until a named person has lifted it: GET /v1/halts.",
    ),
}
_UNLISTED_REMEDY: Final = "The catalogue does not list it: ask the policy's owner."


class ReasonAnswer(BaseModel):
    """One control in a decision: whether it was proven, and the integers behind that.

    ``observed`` and ``limit`` are integers in ``unit``: micros of the base currency, bps (1/100
    of a percent), ms, e8 and e4 (that many decimals), count, and price at the order's price scale.
    Either is null when not known.
    """

    control: str
    title: str
    passed: bool
    observed: int | None
    limit: int | None
    unit: str | None
    limit_name: str | None = Field(description="the signed limit that was compared")
    source: str | None = Field(
        description="its table (global, account, strategy, symbol, caps) or the manifest"
    )
    remedy: str
    regulation: list[str]
    fix103: int | None = Field(description="the FIX order rejection reason (OrdRejReason, 103)")


class FailureAnswer(BaseModel):
    """Why there is no verdict; the order was denied for that."""

    code: str
    title: str
    remedy: str


def reasons(
    found: Sequence[Reason], catalogue: Catalogue, *, passed: bool = False
) -> list[ReasonAnswer]:
    """Each reason with its control's texts; an unlisted control is shown by its code alone."""
    return [_reason(reason, catalogue, passed=passed) for reason in found]


def controls(verdict: Verdict, catalogue: Catalogue) -> list[ReasonAnswer]:
    """Every required control: those that were not proven first."""
    return reasons(verdict.reasons, catalogue) + reasons(verdict.proofs, catalogue, passed=True)


def recorded_controls(payload: Mapping[str, Any], catalogue: Catalogue) -> list[ReasonAnswer]:
    """As :func:`controls`, from a decision entry's fields."""
    proofs = _recorded(payload["verdict"]["proofs"])
    return recorded_reasons(payload, catalogue) + reasons(proofs, catalogue, passed=True)


def recorded_reasons(payload: Mapping[str, Any], catalogue: Catalogue) -> list[ReasonAnswer]:
    """As :func:`reasons`, from a decision entry's fields."""
    return reasons(_recorded(payload["verdict"]["reasons"]), catalogue)


def _recorded(figures: Sequence[Mapping[str, Any]]) -> list[Reason]:
    return [
        Reason(f["control"], f.get("observed"), f.get("limit"), f.get("source")) for f in figures
    ]


def failure(code: str) -> FailureAnswer | None:
    """What a decision's ``failure`` code means; ``None`` for ``none``."""
    if code == "none":
        return None
    title, remedy = _FAILURES.get(code, ("No verdict could be had", "Tell the operator."))
    return FailureAnswer(code=code, title=title, remedy=remedy)


def summary(found: Sequence[ReasonAnswer], failed: FailureAnswer | None) -> str:
    """One sentence about a denial."""
    if failed is not None:
        return f"denied: {failed.title[0].lower()}{failed.title[1:]}"
    return "denied by " + ", ".join(f"{r.control} ({r.title})" for r in found)


def _reason(reason: Reason, catalogue: Catalogue, *, passed: bool) -> ReasonAnswer:
    text = catalogue.controls.get(reason.control)
    name = text.limits[0] if text and text.limits else None
    return ReasonAnswer(
        control=reason.control,
        title=text.title if text else reason.control,
        passed=passed,
        observed=reason.observed,
        limit=reason.limit,
        unit=text.unit if text and text.unit != "none" else None,
        limit_name=name,
        source=reason.source,
        remedy=text.remedy if text else _UNLISTED_REMEDY,
        regulation=list(text.regulation) if text else [],
        fix103=text.fix103 if text else None,
    )
