"""Corrections that a broker tells before the trade that they correct: held aside for a while.

The trade may still be under way; when it comes, what was held is entered behind it. If it does not,
the broker is asked: where it counts as much of the order as filled as the record does, the record
has come to the same without either of them. Otherwise the correction is an anomaly.

Nothing of this is on the record meanwhile. The place that is durably read to stays before the
oldest that is held, so that a gateway that dies reads it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.domain.execution import BrokerUpdate, TradeCorrection

HELD_MS: Final = 120_000
"""How long the trade may take to come; reconciliation has time to infer it, or to take it back."""
HELD_MAX: Final = 64
"""Corrections that one broker's tracker holds; any more is an anomaly at once."""
_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class _Held:
    event: TradeCorrection
    cursor: int
    since_ns: int


class Early:
    """What one broker told too early."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        """``now_ns``: a clock that never goes back."""
        self._now_ns = now_ns
        self._held: list[_Held] = []

    def waiting(self) -> list[TradeCorrection]:
        """Everything that is held, as it was told."""
        return [held.event for held in self._held]

    def overdue(self) -> list[TradeCorrection]:
        """What has been held for its time."""
        over_ns = self._now_ns() - HELD_MS * _NS_PER_MS
        return [held.event for held in self._held if held.since_ns <= over_ns]

    @property
    def room(self) -> int:
        """How many more can be held."""
        return HELD_MAX - len(self._held)

    def cursor(self, read_to: int) -> int:
        """The place that may be durable once everything up to ``read_to`` was read."""
        return min([read_to, *(held.cursor - 1 for held in self._held)])

    def after(self, updates: Sequence[BrokerUpdate], waiting: Iterable[TradeCorrection]) -> Early:
        """What is held after a page: of what was held before and of the page, what is ``waiting``.

        A copy, to be kept when what else the page came to is durable.
        """
        left, now_ns = list(waiting), self._now_ns()
        told = [
            _Held(each.event, each.cursor, now_ns)
            for each in updates
            if isinstance(each.event, TradeCorrection) and each.event in left
        ]
        kept = Early(self._now_ns)
        for held in [*self._held, *told]:
            if held.event in left:
                kept._held.append(held)
                left.remove(held.event)
        return kept
