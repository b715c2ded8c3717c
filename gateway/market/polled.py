"""A broker's own quotes, asked for again and again: the primary feed in real time.

Asked for is what anything depends on: what is held or worked, and what was asked about lately. A
quote that came is kept with the few minutes before it, so that the short collar has its past.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from gateway.domain.instrument import Instrument
from gateway.domain.market import Quote
from gateway.domain.quantities import ceil_div

SYMBOLS_MAX: Final = 500
"""Symbols that are asked for; of more those asked about last."""
TRAIL_MAX: Final = 100
"""Quotes of one symbol that are kept."""
TRAIL_STEP_US: Final = 5_000_000
"""A newer quote takes the place of one that is less than that after its predecessor."""
AHEAD_MAX_US: Final = 2_000_000
"""How far a quote's instant may lie ahead of our clock: then it counts from when it came."""


class PolledQuotes:
    """Implements :class:`gateway.ports.Quotes` over what a broker told last."""

    def __init__(self, listed: Callable[[str], Instrument | None]) -> None:
        """Begin knowing nothing; ``listed`` is a symbol as the release in force lists it."""
        self._listed = listed
        self._trails: dict[str, deque[Quote]] = {}
        self._asked: dict[str, None] = {}
        """Symbols that somebody asked about, the latest last."""

    @property
    def told(self) -> bool:
        """Whether the broker has ever told a quote: before that there is no such feed."""
        return bool(self._trails)

    def quote(self, symbol: str, at_us: int) -> Quote | None:
        """The newest quote at or before ``at_us``, as far as it is kept."""
        if self._listed(symbol) is not None:
            self._asked.pop(symbol, None)
            self._asked[symbol] = None
            if len(self._asked) > SYMBOLS_MAX:
                del self._asked[next(iter(self._asked))]
        trail = self._trails.get(symbol, ())
        known = bisect_right([quote.at_us for quote in trail], at_us)
        return trail[known - 1] if known else None

    def wanted(self, needed: Iterable[str]) -> list[str]:
        """What to ask the broker for: what is ``needed`` first, then what was asked about last."""
        found = dict.fromkeys(symbol for symbol in needed if self._listed(symbol) is not None)
        found |= dict.fromkeys(reversed(self._asked))
        return list(found)[:SYMBOLS_MAX]

    def take(self, quotes: Iterable[Quote], now_us: int) -> int:
        """Take what a broker told at a market time; returns how many of them are of use.

        One that is older than what is known is none, and one whose scale cannot be ours neither.
        """
        return sum(self._take(quote, now_us) for quote in quotes)

    def _take(self, told: Quote, now_us: int) -> bool:
        listed = self._listed(told.symbol)
        if listed is None or told.at_us > now_us + AHEAD_MAX_US:
            return False
        quote = _at_scale(told, listed.price_decimals, min(told.at_us, now_us))
        trail = self._trails.setdefault(told.symbol, deque(maxlen=TRAIL_MAX))
        if trail and quote.at_us <= trail[-1].at_us:
            return False
        if len(trail) > 1 and trail[-1].at_us - trail[-2].at_us < TRAIL_STEP_US:
            trail.pop()
        trail.append(quote)
        if len(self._trails) > 2 * SYMBOLS_MAX:
            del self._trails[next(iter(self._trails))]
        return True


def _at_scale(told: Quote, decimals: int, at_us: int) -> Quote:
    """A quote at the instrument's scale, never better than it is.

    A venue may tell finer prices than the release lists. The bid is then rounded down and the ask
    up; the last price down if it lies below the middle, and up otherwise.
    """
    upwards = 2 * told.last > told.bid + told.ask
    bid, last, ask = (
        _scaled(price, told.price_decimals, decimals, up=up)
        for price, up in ((told.bid, False), (told.last, upwards), (told.ask, True))
    )
    return Quote(told.symbol, bid, ask, last, decimals, at_us)


def _scaled(price: int, given: int, wanted: int, *, up: bool) -> int:
    if given <= wanted:
        return price * 10 ** (wanted - given)
    step = 10 ** (given - wanted)
    return ceil_div(price, step) if up else price // step
