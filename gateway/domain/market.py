"""Market facts: quotes and bars, as integers at the instrument's price scale."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask and the last price; ``at_us`` is market time in microseconds."""

    symbol: str
    bid: int
    ask: int
    last: int
    price_decimals: int
    at_us: int


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
