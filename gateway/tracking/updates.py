"""Executions and status changes, read from a broker's own durable sequence into the record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from gateway.domain.book import Book, BookError
from gateway.domain.execution import BrokerUpdate, Execution, StatusChange
from gateway.domain.halt import GLOBAL
from gateway.domain.order import Side
from gateway.ports import Broker, Draft, Journal, Ledger, Stops
from signing.lifecycle import State, allowed

PAGE: Final = 256
ANSWER_TIMEOUT_MS: Final = 30_000
_log = logging.getLogger(__name__)


class Tracker:
    """Pulls one broker's updates; the cursor advances in the transaction that records them.

    An update is recorded once: by the cursor, and by the uniqueness of the execution id. If we
    crash before the commit, the same updates are read again at the next start.
    """

    def __init__(
        self,
        broker: Broker,
        journal: Journal,
        ledger: Ledger,
        stops: Stops,
        answered: Callable[[str, int], Awaitable[object]],
    ) -> None:
        """``answered(order_id, timeout_ms)`` waits until a submission under way is recorded."""
        self._broker = broker
        self._journal = journal
        self._ledger = ledger
        self._stops = stops
        self._answered = answered
        self._turn = asyncio.Lock()

    async def pull(self) -> int:
        """Record everything new; returns how many updates were taken.

        An update for an order that the record does not know halts everything: somebody else
        trades through our account, or the record is not the one this account belongs to.
        """
        taken = 0
        async with self._turn:
            while True:
                cursor = await self._ledger.cursor(self._broker.name)
                updates = await self._broker.updates(cursor, PAGE)
                if not updates:
                    return taken
                for update in updates:
                    if not await self._ready(update):
                        return taken
                drafts = self._drafts(updates)
                await self._journal.record(drafts, cursors={self._broker.name: updates[-1].cursor})
                taken += len(updates)

    async def _ready(self, update: BrokerUpdate) -> bool:
        """Whether the update's order is in the book, its submission recorded."""
        client_id = update.event.broker_client_id
        order_id = self._journal.book.by_client_id.get(client_id)
        if order_id is None:
            _log.error("update %d of %s is for an unknown order", update.cursor, self._broker.name)
            await self._stops.halt(
                cause="UNKNOWN_EXECUTION", scope=GLOBAL, by="tracking", clear_by="operator"
            )
            return False
        await self._answered(order_id, ANSWER_TIMEOUT_MS)
        return True

    def _drafts(self, updates: list[BrokerUpdate]) -> list[Draft]:
        book = self._journal.book
        return [draft for update in updates if (draft := _draft(book, update.event)) is not None]


def _draft(book: Book, event: Execution | StatusChange) -> Draft | None:
    order = book.orders[book.by_client_id[event.broker_client_id]]
    if isinstance(event, Execution):
        return Draft("execution", _execution_payload(order.order_id, event))
    if order.status == event.status:
        return None  # it was settled as that before the broker's own word came
    if not allowed(order.status, State(event.status)):
        raise BookError(f"{event.status} of {order.order_id}, which is {order.status}")
    return Draft(
        "status",
        {
            "order_id": order.order_id,
            "broker_client_id": event.broker_client_id,
            "status": event.status,
            "code": event.code,
            "source": "broker",
        },
    )


def _execution_payload(order_id: str, fill: Execution) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "broker_client_id": fill.broker_client_id,
        "execution_id": fill.execution_id,
        "account": fill.account,
        "symbol": fill.symbol,
        "side": Side(fill.side).executed.value,
        "qty": fill.qty,
        "qty_decimals": fill.qty_decimals,
        "price": fill.price,
        "price_decimals": fill.price_decimals,
        "fee_micros": fill.fee_micros,
        "market_us": fill.market_us,
        "session": fill.session,
    }
