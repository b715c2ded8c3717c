"""Cancels: taking risk off waits for nothing, not even for the record (law 3's one exception)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import Final

from gateway.domain.activity import REQUESTED
from gateway.domain.book import BookError, OrderState
from gateway.domain.errors import NotFoundError, RefusedError, WritError
from gateway.domain.halt import Scope
from gateway.ports import Clock, Committed, Door, Draft, Journal
from signing.lifecycle import State

CANCEL_TIMEOUT_S: Final = 30
CANCELS_AT_ONCE: Final = 16
BY: Final = "tracking"
"""Who cancels what was asked for while the order was on its way."""
_log = logging.getLogger(__name__)


class Cancels:
    """Cancels working orders through the gate's second door."""

    def __init__(self, journal: Journal, door: Door, clock: Clock) -> None:
        """Wire the record, the gate and the clock."""
        self._journal = journal
        self._door = door
        self._clock = clock
        self._wanted: set[str] = set()
        """Orders whose cancel was asked for before the broker is known to have them."""

    async def cancel(self, order_id: str, by: str, cause: str = REQUESTED) -> OrderState:
        """Ask the broker to cancel an order; the result arrives as an update.

        Raises:
            NotFoundError: no open order by that id.
            RefusedError: the order cannot be cancelled any more.
        """
        order = self._journal.book.orders.get(order_id)
        if order is None:
            raise NotFoundError("order-not-open", "no open order has that id", "list open orders")
        if not order.reserves:
            raise RefusedError(
                "order-closed", f"order {order_id} is {order.status}", "nothing is left to cancel"
            )
        await self._cancel(order, by, cause)
        return self._journal.book.orders.get(order_id, order)

    async def cancel_all(self, by: str, cause: str, scope: Scope) -> int:
        """Cancel every open order in the scope; returns how many were asked for.

        One broker failing does not keep the others' orders alive; what could not be cancelled
        stays open and is reported in the log of the process.
        """
        working = self._journal.book.open_orders()
        self._wanted &= {order.order_id for order in working}
        orders = [
            order
            for order in working
            if scope.covers(order.account, order.symbol, order.strategy_id)
        ]
        await self._cancel_each(orders, by, cause)
        return len(orders)

    async def take_up(self) -> None:
        """After a start: ask again for every cancel that stands.

        The process may have died between recording a halt or a cancel and asking the broker.
        """
        orders = [
            order
            for order in self._journal.book.open_orders()
            if order.status is State.PENDING_CANCEL or self._to_be_cancelled(order)
        ]
        await self._cancel_each(orders, BY, "TAKEN_UP_AT_START")

    async def sweep(self, order_id: str) -> None:
        """Cancel an order that was on its way when its cancel or a cancelling halt came.

        That round found nothing at the broker yet, and the gate had compared before it.
        """
        wanted = order_id in self._wanted
        self._wanted.discard(order_id)
        order = self._journal.book.orders.get(order_id)
        if order is None or not order.reserves:
            return
        if wanted or self._to_be_cancelled(order):
            await self._cancel(order, BY, "WANTED_BEFORE_SENT" if wanted else "HALTED")

    def _to_be_cancelled(self, order: OrderState) -> bool:
        """Whether a cancelling halt covers the order, and it is none that the halt lets through."""
        book, attributes = self._journal.book, (order.account, order.symbol, order.strategy_id)
        if order.order_id in book.exits and book.exit_allowed(*attributes, self._clock.wall_us()):
            return False
        return any(halt.cancels and halt.scope.covers(*attributes) for halt in book.halts.values())

    async def _cancel_each(self, orders: Sequence[OrderState], by: str, cause: str) -> None:
        """Cancel some at a time.

        A thousand entries at once would keep the denials that a halt brings waiting behind them.
        """
        for order in orders:
            self._want(order)
        slots = asyncio.Semaphore(CANCELS_AT_ONCE)

        async def cancel(before: OrderState) -> None:
            async with slots:
                order = self._journal.book.orders.get(before.order_id, before)
                # An order that is not submitted may not even be durable: a cancel of an order that
                # never comes to be would make the log unreadable. The sweep records it, if it does.
                if order.reserves:
                    on_record = order.status is not State.CREATED
                    await self._cancel(order, by, cause, on_record=on_record)

        results = await asyncio.gather(*map(cancel, orders), return_exceptions=True)
        for order, result in zip(orders, results, strict=True):
            if isinstance(result, BaseException):
                _log.error("cancel of %s failed", order.order_id, exc_info=result)

    def _want(self, order: OrderState) -> None:
        """Remember a cancel that may come before the order is at the broker."""
        if order.status in (State.CREATED, State.UNKNOWN):
            self._wanted.add(order.order_id)

    async def _cancel(
        self, order: OrderState, by: str, cause: str, *, on_record: bool = True
    ) -> None:
        self._want(order)
        recorded = self._record(order, by, cause) if on_record else None
        async with asyncio.timeout(CANCEL_TIMEOUT_S):
            await self._door.cancel(order.account, order.broker_client_id)
            if recorded is not None:
                await _noted(recorded)

    def _record(self, order: OrderState, by: str, cause: str) -> Awaitable[Committed] | None:
        if order.status is State.PENDING_CANCEL and cause != REQUESTED:
            # Asked for already; the broker is asked again all the same. A caller who does so has
            # sent one message more, and that is counted.
            return None
        payload = {
            "order_id": order.order_id,
            "broker_client_id": order.broker_client_id,
            "by": by,
            "cause": cause,
            "market_us": self._clock.market_us(),
        }
        try:
            return self._journal.record([Draft("cancel", payload)], owed=True)
        except BookError:
            _log.exception("cancel of %s does not fit the record", order.order_id)
            return None


async def _noted(recorded: Awaitable[Committed]) -> None:
    try:
        await recorded
    except WritError:
        _log.exception("a cancel could not be recorded yet; it is entered afterwards")
