"""Which alerts stand, each once: raised when it begins, resolved when it has been over for a while.

What is due is told anew at every look, so nothing has to remember to take an alert back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.telemetry.rules import RANK, Alert, Severity

CLEAR_AFTER_MS: Final = 15_000
"""How long an alert must be over before it is resolved: one that comes and goes is one."""
STANDING_MAX: Final = 256
"""Alerts that stand at once; of more the most severe are kept, and that is an alert itself."""
_NS_PER_MS: Final = 1_000_000
OVERFLOW: Final = Alert(
    "overflow",
    Severity.CRITICAL,
    "More alerts than can be told",
    f"More than {STANDING_MAX} alerts stand; the less severe are left out.",
)


@dataclass(slots=True)
class Standing:
    """An alert that stands; ``since_us`` is wall time, ``due_ns`` when it was last due."""

    alert: Alert
    since_us: int
    due_ns: int


class Alerts:
    """What stands. Belongs to one event loop."""

    def __init__(
        self,
        monotonic_ns: Callable[[], int],
        wall_us: Callable[[], int],
        clear_after_ms: int = CLEAR_AFTER_MS,
    ) -> None:
        """Begin with none."""
        self._monotonic_ns = monotonic_ns
        self._wall_us = wall_us
        self._clear_after_ns = clear_after_ms * _NS_PER_MS
        self._standing: dict[str, Standing] = {}

    def look(self, due: Sequence[Alert]) -> None:
        """Take what is due now; what has not been for a while stands no longer."""
        now_ns = self._monotonic_ns()
        for alert in _most_severe(due):
            held = self._standing.get(alert.key)
            since_us = held.since_us if held is not None else self._wall_us()
            self._standing[alert.key] = Standing(alert, since_us, now_ns)
        over = [
            key
            for key, held in self._standing.items()
            if now_ns - held.due_ns > self._clear_after_ns
        ]
        for key in over:
            del self._standing[key]

    def standing(self) -> list[Standing]:
        """What stands, the most severe first, and of those the oldest."""
        return sorted(
            self._standing.values(), key=lambda held: (RANK[held.alert.severity], held.since_us)
        )


def _most_severe(due: Sequence[Alert]) -> list[Alert]:
    if len(due) <= STANDING_MAX:
        return list(due)
    ranked = sorted(due, key=lambda alert: RANK[alert.severity])
    return [OVERFLOW, *ranked[: STANDING_MAX - 1]]
