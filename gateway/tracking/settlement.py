"""Settlement of outcomes in doubt: ask the broker, never send again, never guess.

In doubt is an order whose submission ended *unknown*, and, after a restart, an allowed order
without any submission entry: the process died somewhere between the commit of the decision and
that of the answer. Both are first recorded as unknown; then the broker is asked by client id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Final

from gateway.domain.book import NONE, OrderState
from gateway.domain.execution import BrokerOrderState, Submission
from gateway.domain.halt import Scope
from gateway.ports import Broker, Clock, Draft, Journal, Stops
from signing.lifecycle import State

CHECKS: Final = 4
"""How often a broker must answer "not found" before an order counts as never arrived."""
PAUSES_MS: Final = (0, 100, 400, 1_600)
"""Waits before each check."""
ASKED_AT_ONCE: Final = 256
"""Orders whose fate is asked for side by side after a start."""
_log = logging.getLogger(__name__)


class Settlement:
    """Settles one account's orders in doubt with its broker."""

    def __init__(self, broker: Broker, journal: Journal, stops: Stops, clock: Clock) -> None:
        """Wire the broker to ask and the record to write to."""
        self._broker = broker
        self._journal = journal
        self._stops = stops
        self._clock = clock

    async def settle_restart(self, account: str, pull: Callable[[], Awaitable[int]]) -> int:
        """After a start: settle every order of the account that is in doubt; returns how many.

        Orders that the broker knows are adopted first; then its updates are pulled, so that
        positions are as recorded before an order that it does not know may count as absent.
        """
        doubtful = [
            order
            for order in self._journal.book.open_orders()
            if order.account == account and order.status in (State.CREATED, State.UNKNOWN)
        ]
        for order in doubtful:
            if order.status is State.CREATED:
                await self._journal.record([_unknown(order, self._broker.name)])
            known = await self._broker.order(order.broker_client_id)
            if known is not None:
                await self._found(order, known)
        await pull()
        unknown = [
            now
            for order in doubtful
            if (now := self._journal.book.orders.get(order.order_id)) is not None
            and now.status is State.UNKNOWN
        ]
        # Side by side: each waits two seconds in all, and a kill under load may leave hundreds.
        for start in range(0, len(unknown), ASKED_AT_ONCE):
            batch = unknown[start : start + ASKED_AT_ONCE]
            await asyncio.gather(*(self.settle(order) for order in batch))
        return len(doubtful)

    async def settle(self, order: OrderState) -> State:
        """Ask the broker until it is clear what became of the order, or call a person."""
        for pause_ms in PAUSES_MS:
            await self._clock.sleep_ms(pause_ms)
            try:
                known = await self._broker.order(order.broker_client_id)
            except Exception:  # noqa: BLE001  an answer that fails is no answer: ask again, then halt
                _log.warning("asking %s for %s failed", self._broker.name, order.order_id)
                break
            if known is not None:
                return await self._found(order, known)
        else:
            if await self._holds_as_recorded(order):
                return await self._record(order, "absent", f"NOT_FOUND_{CHECKS}_CHECKS")
        await self._stops.halt(
            cause="UNSETTLED_ORDER",
            scope=Scope("account", order.account),
            by="settlement",
            clear_by="operator",
        )
        return State.UNKNOWN

    async def _found(self, order: OrderState, known: BrokerOrderState) -> State:
        rejected = known.status == State.REJECTED.value
        outcome = "rejected" if rejected else "adopted"
        return await self._record(order, outcome, "FOUND_BY_CLIENT_ID")

    async def _holds_as_recorded(self, order: OrderState) -> bool:
        """Not found is not absent: the broker's position must equal ours as well."""
        try:
            statement = await self._broker.statement(order.account)
        except Exception:  # noqa: BLE001  a report that fails proves nothing: a person is called
            _log.warning("asking %s for its positions failed", self._broker.name)
            return False
        theirs = statement.positions.get(order.symbol, (0, 0))[0]
        ours = self._journal.book.account(order.account).positions.get(order.symbol, (0, 0))[0]
        return theirs == ours

    async def _record(self, order: OrderState, outcome: str, evidence: str) -> State:
        payload = {
            "order_id": order.order_id,
            "decision_id": order.decision_id,
            "broker_client_id": order.broker_client_id,
            "outcome": outcome,
            "evidence": evidence,
        }
        await self._journal.record([Draft("settlement", payload)])
        return self._journal.book.orders[order.order_id].status


def _unknown(order: OrderState, broker: str) -> Draft:
    submission = Submission(
        decision_id=order.decision_id,
        order_id=order.order_id,
        broker_client_id=order.broker_client_id,
        broker=broker,
        outcome="unknown",
        code="IN_DOUBT_AT_RESTART",
        broker_order_id=NONE,
    )
    return Draft("submission", asdict(submission))
