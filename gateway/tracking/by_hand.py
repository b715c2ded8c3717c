"""Settlement by a person: what became of an order that nothing else could settle.

The broker is asked as well, and both words are kept as evidence: nobody is believed unheard. A word
that contradicts the broker's is refused, unless the person insists; then the record says so.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from gateway.domain.book import NONE, AccountBook, Book, BookError, OrderState
from gateway.domain.errors import InvalidInputError, NotFoundError, RefusedError
from gateway.domain.execution import BrokerOrderState
from gateway.domain.order import Side
from gateway.domain.projection import apply
from gateway.domain.replacements import restored
from gateway.domain.unreported import PERSON
from gateway.ports import Broker, Clock, Draft, Journal
from gateway.tracking.settlement import ASK_TIMEOUT_S, Settlement
from signing.canonical import encode
from signing.lifecycle import State
from signing.records import RecordError, check

OUTCOMES: Final = ("filled", "absent", "canceled", "adopted")
_EVIDENCE: Final = {
    "filled": "SETTLED_FILLED",
    "absent": "SETTLED_ABSENT",
    "canceled": "SETTLED_CANCELED",
    "adopted": "SETTLED_ADOPTED",
}


@dataclass(frozen=True, slots=True)
class PersonsWord:
    """What a named person says became of an order, and why they say so.

    ``qty`` (what was filled beyond what the record holds) and ``price`` are integers at the
    order's own scales, for ``filled`` alone. ``contradicts``: whatever the broker says.
    """

    by: str
    outcome: str
    evidence: str
    reason: str
    qty: int | None = None
    price: int | None = None
    contradicts: bool = False


class SettledByHand:
    """Enters what people say; one per process."""

    def __init__(
        self,
        brokers: Mapping[str, Broker],
        journal: Journal,
        clock: Clock,
        settlements: Mapping[str, Settlement],
    ) -> None:
        """``brokers`` and ``settlements`` are by account alias."""
        self._brokers = dict(brokers)
        self._journal = journal
        self._clock = clock
        self._settlements = settlements

    def order(self, order_id: str) -> OrderState:
        """The order, if it is one that a person may settle.

        Raises:
            NotFoundError: ``order-not-open``.
            RefusedError: ``order-not-doubtful``: it is over, and nothing about it is in question.
        """
        order = self._journal.book.orders.get(order_id)
        if order is None:
            raise NotFoundError("order-not-open", "no open order has that id", "list open orders")
        if not (order.reserves or order.doubtful):
            raise RefusedError(
                "order-not-doubtful",
                f"order {order_id} is {order.status} and nothing about it is in question",
                "nothing is left to settle",
            )
        return order

    async def settle(self, order_id: str, word: PersonsWord) -> OrderState:
        """Enter a person's word, and lift the halt that waited for it.

        Raises:
            NotFoundError, RefusedError: as :meth:`order`; ``settle-contradicted`` with what the
                broker says; ``settle-impossible``: the order cannot end like that.
            InvalidInputError: ``settle-incomplete``: filled needs quantity and price.
            UnavailableError: ``broker-unavailable`` for an adoption; or it was not recorded.
        """
        order = self.order(order_id)
        if (word.outcome == "filled") != (word.qty is not None and word.price is not None):
            raise InvalidInputError(
                "settle-incomplete",
                "filled needs the quantity and the price, every other outcome has neither",
                "say what was filled, at which average price",
            )
        told = await self._ask(order)
        contradiction = _contradiction(word, told)
        if contradiction is not None and (word.outcome == "adopted" or not word.contradicts):
            raise RefusedError(
                "settle-contradicted",
                f"the broker says of order {order_id}: {contradiction}",
                "look again; contradicts: true enters your word against the broker's",
            )
        order = self.order(order_id)  # an update may have come while the broker was asked
        drafts = self._drafts(order, word, told)
        _check(order, drafts)
        await self._journal.record(drafts + self._given_back(order, drafts[-1].payload))
        await self._settlements[order.account].settled(word.by, word.reason)
        return self._journal.book.orders.get(order_id, order)

    async def _ask(self, order: OrderState) -> BrokerOrderState | str | None:
        """What the broker says; ``silent`` where it does not answer."""
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                return await self._brokers[order.account].order(order.broker_client_id)
        except Exception:  # noqa: BLE001  whatever it is: the person's word stands alone
            return "silent"

    def _drafts(
        self, order: OrderState, word: PersonsWord, told: BrokerOrderState | str | None
    ) -> list[Draft]:
        evidence = encode(
            {
                "order_id": order.order_id,
                "outcome": word.outcome,
                "evidence": word.evidence,
                "contradicts": word.contradicts,
                "broker": asdict(told) if isinstance(told, BrokerOrderState) else told or NONE,
            }
        )
        outcome = word.outcome
        drafts: list[Draft] = []
        if word.qty is not None and word.price is not None:
            drafts.append(Draft("execution", self._execution(order, word, word.qty, word.price)))
            outcome = "filled" if word.qty == order.leaves_qty else "canceled"
        payload = {
            "order_id": order.order_id,
            "decision_id": order.decision_id,
            "broker_client_id": order.broker_client_id,
            "outcome": outcome,
            "evidence": _EVIDENCE[word.outcome],
            "by": word.by,
            "reason": word.reason,
            "evidence_digest": hashlib.sha256(evidence).hexdigest(),
        }
        return [*drafts, Draft("settlement", payload, blobs=(evidence,))]

    def _given_back(self, order: OrderState, settled: Mapping[str, Any]) -> list[Draft]:
        """An order that this one was to replace, and now does not, has its state back."""
        if settled["outcome"] not in {"absent", "canceled"} or order.filled_qty:
            return []
        before = restored(self._journal.book, order, settled["evidence"], "person")
        return [Draft("status", before)] if before else []

    def _execution(
        self, order: OrderState, word: PersonsWord, qty: int, price: int
    ) -> dict[str, Any]:
        named = f"{order.broker_client_id}|{order.filled_qty}|{order.corrections}|{qty}|{price}"
        return {
            "order_id": order.order_id,
            "broker_client_id": order.broker_client_id,
            "execution_id": f"person-{hashlib.sha256(named.encode()).hexdigest()[:32]}",
            "account": order.account,
            "symbol": order.symbol,
            "side": Side(order.side).executed.value,
            "qty": qty,
            "qty_decimals": order.qty_decimals,
            "price": price,
            "price_decimals": order.price_decimals,
            "fee_micros": 0,
            "market_us": self._clock.market_us(),
            "session": self._journal.book.account(order.account).session,
            "source": PERSON,
            "by": word.by,
            "reason": word.reason,
        }


def _contradiction(word: PersonsWord, told: BrokerOrderState | str | None) -> str | None:
    """What of the broker's answer speaks against the person's word."""
    if told == "silent":
        return "it did not answer" if word.outcome == "adopted" else None
    if not isinstance(told, BrokerOrderState):
        return "it knows no such order" if word.outcome in {"filled", "adopted"} else None
    said = f"{told.status}, filled {told.filled_qty}"
    if word.outcome == "adopted":
        return said if told.status == State.REJECTED.value else None
    if word.outcome == "absent" or told.open:
        return said
    return said if word.outcome == "filled" and told.filled_qty == 0 else None


def _check(order: OrderState, drafts: list[Draft]) -> None:
    """Try the entries on a copy: the book must never see one that the order cannot have.

    Raises:
        RefusedError: ``settle-impossible``.
    """
    copy = Book(accounts={order.account: AccountBook(order.account, 0)})
    copy.keep(order)
    try:
        for draft in drafts:
            check(draft.kind, {**draft.payload, "at_us": 0})
            apply(copy, draft.kind, draft.payload)
    except (BookError, RecordError) as error:
        raise RefusedError(
            "settle-impossible",
            f"order {order.order_id} is {order.status}: {error}",
            "settle it as what its state permits; see docs/order-lifecycle.md",
        ) from error
