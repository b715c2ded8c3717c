"""Where facts come from: feeds, rates, model health, venues, signed limits."""

from __future__ import annotations

from typing import Protocol

from gateway.domain.fact import Reading
from gateway.domain.market import Bar, Close, Hours, Quote, Rate
from gateway.domain.venue import VenueTerms


class SignedLimits(Protocol):
    """The signed limits, for the few facts that depend on one."""

    def strictest(
        self, name: str, *, account: str = "", strategy: str = "", symbol: str = ""
    ) -> int:
        """The limit as it counts for such an order; 0 if it stands nowhere."""
        ...


class Quotes(Protocol):
    """Quotes as known at a market time; never the future. Reads are from memory."""

    def quote(self, symbol: str, at_us: int) -> Quote | None:
        """The newest quote at or before ``at_us``."""
        ...


class MarketFeed(Quotes, Protocol):
    """Quotes, bars and hours as known at a market time; never the future. Reads are from memory."""

    def bars(self, symbol: str, until_us: int, limit: int) -> list[Bar]:
        """Up to ``limit`` newest bars known at ``until_us``, oldest first."""
        ...

    def previous_close(self, symbol: str, at_us: int) -> Close | None:
        """The last price of the session before that of ``at_us``, if it is known by then."""
        ...

    def volatility_index_e4(self, at_us: int) -> int | None:
        """The volatility index (VIX) times 10,000, as known at ``at_us``."""
        ...

    def session(self, at_us: int) -> str:
        """The date ``YYYY-MM-DD`` (New York) at ``at_us``."""
        ...

    def trading_day(self, at_us: int) -> str | None:
        """The date of the session that ``at_us`` belongs to; ``None``: no calendar tells.

        A session's day begins at midnight; a day without a session belongs to the one before it.
        """
        ...

    def hours(self, symbol: str, at_us: int) -> Hours | None:
        """The symbol's regular session that contains or follows ``at_us``.

        The calendar is published in advance, so the hours of a coming session are no look ahead.
        """
        ...


class MarketReading(Protocol):
    """The market as of one instant, every feed considered: what a decision and the gate see."""

    @property
    def now_us(self) -> int:
        """The instant, in market time."""
        ...

    def quote(self, symbol: str, price_decimals: int) -> Quote | None:
        """The symbol's sound quote at this scale; ``None`` when there is none."""
        ...

    def hours(self, symbol: str) -> Hours | None:
        """The symbol's session that contains or follows the instant."""
        ...


class Rates(Protocol):
    """Exchange rates as known at a market time; never the future. Reads are from memory."""

    def rate(self, currency: str, at_us: int) -> Rate | None:
        """What one unit of ``currency`` is worth in the base currency, if that is known."""
        ...


class ModelHealth(Protocol):
    """What a model states of the market and of itself, as known at a market time; from memory."""

    def reading(self, name: str, at_us: int) -> Reading | None:
        """The newest value of a name of ``gateway.domain.fact`` at or before ``at_us``."""
        ...


class PushedReadings(Protocol):
    """What services upstream have pushed; see ``gateway.facts.pushed``."""

    def reading(self, name: str, at_us: int) -> Reading | None:
        """The value that stands at ``at_us``; ``None`` when none does, or no longer."""
        ...

    def pushed(self, name: str) -> bool:
        """Whether this name was ever pushed: from then on nothing else speaks for it."""
        ...


class Venue(Protocol):
    """Who says which orders it takes."""

    def terms(self, account: str, symbol: str) -> VenueTerms | None:
        """Which orders it takes for an account in a symbol; ``None``: it does not say.

        Read from memory, whenever facts are gathered: it never blocks and asks nobody.
        """
        ...
