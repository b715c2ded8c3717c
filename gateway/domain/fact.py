"""Facts that services upstream push: their names, their values, and the instants they count from.

A value is exact: an integer at the scale of its name, one of the texts of a closed list, a truth,
a price, or three. What a name means, and in which unit, is said by :data:`MODEL_FACTS` and the
three prefixes; nothing else is a fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from gateway.domain.quantities import format_scaled

FX_PREFIX: Final = "fx."
"""``fx.EUR``: what one EUR is worth in the base currency, at :data:`RATE_DECIMALS`."""
QUOTE_PREFIX: Final = "quote."
"""``quote.AAPL``: bid, ask and last price, at :data:`PRICE_DECIMALS`."""
CLOSE_PREFIX: Final = "close."
"""``close.AAPL``: the last price of a regular session, at :data:`PRICE_DECIMALS`; its instant lies
in that session, and says which one it is."""

VOLATILITY: Final = "model.volatility"
"""The fact that a halt may follow from by itself; others move what an account is worth."""

MODEL_DECIMALS: Final = 4
RATE_DECIMALS: Final = 8
PRICE_DECIMALS: Final = 8
"""Pushed prices are held at eight decimals, and read at the instrument's own scale."""


class Regime(StrEnum):
    """The state of the market as a model names it, from quiet to broken."""

    CALM = "CALM"
    NORMAL = "NORMAL"
    STRESSED = "STRESSED"
    CRISIS = "CRISIS"


class FactKind(StrEnum):
    """What a fact's value is."""

    POSITIVE = "a decimal above zero"
    DECIMAL = "a decimal of zero or more"
    REGIME = "one of CALM, NORMAL, STRESSED, CRISIS"
    TRUTH = "true or false"
    PRICE = "a price above zero"
    PRICES = "an object of bid, ask and last"


MODEL_FACTS: Final[Mapping[str, tuple[str, FactKind]]] = MappingProxyType(
    {
        "model.volatility": ("volatility_e4", FactKind.POSITIVE),
        "model.regime": ("regime", FactKind.REGIME),
        "model.entropy": ("entropy_e4", FactKind.DECIMAL),
        "model.drift": ("drift_e4", FactKind.DECIMAL),
        "model.data_integrity": ("data_integrity", FactKind.TRUTH),
        "model.protocol_firing": ("protocol_firing", FactKind.TRUTH),
    }
)
"""Name -> the field of the input document's ``model`` section, and what its value is."""


@dataclass(frozen=True, slots=True)
class Prices:
    """A pushed quote: three prices at :data:`PRICE_DECIMALS`."""

    bid: int
    ask: int
    last: int


FactValue = int | str | bool | Prices


@dataclass(frozen=True, slots=True)
class Fact:
    """What a service states: the value, the instant it is of, and for how long it holds.

    ``at_us`` is market time in microseconds; ``sequence`` is the source's own number, if it
    counts what it sends.
    """

    name: str
    value: FactValue
    at_us: int
    ttl_ms: int
    source: str
    principal: str
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A service takes back what it stated: from now on the fact of that name is not known.

    ``at_us`` is market time in microseconds, in one order with the instants of the facts.
    """

    name: str
    at_us: int
    source: str
    principal: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A value as known at an instant; ``at_us`` (market time) is where its age counts from."""

    value: FactValue
    at_us: int
    source: str


def wire_value(name: str, value: FactValue) -> str | bool | dict[str, Any]:
    """A value as callers send and read it: exact decimal strings, texts, truths."""
    if isinstance(value, Prices):
        return {
            "bid": format_scaled(value.bid, PRICE_DECIMALS),
            "ask": format_scaled(value.ask, PRICE_DECIMALS),
            "last": format_scaled(value.last, PRICE_DECIMALS),
        }
    if isinstance(value, str | bool):
        return value
    if name in MODEL_FACTS:
        return format_scaled(value, MODEL_DECIMALS)
    return format_scaled(value, RATE_DECIMALS if name.startswith(FX_PREFIX) else PRICE_DECIMALS)
