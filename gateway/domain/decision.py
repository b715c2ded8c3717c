"""What an engine answers, and the decision that is signed of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.domain.halt import HaltTrigger


@dataclass(frozen=True, slots=True)
class Reason:
    """One control that could not be proven: codes and integers, no text."""

    control: str
    observed: int | None
    limit: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The engine's answer for one document, strictly decoded and sorted.

    ``door`` holds the thresholds that the gate compares just before sending.
    """

    allow: bool
    required: tuple[str, ...]
    passed: tuple[str, ...]
    reasons: tuple[Reason, ...]
    door: Mapping[str, int]

    def payload(self) -> dict[str, Any]:
        """The verdict as decision entries carry it; numbers that are not known are left out."""
        return {
            "allow": self.allow,
            "required": list(self.required),
            "passed": list(self.passed),
            "reasons": [
                {"control": r.control}
                | ({} if r.observed is None else {"observed": r.observed})
                | ({} if r.limit is None else {"limit": r.limit})
                for r in self.reasons
            ],
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
