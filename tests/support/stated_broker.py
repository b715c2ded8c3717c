"""A broker in memory whose books the test writes: what it holds, lists and tells are three things.

Brokers differ from themselves: here a fill can be held and not told, told and not listed, or done
by somebody else. What it is asked for answers from these books, and fails when the test says so.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.brokers import registry
from gateway.brokers.contract import BrokerParts
from gateway.brokers.null.adapter import NullBroker
from gateway.domain.execution import (
    Accepted,
    BrokerHistory,
    BrokerOrderRecord,
    BrokerOrderState,
    BrokerStatement,
    BrokerUpdate,
    Execution,
    OutcomeUnknownError,
    StatusChange,
    TradeCorrection,
)
from gateway.domain.order import BrokerOrder, OrderType, Side, TimeInForce
from gateway.domain.venue import VenueTerms
from gateway.tracking.reconciliation import schedule
from support.doors import Door, opened

CASH_MICROS = 100_000_000_000
DECIMALS = 4
OPEN = ("ACKNOWLEDGED", "PARTIALLY_FILLED")
QUIET = {
    "reconcile_in_flight_ms": "3600000",
    "reconcile_orders_ms": "3600000",
    "reconcile_positions_ms": "3600000",
    "reconcile_full_ms": "3600000",
    "reconcile_settle_ms": "20",
}
"""Nothing is compared by the clock, and a difference stands after 20 ms."""


@dataclass
class Held:
    """An order at the broker."""

    order: BrokerOrder
    name: str
    status: str = "ACKNOWLEDGED"
    filled: int = 0


@dataclass
class Books:
    """What the broker has, and what it does about it."""

    cash_micros: int = CASH_MICROS
    positions: dict[str, tuple[int, int]] = field(default_factory=dict)
    orders: dict[str, Held] = field(default_factory=dict)
    others: list[BrokerOrderRecord] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    stream: list[BrokerUpdate] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    """Client ids that it neither lists nor finds."""
    calls: dict[str, int] = field(default_factory=dict)

    def asked(self, what: str) -> None:
        self.calls[what] = self.calls.get(what, 0) + 1
        if what in self.failing:
            raise OutcomeUnknownError("ERR_NETWORK")

    def fill(
        self, client_id: str, qty: int, price: int = 248_000, *, told: bool = True, name: str = ""
    ) -> Execution:
        """Fill an order of ours; ``told``: by the updates as well."""
        held = self.orders[client_id]
        held.filled += qty
        held.status = "FILLED" if held.filled == held.order.qty else "PARTIALLY_FILLED"
        event = self._executed(client_id, held.order.side, qty, price, name)
        if told:
            self.tell(event)
        return event

    def correct(self, trade: Execution, qty: int, *, name: str, told: bool = True) -> None:
        """Change what a trade was, or bust it; ``told``: by the updates as well."""
        self.orders[trade.broker_client_id].filled += qty - trade.qty
        signed = (qty - trade.qty) * (1 if trade.side is Side.BUY else -1)
        self.positions["AAPL"] = (self.positions["AAPL"][0] + signed, 0)
        self.positions = {symbol: held for symbol, held in self.positions.items() if held[0]}
        self.cash_micros -= signed * trade.price * 100
        self.executions.remove(trade)
        if told:
            fields = {each: getattr(trade, each) for each in Execution.__slots__}
            of = {"execution_id": name, "of_execution_id": trade.execution_id, "qty": qty}
            self.tell(TradeCorrection(**(fields | of)))

    def trade_past(self, qty: int, price: int = 248_000, client_id: str = "theirs") -> None:
        """Somebody else buys AAPL in our account."""
        self._executed(client_id, Side.BUY, qty, price, "")

    def _executed(self, client_id: str, side: Side, qty: int, price: int, name: str) -> Execution:
        signed = qty if side is Side.BUY else -qty
        before, _ = self.positions.get("AAPL", (0, 0))
        self.positions["AAPL"] = (before + signed, 0)
        self.cash_micros -= signed * price * 100
        event = Execution(
            client_id, name or f"x{len(self.executions)}", "primary", "AAPL", side, qty, 0,
            price, DECIMALS, 0, 1_420_200_000_000_000, "2015-01-02",
        )  # fmt: skip
        self.executions.append(event)
        return event

    def end(self, client_id: str, status: str, *, told: bool = True) -> None:
        self.orders[client_id].status = status
        if told:
            self.tell(StatusChange(client_id, status, "none"))

    def tell(self, event: Execution | StatusChange | TradeCorrection) -> None:
        self.stream.append(BrokerUpdate(len(self.stream) + 1, event))

    def other(self, name: str = "ext-1", qty: int = 50, **changes: Any) -> BrokerOrderRecord:
        """Somebody else's open order to buy AAPL."""
        record = BrokerOrderRecord(
            "primary", name, f"theirs-{name}", "AAPL", Side.BUY, "ACKNOWLEDGED", qty, 0, 0,
            240_000, DECIMALS, 1_420_200_000_000_000,
        )  # fmt: skip
        self.others.append(replace(record, **changes))
        return self.others[-1]


class StatedBroker(NullBroker):
    """The adapter over :class:`Books`."""

    settle_ms = 200

    def __init__(self, parts: BrokerParts, books: Books) -> None:
        super().__init__(parts.accounts)
        self.books = books
        self._clock = parts.clock

    @property
    def name(self) -> str:
        return "stated"

    def terms(self, account: str, symbol: str) -> VenueTerms | None:
        return VenueTerms(
            symbol=symbol, lot=1, qty_decimals=0, tick=1, price_decimals=DECIMALS,
            min_notional_micros=0, tradable=True, shortable=True, short_restricted=False,
            types=frozenset(OrderType), times_in_force=frozenset(TimeInForce), reduce_only=True,
            extended_hours=False, at_us=self._clock.market_us(),
        )  # fmt: skip

    async def submit(self, order: BrokerOrder) -> Accepted:  # pyright: ignore[reportIncompatibleMethodOverride]  it takes them
        self.books.asked("submit")
        name = f"b{len(self.books.orders)}"
        self.books.orders[order.broker_client_id] = Held(order, name)
        return Accepted(name)

    async def cancel(self, broker_client_id: str) -> None:
        self.books.asked("cancel")
        if broker_client_id in self.books.orders:
            self.books.end(broker_client_id, "CANCELED")

    async def order(self, broker_client_id: str) -> BrokerOrderState | None:
        self.books.asked("order")
        held = self.books.orders.get(broker_client_id)
        if held is None or broker_client_id in self.books.hidden:
            return None
        opened = held.status in OPEN
        return BrokerOrderState(broker_client_id, held.name, held.status, held.filled, opened)

    async def open_orders(self, account: str) -> list[BrokerOrderRecord]:
        self.books.asked("open_orders")
        return [
            record
            for record in self._records()
            if record.status in OPEN and record.broker_client_id not in self.books.hidden
        ]

    async def history(self, account: str, from_us: int, to_us: int) -> BrokerHistory:
        self.books.asked("history")
        return BrokerHistory(tuple(self._records()), tuple(self.books.executions))

    def _records(self) -> list[BrokerOrderRecord]:
        ours = [
            BrokerOrderRecord(
                "primary", held.name, client_id, "AAPL", held.order.side, held.status,
                held.order.qty, held.filled, 0, held.order.limit_price, DECIMALS, 0,
            )
            for client_id, held in self.books.orders.items()
        ]  # fmt: skip
        return ours + self.books.others

    async def statement(self, account: str) -> BrokerStatement:
        self.books.asked("statement")
        return BrokerStatement(account, self.books.cash_micros, dict(self.books.positions))

    async def updates(self, after: int, limit: int) -> list[BrokerUpdate]:
        self.books.asked("updates")
        return self.books.stream[after : after + limit]


@asynccontextmanager
async def stated(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    books: Books | None = None,
    *,
    again_ms: int = 3_600_000,
    **changes: Any,
) -> AsyncGenerator[tuple[Door, Books]]:
    """Run a gateway whose account is at such a broker; the books outlive it.

    ``again_ms`` after a correction the account is compared once more.
    """
    found = books or Books()

    async def open_stated(parts: BrokerParts) -> StatedBroker:
        return StatedBroker(parts, found)

    monkeypatch.setattr(registry, "BROKERS", {**registry.BROKERS, "null": open_stated})
    monkeypatch.setattr(schedule, "AGAIN_MS", again_ms)
    accounts = {"primary": {"broker": "null", "opening_cash": "100000"}}
    given: dict[str, Any] = {"accounts": accounts} | QUIET | changes
    async with opened(folder, **given) as door:
        yield door, found
