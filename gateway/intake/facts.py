"""Facts as services push them: a closed list of names, and values made exact.

| name | value |
|---|---|
| ``model.volatility`` | decimal above zero, as an index like the VIX; held at 4 decimals |
| ``model.regime`` | ``CALM``, ``NORMAL``, ``STRESSED`` or ``CRISIS`` |
| ``model.entropy``, ``model.drift`` | decimal of zero or more; held at 4 decimals |
| ``model.data_integrity``, ``model.protocol_firing`` | ``true`` or ``false`` |
| ``fx.CCY`` | what one unit is worth in the base currency; at most 8 decimals |
| ``quote.SYMBOL`` | ``bid``, ``ask`` and ``last`` of a listed symbol, exact at its scale |
| ``close.SYMBOL`` | the last price of a regular session, exact at the symbol's scale |

A model's decimals beyond the fourth are rounded up: each of them is held against a maximum.
Prices and rates are taken exactly or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gateway.domain.errors import InvalidInputError, NotFoundError
from gateway.domain.fact import (
    CLOSE_PREFIX,
    FX_PREFIX,
    MODEL_DECIMALS,
    MODEL_FACTS,
    PRICE_DECIMALS,
    QUOTE_PREFIX,
    RATE_DECIMALS,
    FactKind,
    FactValue,
    Prices,
    Regime,
)
from gateway.domain.instrument import Instrument
from gateway.domain.quantities import INT_LIMIT, parse_decimal, scaled

TTL_MAX_MS: Final = 7 * 24 * 3600 * 1000
SEQUENCE_MAX: Final = INT_LIMIT - 1
STATED_SOURCE: Final = "historical"
"""The source of the stated model; a service that took this name could not be told from it."""

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_ZERO: Final = re.compile(r"0(\.0{1,18})?")
_DIGITS: Final = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class PriceTexts:
    """A quote as it was sent."""

    bid: str
    ask: str
    last: str


SentValue = str | bool | PriceTexts
"""A value as it was sent."""


def kind_of(name: str, instruments: Mapping[str, Instrument], base_currency: str) -> FactKind:
    """What the value of a name has to be.

    Raises:
        NotFoundError: ``fact-unknown``.
    """
    if name in MODEL_FACTS:
        return MODEL_FACTS[name][1]
    currency = name.removeprefix(FX_PREFIX)
    if name.startswith(FX_PREFIX) and _CURRENCY.fullmatch(currency) and currency != base_currency:
        return FactKind.POSITIVE
    if name.startswith(QUOTE_PREFIX) and name.removeprefix(QUOTE_PREFIX) in instruments:
        return FactKind.PRICES
    if name.startswith(CLOSE_PREFIX) and name.removeprefix(CLOSE_PREFIX) in instruments:
        return FactKind.PRICE
    raise NotFoundError(
        "fact-unknown",
        "there is no fact of that name",
        f"use {', '.join(MODEL_FACTS)}, {FX_PREFIX}CCY of a currency other than {base_currency}, "
        f"or {QUOTE_PREFIX}SYMBOL or {CLOSE_PREFIX}SYMBOL of a symbol that the release lists",
    )


def read_value(
    name: str,
    value: SentValue,
    instruments: Mapping[str, Instrument],
    base_currency: str,
) -> FactValue:
    """A value as it was sent, made exact.

    Args:
        name: what it is of.
        value: what was sent.
        instruments: the release's, by symbol.
        base_currency: the release's.

    Raises:
        NotFoundError: ``fact-unknown``.
        InvalidInputError: ``fact-value-invalid``, or as ``parse_decimal`` and ``scaled`` say.
    """
    kind = kind_of(name, instruments, base_currency)
    if kind is FactKind.TRUTH and isinstance(value, bool):
        return value
    if kind is FactKind.PRICES and isinstance(value, PriceTexts):
        return _prices(value, instruments[name.removeprefix(QUOTE_PREFIX)].price_decimals)
    if kind is FactKind.PRICE and isinstance(value, str):
        return _price(value, instruments[name.removeprefix(CLOSE_PREFIX)].price_decimals)
    if kind is FactKind.REGIME and isinstance(value, str) and value in set(Regime):
        return value
    if kind in (FactKind.POSITIVE, FactKind.DECIMAL) and isinstance(value, str):
        if name.startswith(FX_PREFIX):
            return _exact(parse_decimal(value, "value"), RATE_DECIMALS, "value")
        return _model_number(value, kind)
    raise _invalid(f"the value of {name} is {kind.value}")


def read_count(text: str, field: str, low: int, high: int) -> int:
    """A whole number sent as text, from ``low`` to ``high``.

    Raises:
        InvalidInputError: ``number-malformed``.
    """
    if _DIGITS.fullmatch(text) is None or not low <= int(text) <= high:
        raise InvalidInputError(
            "number-malformed",
            f"{field} is not a whole number from {low} to {high}",
            'send it as text, such as "60000"',
        )
    return int(text)


def check_source(source: str) -> str:
    """A source's name, unless it is the stated model's.

    Raises:
        InvalidInputError: ``fact-source-reserved``.
    """
    if source == STATED_SOURCE:
        raise InvalidInputError(
            "fact-source-reserved",
            f"{STATED_SOURCE} is the source of the stated model",
            "give the service a name of its own",
        )
    return source


def _model_number(text: str, kind: FactKind) -> int:
    if kind is FactKind.DECIMAL and _ZERO.fullmatch(text):
        return 0
    whole, cut = scaled(parse_decimal(text, "value"), MODEL_DECIMALS, "value")
    up = whole + cut
    if up >= INT_LIMIT:
        raise _invalid("the value is too large")
    return up


def _prices(sent: PriceTexts, decimals: int) -> Prices:
    bid, ask, last = (
        _exact(parse_decimal(text, f"value.{field}"), decimals, f"value.{field}")
        for field, text in (("bid", sent.bid), ("ask", sent.ask), ("last", sent.last))
    )
    if bid > ask:
        raise _invalid("the bid is above the ask")
    factor = 10 ** (PRICE_DECIMALS - decimals)
    if max(ask, last) * factor >= INT_LIMIT:
        raise _invalid("a price is too large")
    return Prices(bid * factor, ask * factor, last * factor)


def _price(text: str, decimals: int) -> int:
    price = _exact(parse_decimal(text, "value"), decimals, "value")
    held = price * 10 ** (PRICE_DECIMALS - decimals)
    if held >= INT_LIMIT:
        raise _invalid("the price is too large")
    return held


def _exact(value: Decimal, decimals: int, field: str) -> int:
    whole, cut = scaled(value, decimals, field)
    if cut or whole == 0:
        raise _invalid(f"{field} has more than {decimals} decimals")
    return whole


def _invalid(detail: str) -> InvalidInputError:
    return InvalidInputError(
        "fact-value-invalid", detail, "docs/operating.md lists the facts and their values"
    )
