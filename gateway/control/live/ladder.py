"""The five steps to LIVE, in their order: a pure machine over gates and what an Admin says.

A step is taken when its turn has come and its gates hold. Whatever was proven has to stay so: if
a gate of a step that was taken no longer holds, or another manifest stands, it begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from gateway.control.live.gates import CONFIRMATION, NAMES, Gate
from gateway.domain.book import NONE
from gateway.domain.errors import RefusedError
from gateway.domain.permission import Permission

CONFIGURATION: Final = "configuration"
ACKNOWLEDGEMENT: Final = "acknowledgement"
RISK: Final = "risk"
CREDENTIALS: Final = "credentials"
ENABLE: Final = "enable"
STEPS: Final = (CONFIGURATION, ACKNOWLEDGEMENT, RISK, CREDENTIALS, ENABLE)

STEP_GATES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        CONFIGURATION: ("enabled", "mode", "manifest", "release", "venue"),
        ACKNOWLEDGEMENT: (),
        RISK: ("store", "risk-engine", "halts"),
        CREDENTIALS: ("vault", "credentials", "clock"),
        ENABLE: tuple(name for name in NAMES if name != CONFIRMATION),
    }
)
"""What has to hold for a step to be taken, and from then on."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A step, who took it, and at which wall time."""

    step: str
    by: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The steps that were taken for one manifest."""

    manifest_digest: str = NONE
    taken: tuple[Taken, ...] = ()

    @property
    def next(self) -> str | None:
        """The step whose turn it is; ``None`` after the last one."""
        return STEPS[len(self.taken)] if len(self.taken) < len(STEPS) else None


def check_step(
    progress: Progress, step: str, said: str, gates: Sequence[Gate], permission: Permission | None
) -> None:
    """Refuse a step that may not be taken now.

    Args:
        progress: the steps so far.
        step: one of ``STEPS``; the first may be taken at any time, and begins anew.
        said: the manifest's digest at the first step, the acknowledgement's version at the
            second; nothing at the others.
        gates: as judged at this moment.
        permission: the manifest that stands at this moment.

    Raises:
        RefusedError: ``live-step-order``, ``live-gate-NAME``, ``live-manifest-other`` or
            ``live-acknowledgement-other``.
    """
    if step not in (CONFIGURATION, progress.next):
        raise RefusedError(
            "live-step-order", f"the turn is that of {progress.next}", "take the steps in order"
        )
    held = {gate.name: gate for gate in gates}
    for name in STEP_GATES[step]:
        if not held[name].holds:
            detail = f"the gate {name} does not hold: {held[name].missing}"
            raise RefusedError(f"live-gate-{name}", detail, held[name].remedy)
    if permission is None or (
        permission.digest != (said if step == CONFIGURATION else progress.manifest_digest)
    ):
        raise RefusedError(
            "live-manifest-other",
            "that is not the manifest which stands",
            "read the manifest, and begin with its digest",
        )
    version = permission.manifest.acknowledgement.version
    if step == ACKNOWLEDGEMENT and said != version:
        raise RefusedError(
            "live-acknowledgement-other",
            "that is not the version of the manifest's acknowledgement",
            "read the acknowledgement, and repeat its version",
        )


def after_step(progress: Progress, step: str, digest: str, by: str, at_us: int) -> Progress:
    """The steps once another one was taken; the first begins anew."""
    before = Progress(digest) if step == CONFIGURATION else progress
    return replace(before, taken=(*before.taken, Taken(step, by, at_us)))


def still(progress: Progress, gates: Sequence[Gate], permission: Permission | None) -> Progress:
    """What is left of the steps: all of them, or none."""
    if not progress.taken:
        return progress
    needed = {name for taken in progress.taken for name in STEP_GATES[taken.step]}
    lost = any(gate.name in needed and not gate.holds for gate in gates)
    if lost or permission is None or permission.digest != progress.manifest_digest:
        return Progress()
    return progress
