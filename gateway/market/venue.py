"""A market in real time: hours from the venue's calendar, quotes from a broker that tells them.

Where none does, the pushed quotes, which are the second source everywhere, stand alone. There are
no bars, and volatility is what is pushed. The close of the session before is a pushed fact as well,
and counts if its instant lies in that session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.domain.fact import CLOSE_PREFIX
from gateway.domain.instrument import Instrument
from gateway.domain.market import Bar, Close, Hours, Quote
from gateway.market.calendar import VenueCalendar, day_of
from gateway.market.pushed import at_scale
from gateway.ports import PushedReadings, Quotes

CLASSES: Final = frozenset({"equity", "etf"})
"""The asset classes that trade in the hours of a stock exchange; no other's are known here."""


class VenueFeed:
    """Implements :class:`gateway.ports.MarketFeed` in real time."""

    def __init__(
        self,
        calendar: VenueCalendar,
        readings: PushedReadings,
        listed: Callable[[str], Instrument | None],
        quotes: Quotes | None = None,
    ) -> None:
        """Read from what others keep up to date.

        Args:
            calendar: the venue's.
            readings: what services have pushed.
            listed: a symbol as the release in force lists it.
            quotes: a broker's own.
        """
        self._calendar = calendar
        self._readings = readings
        self._listed = listed
        self._quotes = quotes

    def quote(self, symbol: str, at_us: int) -> Quote | None:
        """The broker's newest quote at or before ``at_us``, if it tells any."""
        return None if self._quotes is None else self._quotes.quote(symbol, at_us)

    def bars(self, symbol: str, until_us: int, limit: int) -> list[Bar]:  # noqa: ARG002  the port
        """None are known."""
        return []

    def previous_close(self, symbol: str, at_us: int) -> Close | None:
        """The pushed close, if it is of the session before the day of ``at_us``, at its scale."""
        reading = self._readings.reading(CLOSE_PREFIX + symbol, at_us)
        listed, before = self._listed(symbol), self._calendar.previous(at_us)
        if reading is None or listed is None or before is None or type(reading.value) is not int:
            return None
        if not before.opens_us <= reading.at_us <= before.closes_us:
            return None
        price = at_scale(reading.value, listed.price_decimals)
        return None if price is None else Close(price, listed.price_decimals)

    def volatility_index_e4(self, at_us: int) -> int | None:  # noqa: ARG002  the port
        """``None``: it is pushed."""
        return None

    def session(self, at_us: int) -> str:
        """The date in New York at ``at_us``; a day without trading has a date too."""
        return day_of(at_us).isoformat()

    def trading_day(self, at_us: int) -> str | None:
        """The day of the session that is on, is to come today, or was last, if that is known."""
        day = self._calendar.trading_day(at_us)
        return None if day is None else day.isoformat()

    def hours(self, symbol: str, at_us: int) -> Hours | None:
        """The regular session that contains or follows ``at_us``; ``None`` where it is not known.

        A class that trades in other hours than a stock exchange has none here.
        """
        listed = self._listed(symbol)
        if listed is None or listed.asset_class not in CLASSES:
            return None
        return self._calendar.hours(at_us)
