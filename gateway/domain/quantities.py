"""Exact numbers: decimal strings in, bounded integers out; never a float.

Prices and quantities are integers at a declared number of decimals, money is in micros
(1e-6 of the base currency), ratios in basis points. Every integer stays below 2**53, so that
each JSON reader and both policy engines hold it exactly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gateway.domain.errors import InvalidInputError
from signing.units import format_scaled as format_scaled  # noqa: PLC0414  handed on to the rooms

INT_LIMIT = 2**53
"""Every integer of a document is strictly below this in absolute value."""

DEFAULT_DECIMALS = 8
"""Decimals at which an instrument that declares no scale is read."""

MICROS = 6
BPS = 10_000
RATE_DECIMALS: Final = 8
"""Decimals of an exchange rate."""
RATE_ONE: Final = 10**RATE_DECIMALS
"""The rate of the base currency in itself."""
_TEXT_MAX = 32
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?")


def parse_decimal(text: str, field: str) -> Decimal:
    """Read a plain positive decimal string such as ``"10"`` or ``"180.50"``.

    ASCII digits only; no sign, exponent, blank, underscore or leading zero; at most 32
    characters, which bounds the work before any arithmetic is done.

    Raises:
        InvalidInputError: ``number-malformed`` or ``number-not-positive``.
    """
    if len(text) > _TEXT_MAX or _DECIMAL.fullmatch(text) is None:
        raise InvalidInputError(
            "number-malformed",
            f"{field} is not a plain decimal number",
            'send a decimal string such as "10" or "180.50"',
        )
    value = Decimal(text)
    if value <= 0:
        raise InvalidInputError(
            "number-not-positive", f"{field} must be greater than zero", "send a positive number"
        )
    return value


def scaled(value: Decimal, decimals: int, field: str) -> tuple[int, bool]:
    """The integer part of ``value`` at ``decimals``, and whether anything was cut off.

    Raises:
        InvalidInputError: ``number-too-large`` when the result is 2**53 or more.
    """
    _, digits, exponent = value.as_tuple()
    units = int("".join(map(str, digits)))
    shift = int(exponent) + decimals
    # Integers, because a Decimal shifted within its context's 28 digits may be rounded up.
    whole, rest = (units * 10**shift, 0) if shift >= 0 else divmod(units, 10**-shift)
    if whole >= INT_LIMIT:
        raise InvalidInputError(
            "number-too-large",
            f"{field} is too large for the instrument's scale of {decimals} decimals",
            f"send less than 2^53 units of 1e-{decimals}",
        )
    return whole, rest != 0


def ceil_div(numerator: int, denominator: int) -> int:
    """Integer division rounded up; ``denominator`` is positive."""
    return -(-numerator // denominator)


@dataclass(frozen=True, slots=True)
class Worth:
    """What one unit of an instrument at a price of one comes to in the base currency.

    ``multiplier`` is the instrument's, ``rate_e8`` what one unit of its currency is worth in the
    base currency, at 8 decimals. Both are above zero and below 2**53.
    """

    multiplier: int = 1
    rate_e8: int = RATE_ONE

    @property
    def plain(self) -> bool:
        """Whether it changes nothing: one for one, in the base currency."""
        return self.multiplier == 1 and self.rate_e8 == RATE_ONE


PLAIN: Final = Worth()
"""A share that is priced in the base currency."""


def notional_micros(
    qty: int, qty_decimals: int, price: int, price_decimals: int, worth: Worth = PLAIN
) -> int:
    """Quantity times price in micros of the base currency, rounded up (against the order)."""
    return ceil_div(*_product(qty, qty_decimals, price, price_decimals, worth))


def value_micros(
    qty: int, qty_decimals: int, price: int, price_decimals: int, worth: Worth = PLAIN
) -> int:
    """A signed position's value in micros, rounded down: a holding is never worth more."""
    micros, scale = _product(qty, qty_decimals, price, price_decimals, worth)
    return micros // scale


def _product(
    qty: int, qty_decimals: int, price: int, price_decimals: int, worth: Worth
) -> tuple[int, int]:
    """Numerator and denominator of a value: rounded once, at the end, and never on the way."""
    micros, scale = qty * price * 10**MICROS, 10 ** (qty_decimals + price_decimals)
    if worth is PLAIN or worth.plain:
        return micros, scale
    return micros * worth.multiplier * worth.rate_e8, scale * RATE_ONE


def rescaled_up(value: int, decimals: int, to_decimals: int) -> int:
    """An integer at one scale expressed at another, rounded up."""
    if to_decimals >= decimals:
        return value * 10 ** (to_decimals - decimals)
    return ceil_div(value, 10 ** (decimals - to_decimals))


def money_micros(text: str) -> int:
    """A configured amount such as ``"1000000.50"`` in micros; the pattern is checked before."""
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(MICROS, "0"))


def in_bounds(value: int) -> bool:
    """Whether a document may carry this integer."""
    return -INT_LIMIT < value < INT_LIMIT
