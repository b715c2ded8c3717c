"""What working orders reserve, added up as they come and go.

An account may have thousands of working orders, and every decision asks what they would come to.
Each symbol keeps its sums here, so that the answer costs the same however many there are.
Quantities and prices are integers at one scale, money is in micros of the base currency at the
rate that each order was decided at, rounded up for each order.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.order import Side
from gateway.domain.quantities import PLAIN, Worth, notional_micros


@dataclass(frozen=True, slots=True)
class _Reservation:
    """One working order: what may still fill, the worst price it may fill at, and its worth."""

    buys: bool
    qty: int
    worst_price: int
    worth: Worth


@dataclass(frozen=True, slots=True)
class Reserved:
    """What a symbol's working orders come to in one state of the market."""

    qty_decimals: int
    price_decimals: int
    buy_qty: int = 0
    sell_qty: int = 0
    buys_micros: int = 0
    """Purchases at their worst prices."""
    sells_micros: int = 0
    """Sales at the higher of their worst price and the market's (``Quote.high``)."""
    highest_price: int = 0
    """The highest price among the orders, 0 without any."""

    def plus(self, side: str, qty: int, price: int, worth: Worth = PLAIN) -> Reserved:
        """The same with one order more, which counts at ``price``."""
        buys = side == Side.BUY
        micros = notional_micros(qty, self.qty_decimals, price, self.price_decimals, worth)
        return Reserved(
            self.qty_decimals,
            self.price_decimals,
            self.buy_qty + (qty if buys else 0),
            self.sell_qty + (0 if buys else qty),
            self.buys_micros + (micros if buys else 0),
            self.sells_micros + (0 if buys else micros),
            max(self.highest_price, price),
        )


class Reservations:
    """The working orders of one account in one symbol, all at the same scale."""

    def __init__(self, qty_decimals: int, price_decimals: int) -> None:
        """Start with none."""
        self._qty_decimals = qty_decimals
        self._price_decimals = price_decimals
        self._buy_qty = 0
        self._sell_qty = 0
        self._buys_micros = 0
        self._orders: dict[str, _Reservation] = {}
        self._unpriced: set[str] = set()
        self._prices: dict[int, int] = {}
        """worst price -> how many orders have it."""
        self._highest = 0
        self._sells_micros = 0
        self._sells_high = 0
        """The market's price that ``_sells_micros`` was added up at."""

    def __len__(self) -> int:
        """How many orders there are."""
        return len(self._orders) + len(self._unpriced)

    @property
    def countable(self) -> bool:
        """Whether every order has a bound and a worth; one without leaves nothing provable."""
        return not self._unpriced

    def working_qty(self, *, buys: bool) -> int:
        """What the countable orders of one direction may still fill."""
        return self._buy_qty if buys else self._sell_qty

    def at(self, high: int) -> Reserved:
        """What they come to where the market is at ``high`` (``Quote.high``; 0: not known)."""
        if high != self._sells_high:
            self._sells_high = high
            self._sells_micros = sum(
                self._sale_micros(order) for order in self._orders.values() if not order.buys
            )
        return Reserved(
            self._qty_decimals,
            self._price_decimals,
            self._buy_qty,
            self._sell_qty,
            self._buys_micros,
            self._sells_micros,
            self._highest,
        )

    def put(
        self,
        order_id: str,
        side: str,
        qty: int,
        worst_price: int | None,
        worth: Worth | None = PLAIN,
    ) -> None:
        """Count an order, in the place of what was counted of it before."""
        self.take(order_id)
        if worst_price is None or worth is None:
            self._unpriced.add(order_id)
            return
        order = _Reservation(side == Side.BUY, qty, worst_price, worth)
        self._orders[order_id] = order
        self._prices[worst_price] = self._prices.get(worst_price, 0) + 1
        self._highest = max(self._highest, worst_price)
        self._add(order, 1)

    def take(self, order_id: str) -> None:
        """Count an order no longer; one that was not counted is none."""
        self._unpriced.discard(order_id)
        order = self._orders.pop(order_id, None)
        if order is None:
            return
        self._add(order, -1)
        self._prices[order.worst_price] -= 1
        if not self._prices[order.worst_price]:
            del self._prices[order.worst_price]
            if order.worst_price == self._highest:
                self._highest = max(self._prices, default=0)

    def _add(self, order: _Reservation, sign: int) -> None:
        if order.buys:
            self._buy_qty += sign * order.qty
            self._buys_micros += sign * self._micros(order, order.worst_price)
        else:
            self._sell_qty += sign * order.qty
            self._sells_micros += sign * self._sale_micros(order)

    def _sale_micros(self, order: _Reservation) -> int:
        return self._micros(order, max(order.worst_price, self._sells_high))

    def _micros(self, order: _Reservation, price: int) -> int:
        return notional_micros(
            order.qty, self._qty_decimals, price, self._price_decimals, order.worth
        )
