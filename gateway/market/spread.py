"""Stated models for what daily closes do not tell: bid, ask and traded volume.

The data has one price a session. Everything here is a model, not a measurement, and pure: the
same close and the same volatility index always give the same quote. docs/simulator.md states the
models in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.domain.quantities import BPS, ceil_div

PRICE_DECIMALS: Final = 4
"""Prices of a feed are integers in units of 0.0001."""

TICK: Final = 100
"""The price step at :data:`PRICE_DECIMALS`: one cent."""

LOT_VOLUME: Final = 100
"""Modelled volumes are rounded down to round lots of 100 shares."""


@dataclass(frozen=True, slots=True)
class Liquidity:
    """How well one share trades: half its spread in calm markets, and its usual turnover.

    ``turnover_units`` is the value of the shares that change hands in a session, in whole units
    of the currency.
    """

    half_spread_bps: int
    turnover_units: int


@dataclass(frozen=True, slots=True)
class QuoteModel:
    """The parameters of spread and volume.

    Args:
        by_symbol: the liquidity of each share; another symbol gets ``otherwise``.
        otherwise: what a symbol without an entry is given; wide and thin.
        calm_index_e4: up to this volatility index (times 10,000) spreads are at their base;
            above it they widen in proportion.
    """

    by_symbol: Mapping[str, Liquidity]
    otherwise: Liquidity
    calm_index_e4: int

    def liquidity(self, symbol: str) -> Liquidity:
        """The parameters for one symbol."""
        return self.by_symbol.get(symbol, self.otherwise)


def half_spread(close: int, half_spread_bps: int, index_e4: int, calm_index_e4: int) -> int:
    """Half the spread around a close, in price units, rounded up; never less than one tick.

    ``close x half_spread_bps x max(index, calm) / calm``.
    """
    stressed = close * half_spread_bps * max(index_e4, calm_index_e4)
    return max(TICK, ceil_div(stressed, BPS * calm_index_e4))


def bid_ask(close: int, half: int) -> tuple[int, int]:
    """The quote around a close: the bid rounded down and the ask up, both to the tick."""
    return (close - half) // TICK * TICK, ceil_div(close + half, TICK) * TICK


def session_volume(close: int, turnover_units: int) -> int:
    """Shares traded in one session: the usual turnover at this close, in round lots."""
    shares = turnover_units * 10**PRICE_DECIMALS // close
    return shares // LOT_VOLUME * LOT_VOLUME


def _model(half_spread_bps: int, turnover_millions: int) -> Liquidity:
    return Liquidity(half_spread_bps, turnover_millions * 1_000_000)


SHIPPED_MODEL: Final = QuoteModel(
    by_symbol=MappingProxyType(
        {
            "AAPL": _model(1, 5_000),
            "AMD": _model(5, 200),
            "BAC": _model(2, 1_200),
            "BBY": _model(3, 200),
            "CVX": _model(1, 700),
            "GE": _model(1, 900),
            "HD": _model(1, 700),
            "JNJ": _model(1, 800),
            "JPM": _model(1, 1_000),
            "KO": _model(1, 500),
            "LLY": _model(2, 350),
            "MRK": _model(1, 550),
            "MSFT": _model(1, 1_500),
            "PEP": _model(1, 450),
            "PFE": _model(1, 800),
            "PG": _model(1, 700),
            "RRC": _model(5, 120),
            "UNH": _model(2, 500),
            "WMT": _model(1, 700),
            "XOM": _model(1, 900),
        }
    ),
    otherwise=Liquidity(half_spread_bps=10, turnover_units=20_000_000),
    calm_index_e4=200_000,
)
"""Rough orders of magnitude for the twenty shares, chosen for the model and taken from no data."""
