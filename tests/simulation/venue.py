"""The broker's side: its own truth, which lives on while gateways die, and lies by seed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from gateway.domain.execution import (
    Accepted,
    BrokerOrderRecord,
    BrokerOrderState,
    BrokerStatement,
    BrokerUpdate,
    Execution,
    OutcomeUnknownError,
    Rejected,
    StatusChange,
    TradeCorrection,
)
from gateway.domain.order import BrokerOrder, OrderType, Side, TimeInForce
from simulation.held import (
    MICROS_OF_PRICE,
    PRICE_DECIMALS,
    TICK,
    Account,
    Held,
    Watch,
    record_of,
)
from simulation.loop import VirtualLoop
from simulation.times import Calendar, day_of

BAND_PERCENT: Final = 1
"""How far prices go from where they began: limits are checked against what they were before."""
MICROS: Final = 1_000_000
CONFUSED_S: Final = 10
"""How long reports may contradict each other."""

Event = Execution | StatusChange | TradeCorrection
Answer = asyncio.Future[Accepted | Rejected]


@dataclass(slots=True)
class Venue:
    """The broker's own truth, and what it does to those who ask."""

    loop: VirtualLoop
    random: Random
    accounts: dict[str, Account]
    prices: dict[str, int]
    wall_us: Callable[[], int]
    calendar: Calendar
    rates: Mapping[str, int]
    watch: Watch
    faults: Counter[str]
    """Faults injected, by kind."""
    poll_ms: int
    """How often it wants to be asked for what is new."""
    orders: dict[str, Held] = field(default_factory=dict[str, Held])
    """By client id."""
    stream: list[BrokerUpdate] = field(default_factory=list[BrokerUpdate])
    moves: int = 0
    """What it has done by itself: fills, ends of orders."""
    healed: bool = False
    down_until_s: float = -1.0
    _confused_until_s: float = -1.0
    _snapshot: dict[str, BrokerStatement] = field(default_factory=dict[str, BrokerStatement])
    _number: int = 0
    _told: set[str] = field(default_factory=set[str])
    """The trades that were told."""
    _unsaid: Counter[str] = field(default_factory=Counter[str])
    """Corrections on their way, by client id: their orders do not trade until they are told."""
    _first: dict[str, int] = field(default_factory=dict[str, int])
    _context: Context = field(default_factory=copy_context)

    # ---- faults

    def strikes(self, kind: str) -> bool:
        """Whether a fault comes now; it is counted."""
        if self.healed or self.random.randrange(1_000) >= self.rates[kind]:
            return False
        self.faults[kind] += 1
        return True

    @property
    def down(self) -> bool:
        """Whether it answers nobody at all."""
        return not self.healed and self.loop.time() < self.down_until_s

    def pause_s(self, kind: str) -> float:
        """How long something travels: a millisecond or so, or very much longer."""
        if self.strikes(kind):
            return self.random.choice((0.3, 1.5, 4.0, 9.0))
        return self.random.randrange(200, 3_000) / 1_000_000

    def later(self, delay_s: float, work: Callable[..., None], *given: Any) -> None:
        """Do something after a delay, whatever becomes of who asked for it."""
        self.loop.call_later(delay_s, work, *given, context=self._context)

    def heal(self) -> None:
        """End every fault; what is on its way arrives."""
        self.healed = True

    # ---- the day

    def open(self) -> None:
        """Be open on the day that it is; day orders end when it closes."""
        self._ends_day(self.calendar.session(day_of(self.wall_us())).closes_us)

    def _ends_day(self, closes_us: int) -> None:
        left_us = closes_us - self.wall_us()
        if left_us > 0:  # clocks jump
            self.later(left_us / MICROS, self._ends_day, closes_us)
            return
        for held in list(self.orders.values()):
            if held.order.time_in_force is TimeInForce.DAY:
                self._end(held, "EXPIRED", "none")

    # ---- orders

    def arrive(self, order: BrokerOrder, answer: Answer, replaced: Held | None = None) -> None:
        """An order has reached the venue; a second one of its client id is refused."""
        refusal = self._refusal(order)
        if refusal is not None:
            self._reply(answer, Rejected(refusal))
            return
        if replaced is not None:
            self._end(replaced, "REPLACED", "none")
        held = self._take(order, ours=True)
        if order.expires_us is not None:
            left_s = max(0, order.expires_us - self.wall_us()) / 1_000_000
            self.later(left_s, self._end, held, "EXPIRED", "none")
        self._reply(answer, Accepted(held.broker_order_id))
        if self.strikes("rejected late"):
            self.later(self.random.random(), self._end, held, "REJECTED", "ERR_LATE")
        elif order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            self.later(0.01, self._at_once, held)
        elif self._marketable(held) and self.random.randrange(3):
            self.later(self.random.random() / 5, self.fill, held)

    def arrive_instead(self, client_id: str, order: BrokerOrder, filled: int, a: Answer) -> None:
        """A replacement has reached the venue: both happens, or neither."""
        held = self.orders.get(client_id)
        if held is None or not held.open or held.filled != filled:
            self._reply(a, Rejected("ERR_TOO_LATE"))
        elif self.strikes("replace refused"):
            self._reply(a, Rejected("ERR_REPLACE_UNSUPPORTED"))
        else:
            self.arrive(order, a, held)

    def _refusal(self, order: BrokerOrder) -> str | None:
        if order.broker_client_id in self.orders:
            return "ERR_DUPLICATE_ID"
        if not self.calendar.open_at(self.wall_us()):
            return "ERR_MARKET_CLOSED"
        if self.strikes("too many requests"):
            return "ERR_RATE_LIMIT"
        if self.strikes("no funds"):
            return "ERR_INSUFFICIENT_FUNDS"
        return "ERR_NOT_TAKEN" if self.strikes("rejected") else None

    def _take(self, order: BrokerOrder, *, ours: bool) -> Held:
        self._number += 1
        late_s = self.random.choice((0.5, 1.0, 1.9)) if self.strikes("shows up late") else 0.0
        visible_s = self.loop.time() + late_s
        held = Held(order, f"h-{self._number}", self.wall_us(), visible_s, ours)
        self.orders[order.broker_client_id] = held
        self.watch.traded(order.account)
        return held

    def _reply(self, answer: Answer, value: Accepted | Rejected) -> None:
        if self.strikes("lost answer"):
            return
        if self.strikes("broken answer"):
            self.later(self.pause_s("slow answer"), _fail, answer, "ERR_BAD_GATEWAY")
            return
        self.later(self.pause_s("slow answer"), _set, answer, value)

    def cancel(self, client_id: str) -> None:
        """A cancel has arrived."""
        held = self.orders.get(client_id)
        if held is None or not held.open:
            return
        if self.strikes("cancel refused"):
            self._tell(StatusChange(client_id, held.status, "ERR_CANCEL_REJECTED"))
            return
        if self.strikes("fill beside cancel"):
            self.fill(held)
        self._end(held, "CANCELED", "none")

    def _at_once(self, held: Held) -> None:
        if held.open and self._marketable(held):
            self.fill(held, whole=held.order.time_in_force is TimeInForce.FOK)
        self._end(held, "CANCELED", "none")

    def _end(self, held: Held, status: str, code: str) -> None:
        if not held.open or (status == "REJECTED" and held.fills):
            return
        held.status = status
        self.moves += 1
        self._tell(StatusChange(held.order.broker_client_id, status, code, held.filled))

    # ---- trades

    def fill(self, held: Held, *, whole: bool = False) -> None:
        """Execute a part of an order, or what is left of it."""
        if not held.open or not self.calendar.open_at(self.wall_us()):
            return
        if held.order.broker_client_id in self._unsaid:
            return
        order = held.order
        leaves = order.qty - held.filled
        self._number += 1
        fill = Execution(
            broker_client_id=order.broker_client_id,
            execution_id=f"x-{self._number}",
            account=order.account,
            symbol=order.symbol,
            side=order.side.executed,
            qty=leaves if whole or leaves == 1 else self.random.randint(1, leaves),
            qty_decimals=0,
            price=self._price(order),
            price_decimals=PRICE_DECIMALS,
            fee_micros=self.random.choice((0, 0, 10_000)),
            market_us=self.wall_us(),
            session=day_of(self.wall_us()).isoformat(),
        )
        self._confuse()
        held.fills[fill.execution_id] = fill
        held.status = "FILLED" if held.filled == order.qty else "PARTIALLY_FILLED"
        self.moves += 1
        self._book(fill, 1, ours=held.ours)
        self._tell(fill)
        self.watch.traded(order.account)

    def _book(self, fill: Execution, times: int, *, ours: bool) -> None:
        """Move cash and position by a trade, or take it back (``times`` is -1)."""
        account = self.accounts[fill.account]
        signed = (fill.qty if fill.side is Side.BUY else -fill.qty) * times
        account.positions[fill.symbol] += signed
        if not ours:
            account.foreign[fill.symbol] += signed
        account.cash_micros -= signed * fill.price * MICROS_OF_PRICE + fill.fee_micros * times

    def told_trades(self) -> list[tuple[Held, Execution]]:
        """Trades of ours that stand and that everybody has been told of."""
        return [
            (held, fill)
            for held in self.orders.values()
            for fill in held.fills.values()
            if held.ours and not held.corrected and fill.execution_id in self._told
        ]

    def correct(self, *, bust: bool) -> None:
        """Take such a trade back, or change what it was."""
        held, before = self.random.choice(self.told_trades())
        self._number += 1
        qty = 0 if bust else self.random.randint(1, before.qty)
        after = replace(before, qty=qty, price=before.price + (0 if bust else TICK))
        change = (after.qty - before.qty) * (1 if before.side is Side.BUY else -1)
        self.accounts[before.account].changed[before.symbol] += change
        self._book(before, -1, ours=True)
        self._book(after, 1, ours=True)
        held.fills[before.execution_id] = after
        held.corrected = True
        self.moves += 1
        word = TradeCorrection(
            broker_client_id=before.broker_client_id,
            execution_id=f"c-{self._number}",
            of_execution_id=before.execution_id,
            account=before.account,
            symbol=before.symbol,
            side=before.side,
            qty=qty,
            qty_decimals=0,
            price=after.price,
            price_decimals=PRICE_DECIMALS,
            fee_micros=after.fee_micros,
            market_us=self.wall_us(),
            session=before.session,
        )
        self._unsaid[before.broker_client_id] += 1
        self.later(self.random.random() * 5, self._publish, word)

    def intrude(self) -> None:
        """Somebody else places a small order in an account of ours."""
        self._number += 1
        symbol = self.random.choice(sorted(self.prices))
        order = BrokerOrder(
            broker_client_id=f"somebody-{self._number}",
            account=self.random.choice(sorted(self.accounts)),
            symbol=symbol,
            side=self.random.choice((Side.BUY, Side.BUY, Side.SELL)),
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            qty=self.random.randint(1, 9),
            qty_decimals=0,
            price_decimals=PRICE_DECIMALS,
            limit_price=self.prices[symbol],
            stop_price=None,
            protection_price=None,
        )
        held = self._take(order, ours=False)
        ends = self.random.choice((self.fill, self.fill, self._withdraw))
        self.later(self.random.random() * 8, ends, held)

    def _withdraw(self, held: Held) -> None:
        self._end(held, "CANCELED", "none")

    def _price(self, order: BrokerOrder) -> int:
        market = self.prices[order.symbol]
        bound = order.limit_price if order.limit_price is not None else order.protection_price
        if bound is None:
            return market
        return min(market, bound) if order.side is Side.BUY else max(market, bound)

    def _marketable(self, held: Held) -> bool:
        order = held.order
        if order.limit_price is None:
            return True
        market = self.prices[order.symbol]
        if order.side is Side.BUY:
            return market <= order.limit_price
        return market >= order.limit_price

    def trade(self) -> None:
        """Let the market go a step: prices move, and orders that can trade may do so."""
        self._first = self._first or dict(self.prices)
        for symbol, first in self._first.items():
            step, band = first // 1_000, first * BAND_PERCENT // 100
            moved = self.prices[symbol] + self.random.randint(-step, step)
            moved = min(max(moved, first - band), first + band)
            self.prices[symbol] = moved - moved % TICK
        for held in list(self.orders.values()):
            if held.open and self._marketable(held) and not self.random.randrange(3):
                self.fill(held)

    # ---- what it tells

    def _tell(self, event: Event) -> None:
        if self.strikes("lost update"):
            return
        if self.strikes("very late update"):
            self.later(self.random.uniform(12, 30), self._publish, event)
        elif self.strikes("late update"):
            self.later(self.random.random() * 4, self._publish, event)
        elif self.strikes("updates reordered"):
            self.later(0.02, self._publish, event)
        else:
            self._publish(event)

    def _publish(self, event: Event) -> None:
        if isinstance(event, TradeCorrection):
            self._unsaid -= Counter([event.broker_client_id])
        if isinstance(event, Execution):
            self._told.add(event.execution_id)
        times = 2 if self.strikes("update twice") else 1
        for _ in range(times):
            self.stream.append(BrokerUpdate(len(self.stream) + 1, event))

    def _confuse(self) -> None:
        """Keep showing cash and positions as they are now, for a while."""
        if self.loop.time() < self._confused_until_s or not self.strikes("confused reports"):
            return
        self._snapshot = {alias: self._statement(alias) for alias in self.accounts}
        self._confused_until_s = self.loop.time() + CONFUSED_S

    def statement(self, account: str) -> BrokerStatement:
        """Cash and positions as it tells them."""
        if self.loop.time() < self._confused_until_s and not self.healed:
            return self._snapshot[account]
        return self._statement(account)

    def _statement(self, account: str) -> BrokerStatement:
        held = self.accounts[account]
        positions = {symbol: (qty, 0) for symbol, qty in held.held().items()}
        return BrokerStatement(account, held.cash_micros, positions)

    def order(self, client_id: str) -> BrokerOrderState | None:
        """An order as it tells it."""
        held = self.orders.get(client_id)
        if held is None or self.loop.time() < held.visible_s:
            return None
        return BrokerOrderState(
            client_id, held.broker_order_id, held.status, held.filled, held.open
        )

    def records(self, account: str) -> list[BrokerOrderRecord]:
        """Every order of an account that questions find."""
        return [
            record_of(held)
            for held in self.orders.values()
            if held.order.account == account and self.loop.time() >= held.visible_s
        ]

    def executions(self, account: str) -> list[Execution]:
        """Every trade of an account that stands."""
        return [
            fill
            for held in self.orders.values()
            for fill in held.fills.values()
            if fill.account == account and fill.qty
        ]


def _set(answer: Answer, value: Accepted | Rejected) -> None:
    if not answer.done():
        answer.set_result(value)


def _fail(answer: Answer, code: str) -> None:
    if not answer.done():
        answer.set_exception(OutcomeUnknownError(code))
