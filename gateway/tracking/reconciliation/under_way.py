"""For how long orders have been on their way, or of unknown fate, when accounts are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from gateway.domain.book import OrderState
from signing.lifecycle import State

IN_DOUBT: Final = frozenset({State.CREATED, State.UNKNOWN})
"""Orders of which nobody knows whether the broker has them: settlement asks for those."""
UNDER_WAY: Final = IN_DOUBT | {State.SUBMITTED, State.PENDING_CANCEL, State.PENDING_REPLACE}
UNDER_WAY_MAX_MS: Final = 600_000
"""For how long such an order explains what differs; then that is reported, and not corrected."""
_NS_PER_MS: Final = 1_000_000


class UnderWay:
    """One account's orders whose positions may be either side's, as comparisons have seen them."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        """``now_ns``: a clock that never goes back."""
        self._now_ns = now_ns
        self._since_ns: dict[str, int] = {}

    def look(self, working: Iterable[OrderState]) -> tuple[frozenset[str], frozenset[str]]:
        """The symbols of such orders: those to wait for, and those that were waited for enough."""
        now_ns = self._now_ns()
        found = [order for order in working if order.status in UNDER_WAY or order.doubtful]
        self._since_ns = {
            each.order_id: self._since_ns.get(each.order_id, now_ns) for each in found
        }
        over_ns = now_ns - UNDER_WAY_MAX_MS * _NS_PER_MS
        unsure = frozenset(o.symbol for o in found if self._since_ns[o.order_id] <= over_ns)
        return frozenset(order.symbol for order in found) - unsure, unsure
