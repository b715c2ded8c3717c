"""Cancels: taking risk off waits for nothing, not even for the record (law 3's one exception)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.domain.activity import REQUESTED
from gateway.domain.book import NONE, BookError, OrderState
from gateway.domain.errors import NotFoundError, RefusedError, UnavailableError, WritError
from gateway.domain.execution import OutcomeUnknownError
from gateway.domain.halt import GLOBAL, Scope
from gateway.ports import Clock, Committed, Door, Draft, Journal
from gateway.tracking.outstanding import Outstanding, OutstandingCancels
from signing.lifecycle import State

CANCEL_TIMEOUT_S: Final = 30
CANCELS_AT_ONCE: Final = 16
BY: Final = "tracking"
"""Who cancels what was asked for while the order was on its way, and asks again."""

TIMEOUT: Final = "BROKER_TIMEOUT"
FAILED: Final = "CANCEL_FAILED"
OVER: Final = "ORDER_CLOSED"
WITH_REPLACED: Final = "WITH_REPLACED"
"""Cause of the cancel of an order that was about to take the place of one being cancelled."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CancelOutcome:
    """What became of asking for one cancel: ``code`` is ``none`` if the broker took it.

    Otherwise it says why not; it is asked again by itself. ``ORDER_CLOSED``: there was nothing
    left to cancel when its turn came.
    """

    order_id: str
    code: str


class Cancels:
    """Cancels working orders through the gate's second door."""

    def __init__(self, journal: Journal, door: Door, clock: Clock) -> None:
        """Wire the record, the gate and the clock."""
        self._journal = journal
        self._door = door
        self._clock = clock
        self._wanted = OutstandingCancels(lambda: journal.book.orders, self._demanded, clock)
        self._some = asyncio.Event()
        """Set when one may have to be asked for again: until then :meth:`run` rests."""
        self._unentered: set[str] = set()
        """Orders of which a cancel is owed to the record already: one is enough."""

    async def cancel(self, order_id: str, by: str, cause: str = REQUESTED) -> OrderState:
        """Ask the broker to cancel an order; the result arrives as an update.

        An order that is about to take its place is cancelled with it.

        Raises:
            NotFoundError: no open order by that id.
            RefusedError: the order cannot be cancelled any more.
            UnavailableError: ``cancel-untaken``: the broker did not take it yet; it is asked again.
        """
        order = self._journal.book.orders.get(order_id)
        if order is None:
            raise NotFoundError("order-not-open", "no open order has that id", "list open orders")
        if not order.reserves:
            raise RefusedError(
                "order-closed", f"order {order_id} is {order.status}", "nothing is left to cancel"
            )
        followers = self._followers([order])
        outcome, *_ = await asyncio.gather(
            self._cancel(order, by, cause), self.cancel_each(followers, by, WITH_REPLACED)
        )
        if outcome != NONE:
            raise UnavailableError(
                "cancel-untaken",
                f"the broker did not take the cancel yet ({outcome})",
                "it is asked again by itself: look at the order",
            )
        return self._journal.book.orders.get(order_id, order)

    async def cancel_all(self, by: str, cause: str, scope: Scope) -> int:
        """Cancel every open order in the scope; returns how many were asked for.

        One broker failing does not keep the others' orders alive; what could not be cancelled
        stays :meth:`outstanding`, and is asked for again.
        """

        def covered(order: OrderState) -> bool:
            return scope.covers(order.account, order.symbol, order.strategy_id)

        return len(await self.cancel_where(covered, by, cause))

    async def cancel_where(
        self, wanted: Callable[[OrderState], bool], by: str, cause: str
    ) -> list[CancelOutcome]:
        """Cancel every open order of a kind, as :meth:`cancel_each`."""
        return await self.cancel_each(
            list(filter(wanted, self._journal.book.open_orders())), by, cause
        )

    async def cancel_each(
        self, orders: Sequence[OrderState], by: str, cause: str
    ) -> list[CancelOutcome]:
        """Cancel orders, and those that are about to take their place, some at a time.

        A thousand entries at once would keep the denials that a halt brings waiting behind them.
        """
        causes = [(order, cause) for order in orders]
        causes += [(order, WITH_REPLACED) for order in self._followers(orders)]
        for order, why in causes:
            self._wanted.want(order.order_id, by, why)
        slots = asyncio.Semaphore(CANCELS_AT_ONCE)

        async def cancel(before: OrderState, why: str) -> CancelOutcome:
            async with slots:
                order = self._journal.book.orders.get(before.order_id, before)
                if not order.reserves:
                    return CancelOutcome(order.order_id, OVER)
                # An order that is not submitted may not even be durable: a cancel of an order that
                # never comes to be would make the log unreadable. The sweep records it, if it does.
                on_record = order.status is not State.CREATED
                code = await self._ask(order, by, why, on_record=on_record)
                return CancelOutcome(order.order_id, code)

        return list(await asyncio.gather(*(cancel(order, why) for order, why in causes)))

    def outstanding(self, scope: Scope = GLOBAL) -> list[Outstanding]:
        """The open orders whose cancel was asked for and has not come true yet."""
        return self._wanted.standing(scope)

    async def run(self) -> None:
        """Ask again for what has not come true, for as long as the gateway runs."""
        while True:
            await self._some.wait()
            pause_ms = self._wanted.pause_ms()
            if pause_ms is None:
                self._some.clear()
                continue
            await self._clock.sleep_ms(pause_ms)
            try:
                await self._ask_again()
            except Exception:  # noqa: BLE001  whatever failed, the next round asks again
                _log.exception("cancels could not be asked for again")

    async def _ask_again(self) -> None:
        slots = asyncio.Semaphore(CANCELS_AT_ONCE)

        async def ask(order: OrderState) -> None:
            async with slots:
                await self._ask(order, BY, "ASKED_AGAIN")

        await asyncio.gather(*map(ask, self._wanted.due()))

    async def take_up(self) -> None:
        """After a start: ask again for every cancel that stands.

        The process may have died between recording a halt or a cancel and asking the broker.
        """
        orders = [
            order
            for order in self._journal.book.open_orders()
            if order.status is State.PENDING_CANCEL or self._demanded(order)
        ]
        await self.cancel_each(orders, BY, "TAKEN_UP_AT_START")

    async def sweep(self, order_id: str) -> None:
        """Cancel an order that was on its way when its cancel or a cancelling halt came.

        That round found nothing at the broker yet, and the gate had compared before it.
        """
        order = self._journal.book.orders.get(order_id)
        if order is None or not order.reserves:
            return
        wanted = order_id in self._wanted
        if wanted or self._demanded(order):
            await self._ask(order, BY, "WANTED_BEFORE_SENT" if wanted else "HALTED")

    def _demanded(self, order: OrderState) -> bool:
        """Whether a cancelling halt covers the order, and it is none that the halt lets through."""
        book, attributes = self._journal.book, (order.account, order.symbol, order.strategy_id)
        if order.order_id in book.exits and book.exit_allowed(*attributes, self._clock.wall_us()):
            return False
        return any(halt.cancels and halt.scope.covers(*attributes) for halt in book.halts.values())

    def _followers(self, orders: Sequence[OrderState]) -> list[OrderState]:
        """The open orders that are about to take the place of these and are not among them.

        Whoever withdraws an order withdraws what is about to take its place: the broker may have
        replaced it already.
        """
        known, book = {order.order_id for order in orders}, self._journal.book
        found = [
            book.orders.get(order.replaced_by)
            for order in orders
            if order.status is State.PENDING_REPLACE and order.replaced_by not in known
        ]
        return [order for order in found if order is not None and order.reserves]

    async def _cancel(self, order: OrderState, by: str, cause: str) -> str:
        self._wanted.want(order.order_id, by, cause)
        return await self._ask(order, by, cause)

    async def _ask(self, order: OrderState, by: str, cause: str, *, on_record: bool = True) -> str:
        """Ask the broker, and have that recorded; why it did not take it, or ``none``."""
        self._wanted.asking(order.order_id, by, cause)
        recorded = self._record(order, by, cause) if on_record else None
        code = await self._through_the_door(order)
        self._wanted.answered(order.order_id, code)
        self._some.set()
        if recorded is not None:
            await self._noted(order.order_id, recorded)
        return code

    async def _through_the_door(self, order: OrderState) -> str:
        try:
            async with asyncio.timeout(CANCEL_TIMEOUT_S):
                await self._door.cancel(order.account, order.broker_client_id)
        except TimeoutError:
            code = TIMEOUT
        except OutcomeUnknownError as error:
            code = error.code
        except Exception:  # noqa: BLE001  one order must not keep the others alive
            _log.exception("cancel of %s failed", order.order_id)
            return FAILED
        else:
            return NONE
        _log.warning("the broker did not take the cancel of %s: %s", order.order_id, code)
        return code

    def _record(self, order: OrderState, by: str, cause: str) -> Awaitable[Committed] | None:
        if order.status is State.PENDING_CANCEL and cause != REQUESTED:
            # Asked for already; the broker is asked again all the same. A caller who does so has
            # sent one message more, and that is counted.
            return None
        if order.order_id in self._unentered:
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

    async def _noted(self, order_id: str, recorded: Awaitable[Committed]) -> None:
        """Wait for the entry; it is under way, and stands however long the disk takes."""
        entry = asyncio.ensure_future(recorded)
        await asyncio.wait([entry], timeout=CANCEL_TIMEOUT_S)
        if not entry.done():
            _log.warning("the cancel of %s is not on disk yet", order_id)
            return
        try:
            entry.result()
        except WritError:
            self._unentered.add(order_id)
            _log.exception("a cancel could not be recorded yet; it is entered afterwards")
        else:
            self._unentered.clear()  # the ledger takes entries, and those that were owed with them
