"""The prices at which the gateway's own orders may meet each other, over all its accounts.

An order that reaches one of them on the other side could trade with its own house. Prices are
integers at a stated number of decimals.

Where an order may trade:

- without a stop, from the market up to its limit, or to the bound that it was given in its place;
- with a stop that lies dormant, between the stop price and that bound, and nowhere else: what
  waits above such a sale's stop price has filled before the market comes down to it;
- with a stop that may have been reached, as one without.

Nobody tells the gateway when a stop is reached, so this is told from the market: a sale's stop is
dormant while bid and last price lie above both of its prices, a purchase's while ask and last lie
below both. A sale that rests at its limit already keeps the ask at or below it, so it never looks
dormant. One with a fill, or without a quote, is not dormant. What this cannot see is an order that
the venue itself holds back after its stop was reached.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

from gateway.domain.market import Quote
from gateway.domain.order import Side


@dataclass(frozen=True, slots=True)
class Place:
    """Where an order stands or would stand.

    ``price`` is the furthest that it may trade at, ``None`` where nothing bounds it; ``stop`` is
    the price that it waits for, ``None`` where it waits for none, or no longer.
    """

    symbol: str
    price_decimals: int
    side: str
    price: int | None
    stop: int | None

    @property
    def buys(self) -> bool:
        """Whether it is a purchase."""
        return self.side == Side.BUY

    @property
    def sign(self) -> int:
        """What makes its side's best price the lowest: those of purchases stand below zero."""
        return -1 if self.buys else 1

    @property
    def wakes_at(self) -> int | None:
        """The signed price that the market is above while it waits, ``None`` if it never does."""
        if self.stop is None or self.price is None:
            return None
        return max(self.sign * self.stop, self.sign * self.price)

    def dormant(self, quote: Quote | None) -> bool:
        """Whether it waits for a stop price that the market is away from."""
        if self.wakes_at is None or quote is None:
            return False
        return self.wakes_at < _market(self.sign, quote)


@dataclass(slots=True)
class _Side:
    """One side of one symbol at one scale; its prices are signed, as :attr:`Place.sign` says.

    The cost of an answer grows with the stops that may be awake or that the order would reach.
    """

    sign: int
    unpriced: int = 0
    prices: list[int] = field(default_factory=list[int])
    """Of orders without a stop, ascending."""
    stops: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """(:attr:`Place.wakes_at`, the price) of orders with one, ascending."""

    def add(self, place: Place) -> None:
        if place.price is None:
            self.unpriced += 1
        elif place.wakes_at is None:
            insort(self.prices, self.sign * place.price)
        else:
            insort(self.stops, (place.wakes_at, self.sign * place.price))

    def remove(self, place: Place) -> None:
        if place.price is None:
            self.unpriced -= 1
        elif place.wakes_at is None:
            del self.prices[bisect_left(self.prices, self.sign * place.price)]
        else:
            del self.stops[bisect_left(self.stops, (place.wakes_at, self.sign * place.price))]

    @property
    def empty(self) -> bool:
        return not (self.unpriced or self.prices or self.stops)

    def best(self, order: Place, quote: Quote | None) -> int | None:
        """The best price at which an order of the other side may meet one of these, if any."""
        met = self._met(order, quote)
        return self.sign * min(met) if met else None

    def _met(self, order: Place, quote: Quote | None) -> list[int]:
        """The signed prices that an order may meet; of orders without a stop the best will do."""
        if quote is None or order.price is None:
            return [*self.prices[:1], *(price for _, price in self.stops)]
        market = _market(self.sign, quote)
        if order.wakes_at is not None and order.dormant(quote):
            # What it would pass on the market's side of its stop is done before it wakes.
            left = -order.wakes_at
            first = bisect_left(self.prices, left)
            awake = self._stops_from(market)
            return [*self.prices[first : first + 1], *(price for price in awake if price >= left)]
        # Those that it passes are asleep while the market is past them too.
        return [*self.prices[:1], *self._stops_from(min(self.sign * order.price, market))]

    def _stops_from(self, market: int) -> list[int]:
        """The signed prices of the stops that a market at this signed price may have woken."""
        return [price for _, price in self.stops[bisect_left(self.stops, (market,)) :]]


class OwnPrices:
    """Working orders by symbol and side."""

    def __init__(self) -> None:
        """Start with none."""
        self._places: dict[str, Place] = {}
        self._sides: dict[tuple[str, bool], dict[int, _Side]] = {}
        """(symbol, whether they buy) -> price_decimals -> the orders."""

    def put(self, order_id: str, place: Place) -> None:
        """Count a working order, in the place of what was counted of it before."""
        if self._places.get(order_id) == place:
            return
        self.take(order_id)
        self._places[order_id] = place
        scales = self._sides.setdefault((place.symbol, place.buys), {})
        side = scales.setdefault(place.price_decimals, _Side(place.sign))
        side.add(place)

    def take(self, order_id: str) -> None:
        """Count an order no longer; one that was not counted is none."""
        place = self._places.pop(order_id, None)
        if place is None:
            return
        scales = self._sides[place.symbol, place.buys]
        side = scales[place.price_decimals]
        side.remove(place)
        if side.empty:
            del scales[place.price_decimals]
        if not scales:
            del self._sides[place.symbol, place.buys]

    def opposite(self, order: Place, quote: Quote | None) -> tuple[bool, int | None]:
        """The best price at which an order may meet a working order of the other side.

        Args:
            order: where it would stand.
            quote: its symbol's, at its scale, if it is known; else no stop counts as dormant.

        Returns:
            Whether there is anybody to meet, and the price at the order's scale: for a purchase
            the lowest that such a sale may trade at, for a sale the highest of the purchases.
            ``None`` beside ``True``: one of them is at another scale, or nothing bounds it.
        """
        scales = self._sides.get((order.symbol, not order.buys))
        if not scales:
            return False, None
        if scales.keys() != {order.price_decimals} or scales[order.price_decimals].unpriced:
            return True, None
        best = scales[order.price_decimals].best(order, quote)
        return best is not None, best


def _market(sign: int, quote: Quote) -> int:
    """The signed price that a stop of that side is passed by first: of the touch and the last."""
    return min(sign * (quote.bid if sign > 0 else quote.ask), sign * quote.last)
