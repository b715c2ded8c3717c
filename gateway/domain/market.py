"""Market facts: quotes, bars and hours, as integers at the instrument's price scale."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.quantities import BPS, ceil_div

US_PER_MS = 1_000


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask and the last price; ``at_us`` is market time in microseconds."""

    symbol: str
    bid: int
    ask: int
    last: int
    price_decimals: int
    at_us: int

    @property
    def sound(self) -> bool:
        """Whether it is a market at all: prices above zero, and not crossed."""
        return 0 < self.bid <= self.ask and self.last > 0

    @property
    def low(self) -> int:
        """The lower of last price and bid: what a holding counts at; a trade may be long ago."""
        return min(self.last, self.bid)

    @property
    def high(self) -> int:
        """The higher of last price and ask: what a debt in the instrument and exposure count at."""
        return max(self.last, self.ask)

    @property
    def spread_bps(self) -> int:
        """The distance of ask and bid as a share of their middle, rounded up; of a sound quote."""
        return ceil_div((self.ask - self.bid) * 2 * BPS, self.bid + self.ask)

    def age_ms(self, now_us: int) -> int:
        """How old it is at a market time, rounded up; below zero for a quote of the future."""
        return ceil_div(now_us - self.at_us, US_PER_MS)


class QuoteSource(StrEnum):
    """Which of the feeds a quote came from."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


class FeedSource(StrEnum):
    """Which of the feeds has a quote that is young enough; ``NONE``: neither has."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class FeedState:
    """What a symbol's quotes are worth as of an instant.

    ``cause`` says why: PRIMARY_FRESH, PRIMARY_STALE, PRIMARY_MISSING (the secondary one is used),
    ALL_STALE or ALL_MISSING. ``age_ms`` is that of the primary's quote, or, where neither counts,
    of the younger one; ``None`` where there is none.
    """

    source: FeedSource
    cause: str
    age_ms: int | None


@dataclass(frozen=True, slots=True)
class Hours:
    """One trading session, from ``opens_us`` up to and without ``closes_us`` (market time)."""

    opens_us: int
    closes_us: int

    def open_at(self, at_us: int) -> bool:
        """Whether the market is open at an instant."""
        return self.opens_us <= at_us < self.closes_us

    def to_close_ms(self, at_us: int) -> int:
        """Milliseconds until the close, rounded down: never more than there are."""
        return (self.closes_us - at_us) // US_PER_MS


@dataclass(frozen=True, slots=True)
class Bar:
    """One session's close, known from ``at_us`` (market time) on.

    ``volume`` is a model's figure when the source has none; the feed says so.
    """

    symbol: str
    session: str
    close: int
    price_decimals: int
    volume: int
    at_us: int


@dataclass(frozen=True, slots=True)
class Close:
    """The last price of a session that is over."""

    price: int
    price_decimals: int


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of a currency is worth in the base currency, at 8 decimals.

    ``at_us`` is the market time that its age counts from.
    """

    rate_e8: int
    at_us: int

    def age_ms(self, now_us: int) -> int:
        """How old it is at a market time, rounded up; below zero for a rate of the future."""
        return ceil_div(now_us - self.at_us, US_PER_MS)
