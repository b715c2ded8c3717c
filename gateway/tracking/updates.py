"""Executions and status changes, read from a broker's own durable sequence into the record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.domain.book import NONE, Payload
from gateway.domain.execution import BrokerUpdate, StatusChange, TradeCorrection
from gateway.domain.halt import Scope
from gateway.ports import Broker, Draft, Fill, Journal, Ledger, Stops
from gateway.tracking.early import Early
from gateway.tracking.told import CORRECTED_US, Page, Recorded, Taken, alive
from signing.lifecycle import TERMINAL

PAGE: Final = 256
ANSWER_TIMEOUT_MS: Final = 30_000
UPDATES_TIMEOUT_S: Final = 180
"""How long a broker may take to tell what is new: it may have to ask its venue many questions."""
BY: Final = "tracking"
UNKNOWN_EXECUTION: Final = "UNKNOWN_EXECUTION"
"""Cause of the halt of an account in which something was executed that the book does not know;
it ends when reconciliation has made the account's positions right."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """Who is told what updates mean beyond their entries."""

    answered: Callable[[str, int], Awaitable[object]]
    """``answered(order_id, timeout_ms)`` waits until a submission under way is recorded."""
    drifted: Callable[[str], object]
    """An account, once it is durable that something about it has to be looked at."""
    withdraw: Callable[[str], Awaitable[object]]
    """An order that works at the broker and must not: cancels it."""
    rejected: Callable[[str, str], Awaitable[object]]
    """order_id and code of an order that the broker refused after it had taken it."""


class Tracker:
    """Pulls one broker's updates; the cursor advances in the transaction that records them.

    An update is recorded once: by the cursor, and by the uniqueness of the execution id. If we
    crash before the commit, the same updates are read again at the next start. None of them keeps
    those after it waiting: what cannot be true is recorded as an anomaly.
    """

    def __init__(
        self,
        broker: Broker,
        accounts: Sequence[str],
        journal: Journal,
        ledger: Ledger,
        stops: Stops,
        heard: Heard,
        now_ns: Callable[[], int],
    ) -> None:
        """``accounts`` are those that the broker holds, ``now_ns`` a clock that never goes back."""
        self._broker = broker
        self._account = accounts[0] if len(accounts) == 1 else NONE
        self._accounts = tuple(accounts)
        self._journal = journal
        self._ledger = ledger
        self._stops = stops
        self._heard = heard
        self._turn = asyncio.Lock()
        self._read_to = 0
        self._early = Early(now_ns)

    async def pull(self) -> int:
        """Record everything new; returns how many updates were taken.

        Raises:
            UnavailableError, TimeoutError: the broker or the ledger did not answer; nothing is
                lost.
        """
        taken = 0
        async with self._turn:
            while True:
                cursor = max(self._read_to, await self._ledger.cursor(self._broker.name))
                async with asyncio.timeout(UPDATES_TIMEOUT_S):
                    updates = await self._broker.updates(cursor, PAGE)
                if not updates:
                    await self._give_up()
                    return taken
                await self._take(updates)
                taken += len(updates)

    async def alive(self, order_id: str) -> None:
        """Question an order that is over for us and works at the broker, and have it cancelled."""
        order = self._journal.book.orders[order_id]
        await self._journal.record([alive(order, self._broker.name)])
        await self._withdraw(order_id)

    async def _take(self, updates: Sequence[BrokerUpdate]) -> None:
        for update in updates:
            order_id = self._journal.book.by_client_id.get(update.event.broker_client_id)
            if order_id is not None:
                await self._heard.answered(order_id, ANSWER_TIMEOUT_MS)
        recorded = await self._recorded(updates)
        # A commit that failed has left a book that knows more than the log: read against that,
        # an execution would be its own duplicate.
        await self._journal.repair()
        # Nothing is awaited from here to the record: the book is the one that was read against.
        page = self._page(recorded)
        for update in updates:
            page.read(update.event)
        await self._enter(page, self._early.after(updates, page.taken.early), updates[-1].cursor)

    def _page(self, recorded: Recorded) -> Page:
        return Page(
            self._journal.book,
            recorded,
            broker=self._broker.name,
            account=self._account,
            early=self._early.waiting(),
            room=self._early.room,
        )

    async def _enter(self, page: Page, early: Early, read_to: int) -> None:
        """Record what a page came to, with the place that is read to."""
        cursors = {self._broker.name: early.cursor(read_to)}
        committed = self._journal.record(page.taken.drafts, cursors=cursors)
        try:
            await self._stop(page.taken)
        finally:
            await committed
        self._early, self._read_to = early, read_to
        await self._tell(page.taken)

    async def _give_up(self) -> None:
        """Wait no longer for trades whose time is over: the broker's own count decides."""
        overdue = self._early.overdue()
        if not overdue:
            return
        counted: dict[str, int | None] = {}
        for client_id in sorted({event.broker_client_id for event in overdue}):
            try:
                counted[client_id] = await self._counted(client_id)
            except Exception as error:  # noqa: BLE001  it waits on, and is asked for by the next pull
                _log.warning("asking for %s failed (%s)", client_id, type(error).__name__)
                return
        await self._journal.repair()
        page, book = self._page(Recorded()), self._journal.book
        for event in overdue:
            order = book.orders.get(book.by_client_id.get(event.broker_client_id, NONE))
            if order is not None and order.filled_qty == counted[event.broker_client_id]:
                _log.warning(
                    "%s of %s is on the record already", event.execution_id, order.order_id
                )
                page.taken.early.remove(event)
            else:
                page.give_up(event)
        await self._enter(page, self._early.after((), page.taken.early), self._read_to)

    async def _counted(self, client_id: str) -> int | None:
        """How much of an order the broker counts as filled; ``None``: it knows no such order."""
        async with asyncio.timeout(UPDATES_TIMEOUT_S):
            found = await self._broker.order(client_id)
        return None if found is None else found.filled_qty

    async def _recorded(self, updates: Sequence[BrokerUpdate]) -> Recorded:
        """What the log holds of what is told; each is one row by its key."""
        events = [update.event for update in updates]
        told = {
            (event.broker_client_id, event.execution_id)
            for event in events
            if not isinstance(event, StatusChange)
        }
        corrected = {e.broker_client_id for e in events if isinstance(e, TradeCorrection)}
        known = self._journal.book.by_client_id
        strange = {e.broker_client_id for e in events if isinstance(e, StatusChange)} - known.keys()
        found = await asyncio.gather(*(self._ledger.trade(*key) for key in sorted(told)))
        standing: dict[tuple[str, str], Payload] = {}
        for client_id in sorted(corrected):
            standing |= _standing(client_id, await self._ledger.trades(client_id))
        closed: set[str] = set()
        for client_id in sorted(strange):
            order = await self._ledger.order_of(client_id)
            closed |= {client_id} if order is not None and order.status in TERMINAL else set()
        trades = {
            key: trade.payload
            for key, trade in zip(sorted(told), found, strict=True)
            if trade is not None
        }
        return Recorded(trades, standing, frozenset(closed))

    async def _stop(self, taken: Taken) -> None:
        """Take no new risk where something was executed that the book does not know."""
        for account in sorted(taken.strange):
            _log.error("an execution in %s is of no order of ours", account)
            await self._stops.halt(
                cause=UNKNOWN_EXECUTION,
                scope=Scope("account", account),
                by=BY,
                clear_by="probe",
                reduce_allowed=True,
            )

    async def _tell(self, taken: Taken) -> None:
        for draft in taken.drafts:
            _log_anomaly(draft)
        for order_id, code in taken.rejected:
            await self._heard.rejected(order_id, code)
        for order_id in taken.withdraw:
            await self._withdraw(order_id)
        drifted = taken.drifted | taken.strange
        for account in sorted(self._accounts if NONE in drifted else drifted):
            self._heard.drifted(account)

    async def _withdraw(self, order_id: str) -> None:
        try:
            await self._heard.withdraw(order_id)
        except Exception:  # noqa: BLE001  the anomaly stands, and its order is asked for again
            _log.exception("order %s works at %s and must not", order_id, self._broker.name)


def _standing(client_id: str, trades: Sequence[Fill]) -> dict[tuple[str, str], Payload]:
    """Each trade of an order as its corrections have left it."""
    found: dict[tuple[str, str], Payload] = {}
    for payload in (trade.payload for trade in trades):
        if "of_execution_id" not in payload:
            found[client_id, payload["execution_id"]] = payload
            continue
        key = (client_id, payload["of_execution_id"])
        found[key] = dict(found[key]) | {
            "qty": payload["qty_after"],
            "price": payload["price_after"],
            "fee_micros": found[key]["fee_micros"] + payload["fee_change_micros"],
            CORRECTED_US: payload["market_us"],
        }
    return found


def _log_anomaly(draft: Draft) -> None:
    if draft.kind == "anomaly":
        told = draft.payload
        _log.error(
            "anomaly %s of order %s, told by %s", told["code"], told["order_id"], told["broker"]
        )
