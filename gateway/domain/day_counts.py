"""What the whole gateway has allowed to leave for a broker's venue in the UTC day.

A manifest caps a day's orders and their value. Counted are the orders that were allowed in PAPER
and in LIVE, from the log's entries alone, so that a book which is built anew counts the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

DAY_US: Final = 24 * 3_600 * 1_000_000


@dataclass(frozen=True, slots=True)
class DayTotals:
    """A day's orders and their value with one order more, it included.

    ``notional_micros`` is ``None`` where that order's own value is not known.
    """

    orders: int
    notional_micros: int | None


@dataclass(slots=True)
class DayCounts:
    """The newest day, and the orders that are supposed allowed within a turn.

    A wall clock that goes back makes things count for longer and never for less: an earlier day
    is taken for the newest one. An order whose value is not known adds an order and no value; only
    an exit can be allowed so.
    """

    day: int = 0
    """Days since 1970-01-01 UTC."""
    orders: int = 0
    notional_micros: int = 0
    supposed: dict[str, int] = field(default_factory=dict[str, int], compare=False)
    """order_id -> notional of an order of the turn under way; a few at most."""

    def order(self, wall_us: int, notional_micros: int | None) -> None:
        """Count an order that was allowed at this wall time, microseconds UTC."""
        day = wall_us // DAY_US
        if day > self.day:
            self.day, self.orders, self.notional_micros = day, 0, 0
        self.orders += 1
        self.notional_micros += notional_micros or 0

    def suppose(self, order_id: str, notional_micros: int | None) -> None:
        """Count an order as if it had been allowed, until :meth:`unsuppose`."""
        self.supposed[order_id] = notional_micros or 0

    def unsuppose(self, order_id: str) -> None:
        """Take a supposition back; one that never was is none."""
        self.supposed.pop(order_id, None)

    def with_one_more(self, wall_us: int, notional_micros: int | None) -> DayTotals:
        """What the day of this wall time would come to with another order."""
        begins = wall_us // DAY_US > self.day
        orders = (0 if begins else self.orders) + len(self.supposed) + 1
        if notional_micros is None:
            return DayTotals(orders, None)
        before = (0 if begins else self.notional_micros) + sum(self.supposed.values())
        return DayTotals(orders, before + notional_micros)
