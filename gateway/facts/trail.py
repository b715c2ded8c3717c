"""Where pushed quotes have been: a little of each symbol's past, for limits that look back.

A quote is kept if it came at least :data:`STEP_US` after the one that is kept before it, or after
a silence, and only the newest :data:`KEPT_MAX` of a name. What came between moves the instant up
to which the kept one holds, so that the past is known for as long as the source spoke, each price
of it to within a step, and not known where it was silent.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from gateway.domain.fact import FactValue, Reading

STEP_US: Final = 10 * 1_000_000
KEPT_MAX: Final = 40
"""More than six minutes of a source that speaks all the time; the longest look back is five."""


@dataclass(slots=True)
class _Kept:
    value: FactValue
    since_us: int
    until_us: int
    source: str


class Trail:
    """The past of pushed facts by name, in market time; in memory, and gone with a restart."""

    def __init__(self) -> None:
        """Begin knowing nothing."""
        self._by_name: dict[str, deque[_Kept]] = {}

    def follow(self, name: str, reading: Reading, until_us: int) -> None:
        """Take what stands from now on, and up to ``until_us`` unless something follows it.

        Instants of a name ascend (:class:`gateway.facts.pushed.PushedFacts` holds that).
        """
        kept = self._by_name.setdefault(name, deque(maxlen=KEPT_MAX))
        since_us = reading.at_us
        if kept and since_us <= kept[-1].until_us:
            spoken = since_us < kept[-1].since_us + STEP_US and reading.source == kept[-1].source
            kept[-1].until_us = until_us if spoken else since_us - 1
            if spoken:
                return
        kept.append(_Kept(reading.value, since_us, until_us, reading.source))

    def end(self, name: str, at_us: int) -> None:
        """Nothing of that name is known from ``at_us`` on, until something new is."""
        kept = self._by_name.get(name)
        if kept:
            kept[-1].until_us = min(kept[-1].until_us, at_us - 1)

    def forget(self, name: str) -> None:
        """Drop a name with all its past."""
        self._by_name.pop(name, None)

    def reading(self, name: str, at_us: int) -> Reading | None:
        """What stood at an instant of the past; ``None`` when nothing did, or it is forgotten."""
        for one in reversed(self._by_name.get(name, ())):
            if one.since_us <= at_us:
                known = at_us <= one.until_us
                return Reading(one.value, one.since_us, one.source) if known else None
        return None
