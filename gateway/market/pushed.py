"""Pushed quotes as a market feed: the second source, for when the first is missing or old."""

from __future__ import annotations

from collections.abc import Callable

from gateway.domain.fact import PRICE_DECIMALS, QUOTE_PREFIX, Prices
from gateway.domain.market import Quote
from gateway.ports import PushedReadings


class PushedQuotes:
    """Quotes that services upstream have pushed, at the scale that the release gives a symbol."""

    def __init__(
        self, readings: PushedReadings, price_decimals: Callable[[str], int | None]
    ) -> None:
        """Read from ``readings``.

        Args:
            readings: what was pushed.
            price_decimals: the scale of a symbol's prices; ``None`` where it has none.
        """
        self._readings = readings
        self._price_decimals = price_decimals

    def quote(self, symbol: str, at_us: int) -> Quote | None:
        """The pushed quote that stands at ``at_us``; of a past instant, the one that stood then.

        ``None`` when none does, when no scale is known for the symbol, or when a price does not
        fit its scale exactly: a quote is never rounded into another one.
        """
        reading = self._readings.reading(QUOTE_PREFIX + symbol, at_us)
        decimals = self._price_decimals(symbol)
        if reading is None or decimals is None or not isinstance(reading.value, Prices):
            return None
        pushed = (reading.value.bid, reading.value.ask, reading.value.last)
        bid, ask, last = (at_scale(price, decimals) for price in pushed)
        if bid is None or ask is None or last is None:
            return None
        return Quote(symbol, bid, ask, last, decimals, reading.at_us)


def at_scale(price: int, decimals: int) -> int | None:
    """A pushed price at the scale of its symbol; ``None`` if it does not fit it exactly."""
    step = 10 ** max(0, PRICE_DECIMALS - decimals)
    if price % step:
        return None
    return price // step * 10 ** max(0, decimals - PRICE_DECIMALS)
