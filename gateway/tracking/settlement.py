"""Settlement of outcomes in doubt: ask the broker, never send again, never guess.

In doubt is an order whose submission ended *unknown*, and, after a restart, an allowed order
without any submission entry: the process died somewhere between the commit of the decision and
that of the answer. Both are first recorded as unknown; then the broker is asked by client id.

*Not found* is not *absent*: the broker has to say so again and again over a time in which it must
have heard of the order, nothing of it may have been executed, and its position must be ours. What
cannot be settled halts its account for a person, and goes on being asked for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Final

from gateway.domain.book import NONE, OrderState
from gateway.domain.errors import WritError
from gateway.domain.execution import BrokerOrderState, Submission
from gateway.domain.halt import Scope
from gateway.domain.replacements import restored
from gateway.ports import Broker, Clock, Draft, Journal, Stops
from signing.lifecycle import State

CHECKS: Final = 6
"""How often a broker must answer "not found" before an order counts as never arrived."""
PARTS: Final = 2 ** (CHECKS - 1) - 1
"""Of the time for it: the pauses before the second and later checks are 1, 2, 4, 8 and 16."""
PROMPT_MS: Final = 5_000
"""A broker that is settled with within this is waited for; any other in the background."""
ASKED_AT_ONCE: Final = 256
"""Orders whose fate is asked for side by side after a start."""
AGAIN_MS: Final = 30_000
"""Until an order that could not be settled is asked for again; doubled each time."""
AGAIN_MAX_MS: Final = 300_000
ASK_TIMEOUT_S: Final = 60
"""How long one question may take; after that it has no answer."""
UNSETTLED: Final = "UNSETTLED_ORDER"
"""Cause of the halt of an account that has an order nobody could settle."""
REASON: Final = "The outcome of a sent order is not known. It is never sent again: settle it."
_log = logging.getLogger(__name__)

Pull = Callable[[], Awaitable[int]]


class Settlement:
    """Settles one account's orders in doubt with its broker."""

    def __init__(
        self,
        account: str,
        broker: Broker,
        journal: Journal,
        stops: Stops,
        clock: Clock,
        settle_ms: int,
    ) -> None:
        """``settle_ms``: over how long an order must go on being unknown to count as absent."""
        self._account = account
        self._broker = broker
        self._journal = journal
        self._stops = stops
        self._clock = clock
        self._settle_ms = settle_ms
        self._under_way: dict[str, asyncio.Task[State]] = {}
        self._closed = False
        self.pull: Pull = _nothing_new
        """Records what the broker has told: executions first, then what follows from them."""

    async def settle_restart(self) -> int:
        """After a start: settle every order of the account that is in doubt; returns how many.

        Orders that the broker knows are adopted first; then its updates are pulled, so that
        positions are as recorded before an order that it does not know may count as absent.
        """
        doubtful = [
            order
            for order in self._journal.book.open_orders()
            if order.account == self._account and order.status in (State.CREATED, State.UNKNOWN)
        ]
        for order in doubtful:
            if order.status is State.CREATED:
                await self._journal.record([_unknown(order, self._broker.name)])
            known = await self._asked(order)
            if isinstance(known, BrokerOrderState):
                await self._take(order, known)
        await self.pull()
        unknown = self._unknown_now()
        for start in range(0, len(unknown), ASKED_AT_ONCE):
            batch = unknown[start : start + ASKED_AT_ONCE]
            await asyncio.gather(*(self.begin(order) for order in batch))
        return len(doubtful)

    async def begin(self, order: OrderState) -> None:
        """Settle an order; returns when it is settled, or at once where that takes its time."""
        task = self._under_way.get(order.order_id)
        if self._closed:
            return
        if task is None:
            task = asyncio.create_task(self.settle(order))
            self._under_way[order.order_id] = task
            task.add_done_callback(lambda done: self._ended(order.order_id, done))
        if self._settle_ms <= PROMPT_MS:
            await asyncio.wait([task])

    async def keep_asking(self) -> None:
        """For as long as the gateway runs: ask again for what could not be settled."""
        pause_ms = AGAIN_MS
        while True:
            await self._clock.sleep_ms(pause_ms)
            waiting = self._unknown_now()
            for order in waiting[:ASKED_AT_ONCE]:
                await self.begin(order)
            pause_ms = min(2 * pause_ms, AGAIN_MAX_MS) if waiting else AGAIN_MS

    async def close(self) -> None:
        """Stop asking; after the next start it is asked again."""
        self._closed = True
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def settle(self, order: OrderState) -> State:
        """Ask the broker until it is clear what became of the order, or call a person."""
        absences = 0
        for check in range(CHECKS):
            if check:
                await self._clock.sleep_ms(self._settle_ms * 2 ** (check - 1) // PARTS)
            now = self._now(order)
            if now.status is not State.UNKNOWN:
                return now.status  # an update, or a person, was faster
            known = await self._asked(now)
            if isinstance(known, BrokerOrderState):
                await self._take(now, known)
                await self._pulled()  # its fills and its end are told as updates
                return self._now(order).status
            absences += known is None  # a question without an answer is none
        absent = absences == CHECKS and await self._holds_as_recorded(order)
        now = self._now(order)
        if now.status is not State.UNKNOWN:
            return now.status  # a fill was told while positions were asked for
        if absent and not now.filled_qty:
            return await self._record(now, "absent", "NOT_FOUND")
        await self._stops.halt(
            cause=UNSETTLED,
            scope=Scope("account", self._account),
            by="settlement",
            clear_by="probe",
            reduce_allowed=True,
            reason=REASON,
        )
        return self._now(order).status

    async def settled(self, by: str, reason: str) -> None:
        """Lift the account's halt over unsettled orders, once there are none."""
        if not self._unknown_now():
            scope = Scope("account", self._account)
            await self._stops.recover(cause=UNSETTLED, scope=scope, by=by, reason=reason)

    def _ended(self, order_id: str, task: asyncio.Task[State]) -> None:
        self._under_way.pop(order_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("order %s could not be settled yet", order_id, exc_info=error)

    def _now(self, order: OrderState) -> OrderState:
        return self._journal.book.orders.get(order.order_id, order)

    def _unknown_now(self) -> list[OrderState]:
        return [
            order
            for order in self._journal.book.open_orders()
            if order.account == self._account and order.status is State.UNKNOWN
        ]

    async def _asked(self, order: OrderState) -> BrokerOrderState | Exception | None:
        """What the broker says of the order; an error is no answer, and never "not found"."""
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                return await self._broker.order(order.broker_client_id)
        except Exception as error:  # noqa: BLE001  whatever it is: it is asked again
            # Without the traceback: what a broker was asked with may be in its frames.
            _log.warning(
                "asking %s for %s failed (%s)",
                self._broker.name,
                order.order_id,
                type(error).__name__,
            )
            return error

    async def _take(self, order: OrderState, known: BrokerOrderState) -> None:
        """Record that the broker knows the order."""
        rejected = known.status == State.REJECTED.value
        outcome = "rejected" if rejected else "adopted"
        await self._record(order, outcome, "FOUND_BY_CLIENT_ID")

    async def _pulled(self) -> bool:
        try:
            await self.pull()
        except Exception as error:  # noqa: BLE001  who follows the broker asks again
            _log.warning("%s: no updates (%s)", self._broker.name, type(error).__name__)
            return False
        return True

    async def _holds_as_recorded(self, order: OrderState) -> bool:
        """Not found is not absent: nothing may be executed, and the positions must be equal."""
        if not await self._pulled() or self._now(order).filled_qty:
            return False
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                statement = await self._broker.statement(self._account)
        except Exception as error:  # noqa: BLE001  a report that fails proves nothing
            _log.warning(
                "asking %s for its positions failed (%s)", self._broker.name, type(error).__name__
            )
            return False
        theirs = statement.positions.get(order.symbol, (0, 0))
        ours = self._journal.book.account(self._account).positions.get(order.symbol, (0, 0))
        return theirs[0] * 10 ** ours[1] == ours[0] * 10 ** theirs[1]

    async def _record(self, order: OrderState, outcome: str, evidence: str) -> State:
        payload = {
            "order_id": order.order_id,
            "decision_id": order.decision_id,
            "broker_client_id": order.broker_client_id,
            "outcome": outcome,
            "evidence": evidence,
        }
        drafts = [Draft("settlement", payload)]
        if outcome != "adopted" and order.replaces != NONE:
            before = restored(self._journal.book, order, evidence, "settlement")
            drafts += [Draft("status", before)] if before else []
        await self._journal.record(drafts)
        try:
            await self.settled("settlement", "Every order of the account is settled.")
        except WritError:
            _log.exception("the halt of %s over unsettled orders stands yet", self._account)
        return self._now(order).status


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


async def _nothing_new() -> int:
    return 0
