"""A feed of recorded daily closes: what was known at a market time, never what came later.

The close of day t is the quote half an hour before the end of its session (15:30 in New York, 12:30
on a half-day), known from that instant on; its age grows until the next session's. Bid, ask and
volume come from the stated models of ``gateway.market.spread``. Everything is held in memory and
immutable, so any thread may read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from gateway.domain.errors import InvalidInputError
from gateway.domain.market import Bar, Close, Hours, Quote
from gateway.market.closes import QUOTE_BEFORE_CLOSE_US, Series, read_series
from gateway.market.exchange import EXCHANGE_ZONE, regular_hours
from gateway.market.spread import (
    PRICE_DECIMALS,
    SHIPPED_MODEL,
    QuoteModel,
    bid_ask,
    half_spread,
    session_volume,
)

VOLATILITY_COLUMN: Final = "VIX"
_BARS_FOR_PREVIOUS: Final = 2  # today's, where it is known already, and the one before it
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class HistoricalFeed:
    """Implements :class:`gateway.ports.MarketFeed` over recorded closes."""

    def __init__(self, closes: Mapping[str, Series], volatility: Series, model: QuoteModel) -> None:
        """Hold the series; :func:`load_feed` reads them from files."""
        self._closes = dict(closes)
        self._volatility = volatility
        self._model = model
        self._zone = ZoneInfo(EXCHANGE_ZONE)
        self._sessions = sorted(
            {
                (session, at_us)
                for series in self._closes.values()
                for session, at_us in zip(series.sessions, series.at_us, strict=True)
            }
        )

        self._days = sorted({session for session, _ in self._sessions})

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol that has a column, in the file's order."""
        return tuple(self._closes)

    @property
    def volatility(self) -> Series:
        """The volatility index as recorded."""
        return self._volatility

    def sessions(self) -> list[tuple[str, int]]:
        """Each session with the instant of its quotes in UTC microseconds, oldest first."""
        return list(self._sessions)

    def tradable_sessions(self) -> list[tuple[str, int]]:
        """As :meth:`sessions`, without the first: it has no session before it to compare with."""
        return self._sessions[1:]

    def quote(self, symbol: str, at_us: int) -> Quote | None:
        """The newest quote at or before ``at_us``; ``None`` before the first or if unknown.

        Without a volatility index for the instant of the quote its spread is not known, and
        neither is the quote.
        """
        series = self._closes.get(symbol)
        known = bisect_right(series.at_us, at_us) if series else 0
        if series is None or known == 0:
            return None
        close, quoted_us = series.values_e4[known - 1], series.at_us[known - 1]
        index_e4 = self.volatility_index_e4(quoted_us)
        if index_e4 is None:
            return None
        half = half_spread(
            close,
            self._model.liquidity(symbol).half_spread_bps,
            index_e4,
            self._model.calm_index_e4,
        )
        bid, ask = bid_ask(close, half)
        if bid <= 0:  # a close within one spread of zero has no bid, and half a quote is none
            return None
        return Quote(symbol, bid, ask, close, PRICE_DECIMALS, quoted_us)

    def bars(self, symbol: str, until_us: int, limit: int) -> list[Bar]:
        """Up to ``limit`` newest bars known at ``until_us``, oldest first; volume is modelled."""
        series = self._closes.get(symbol)
        if series is None or limit <= 0:
            return []
        end = bisect_right(series.at_us, until_us)
        turnover_units = self._model.liquidity(symbol).turnover_units
        return [
            Bar(
                symbol,
                series.sessions[i],
                series.values_e4[i],
                PRICE_DECIMALS,
                session_volume(series.values_e4[i], turnover_units),
                series.at_us[i],
            )
            for i in range(max(0, end - limit), end)
        ]

    def previous_close(self, symbol: str, at_us: int) -> Close | None:
        """The newest close of an earlier date than that of ``at_us``."""
        today = self.session(at_us)
        earlier = [
            bar for bar in self.bars(symbol, at_us, _BARS_FOR_PREVIOUS) if bar.session < today
        ]
        return Close(earlier[-1].close, earlier[-1].price_decimals) if earlier else None

    def volatility_index_e4(self, at_us: int) -> int | None:
        """The newest volatility index (times 10,000) at or before ``at_us``."""
        known = bisect_right(self._volatility.at_us, at_us)
        return self._volatility.values_e4[known - 1] if known else None

    def hours(self, symbol: str, at_us: int) -> Hours | None:
        """The regular session that contains or follows ``at_us``, as the exchange kept it.

        Each day on which the symbol has a close was a session.
        """
        return self._hours(symbol, at_us - QUOTE_BEFORE_CLOSE_US)

    def fillable(self, symbol: str, at_us: int) -> Hours | None:
        """The session of the first quote after ``at_us``: the first in which an order can fill."""
        return self._hours(symbol, at_us)

    def _hours(self, symbol: str, quoted_after_us: int) -> Hours | None:
        """The session of the first quote after an instant."""
        series = self._closes.get(symbol)
        index = bisect_right(series.at_us, quoted_after_us) if series else 0
        if series is None or index == len(series.at_us):
            return None
        return regular_hours(series.sessions[index])

    def trading_day(self, at_us: int) -> str | None:
        """The newest session of the files that is no later than the date of ``at_us``."""
        known = bisect_right(self._days, self.session(at_us))
        return self._days[known - 1] if known else None

    def session(self, at_us: int) -> str:
        """The date in New York at ``at_us``; a day without trading has a date too."""
        at = _EPOCH + timedelta(microseconds=at_us)
        return at.astimezone(self._zone).date().isoformat()


def load_feed(
    closes: Path | Traversable,
    volatility: Path | Traversable,
    model: QuoteModel = SHIPPED_MODEL,
) -> HistoricalFeed:
    """Read a feed from two CSV files, plain or gzip.

    Args:
        closes: ``session`` and one column of closes for each symbol.
        volatility: ``session`` and the column ``VIX``.
        model: the parameters of spread and volume.

    Raises:
        InvalidInputError: ``market-data-invalid``.
    """
    columns = read_series(volatility)
    if set(columns) != {VOLATILITY_COLUMN}:
        raise InvalidInputError(
            "market-data-invalid",
            f"{volatility.name}: the columns are not session and {VOLATILITY_COLUMN}",
            "give the volatility index as described in gateway/market/data/SOURCE.md",
        )
    return HistoricalFeed(read_series(closes), columns[VOLATILITY_COLUMN], model)


@cache
def shipped_feed() -> HistoricalFeed:
    """The feed that comes with the sources: twenty shares and the VIX, 2015 to 2018.

    A process reads it once: the files are part of the package, and a feed never changes.
    """
    data = files("gateway.market") / "data"
    return load_feed(data / "closes.csv", data / "vix.csv")
