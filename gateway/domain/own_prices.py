"""The prices that the gateway's own working orders may trade at, over all its accounts.

An order that reaches one of them on the other side could trade with its own house. Prices are
integers at a stated number of decimals; the cost of an answer does not grow with the orders.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Final

from gateway.domain.order import Side

STALE_MAX: Final = 64
"""Prices that nobody stands at any more and that may lie in a side's heap beside as many others."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an order stands; ``price`` is ``None`` where nothing bounds what it may trade at."""

    symbol: str
    price_decimals: int
    buys: bool
    price: int | None


@dataclass(slots=True)
class _Side:
    """One side of one symbol at one scale: the best price without looking at every order."""

    sign: int
    """-1 for purchases, whose best price is the highest; 1 for sales."""
    unpriced: int = 0
    standing: dict[int, int] = field(default_factory=dict[int, int])
    """signed price -> how many orders stand there; 0 while it still lies in the heap."""
    heap: list[int] = field(default_factory=list[int])
    """The keys of ``standing``."""
    live: int = 0
    """Keys of ``standing`` at which somebody stands."""

    def add(self, price: int | None) -> None:
        if price is None:
            self.unpriced += 1
            return
        signed = self.sign * price
        if signed not in self.standing:
            heapq.heappush(self.heap, signed)
            self.standing[signed] = 0
        self.live += not self.standing[signed]
        self.standing[signed] += 1

    def remove(self, price: int | None) -> None:
        if price is None:
            self.unpriced -= 1
            return
        signed = self.sign * price
        self.standing[signed] -= 1
        self.live -= not self.standing[signed]
        while self.heap and not self.standing[self.heap[0]]:
            del self.standing[heapq.heappop(self.heap)]
        if len(self.heap) > 2 * self.live + STALE_MAX:
            self.standing = {price: count for price, count in self.standing.items() if count}
            self.heap = sorted(self.standing)

    @property
    def empty(self) -> bool:
        return not self.live and not self.unpriced

    @property
    def best(self) -> int | None:
        """The price; ``None`` if there is an order that nothing bounds."""
        return None if self.unpriced else self.sign * self.heap[0]


class OwnPrices:
    """Working orders by symbol and side: the best price on each."""

    def __init__(self) -> None:
        """Start with none."""
        self._places: dict[str, _Place] = {}
        self._sides: dict[tuple[str, bool], dict[int, _Side]] = {}
        """(symbol, whether they buy) -> price_decimals -> the orders."""

    def put(
        self, order_id: str, symbol: str, price_decimals: int, side: str, price: int | None
    ) -> None:
        """Count a working order, in the place of what was counted of it before."""
        place = _Place(symbol, price_decimals, side == Side.BUY, price)
        if self._places.get(order_id) == place:
            return
        self.take(order_id)
        self._places[order_id] = place
        scales = self._sides.setdefault((symbol, place.buys), {})
        scales.setdefault(price_decimals, _Side(-1 if place.buys else 1)).add(price)

    def take(self, order_id: str) -> None:
        """Count an order no longer; one that was not counted is none."""
        place = self._places.pop(order_id, None)
        if place is None:
            return
        scales = self._sides[place.symbol, place.buys]
        side = scales[place.price_decimals]
        side.remove(place.price)
        if side.empty:
            del scales[place.price_decimals]
        if not scales:
            del self._sides[place.symbol, place.buys]

    def opposite(self, symbol: str, price_decimals: int, side: str) -> tuple[bool, int | None]:
        """The best price on the other side of an order.

        Returns:
            Whether anybody stands there, and the price at ``price_decimals``: for a purchase the
            lowest that a working sale may trade at, for a sale the highest of the purchases.
            ``None`` beside ``True``: one of them is at another scale, or nothing bounds it.
        """
        scales = self._sides.get((symbol, side != Side.BUY))
        if not scales:
            return False, None
        if scales.keys() != {price_decimals}:
            return True, None
        return True, scales[price_decimals].best


def reach(side: str, worst_price: int | None, stop_price: int | None) -> int | None:
    """The price furthest against its owner that a working order stands for.

    A limit, or what bounds the order in its place; one with a stop counts from that price if it
    is further still.
    """
    if worst_price is None or stop_price is None:
        return worst_price
    return max(worst_price, stop_price) if side == Side.BUY else min(worst_price, stop_price)
