"""The four modes of the gateway."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Mode(StrEnum):
    """RESEARCH decides and records and forwards nothing; the other three forward."""

    RESEARCH = "RESEARCH"
    SIMULATION = "SIMULATION"
    PAPER = "PAPER"
    LIVE = "LIVE"

    @property
    def forwards(self) -> bool:
        """Whether an allowed order is sent to a broker in this mode."""
        return self is not Mode.RESEARCH

    def exceeds(self, other: Mode) -> bool:
        """Whether this mode does more than another one; they stand in that order above."""
        order = list(Mode)
        return order.index(self) > order.index(other)


OUTSIDE: Final = frozenset({Mode.PAPER, Mode.LIVE})
"""The modes in which orders leave the gateway, and which need a manifest."""
