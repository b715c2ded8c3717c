"""Which kind of world a seed makes: when it begins, and what it leaves to chance."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from simulation.life import CANCEL_BEFORE_MS, DAY
from simulation.times import Calendar, local_us

SECOND_US: Final = 1_000_000
EVENINGS: Final = 6
"""One world in so many begins shortly before the close."""
SHUFFLED: Final = 3
"""In one of so many, what is ready at the same time runs in any order."""
POLLS_MS: Final = (500, 1_000, 2_000)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of world."""

    calendar: Calendar
    start_us: int
    night: bool
    """Whether it goes on in the next morning."""
    night_us: int
    """After this instant people go home."""
    shuffled: bool
    poll_ms: int


def kind_of(seed: int) -> Kind:
    """The kind of a seed's world."""
    random = Random(f"{seed}/kind")
    night = random.randrange(EVENINGS) == 0
    calendar = Calendar(frozenset({DAY}) if night and random.randrange(2) else frozenset())
    closes_us = calendar.session(DAY).closes_us
    before_us = CANCEL_BEFORE_MS * 1_000 + random.randint(12, 25) * SECOND_US
    return Kind(
        calendar=calendar,
        start_us=closes_us - before_us if night else local_us(DAY, 10, 0),
        night=night,
        night_us=closes_us + random.randint(0, 8) * SECOND_US,
        shuffled=random.randrange(SHUFFLED) == 0,
        poll_ms=random.choice(POLLS_MS),
    )
