"""The end of the day: what day orders have left over is cancelled shortly before the close.

A day order, and the rest of one that was filled in part, waits for liquidity until its session is
nearly over. Orders that stand longer (GTC, GTD) and those that may trade after the close are left
alone, and so are orders that are over at once (IOC, FOK). Whatever is still open at the close is
for the venue to end, which it tells as an expiry. Cancels that do not come true are asked for again
by ``gateway.tracking.cancels``.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from gateway.domain.book import Book, OrderState
from gateway.domain.market import US_PER_MS
from gateway.domain.order import TimeInForce
from gateway.ports import Clock
from signing.lifecycle import State

BY: Final = "end-of-day"
CAUSE: Final = "END_OF_DAY"
LOOK_EVERY_MS: Final = 5_000
"""How often day orders are looked at where market time is wall time."""

_IN_DOUBT: Final = frozenset({State.CREATED, State.UNKNOWN})

ClosesAt = Callable[[OrderState, int], int | None]
"""When the session ends in which a day order's day is over, as known at a market time; ``None``:
nobody knows, and then the venue ends it."""

_log = logging.getLogger(__name__)


class CancelsEach(Protocol):
    """Who cancels; ``gateway.tracking.cancels``."""

    def cancel_each(
        self, orders: Sequence[OrderState], by: str, cause: str
    ) -> Awaitable[Sequence[object]]:
        """Cancel orders; what the broker did not take is asked for again."""
        ...


class EndOfDay:
    """Cancels day orders ``before_ms`` milliseconds before their session's close.

    With ``before_ms`` of 0 it cancels none: they are left to the venue.
    """

    def __init__(
        self, book: Callable[[], Book], cancels: CancelsEach, closes_at: ClosesAt, before_ms: int
    ) -> None:
        """Wire the orders, who cancels them, and when their sessions end."""
        self._book = book
        self._cancels = cancels
        self._closes_at = closes_at
        self._before_us = before_ms * US_PER_MS
        self._unsure: set[str] = set()
        """Orders asked for of which nobody knows whether the broker has them."""

    async def look(self, market_us: int) -> int:
        """Cancel what is due as of a market time; returns how many orders were asked for."""
        due = [
            order
            for order, closes_us in self._days(market_us)
            if closes_us - self._before_us <= market_us < closes_us and self._to_be_asked(order)
        ]
        # A cancel moves no order that is in doubt: whoever asked once is not to ask at each look.
        self._unsure = {order.order_id for order in due if order.status in _IN_DOUBT} | {
            order_id for order_id in self._unsure if order_id in self._book().orders
        }
        if due:
            await self._cancels.cancel_each(due, BY, CAUSE)
        return len(due)

    def next_us(self, after_us: int, until_us: int) -> int | None:
        """The first instant of a span at which something is due; neither end is of the span.

        A market clock that is moved far at once has to stop there.
        """
        instants = (closes_us - self._before_us for _, closes_us in self._days(after_us))
        return min((at_us for at_us in instants if after_us < at_us < until_us), default=None)

    async def run(self, clock: Clock) -> None:
        """Look every few seconds, for as long as the gateway runs."""
        while True:
            await clock.sleep_ms(LOOK_EVERY_MS)
            try:
                await self.look(clock.market_us())
            except Exception:  # noqa: BLE001  the next look is a few seconds away
                _log.exception("the end of the day could not be looked at")

    def _to_be_asked(self, order: OrderState) -> bool:
        """Whether its cancel is not under way; one that the broker refused is asked for again."""
        if order.status in _IN_DOUBT:
            return order.order_id not in self._unsure
        return order.status is not State.PENDING_CANCEL

    def _days(self, market_us: int) -> list[tuple[OrderState, int]]:
        """Every open order that ends with its day, and when that ends."""
        if not self._before_us:
            return []
        return [
            (order, closes_us)
            for order in self._book().open_orders()
            if order.time_in_force == TimeInForce.DAY and not order.extended_hours
            if (closes_us := self._closes_at(order, market_us)) is not None
        ]
