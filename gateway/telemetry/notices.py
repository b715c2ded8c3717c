"""What a channel is told, and how it says that it was not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.telemetry.rules import Severity


class What(StrEnum):
    """What a notice says of its alert."""

    RAISED = "raised"
    RESOLVED = "resolved"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Notice:
    """What a channel is told: that an alert stands since a wall time, or has ended.

    ``origin`` is the gateway's name: two gateways at one channel do not end each other's alerts.
    """

    what: What
    key: str
    severity: Severity
    title: str
    text: str
    origin: str
    since_us: int

    @property
    def dedup_key(self) -> str:
        """The same for an alert's beginning and its end, and for no other alert."""
        return f"{self.origin}:{self.key}"


class UnsentError(Exception):
    """A channel did not take a notice; ``code`` says why and holds nothing of the address."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
