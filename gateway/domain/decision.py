"""What an engine answers, and the decision that is signed of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.domain.halt import HaltTrigger


@dataclass(frozen=True, slots=True)
class Reason:
    """The integers behind one control, proven or not; no text.

    ``source`` says which table the limit comes from: global, account, strategy, symbol or caps;
    or that it is the manifest's.
    """

    control: str
    observed: int | None
    limit: int | None
    source: str | None = None

    def payload(self) -> dict[str, Any]:
        """As decision entries carry it; what is not known is left out."""
        fields = (("observed", self.observed), ("limit", self.limit), ("source", self.source))
        return {"control": self.control} | {k: v for k, v in fields if v is not None}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The engine's answer for one document, strictly decoded and sorted.

    ``reasons`` are those of the controls that were not proven, ``proofs`` of those that were.
    ``halts`` are asked for by controls that latch. ``door`` holds the thresholds that the gate
    compares just before sending.
    """

    allow: bool
    required: tuple[str, ...]
    passed: tuple[str, ...]
    reasons: tuple[Reason, ...]
    proofs: tuple[Reason, ...]
    halts: tuple[HaltTrigger, ...]
    door: Mapping[str, int]

    def payload(self) -> dict[str, Any]:
        """The verdict as decision entries carry it."""
        return {
            "allow": self.allow,
            "required": list(self.required),
            "passed": list(self.passed),
            "reasons": [reason.payload() for reason in self.reasons],
            "proofs": [proof.payload() for proof in self.proofs],
            "halts": [halt.payload() for halt in self.halts],
            "door": dict(self.door),
        }


@dataclass(frozen=True, slots=True)
class EngineFailure:
    """No verdict could be had; ``code`` is recorded in the signed denial.

    Codes: ENGINE_TIMEOUT, ENGINE_ERROR, ENGINE_UNDEFINED, ENGINE_MALFORMED and, of an engine
    outside this process, ENGINE_UNREACHABLE, ENGINE_REVISION, ENGINE_VERSION.
    """

    code: str


HaltTriggers = list[HaltTrigger] | EngineFailure
"""The answer to the second query of a release."""

NO_VERDICT: Final[Mapping[str, Any]] = {
    "allow": False,
    "required": [],
    "passed": [],
    "reasons": [],
    "proofs": [],
    "halts": [],
    "door": {},
}
"""What stands in a decision where no verdict could be had; a verdict always has a door."""
