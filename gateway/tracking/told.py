"""What a broker's word becomes: an entry about an order, an anomaly, or nothing.

A page of updates is read against copies of the orders that it speaks of, so that each update sees
those before it. What is stale or was told before becomes nothing. What cannot be true becomes an
anomaly of its order: the order goes on reserving, and a person settles it. No update keeps those
after it waiting, and none is ever guessed at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.domain.book import NONE, AccountBook, Book, BookError, OrderState, Payload
from gateway.domain.execution import Execution, StatusChange, TradeCorrection
from gateway.domain.order import Side
from gateway.domain.projection import apply
from gateway.domain.trade_entries import mergeable_qty
from gateway.ports import Draft
from gateway.tracking.words import Read, Word, is_absent, read_status
from signing.lifecycle import State
from signing.records import RecordError, check

UNREADABLE: Final = "UNREADABLE"
"""The log has no room for what was told: an id or an amount out of all bounds."""
EXECUTION_CHANGED: Final = "EXECUTION_CHANGED"
"""An execution was told again, as another one."""
EXECUTION_MISMATCH: Final = "EXECUTION_MISMATCH"
"""An execution of another account, symbol, side or scale than its order."""
EXECUTION_BEYOND: Final = "EXECUTION_BEYOND_QUANTITY"
"""More was executed than was ever asked for."""
EXECUTION_IMPOSSIBLE: Final = "EXECUTION_IMPOSSIBLE"
"""An execution of an order that no broker can have."""
UNKNOWN_ORDER: Final = "UNKNOWN_ORDER"
"""The word is of an order that the record does not hold."""
TRADE_UNKNOWN: Final = "TRADE_UNKNOWN"
"""A bust or correction of a trade that the record does not hold, or that was busted before."""
CORRECTION_IMPOSSIBLE: Final = "CORRECTION_IMPOSSIBLE"
"""A correction that does not add up with its order."""
LIVE_AFTER_ABSENT: Final = "LIVE_AFTER_ABSENT"
"""The broker has an order that was settled as absent."""

CORRECTED_US: Final = "corrected_us"
"""Of a trade as it stands: when its newest correction was made; absent where there is none."""

Event = Execution | StatusChange | TradeCorrection
_KINDS: Final[Mapping[type[Event], str]] = {
    Execution: "execution",
    StatusChange: "status",
    TradeCorrection: "trade-correction",
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the log holds already of the trades and orders that a page speaks of."""

    trades: Mapping[tuple[str, str], Payload] = field(
        default_factory=dict[tuple[str, str], Payload]
    )
    """(broker_client_id, execution_id) -> what was entered under these ids."""
    standing: Mapping[tuple[str, str], Payload] = field(
        default_factory=dict[tuple[str, str], Payload]
    )
    """(broker_client_id, execution_id) of trades that are corrected -> the trade as it stands."""
    closed: frozenset[str] = frozenset()
    """broker_client_id of orders that the book has forgotten because they were over."""


@dataclass(slots=True)
class Taken:
    """What a page came to."""

    drafts: list[Draft] = field(default_factory=list[Draft])
    drifted: set[str] = field(default_factory=set[str])
    """Accounts whose state at the broker has to be looked at."""
    strange: set[str] = field(default_factory=set[str])
    """Accounts in which something was executed that the book knows nothing of."""
    withdraw: list[str] = field(default_factory=list[str])
    """order_id of orders that work at the broker and must not."""
    early: list[TradeCorrection] = field(default_factory=list[TradeCorrection])
    """Corrections whose trade has not been told yet."""
    rejected: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """order_id and code of orders that the broker refused after it had taken them."""


class Page:
    """Reads updates one after the other; changes nothing but its own copies."""

    def __init__(
        self,
        book: Book,
        recorded: Recorded,
        *,
        broker: str,
        account: str,
        early: Sequence[TradeCorrection] = (),
        room: int = 0,
    ) -> None:
        """Begin where the record is.

        Args:
            book: the state as of now.
            recorded: what the log holds of what is spoken of.
            broker: the broker's name.
            account: stands for a word that names none: the broker's only account, or none.
            early: corrections that wait for their trade since pages before.
            room: how many more may wait.
        """
        self._book = book
        self._copies = Book()
        self._trades = dict(recorded.trades)
        self._standing = dict(recorded.standing)
        self._closed = recorded.closed
        self._broker = broker
        self._account = account
        self._room = room
        self.taken = Taken(early=list(early))

    def read(self, event: Event) -> None:
        """Read one update behind those before it."""
        order = self._order(event.broker_client_id)
        if isinstance(event, StatusChange):
            self._read_status(event, order)
            return
        recorded = self._trades.get((event.broker_client_id, event.execution_id))
        if recorded is not None:
            if not _same(recorded, event):
                self._question(event, EXECUTION_CHANGED, order)
        elif order is None:
            self._read_stranger(event)
        elif isinstance(event, Execution):
            self._read_execution(event, order)
        else:
            self._read_correction(event, order)

    def _order(self, client_id: str) -> OrderState | None:
        """The copy of an order, made when it is first spoken of."""
        order_id = self._book.by_client_id.get(client_id)
        if order_id is None:
            return None
        if order_id not in self._copies.orders:
            order = self._book.orders[order_id]
            self._copies.accounts.setdefault(order.account, AccountBook(order.account, 0))
            self._copies.keep(order)
        return self._copies.orders[order_id]

    def _read_status(self, event: StatusChange, order: OrderState | None) -> None:
        if order is None:
            if event.broker_client_id not in self._closed:
                self._question(event, UNKNOWN_ORDER, None)
            return
        word = read_status(order, event.status, event.code, event.cum_qty)
        self._follow(word, event, order)

    def _follow(self, word: Word, event: StatusChange, order: OrderState) -> None:
        match word.read:
            case Read.STALE:
                return
            case Read.FILLS_MISSING:
                self.taken.drifted.add(order.account)
            case Read.IMPOSSIBLE:
                self._question(event, word.code, order)
            case Read.ALIVE:
                self._question(event, LIVE_AFTER_ABSENT, order)
                self.taken.withdraw.append(order.order_id)
            case Read.ENTERED:
                payload = {
                    "order_id": order.order_id,
                    "broker_client_id": event.broker_client_id,
                    "status": word.status.value,
                    "code": event.code,
                    "source": "broker",
                }
                if not self._enter("status", payload):
                    self._question(event, UNREADABLE, order)
                elif word.status is State.REJECTED:
                    self.taken.rejected.append((order.order_id, event.code))

    def _read_stranger(self, event: Execution | TradeCorrection) -> None:
        """Somebody else's trade, or of an order of long ago: reconciliation finds what it did."""
        self._question(event, UNKNOWN_ORDER, None)
        account = self._book.accounts.get(event.account)
        external = account.external.values() if account else ()
        if event.broker_client_id not in {each.broker_client_id for each in external}:
            self.taken.strange.add(event.account)

    def _read_execution(self, event: Execution, order: OrderState) -> None:
        if _differs(event, order):
            self._question(event, EXECUTION_MISMATCH, order)
            return
        merged = mergeable_qty(order, event.qty)
        if event.qty - merged > order.leaves_qty:
            self._question(event, EXECUTION_BEYOND, order)
            return
        payload = execution_payload(order.order_id, event)
        if merged:
            payload |= {"source": "broker", "merged_qty": merged}
        if not self._enter("execution", payload):
            self._question(event, EXECUTION_IMPOSSIBLE, order)
            return
        self._trades[event.broker_client_id, event.execution_id] = payload
        self._read_early(event)
        after = self._copies.orders[order.order_id]
        if is_absent(order) and after.leaves_qty:
            self._question(event, LIVE_AFTER_ABSENT, after)
            self.taken.withdraw.append(order.order_id)

    def _read_correction(self, event: TradeCorrection, order: OrderState) -> None:
        key = (event.broker_client_id, event.of_execution_id)
        before = self._standing.get(key) or self._trades.get(key)
        if before is None and self._hold(event, order):
            return
        if before is None or before["qty"] == 0:
            self._question(event, TRADE_UNKNOWN, order)
            return
        if event.market_us < before.get(CORRECTED_US, 0):
            return  # a newer correction of the trade has overtaken it
        after = {
            "qty": event.qty,
            "price": event.price if event.qty else 0,
            "fee_micros": event.fee_micros,
        }
        payload = _trade(order.order_id, event) | {
            "of_execution_id": event.of_execution_id,
            "cause": "correct" if event.qty else "bust",
            "qty_before": before["qty"],
            "qty_after": after["qty"],
            "price_before": before["price"],
            "price_after": after["price"],
            "fee_change_micros": after["fee_micros"] - before["fee_micros"],
            "cum_qty": order.filled_qty - before["qty"] + after["qty"],
        }
        if _differs(event, order) or not self._enter("trade-correction", payload):
            self._question(event, CORRECTION_IMPOSSIBLE, order)
            return
        self._standing[key] = dict(before) | after | {CORRECTED_US: event.market_us}
        self._trades[event.broker_client_id, event.execution_id] = payload

    def _hold(self, event: TradeCorrection, order: OrderState) -> bool:
        """Hold a correction aside until its trade comes, if there is room."""
        if event in self.taken.early:
            return True
        if self._room <= 0 or _differs(event, order):
            return False
        self._room -= 1
        self.taken.early.append(event)
        self.taken.drifted.add(order.account)
        return True

    def _read_early(self, trade: Execution) -> None:
        """Read what was told of a trade before it."""
        key = (trade.broker_client_id, trade.execution_id)
        for event in tuple(self.taken.early):
            if (event.broker_client_id, event.of_execution_id) == key:
                self.taken.early.remove(event)
                self.read(event)

    def give_up(self, event: TradeCorrection) -> None:
        """Wait for the trade of a correction no longer: it is an anomaly."""
        if event in self.taken.early:
            self.taken.early.remove(event)
            self._question(event, TRADE_UNKNOWN, self._order(event.broker_client_id))

    def _enter(self, kind: str, payload: dict[str, Any]) -> bool:
        """Draft an entry, if the log can hold it and it fits the order."""
        try:
            check(kind, payload | {"at_us": 0})
            apply(self._copies, kind, payload)
        except (RecordError, BookError):
            return False
        self.taken.drafts.append(Draft(kind, payload))
        return True

    def _question(self, event: Event, code: str, order: OrderState | None) -> None:
        """Draft an anomaly: of the order, which a person then settles, or of nobody's."""
        account = self._account if isinstance(event, StatusChange) else event.account
        payload: dict[str, Any] = {
            "order_id": order.order_id if order else NONE,
            "account": order.account if order else account,
            "broker": self._broker,
            "broker_client_id": event.broker_client_id,
            "told": _KINDS[type(event)],
            "code": code,
            "state": order.status.value if order else NONE,
        }
        for details in (_details(event), {}):
            if self._enter("anomaly", payload | details):
                break
        else:  # an id that the log cannot hold; what it was about is not lost all the same
            self._enter("anomaly", payload | {"broker_client_id": NONE, "account": self._account})
        self.taken.drifted.add(payload["account"])


def execution_payload(order_id: str, fill: Execution) -> dict[str, Any]:
    """The fields of an ``execution`` entry."""
    return _trade(order_id, fill) | {
        "qty": fill.qty,
        "price": fill.price,
        "fee_micros": fill.fee_micros,
    }


def alive(order: OrderState, broker: str) -> Draft:
    """The anomaly of an order that was over for us, and that the broker lists as working."""
    return Draft(
        "anomaly",
        {
            "order_id": order.order_id,
            "account": order.account,
            "broker": broker,
            "broker_client_id": order.broker_client_id,
            "told": "order",
            "code": LIVE_AFTER_ABSENT if is_absent(order) else f"LIVE_AFTER_{order.status.value}",
            "state": order.status.value,
        },
    )


def _trade(order_id: str, event: Execution | TradeCorrection) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "broker_client_id": event.broker_client_id,
        "execution_id": event.execution_id,
        "account": event.account,
        "symbol": event.symbol,
        "side": Side(event.side).executed.value,
        "qty_decimals": event.qty_decimals,
        "price_decimals": event.price_decimals,
        "market_us": event.market_us,
        "session": event.session,
    }


def _details(event: Event) -> dict[str, Any]:
    if isinstance(event, StatusChange):
        return {"status": event.status}
    return {
        "execution_id": event.execution_id,
        "symbol": event.symbol,
        "side": Side(event.side).executed.value,
        "qty": event.qty,
        "qty_decimals": event.qty_decimals,
        "price": event.price,
        "price_decimals": event.price_decimals,
        "market_us": event.market_us,
    }


def _differs(event: Execution | TradeCorrection, order: OrderState) -> bool:
    told = (event.account, event.symbol, Side(event.side).executed)
    scales = (event.qty_decimals, event.price_decimals)
    return told != (order.account, order.symbol, Side(order.side).executed) or scales != (
        order.qty_decimals,
        order.price_decimals,
    )


def _same(recorded: Payload, event: Execution | TradeCorrection) -> bool:
    """Whether a trade was entered before as it is told now; when and in which session may vary."""
    told: dict[str, Any] = {
        "account": event.account,
        "symbol": event.symbol,
        "side": Side(event.side).executed.value,
        "qty_decimals": event.qty_decimals,
        "price_decimals": event.price_decimals,
    }
    if isinstance(event, Execution):
        told |= {"qty": event.qty, "price": event.price, "fee_micros": event.fee_micros}
    else:
        price = event.price if event.qty else 0
        told |= {"of_execution_id": event.of_execution_id, "qty_after": event.qty}
        told |= {"price_after": price}
    return all(recorded.get(name) == value for name, value in told.items())
