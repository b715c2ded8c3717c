"""Integers with their units, thousands apart, and instants in UTC: to be read, never read back.

The name of a limit ends with its unit: `_micros` of the base currency, `_bps`, `_ms`, `_count`,
`_e8` for a quantity at eight decimals and `_e4` for a figure at four.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from signing.units import format_scaled

_DECIMALS: Final = {"micros": 6, "bps": 2, "e8": 8, "e4": 4, "count": 0}
_MS: Final = (("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1))
_LEVERAGE: Final = "leverage"
_LEVERAGE_DECIMALS: Final = 4
_MICROS: Final = "micros"
_MILLISECONDS: Final = "ms"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# The last microsecond that a calendar of four digits can write.
_LAST_US: Final = 253_402_300_799_999_999


def limit_words(name: str) -> str:
    """A limit's name as people write it: without the unit at its end."""
    bare, _, unit = name.rpartition("_")
    return bare if bare and (unit in _DECIMALS or unit == _MILLISECONDS) else name


def limit_value(name: str, value: int, currency: str) -> str:
    """A limit's value in the unit of its name: `100,000 USD`, `5 %`, `1.3 x`, `15 s`."""
    unit = name.rpartition("_")[2]
    if unit == _MILLISECONDS:
        said, factor = next((s, f) for s, f in _MS if value % f == 0 and (value or f == 1))
        return f"{value // factor:,} {said}"
    if unit == "bps" and name.startswith(_LEVERAGE):
        return f"{_scaled(value, _LEVERAGE_DECIMALS)} x"
    said = {_MICROS: f" {currency}", "bps": " %", "e8": " units"}.get(unit, "")
    return f"{_scaled(value, _DECIMALS.get(unit, 0))}{said}"


def amount(micros: int, currency: str) -> str:
    """Millionths of a currency as an amount: `250,000 USD`."""
    return f"{_scaled(micros, _DECIMALS[_MICROS])} {currency}"


def instant(time_us: int) -> str:
    """Microseconds since 1970 as an instant: `2026-12-01 00:00:00 UTC`."""
    if not 0 <= time_us <= _LAST_US:
        return f"{time_us:,} microseconds after 1970"
    at = _EPOCH + timedelta(microseconds=time_us)
    return f"{at.replace(tzinfo=None).isoformat(' ')} UTC"


def _scaled(value: int, decimals: int) -> str:
    """A decimal without zeros at its end, thousands apart."""
    whole, dot, fraction = format_scaled(value, decimals).partition(".")
    return f"{int(whole):,}{dot}{fraction}" if whole != "-0" else f"-0{dot}{fraction}"
