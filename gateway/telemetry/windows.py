"""Shares over a sliding window: how many of the latest happenings were bad. Integers, bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WINDOW_S: Final = 300
"""How far back a share looks: five minutes."""
SLOT_S: Final = 5
"""What is counted together: a window has so many slots that its memory is bounded."""
_NS_PER_S: Final = 1_000_000_000


@dataclass(slots=True)
class _Slot:
    number: int
    bad: int = 0
    all: int = 0


class Share:
    """Of all happenings of the last five minutes, those that were bad."""

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        """Begin with none; ``monotonic_ns`` tells the time."""
        self._monotonic_ns = monotonic_ns
        self._slots: deque[_Slot] = deque(maxlen=WINDOW_S // SLOT_S)

    def add(self, *, bad: bool) -> None:
        """Count one that happened now."""
        number = self._now()
        if not self._slots or self._slots[-1].number != number:
            self._slots.append(_Slot(number))
        slot = self._slots[-1]
        slot.all += 1
        slot.bad += bad

    def counts(self) -> tuple[int, int]:
        """The bad ones and all of them."""
        oldest = self._now() - WINDOW_S // SLOT_S
        recent = [slot for slot in self._slots if slot.number > oldest]
        return sum(slot.bad for slot in recent), sum(slot.all for slot in recent)

    def _now(self) -> int:
        return self._monotonic_ns() // (SLOT_S * _NS_PER_S)
