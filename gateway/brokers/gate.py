"""The gate: the only door to a broker.

What comes in is bytes. They are verified as a permit, compared with the state of this moment,
and then exactly the order of the permit's own document goes out, once. Nothing here decides:
the gate only compares, and whatever it cannot compare it refuses.

If we crash after an order was marked as spent and before the submission is recorded, the order
is in doubt: at the next start it is settled by asking the broker, never sent again.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from gateway.brokers.last_look import Thresholds, market_refusal
from gateway.brokers.permitted import Permitted, Replaced, UnreadablePermitError, read_permit
from gateway.domain.book import Book, OrderState
from gateway.domain.errors import NotFoundError, PermitRefusedError
from gateway.domain.execution import (
    SPENT,
    Accepted,
    NotSentError,
    OutcomeUnknownError,
    Rejected,
    Submission,
)
from gateway.domain.order import BrokerOrder
from gateway.domain.permission import Route
from gateway.ports import Broker, Clock, MarketReading, Permits
from signing.keys import Vkey
from signing.lifecycle import State
from signing.receipt import ReceiptError, verify

NONE: Final = "none"
SPENT_MAX: Final = 65_536
"""Decisions remembered as spent before those are forgotten that the book knows as sent."""

_NS_PER_MS: Final = 1_000_000
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")
_BROKER_ORDER_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of sending: the part of a submission that only the broker can tell."""

    outcome: str
    code: str = NONE
    broker_order_id: str = NONE


class Gate:
    """Implements :class:`gateway.ports.Door`; one per process."""

    def __init__(
        self,
        brokers: Mapping[str, Broker],
        vkey: Vkey,
        clock: Clock,
        book: Callable[[], Book],
        market: Callable[[], MarketReading],
        timeout_ms: int,
        routes: Mapping[str, Route],
        permits: Permits,
    ) -> None:
        """Wire the door.

        Args:
            brokers: account alias -> the broker that holds the account.
            vkey: the log's key, which must have signed a permit's checkpoint.
            clock: monotonic time for the age of approvals and for time-outs.
            book: the state as of now.
            market: the market as of now; where nothing is known of it, nothing is sent.
            timeout_ms: how long a broker may take to answer.
            routes: account alias -> where its orders go, fixed when its broker was opened.
            permits: what officers and an Admin permit as of now.
        """
        self._brokers = dict(brokers)
        self._vkey = vkey
        self._clock = clock
        self._book = book
        self._market = market
        self._timeout_ms = timeout_ms
        self._routes = dict(routes)
        self._permits = permits
        self._spent: dict[str, str] = {}
        """decision_id -> order_id of every permit that came through the door."""

    async def forward(self, permit: bytes, approved_ns: int) -> Submission:
        """Send the order of a permit, once, unless something now stands against it.

        ``approved_ns`` is the monotonic time of the verdict. The submission says ``refused`` if
        nothing was sent, with one of the codes GATE_SPENT, GATE_DOCUMENT, GATE_MODE,
        GATE_OMEGA4, GATE_HALTED, GATE_DOUBT, GATE_RELEASE, GATE_NO_BROKER, GATE_VENUE,
        GATE_MANIFEST, GATE_LIVE, GATE_REPLACED, GATE_DOOR_MISSING, GATE_APPROVAL_AGE,
        GATE_MARKET_CLOSED, GATE_QUOTE_AGE and GATE_SPREAD, or the adapter's own where it has proof
        that nothing left; ``unknown`` if it may have been sent. It is never sent again: not here,
        and not by another call with the same permit. A decision whose permit was refused as
        GATE_SPENT has another submission already; it belongs to settlement.

        Raises:
            PermitRefusedError: ``permit-invalid``: not a verifiable permit; nothing was sent.
        """
        permitted = self._open(permit)
        if isinstance(permitted, Submission):
            return permitted
        refusal = self._refusal(permitted, approved_ns)
        if refusal is not None:
            return self._submission(permitted, _Answer("refused", refusal))
        return self._submission(permitted, await self._send(permitted))

    async def cancel(self, account: str, broker_client_id: str) -> None:
        """Ask a broker to cancel: no permit, whatever the mode, a halt or the log say.

        Raises:
            NotFoundError: ``broker-missing``: no broker holds the account.
            OutcomeUnknownError: the broker did not take the request in time, or failed.
        """
        broker = self._brokers.get(account)
        if broker is None:
            raise NotFoundError(
                "broker-missing",
                f"no broker holds account {account}",
                "name a configured account",
            )
        task = await self._within_timeout(lambda: broker.cancel(broker_client_id))
        if task is None:
            raise OutcomeUnknownError("GATE_TIMEOUT")
        if task.cancelled() or task.exception() is not None:
            raise OutcomeUnknownError(_failure_code(task))

    def _open(self, data: bytes) -> Permitted | Submission:
        """Verify the bytes and mark the decision as spent, before anything else is looked at."""
        try:
            permit = verify(data, self._vkey)
        except ReceiptError as error:
            raise PermitRefusedError(
                "permit-invalid",
                f"the bytes are not a permit ({error.code})",
                "only a decision in this log that allows opens the gate",
            ) from error
        decision = permit.decision
        order_id = str(decision["order_id"])
        spent = permit.decision_id in self._spent
        self._remember(permit.decision_id, order_id)
        known = self._book().orders.get(order_id)
        code = SPENT
        if not spent and known is not None and known.status is State.CREATED:
            try:
                return read_permit(permit)
            except UnreadablePermitError:
                code = "GATE_DOCUMENT"
        # The book's word is the durable mark: after a restart it alone knows what was sent.
        return Submission(
            decision_id=permit.decision_id,
            order_id=order_id,
            broker_client_id=permit.broker_client_id,
            broker=self._broker_name(str(decision["account"])),
            outcome="refused",
            code=code,
            broker_order_id=NONE,
        )

    def _remember(self, decision_id: str, order_id: str) -> None:
        if len(self._spent) >= SPENT_MAX:
            orders = self._book().orders
            self._spent = {
                decision: order
                for decision, order in self._spent.items()
                if order in orders and orders[order].status is State.CREATED
            }
        self._spent[decision_id] = order_id

    def _refusal(self, permitted: Permitted, approved_ns: int) -> str | None:
        """The first comparison that fails, or ``None``."""
        book, order = self._book(), permitted.order
        comparisons = (
            ("GATE_MODE", permitted.mode == book.mode and book.mode.forwards),
            ("GATE_OMEGA4", book.omega4_lifted(self._clock.wall_us())),
            ("GATE_HALTED", self._passes_halts(permitted)),
            ("GATE_DOUBT", self._rests_on_no_guess(permitted)),
            ("GATE_RELEASE", permitted.release_digest == book.release_digest),
            ("GATE_NO_BROKER", order.account in self._brokers),
        )
        refusal = next((code for code, holds in comparisons if not holds), None)
        refusal = refusal or self._not_permitted(permitted)
        if refusal is not None:
            return refusal
        replaced = permitted.replaced
        if replaced is not None and self._replaced(permitted, replaced) is None:
            return "GATE_REPLACED"
        if permitted.thresholds is None:
            return "GATE_DOOR_MISSING"
        return self._too_late(order, permitted.thresholds, approved_ns)

    def _not_permitted(self, permitted: Permitted) -> str | None:
        """Whether officers have ended meanwhile what they permitted, or LIVE has closed."""
        order = permitted.order
        route = self._routes.get(order.account)
        if route is None:
            return "GATE_VENUE"
        exits = permitted.exits and self._book().exit_only_open(
            order.account, order.symbol, permitted.strategy_id, self._clock.wall_us()
        )
        return self._permits.refusal(route, release_digest=permitted.release_digest, exits=exits)

    def _too_late(self, order: BrokerOrder, held_to: Thresholds, approved_ns: int) -> str | None:
        """Whether the approval, or the market that it rested on, has gone stale meanwhile."""
        age_ns = self._clock.monotonic_ns() - approved_ns
        if not 0 <= age_ns <= held_to.approval_age_max_ms * _NS_PER_MS:
            return "GATE_APPROVAL_AGE"
        return market_refusal(order, held_to, self._market())

    def _rests_on_no_guess(self, permitted: Permitted) -> bool:
        """Whether no order of the same account and symbol has come to be in doubt since.

        What only reduces was decided with each of them filled in full, and goes out; not beside an
        anomaly, because nobody knows then what is held.
        """
        book, order = self._book(), permitted.order
        doubtful = book.doubtful.get((order.account, order.symbol), ())
        if permitted.exits:
            return all(book.orders[order_id].anomaly == NONE for order_id in doubtful)
        return not doubtful

    def _passes_halts(self, permitted: Permitted) -> bool:
        """Whether no halt covers the order, or it only reduces and the halts let exits through."""
        book, order = self._book(), permitted.order
        attributes = (order.account, order.symbol, permitted.strategy_id)
        if not book.halted(*attributes):
            return True
        return permitted.exits and book.exit_allowed(*attributes, self._clock.wall_us())

    def _replaced(self, permitted: Permitted, wanted: Replaced) -> OrderState | None:
        """The order that this one may take the place of at this moment; ``None``: there is none.

        It waits for this one, and of it is filled what was when this one was decided for the rest.
        """
        found, order = self._book().orders.get(wanted.order_id), permitted.order
        if found is None:
            return None
        theirs = (found.account, found.symbol, found.side)
        same = theirs == (order.account, order.symbol, order.side)
        waits = found.status is State.PENDING_REPLACE and found.replaced_by == permitted.order_id
        return found if same and waits and found.filled_qty == wanted.filled_qty else None

    async def _send(self, permitted: Permitted) -> _Answer:
        """Hand the order over and wait; from here on, silence and failure mean unknown."""
        task = await self._within_timeout(self._sending(permitted))
        if task is None:
            return _Answer("unknown", "GATE_TIMEOUT")
        if task.cancelled() or task.exception() is not None:
            return _Answer("refused" if _not_sent(task) else "unknown", _failure_code(task))
        match task.result():
            case Accepted(broker_order_id):
                if _BROKER_ORDER_ID.fullmatch(broker_order_id):
                    return _Answer("accepted", broker_order_id=broker_order_id)
                return _Answer("accepted", "GATE_UNREADABLE_ID")
            case Rejected(code):
                return _Answer("rejected", _readable(code))
        return _Answer("unknown", "GATE_UNREADABLE_ANSWER")

    def _sending(self, permitted: Permitted) -> Callable[[], Awaitable[Accepted | Rejected]]:
        """The one call that sends the order: by itself, or in the place of the one it replaces."""
        broker, order = self._brokers[permitted.order.account], permitted.order
        if permitted.replaced is None:
            return lambda: broker.submit(order)
        # Compared just before, and nothing was awaited since; never sent as an order by itself.
        replaced = self._replaced(permitted, permitted.replaced)
        assert replaced is not None
        replaced_id, filled_qty = replaced.broker_client_id, replaced.filled_qty
        return lambda: broker.replace(replaced_id, order, filled_qty)

    async def _within_timeout(self, call: Callable[[], Awaitable[T]]) -> asyncio.Task[T] | None:
        """The finished call, or ``None`` after the time-out; what it yields later is dropped."""
        task = asyncio.ensure_future(_awaited(call))
        alarm = asyncio.ensure_future(self._clock.sleep_ms(self._timeout_ms))
        try:
            await asyncio.wait((task, alarm), return_when=asyncio.FIRST_COMPLETED)
            return task if task.done() else None
        finally:
            alarm.cancel()
            if not task.done():
                task.add_done_callback(_dropped)
                task.cancel()

    def _submission(self, permitted: Permitted, answer: _Answer) -> Submission:
        return Submission(
            decision_id=permitted.decision_id,
            order_id=permitted.order_id,
            broker_client_id=permitted.order.broker_client_id,
            broker=self._broker_name(permitted.order.account),
            outcome=answer.outcome,
            code=answer.code,
            broker_order_id=answer.broker_order_id,
        )

    def _broker_name(self, account: str) -> str:
        broker = self._brokers.get(account)
        return broker.name if broker is not None else NONE


async def _awaited(call: Callable[[], Awaitable[T]]) -> T:
    """Make the call inside the task, so that a failure to even begin is the task's failure."""
    return await call()


def _dropped(task: asyncio.Task[object]) -> None:
    """Look at what came after the time-out, so that nothing goes unseen."""
    if not task.cancelled() and task.exception() is not None:
        _log.warning("a broker failed after its time-out: %s", type(task.exception()).__name__)


def _not_sent(task: asyncio.Task[object]) -> bool:
    """Whether the adapter of a call that failed has proof that not one byte of the order left."""
    return not task.cancelled() and isinstance(task.exception(), NotSentError)


def _failure_code(task: asyncio.Task[object]) -> str:
    """The code of a call that failed: the adapter's own if it gave one."""
    error = None if task.cancelled() else task.exception()
    if isinstance(error, OutcomeUnknownError):
        return _readable(error.code)
    _log.error("a broker failed", exc_info=error)
    return "GATE_BROKER_ERROR"


def _readable(code: str) -> str:
    """A broker's code, if the record can hold it: what it says must never stop the record."""
    return code if _CODE.fullmatch(code) else "GATE_UNREADABLE_CODE"
