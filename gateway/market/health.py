"""The stated model of a historical run: what a model service would say, told from the VIX.

Recorded closes come without a model. So that a historical run can trade, its health is stated
here, as spread and volume are in ``gateway.market.spread``; none of it is a measurement. Each
value is of the instant of the VIX that it is told from, so that its age is that of the quotes.

| fact | stated as |
|---|---|
| volatility | the VIX |
| regime | CALM below a VIX of 15, NORMAL below 25, STRESSED below 40, CRISIS from there on |
| entropy | 0.25 |
| drift | 0.01 |
| data integrity | true: the files were read whole, or the gateway would not have started |
| protocol firing | true: there is no protocol that could fail to fire |
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Final

from gateway.domain.fact import FactValue, Reading, Regime
from gateway.market.closes import Series

SOURCE: Final = "historical"
"""Stands beside each value in a document; no service that pushes facts may go by it."""

_BANDS_E4: Final = ((150_000, Regime.CALM), (250_000, Regime.NORMAL), (400_000, Regime.STRESSED))
"""The VIX times 10,000 below which a regime is stated."""
_ENTROPY_E4: Final = 2_500
_DRIFT_E4: Final = 100


def stated_regime(index_e4: int) -> Regime:
    """The regime of a volatility index."""
    return next((regime for below, regime in _BANDS_E4 if index_e4 < below), Regime.CRISIS)


_STATED: Final[Mapping[str, Callable[[int], FactValue]]] = {
    "model.volatility": lambda index_e4: index_e4,
    "model.regime": lambda index_e4: stated_regime(index_e4).value,
    "model.entropy": lambda _: _ENTROPY_E4,
    "model.drift": lambda _: _DRIFT_E4,
    "model.data_integrity": lambda _: True,
    "model.protocol_firing": lambda _: True,
}
"""Name -> its value at a volatility index (times 10,000)."""


class HistoricalHealth:
    """Implements :class:`gateway.ports.ModelHealth` over a recorded volatility index."""

    def __init__(self, volatility: Series) -> None:
        """Hold the series; it is immutable, so any thread may read."""
        self._volatility = volatility

    def reading(self, name: str, at_us: int) -> Reading | None:
        """The stated value of the newest index at or before ``at_us``; ``None`` without one."""
        stated = _STATED.get(name)
        known = bisect_right(self._volatility.at_us, at_us)
        if stated is None or known == 0:
            return None
        index_e4, of_us = self._volatility.values_e4[known - 1], self._volatility.at_us[known - 1]
        return Reading(stated(index_e4), of_us, SOURCE)
