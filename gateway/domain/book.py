"""The book: what the log's entries add up to, held in memory for the next turn.

``gateway.domain.projection`` reads entries into it. Money is in micros, quantities at the
order's own scale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from gateway.domain.activity import Activity, act_of
from gateway.domain.day_counts import DayCounts
from gateway.domain.days import ClosedDay
from gateway.domain.decision import Reason
from gateway.domain.exits import ExitOnly, exit_allowed
from gateway.domain.external import ExternalOrder
from gateway.domain.halt import Halt, Scope
from gateway.domain.mode import OUTSIDE, Mode
from gateway.domain.overrides import Overrides
from gateway.domain.own_prices import OwnPrices, Place
from gateway.domain.permission import Accepted
from gateway.domain.quantities import Worth
from gateway.domain.reservations import Reservations
from gateway.domain.unreported import INFERRED, Unreported
from signing.lifecycle import OPEN, State

NONE: Final = "none"
"""How a document or payload says that an optional value is not there."""


IN_MEMORY: Final = MappingProxyType({"in_memory": True})
"""Metadata of an order's fields that follow from its document and have no column of their own."""

Payload = Mapping[str, Any]
"""A payload or document: decoded JSON, checked before it comes here."""


class BookError(Exception):
    """An entry does not fit the book: a defect or a foreign log; the gateway must halt."""


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order as the log tells it; replaced, never changed, so that rows can be kept of it."""

    order_id: str
    decision_id: str
    broker_client_id: str
    account: str
    principal: str
    client_order_id: str
    strategy_id: str
    symbol: str
    side: str
    type: str
    time_in_force: str
    qty: int
    qty_decimals: int
    price_decimals: int
    limit_price: int | None
    stop_price: int | None
    worst_price: int | None
    mode: str
    label: str
    allow: bool
    failure: str
    reasons: tuple[Reason, ...]
    input_digest: str
    release_digest: str
    market_us: int
    status: State
    filled_qty: int = 0
    filled_value: int = 0
    """Sum of quantity times price over the fills, at ``qty_decimals + price_decimals``."""
    fee_micros: int = 0
    broker: str = NONE
    broker_order_id: str = NONE
    code: str = NONE
    reduce_only: bool = False
    """Whether the caller wants it to take risk off and nothing else."""
    extended_hours: bool = False
    """Whether it may trade outside of the regular session."""
    expires_us: int | None = None
    """When a GTD order ends by itself (market time); ``None``: its time in force says."""
    replaces: str = NONE
    """The order whose place it takes."""
    replaced_by: str = NONE
    """The order that takes its place, or that last tried to."""
    anomaly: str = NONE
    """Code of what a broker told that cannot be true; a person settles such an order."""
    unreported: tuple[Unreported, ...] = field(default=(), compare=False, metadata=IN_MEMORY)
    """Fills that were inferred, or that a person vouches for, and no broker has reported yet, the
    oldest first; they are part of ``filled_qty``."""
    corrections: int = field(default=0, compare=False, metadata=IN_MEMORY)
    """How many corrections of its trades were entered."""
    worth: Worth | None = field(default=None, compare=False, metadata=IN_MEMORY)
    """Of one unit, as its decision's document dates it; ``None`` if that knows of none."""
    notional_micros: int | None = field(default=None, compare=False, metadata=IN_MEMORY)
    """What it was worth when it was decided, whole; ``None`` if its document does not say."""

    @property
    def leaves_qty(self) -> int:
        """What may still fill."""
        return self.qty - self.filled_qty

    @property
    def inferred_qty(self) -> int:
        """Of what is filled, what reconciliation inferred and no broker has reported yet."""
        return sum(each.qty for each in self.unreported if each.source == INFERRED)

    @property
    def reserves(self) -> bool:
        """Whether the rest of the order still counts against limits.

        One with an anomaly may work at the broker whatever its state says.
        """
        if not self.allow or self.mode == Mode.RESEARCH:
            return False
        return self.status in OPEN or (self.anomaly != NONE and self.leaves_qty > 0)

    @property
    def doubtful(self) -> bool:
        """Whether what became of it has to be found out: its outcome is unknown, or an anomaly."""
        if not self.allow or self.mode == Mode.RESEARCH:
            return False
        return self.status is State.UNKNOWN or self.anomaly != NONE


@dataclass(slots=True)
class AccountBook:
    """One account: cash, signed positions, working orders and the day's figures."""

    alias: str
    cash_micros: int
    positions: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """symbol -> (signed quantity, decimals); a flat symbol has no key."""
    working: dict[str, OrderState] = field(default_factory=dict[str, OrderState])
    """order_id -> order; changed by :meth:`hold` and :meth:`drop` alone."""
    reservations: dict[tuple[str, int, int], Reservations] = field(
        default_factory=dict[tuple[str, int, int], Reservations], compare=False
    )
    """(symbol, qty_decimals, price_decimals) -> what its working orders add up to: no state of
    its own, only the sums of ``working``."""
    session: str = NONE
    day_open_equity_micros: int | None = None
    peak_equity_micros: int | None = None
    executed_turnover_micros: int = 0
    fees_micros: int = 0
    """What executions of the day cost."""
    paid_in_micros: int = 0
    """What corrections of cash alone moved in the day: payments, which are no trade's result."""
    repositioned: str = NONE
    """The reconciliation that last corrected positions: the cash that it moves belongs to them."""
    days: tuple[ClosedDay, ...] = ()
    """The days that are over, the oldest first; no more than ``gateway.domain.days.DAYS_MAX``."""
    rejected_in_a_row: int = 0
    """Orders that the broker rejected since it last took one, or since a person resumed."""
    drift_bps: int | None = None
    """How far the broker's word was from ours at the last reconciliation, as a share of equity."""
    external: dict[str, ExternalOrder] = field(default_factory=dict[str, "ExternalOrder"])
    """broker_order_id -> an open order of somebody else; changed by :meth:`adopt` alone."""
    closed: frozenset[str] = frozenset()
    """Orders that were closed when the day began: kept for a late fill until the next one."""

    def day_profit_micros(self, equity_micros: int | None) -> int | None:
        """What the open day has come to at an equity; ``None`` where one of the two is not known.

        What was paid in or out is no profit and no loss. A correction of positions counts at the
        market, with the cash that it moved: a trade past the gateway is a trade, and a split,
        after which more is held at a lower price, is nothing.
        """
        opening = self.day_open_equity_micros
        if equity_micros is None or opening is None:
            return None
        return equity_micros - opening - self.paid_in_micros

    def hold(self, order: OrderState) -> None:
        """Count an order's remainder as working, in the place of what was counted of it before."""
        self.working[order.order_id] = order
        reserved = self._reserved(order.symbol, order.qty_decimals, order.price_decimals)
        reserved.put(order.order_id, order.side, order.leaves_qty, order.worst_price, order.worth)

    def _reserved(self, symbol: str, qty_decimals: int, price_decimals: int) -> Reservations:
        key = (symbol, qty_decimals, price_decimals)
        if key not in self.reservations:
            self.reservations[key] = Reservations(qty_decimals, price_decimals)
        return self.reservations[key]

    def adopt(self, order: ExternalOrder) -> None:
        """Count somebody else's order while it is open, as it was told of last, and no longer."""
        before = self.external.pop(order.broker_order_id, None)
        if before is not None:
            self._release(before.reservation_id, _place(before))
        if order.open:
            self.external[order.broker_order_id] = order
            self._reserved(*_place(order)).put(
                order.reservation_id, order.side, order.leaves_qty, order.limit_price, order.worth
            )

    def drop(self, order_id: str) -> None:
        """Count an order no longer."""
        order = self.working.pop(order_id, None)
        if order is not None:
            self._release(order_id, (order.symbol, order.qty_decimals, order.price_decimals))

    def _release(self, reservation_id: str, key: tuple[str, int, int]) -> None:
        self.reservations[key].take(reservation_id)
        if not self.reservations[key]:
            del self.reservations[key]


@dataclass(slots=True)
class Book:
    """The state of the gateway as of the last entry applied."""

    mode: Mode = Mode.RESEARCH
    omega4_lifted_until_us: int | None = None
    """None: Ω4 stands; otherwise the wall time at which the lift ends (0: no end)."""
    release_digest: str = NONE
    catalogues: dict[str, str] = field(default_factory=dict[str, str])
    """Digest of each release that was in force -> that of its words, as far as they were kept."""
    accounts: dict[str, AccountBook] = field(default_factory=dict[str, AccountBook])
    halts: dict[str, Halt] = field(default_factory=dict[str, Halt])
    exit_only: dict[Scope, ExitOnly] = field(default_factory=dict[Scope, ExitOnly])
    """The exit-only states that were opened and not closed; some may be past their end."""
    exits: set[str] = field(default_factory=set[str])
    """order_id of every open order that was decided as one that only reduces."""
    orders: dict[str, OrderState] = field(default_factory=dict[str, OrderState])
    """Orders that were sent or may be: open ones, and those closed in this session or the last."""
    overrides: Overrides = field(default_factory=Overrides)
    """The signed overrides that allowed orders have used."""
    by_client_id: dict[str, str] = field(default_factory=dict[str, str])
    """broker_client_id -> order_id, for the orders above."""
    market_us: int = 0
    """The newest market time that any entry names."""
    activity: Activity = field(default_factory=Activity)
    """What was done lately; allowed orders and callers' cancels add to it."""
    day: DayCounts = field(default_factory=DayCounts)
    """What was allowed to leave for a broker's venue in the UTC day."""
    prices: OwnPrices = field(default_factory=OwnPrices, compare=False)
    """Where the working orders of all accounts stand: no state of its own either."""
    manifest: Accepted | None = None
    """The manifest that was accepted last."""
    epoch: int = 0
    """The highest epoch of any manifest that was accepted: none is accepted below it."""
    trust_floor: Mapping[str, Any] | None = None
    """What of the trust root was accepted last (``signing.trust.Floor``), so never less."""
    doubtful: dict[tuple[str, str], set[str]] = field(
        default_factory=dict[tuple[str, str], set[str]]
    )
    """(account, symbol) -> order_id of the orders whose fate is in doubt; changed by
    :meth:`keep` alone."""
    feeds: dict[str, str] = field(default_factory=dict[str, str])
    """Symbol -> where its quotes come from since the last change that was entered."""
    control_version: int = 0
    """Grows with every entry that changes what may be allowed: mode, Ω4, halts, exit-only
    states, release."""

    def halted(self, account: str, symbol: str, strategy_id: str) -> bool:
        """Whether any standing halt covers such an order."""
        return any(h.scope.covers(account, symbol, strategy_id) for h in self.halts.values())

    def exit_allowed(self, account: str, symbol: str, strategy_id: str, wall_us: int) -> bool:
        """Whether such an order may pass every halt that covers it, if it only reduces."""
        return exit_allowed(
            self.halts.values(),
            self.exit_only.values(),
            order=(account, symbol, strategy_id),
            wall_us=wall_us,
        )

    def exit_only_open(self, account: str, symbol: str, strategy_id: str, wall_us: int) -> bool:
        """Whether a named person has opened an exit-only state that covers such an order."""
        return any(
            state.stands(wall_us) and state.scope.covers(account, symbol, strategy_id)
            for state in self.exit_only.values()
        )

    def omega4_lifted(self, wall_us: int) -> bool:
        """Whether Ω4 is lifted at this wall time."""
        until = self.omega4_lifted_until_us
        return until is not None and (until == 0 or wall_us < until)

    def open_orders(self) -> list[OrderState]:
        """Every order that still reserves, oldest first."""
        return [order for order in self.orders.values() if order.reserves]

    def hold(self, order: OrderState) -> None:
        """Count an order as working, and one that is not recorded yet as done as well.

        Within a turn the earlier orders are held, as if they had been allowed.
        """
        self._work(order)
        if order.order_id not in self.orders:
            self.activity.suppose(order.order_id, act_of(order))
            if order.mode in OUTSIDE:
                self.day.suppose(order.order_id, order.notional_micros)

    def drop(self, order: OrderState) -> None:
        """Undo :meth:`hold`."""
        self._rest(order)
        self.activity.unsuppose(order.order_id)
        self.day.unsuppose(order.order_id)

    def _work(self, order: OrderState) -> None:
        self.account(order.account).hold(order)
        waits_for = None if order.filled_qty else order.stop_price  # a fill tells that it came
        self.prices.put(
            order.order_id,
            Place(order.symbol, order.price_decimals, order.side, order.worst_price, waits_for),
        )

    def adopt(self, order: ExternalOrder) -> None:
        """Count somebody else's order against limits, and our own orders, while it is open."""
        self.account(order.account).adopt(order)
        if order.open:
            place = Place(order.symbol, order.price_decimals, order.side, order.limit_price, None)
            self.prices.put(order.reservation_id, place)
        else:
            self.prices.take(order.reservation_id)

    def _doubt(self, order: OrderState) -> None:
        """Note whether an order's fate is in doubt: nothing new may rest on it meanwhile."""
        key = (order.account, order.symbol)
        if order.doubtful:
            self.doubtful.setdefault(key, set()).add(order.order_id)
        elif key in self.doubtful:
            self.doubtful[key].discard(order.order_id)
            if not self.doubtful[key]:
                del self.doubtful[key]

    def _rest(self, order: OrderState) -> None:
        self.account(order.account).drop(order.order_id)
        self.prices.take(order.order_id)

    def account(self, alias: str) -> AccountBook:
        """The account's book.

        Raises:
            BookError: the log has no statement for the account.
        """
        try:
            return self.accounts[alias]
        except KeyError:
            raise BookError(f"no statement for account {alias}") from None

    def keep(self, order: OrderState) -> tuple[OrderState]:
        """Take an order's new state, and count or release its reservation."""
        self.orders[order.order_id] = order
        self.by_client_id[order.broker_client_id] = order.order_id
        self._doubt(order)
        if order.reserves:
            self._work(order)
            return (order,)
        self.exits.discard(order.order_id)
        if order.account in self.accounts:
            self._rest(order)
        return (order,)

    def known(self, payload: Payload) -> OrderState:
        """The order that an entry is about.

        Raises:
            BookError: the book does not hold it.
        """
        try:
            return self.orders[payload["order_id"]]
        except KeyError:
            raise BookError(f"entry for an order not in the book: {payload['order_id']}") from None


def _place(order: ExternalOrder) -> tuple[str, int, int]:
    return (order.symbol, order.qty_decimals, order.price_decimals)


Handler = Callable[[Book, Payload, "Payload | None"], "tuple[OrderState, ...]"]
"""What one kind of entry does to the book: its payload and, for a decision, its document."""
