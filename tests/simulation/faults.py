"""What goes wrong in a world, by kind, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

VENUE_FAULTS: Final[Mapping[str, int]] = {
    "slow request": 90,
    "slow answer": 60,
    "lost request": 90,
    "lost answer": 120,
    "broken answer": 80,
    "rejected": 60,
    "no funds": 20,
    "rejected late": 50,
    "too many requests": 30,
    "shows up late": 100,
    "lost cancel": 150,
    "cancel refused": 80,
    "replace refused": 80,
    "fill beside cancel": 200,
    "late update": 120,
    "very late update": 40,
    "lost update": 20,
    "update twice": 100,
    "updates reordered": 100,
    "failed report": 40,
    "confused reports": 60,
}
"""Of the broker and the way to it: in a thousand of the occasions for each."""

STRANGE_FAULTS: Final[Mapping[str, int]] = {
    "order of somebody else": 12,
    "trade busted": 12,
    "trade corrected": 12,
    "broker down": 4,
}
"""What the broker comes up with by itself: in a thousand events."""

MACHINE_FAULTS: Final[Mapping[str, int]] = {
    "slow disk": 20,
    "disk hangs": 1,
    "crash": 25,
    "clock jump": 15,
}
"""Of the gateway's machine: in a thousand pieces of work on its disk, or in a thousand events."""

FAULTS: Final[Mapping[str, int]] = {**VENUE_FAULTS, **STRANGE_FAULTS, **MACHINE_FAULTS}
