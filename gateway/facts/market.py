"""Quotes with their age and source, and the hours: absent when not known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from gateway.domain.market import FeedSource, FeedState, Hours, Quote, QuoteSource
from gateway.ports import MarketFeed, Quotes

SHORT_WINDOW_US: Final = 5 * 60 * 1_000_000
"""How far back the short collar looks: five minutes."""


@dataclass(frozen=True, slots=True)
class Sourced:
    """A quote and the feed that it came from."""

    quote: Quote
    source: QuoteSource


@dataclass(frozen=True, slots=True)
class Market:
    """The market as of one instant: everything is read once, so that a turn sees one market.

    Implements :class:`gateway.ports.MarketReading`. The secondary feed is asked only where the
    primary one has no sound quote, or one older than ``quote_age_max_ms``; an old quote of the
    primary gives way only to a young one, so that a denial tells the age of what there is.
    """

    feed: MarketFeed | None
    now_us: int
    secondary: Quotes | None = None
    quote_age_max_ms: int = 0
    """The release's global limit, in market time."""
    _quotes: dict[tuple[str, int], Sourced | None] = field(
        default_factory=dict[tuple[str, int], "Sourced | None"]
    )
    _before: dict[tuple[str, int], tuple[int | None, int | None]] = field(
        default_factory=dict[tuple[str, int], "tuple[int | None, int | None]"]
    )

    def quote(self, symbol: str, price_decimals: int) -> Quote | None:
        """The symbol's quote, if it is known at this scale and not from the future."""
        sourced = self.sourced(symbol, price_decimals)
        return sourced.quote if sourced else None

    def sourced(self, symbol: str, price_decimals: int) -> Sourced | None:
        """As :meth:`quote`, with the feed that it came from."""
        key = (symbol, price_decimals)
        if key not in self._quotes:
            self._quotes[key] = self._chosen(symbol, price_decimals)
        return self._quotes[key]

    def young(self, symbol: str, price_decimals: int) -> bool:
        """Whether the symbol has a quote that is not older than the release's limit."""
        quote = self.quote(symbol, price_decimals)
        return quote is not None and self._fresh(quote)

    def feed_state(self, symbol: str, price_decimals: int) -> FeedState:
        """Which feed has a quote of the symbol that is young enough, and why not the first."""
        first = self._sound(self.feed, symbol, price_decimals, self.now_us)
        second = self._sound(self.secondary, symbol, price_decimals, self.now_us)
        if first is not None and self._fresh(first):
            return FeedState(FeedSource.PRIMARY, "PRIMARY_FRESH", first.age_ms(self.now_us))
        if second is not None and self._fresh(second):
            if first is None:
                return FeedState(FeedSource.SECONDARY, "PRIMARY_MISSING", None)
            return FeedState(FeedSource.SECONDARY, "PRIMARY_STALE", first.age_ms(self.now_us))
        ages = [quote.age_ms(self.now_us) for quote in (first, second) if quote is not None]
        cause = "ALL_STALE" if ages else "ALL_MISSING"
        return FeedState(FeedSource.NONE, cause, min(ages, default=None))

    def hours(self, symbol: str) -> Hours | None:
        """The session that contains or follows the instant, as the primary feed knows it."""
        return self.feed.hours(symbol, self.now_us) if self.feed else None

    def before(self, symbol: str, price_decimals: int) -> tuple[int | None, int | None]:
        """The last price as known five minutes ago, and the previous session's last close.

        Of five minutes ago the secondary feed is asked where the primary one has nothing sound.
        """
        key = (symbol, price_decimals)
        if key not in self._before:
            then = (symbol, price_decimals, self.now_us - SHORT_WINDOW_US)
            past = self._sound(self.feed, *then) or self._sound(self.secondary, *then)
            self._before[key] = (past.last if past else None, self._previous_close(*key))
        return self._before[key]

    def _chosen(self, symbol: str, price_decimals: int) -> Sourced | None:
        first = self._sound(self.feed, symbol, price_decimals, self.now_us)
        if first is not None and self._fresh(first):
            return Sourced(first, QuoteSource.PRIMARY)
        second = self._sound(self.secondary, symbol, price_decimals, self.now_us)
        if second is not None and (first is None or self._fresh(second)):
            return Sourced(second, QuoteSource.SECONDARY)
        return Sourced(first, QuoteSource.PRIMARY) if first else None

    def _fresh(self, quote: Quote) -> bool:
        return quote.age_ms(self.now_us) <= self.quote_age_max_ms

    @staticmethod
    def _sound(feed: Quotes | None, symbol: str, price_decimals: int, at_us: int) -> Quote | None:
        quote = feed.quote(symbol, at_us) if feed else None
        if quote is None or quote.price_decimals != price_decimals or quote.at_us > at_us:
            return None
        return quote if quote.symbol == symbol and quote.sound else None

    def _previous_close(self, symbol: str, price_decimals: int) -> int | None:
        close = self.feed.previous_close(symbol, self.now_us) if self.feed else None
        if close is None or close.price_decimals != price_decimals or close.price <= 0:
            return None
        return close.price


def market_facts(sourced: Sourced | None, now_us: int) -> dict[str, Any] | None:
    """The ``market`` section; ``age_ms`` and ``spread_bps`` are rounded up."""
    if sourced is None:
        return None
    quote = sourced.quote
    return {
        "bid": quote.bid,
        "ask": quote.ask,
        "last": quote.last,
        "age_ms": quote.age_ms(now_us),
        "spread_bps": quote.spread_bps,
        "source": sourced.source.value,
    }


def hours_facts(hours: Hours | None, now_us: int) -> dict[str, Any] | None:
    """The ``hours`` section: of the session that is on, or else of the next."""
    if hours is None:
        return None
    return {"open": hours.open_at(now_us), "to_close_ms": hours.to_close_ms(now_us)}
