"""People's units and the integers of a release: ``5 %`` is 500 basis points, exactly or not at all.

A limit's name ends with its unit: ``_micros`` of the base currency, ``_bps``, ``_ms``, ``_count``,
``_e8`` for a quantity at eight decimals and ``_e4`` for a figure at four. People write the name
without that ending, and a decimal with a unit that they can say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from signing.canonical import INT_MAX

NUMBER_MAX: Final = 48
"""The longest text that is read as a number with its unit."""

_VALUE: Final = re.compile(r"((?:0|[1-9][0-9]*)(?:\.[0-9]+)?)(?: *([A-Za-z%]{1,8}))?")
_SIGNED: Final = re.compile(r"-[0-9].*", re.DOTALL)
_SEPARATED: Final = re.compile(r"[0-9]{1,3}(?:[,_' ][0-9]{3})+.*", re.DOTALL)
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_MS: Final = {"h": 3_600_000, "min": 60_000, "s": 1_000, "ms": 1}
_FACTORS: Final[dict[str, dict[str, int]]] = {
    "bps": {"%": 100, "bps": 1, "x": 10_000},
    "ms": _MS,
    "count": {"": 1},
    "e8": {"": 10**8, "units": 10**8},
    "e4": {"": 10_000},
}
_MICROS: Final = "micros"
_EXAMPLES: Final = {
    "bps": "5 %, 500 bps or 0.05 x",
    "ms": "1500 ms, 15 s, 5 min or 1 h",
    "count": "12",
    "e8": "20000 units",
    "e4": "40.5",
}

UNITS: Final = (_MICROS, *_FACTORS)
"""Every unit that a limit can end with."""


class UnitError(ValueError):
    """A text that is no value of its unit; ``message`` says why, ``remedy`` what to write."""

    def __init__(self, message: str, remedy: str) -> None:
        """Keep both parts."""
        super().__init__(message)
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class LimitName:
    """A limit's name in two parts: what people write, and the unit that the integer has."""

    bare: str
    unit: str


def limit_name(name: str) -> LimitName | None:
    """The parts of ``spread_max_bps``; ``None`` where it does not end with a unit."""
    bare, _, unit = name.rpartition("_")
    return LimitName(bare, unit) if bare and unit in UNITS else None


def example(unit: str, currency: str) -> str:
    """What a value of this unit looks like."""
    return _EXAMPLES.get(unit, f"100000 {currency} or 0.50 {currency}")


def read_value(text: str, unit: str, currency: str) -> int:
    """The integer that a text such as ``100000 USD`` or ``1.3 x`` stands for, exactly.

    Args:
        text: a plain decimal, and its unit.
        unit: what the limit's name ends with.
        currency: the base currency; money is in no other.

    Raises:
        UnitError: it is no number, below zero, too large, of another unit, or finer than an
            integer of the unit can hold.
    """
    wanted = f"write it like {example(unit, currency)}"
    if len(text) > NUMBER_MAX:
        message = f"{text[:NUMBER_MAX] + '…'!r} is longer than {NUMBER_MAX} characters"
        raise UnitError(message, wanted)
    found = _VALUE.fullmatch(text)
    if found is None:
        raise UnitError(_no_number(text), wanted)
    number, said = found[1], found[2] or ""
    factor = _factor(unit, said, currency, wanted)
    whole, _, fraction = number.partition(".")
    value, rest = divmod(int(whole + fraction) * factor, 10 ** len(fraction))
    if rest:
        raise UnitError(f"{text} is finer than one {_smallest(unit, currency)}", "round it")
    if value > INT_MAX:
        most = write_value(INT_MAX, unit, currency)
        raise UnitError(f"{text} is too large", f"write at most {most}")
    return value


def _no_number(text: str) -> str:
    shown = repr(text)
    if _SIGNED.fullmatch(text):
        return f"{shown} is below zero"
    if _SEPARATED.fullmatch(text):
        return f"{shown} has separators between its digits"
    return f"{shown} is no plain decimal with a unit"


def _factor(unit: str, said: str, currency: str, wanted: str) -> int:
    factors = {currency: 10**6} if unit == _MICROS else _FACTORS[unit]
    if said in factors:
        return factors[said]
    if unit == _MICROS and _CURRENCY.fullmatch(said):
        message = f"{said} is not the base currency, and limits know no rates: rates are facts"
        raise UnitError(message, f"write the amount in {currency}")
    named = f"the unit {said!r} is not one of it" if said else "the unit is missing"
    raise UnitError(named, wanted)


def _smallest(unit: str, currency: str) -> str:
    return {
        _MICROS: f"millionth of a {currency}",
        "bps": "basis point (0.01 %)",
        "ms": "millisecond",
        "count": "whole",
        "e8": "unit at 8 decimals",
        "e4": "step of 0.0001",
    }[unit]


def write_value(value: int, unit: str, currency: str, bare: str = "") -> str:
    """The text that `read_value` reads as this integer; a leverage is written in ``x``."""
    if unit == _MICROS:
        return f"{format_scaled(value, 6)} {currency}"
    if unit == "bps":
        times = bare.startswith("leverage")
        return f"{format_scaled(value, 4)} x" if times else f"{format_scaled(value, 2)} %"
    if unit == "ms":
        name = next(name for name, ms in _MS.items() if value % ms == 0 and (value or ms == 1))
        return f"{value // _MS[name]} {name}"
    if unit == "e8":
        return f"{format_scaled(value, 8)} units"
    return format_scaled(value, 4) if unit == "e4" else str(value)


def show_value(
    value: int, unit: str, currency: str, price_decimals: int = 0, bare: str = ""
) -> str:
    """An integer for people to read, thousands apart: ``1,250.00 USD``; never to be read back.

    ``unit`` may also be ``price`` (at ``price_decimals``) or ``none``.
    """
    if unit == "price":
        return _apart(format_scaled(value, price_decimals))
    if unit not in UNITS:
        return _apart(str(value))
    number, _, said = write_value(abs(value), unit, currency, bare).partition(" ")
    if unit == _MICROS:
        whole, _, fraction = number.partition(".")
        number = f"{whole}.{fraction.ljust(2, '0')}"
    sign = "-" if value < 0 else ""
    return f"{sign}{_apart(number)} {said}".rstrip()


def format_scaled(value: int, decimals: int) -> str:
    """An integer at so many decimals as a decimal number, without zeros at its end: ``-1.5``."""
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), 10**decimals)
    fraction = str(rest).rjust(decimals, "0").rstrip("0") if rest else ""
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def _apart(number: str) -> str:
    sign = "-" if number.startswith("-") else ""
    whole, dot, fraction = number.removeprefix("-").partition(".")
    return f"{sign}{int(whole):,}{dot}{fraction}"
