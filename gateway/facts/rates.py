"""Money of other currencies in micros of the base: through dated rates, or not at all.

A rate that is not known leaves whatever goes through it unknown; none is ever taken from before a
restart or from the books of a broker. The base currency needs no rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.domain.book import AccountBook
from gateway.domain.fact import FX_PREFIX
from gateway.domain.instrument import Instrument
from gateway.domain.market import Rate
from gateway.domain.quantities import INT_LIMIT, PLAIN, RATE_ONE, Worth
from gateway.ports import PushedReadings, Rates


@dataclass(frozen=True, slots=True)
class PushedRates:
    """Rates that a service pushes as ``fx.EUR`` and the like."""

    facts: PushedReadings

    def rate(self, currency: str, at_us: int) -> Rate | None:
        """The rate that stands at ``at_us``; ``None`` if nobody has told one, or it has ended."""
        reading = self.facts.reading(FX_PREFIX + currency, at_us)
        if reading is None or type(reading.value) is not int:
            return None
        return Rate(reading.value, reading.at_us)


@dataclass(frozen=True, slots=True)
class Conversions:
    """The rates as of one instant: each is read once, so that a turn sees one market."""

    source: Rates | None
    base_currency: str
    now_us: int
    _rates: dict[str, Rate | None] = field(default_factory=dict[str, "Rate | None"])
    _worths: dict[tuple[str, int], Worth | None] = field(
        default_factory=dict[tuple[str, int], "Worth | None"]
    )

    def rate(self, currency: str) -> Rate | None:
        """The rate of a currency, if it is known, above zero and not from the future."""
        if currency not in self._rates:
            found = self.source.rate(currency, self.now_us) if self.source else None
            sound = found and 0 < found.rate_e8 < INT_LIMIT and found.at_us <= self.now_us
            self._rates[currency] = found if sound else None
        return self._rates[currency]

    def worth(self, instrument: Instrument) -> Worth | None:
        """What one unit of an instrument comes to; ``None`` without a rate of its currency."""
        key = (instrument.currency, instrument.multiplier)
        if key not in self._worths:
            self._worths[key] = self._worth(*key)
        return self._worths[key]

    def _worth(self, currency: str, multiplier: int) -> Worth | None:
        if currency == self.base_currency:
            return PLAIN if multiplier == 1 else Worth(multiplier, RATE_ONE)
        rate = self.rate(currency)
        return rate and Worth(multiplier, rate.rate_e8)

    def facts(self, currencies: Iterable[str]) -> dict[str, Any]:
        """The ``rates`` section: every known rate of these currencies; ages are rounded up."""
        section: dict[str, Any] = {}
        for currency in currencies:
            rate = None if currency == self.base_currency else self.rate(currency)
            if rate is not None:
                section[currency] = {"rate_e8": rate.rate_e8, "age_ms": rate.age_ms(self.now_us)}
        return section


def currencies_of(
    symbol: str, account: AccountBook | None, instruments: Mapping[str, Instrument]
) -> set[str]:
    """The currencies that an order's money goes through: its own, and all that the account holds.

    Equity and exposure are sums over every symbol held or worked, so each of their rates counts.
    """
    symbols = {symbol}
    if account is not None:
        symbols.update(account.positions)
        symbols.update(worked for worked, _, _ in account.reservations)
    return {instruments[s].currency for s in symbols if s in instruments}
