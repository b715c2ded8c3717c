"""What things are worth as of one instant: price, scale and rate of every symbol, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.domain.instrument import Instrument
from gateway.domain.market import Quote
from gateway.domain.quantities import Worth
from gateway.facts.market import Market
from gateway.facts.rates import Conversions


@dataclass(frozen=True, slots=True)
class Priced:
    """A symbol that can be valued: what it is, its quote, and its worth in the base currency."""

    instrument: Instrument
    quote: Quote
    worth: Worth


@dataclass(frozen=True, slots=True)
class Valuation:
    """The market, the listed instruments and the rates that a moment's money is counted in."""

    market: Market
    instruments: Mapping[str, Instrument]
    conversions: Conversions
    _priced: dict[str, Priced | None] = field(default_factory=dict[str, "Priced | None"])

    def worth(self, symbol: str) -> Worth | None:
        """What one unit comes to; ``None`` for an unlisted symbol or an unknown rate."""
        instrument = self.instruments.get(symbol)
        return instrument and self.conversions.worth(instrument)

    def priced(self, symbol: str) -> Priced | None:
        """Everything that a symbol's value follows from; ``None`` if any of it is not known."""
        if symbol not in self._priced:
            self._priced[symbol] = self._price(symbol)
        return self._priced[symbol]

    def _price(self, symbol: str) -> Priced | None:
        instrument = self.instruments.get(symbol)
        if instrument is None:
            return None
        quote = self.market.quote(symbol, instrument.price_decimals)
        worth = self.conversions.worth(instrument)
        return Priced(instrument, quote, worth) if quote and worth else None
