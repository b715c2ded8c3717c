"""Counts over windows of time: exact while they are kept apart, and too high beyond a bound.

What a window holds is a function of what was counted, not of when somebody asked. Times are
integer microseconds; one that lies before the newest is taken for that, so that a clock that goes
back makes things count for longer and never for less.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

TIMES_MAX: Final = 65_536
"""Different times that one tally keeps; beyond it the oldest count for longer than they should."""
KEYS_MAX: Final = 131_072
"""Things that one window tells apart; beyond it nothing is known until the window has passed."""

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class Tally:
    """How often one thing happened, up to any time in a window."""

    times: list[int] = field(default_factory=list[int])
    """When it happened, ascending, each time once."""
    totals: list[int] = field(default_factory=list[int])
    """How often it had happened by then, ``before`` included."""
    before: int = 0
    """How often it had happened before the first of ``times``."""

    def add(self, at_us: int, window_us: int) -> None:
        """Count it once; what no window of that length can reach is forgotten."""
        total = self.totals[-1] if self.totals else self.before
        if self.times and at_us <= self.times[-1]:
            self.totals[-1] = total + 1
            return
        self.times.append(at_us)
        self.totals.append(total + 1)
        gone = bisect_right(self.times, at_us - window_us)
        if 2 * gone > len(self.times):  # only then, so that the moving costs little each time
            self.before = self.totals[gone - 1]
            del self.times[:gone], self.totals[:gone]
        if len(self.times) > TIMES_MAX:
            # Every second of the older half joins the time that follows it: it counts for longer.
            del self.times[: TIMES_MAX // 2 : 2], self.totals[: TIMES_MAX // 2 : 2]

    def since(self, after_us: int) -> int:
        """How often it happened after that time."""
        if not self.times:
            return 0
        reached = bisect_right(self.times, after_us)
        return self.totals[-1] - (self.totals[reached - 1] if reached else self.before)


@dataclass(slots=True)
class Window(Generic[K]):
    """Tallies of many things over one window, the longest untouched first."""

    window_us: int
    tallies: OrderedDict[K, Tally] = field(default_factory=OrderedDict[K, Tally])
    newest_us: int = 0
    forgotten_us: int | None = None
    """The newest time that had to be forgotten although the window reached it."""

    def add(self, key: K, at_us: int) -> None:
        """Count one; things that the window no longer reaches are forgotten."""
        self.newest_us = max(self.newest_us, at_us)
        self.tallies.setdefault(key, Tally()).add(self.newest_us, self.window_us)
        self.tallies.move_to_end(key)
        while True:
            oldest, tally = next(iter(self.tallies.items()))
            last_us = tally.times[-1]
            if last_us > self.newest_us - self.window_us:
                if len(self.tallies) <= KEYS_MAX:
                    return
                self.forgotten_us = last_us
            del self.tallies[oldest]

    def count(self, key: K, now_us: int, window_us: int | None = None) -> int | None:
        """How often it happened in the window that ends now.

        Args:
            key: the thing.
            now_us: the end, included; earlier than what was counted last is taken for that.
            window_us: a shorter window than the whole, its beginning not included.

        Returns:
            The count, or ``None`` while too many things have happened to tell.
        """
        after_us = max(now_us, self.newest_us) - (window_us or self.window_us)
        if self.forgotten_us is not None and self.forgotten_us > after_us:
            return None
        tally = self.tallies.get(key)
        return tally.since(after_us) if tally else 0

    def forget(self, key: K) -> None:
        """Begin anew for one thing."""
        self.tallies.pop(key, None)
