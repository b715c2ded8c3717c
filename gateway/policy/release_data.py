"""What people sign beside the rules: limits, instruments, restricted symbols and permissions.

All of it is one canonical JSON file of a release, ``data.json``, which the engines read as it is.
Here it is read strictly, so that a value that would prove nothing by mistake is refused before
anything is decided with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, cast

from gateway.domain.errors import RefusedError
from gateway.domain.instrument import BORROWS, Instrument
from signing import canonical

DATA: Final = "data.json"
DECIMALS_MAX: Final = 8
"""The finest scale of a quantity or price; every scale converts to 8 decimals exactly."""
ANYONE: Final = "*"
"""In permissions: every account, or every principal, that has no entry of its own."""

_PARTS: Final = {"base_currency", "limits", "instruments", "restricted", "permissions"}
_LATER_PARTS: Final = {"compliance_symbols"}
"""Parts that a release of before there were such parts is without."""
_TABLES: Final = ("accounts", "strategies", "symbols")
_SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9./-]{0,19}")  # as an order can name it
_LIMIT_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_CLASS: Final = re.compile(r"[a-z][a-z_]{0,31}")
_INSTRUMENT_TEXTS: Final = ("class", "sector", "currency", "borrow")
_INSTRUMENT_RANGES: Final = {
    "qty_decimals": (0, DECIMALS_MAX),
    "price_decimals": (0, DECIMALS_MAX),
    "lot": (1, canonical.INT_MAX),
    "tick": (1, canonical.INT_MAX),
    "multiplier": (1, canonical.INT_MAX),
    "min_notional_micros": (0, canonical.INT_MAX),
}
_TEXT_MAX: Final = 64

Table = Mapping[str, int]
"""Limits by name."""


class ReleaseError(RefusedError):
    """A release cannot be used; nothing is decided with it.

    Codes: ``release-missing``, ``release-malformed``, ``release-digest``, ``release-data`` and,
    from the engine, ``release-wasm``.
    """


@dataclass(frozen=True, slots=True)
class Limits:
    """The signed limits: a global table, and tables that tighten it for some orders."""

    base: Table
    """The global table; a limit that it lacks stands nowhere."""
    accounts: Mapping[str, Table]
    strategies: Mapping[str, Table]
    symbols: Mapping[str, Table]

    def strictest(
        self, name: str, *, account: str = "", strategy: str = "", symbol: str = ""
    ) -> int:
        """The limit as it counts for such an order; 0, which proves nothing, if it stands nowhere.

        The same rule as ``writ.lib.limits`` in Rego, for the few facts that depend on a limit.
        """
        tables = (
            self.base,
            self.accounts.get(account, {}),
            self.strategies.get(strategy, {}),
            self.symbols.get(symbol, {}),
        )
        if name not in self.base:
            return 0
        found = [table[name] for table in tables if name in table]
        if min(found) <= 0:
            return 0
        return max(found) if "_min_" in name else min(found)


@dataclass(frozen=True, slots=True)
class ReleaseData:
    """A release's ``data.json`` as read."""

    base_currency: str
    limits: Limits
    instruments: Mapping[str, Instrument]
    restricted: frozenset[str]
    compliance_symbols: frozenset[str]
    """Symbols in which every order needs a compliance officer's override."""
    permissions: Mapping[str, Any]


def parse_data(data: bytes) -> ReleaseData:
    """Read a release's ``data.json``.

    Raises:
        ReleaseError: ``release-data``: not canonical JSON, or a part is unknown or out of range.
    """
    try:
        document = canonical.decode_object(data)
    except canonical.CanonicalError as error:
        raise _data_error(str(error)) from error
    if set(document) - _LATER_PARTS != _PARTS:
        raise _data_error(
            f"it must have {', '.join(sorted(_PARTS | _LATER_PARTS))} and nothing else"
        )
    instruments = {
        symbol: _instrument(symbol, value)
        for symbol, value in _items(document["instruments"], "instruments")
    }
    return ReleaseData(
        base_currency=_currency(document["base_currency"]),
        limits=_limits(document["limits"]),
        instruments=MappingProxyType(instruments),
        restricted=_symbols(document["restricted"], "restricted"),
        compliance_symbols=_symbols(document.get("compliance_symbols", {}), "compliance_symbols"),
        permissions=_permissions(document["permissions"]),
    )


def _limits(value: object) -> Limits:
    parts = dict(_items(value, "limits"))
    if set(parts) != {"global", *_TABLES}:
        raise _data_error(f"limits must have global, {', '.join(_TABLES)} and nothing else")
    scoped = {
        kind: MappingProxyType(
            {
                _matching(_NAME if kind != "symbols" else _SYMBOL, name, kind): _table(table)
                for name, table in _items(parts[kind], f"limits.{kind}")
            }
        )
        for kind in _TABLES
    }
    return Limits(_table(parts["global"]), **scoped)


def _table(value: object) -> Table:
    return MappingProxyType({name: _limit(name, item) for name, item in _items(value, "limits")})


def _limit(name: str, value: object) -> int:
    if _LIMIT_NAME.fullmatch(name) is None:
        raise _data_error(f"limit {name!r} is not a lower-case name")
    if type(value) is not int or not 0 <= value <= canonical.INT_MAX:
        raise _data_error(f"limit {name} is not an integer from 0 to 2^53 - 1")
    return value


def _instrument(symbol: str, value: object) -> Instrument:
    _matching(_SYMBOL, symbol, "instruments")
    fields = dict(_items(value, f"instrument {symbol}"))
    if set(fields) != {*_INSTRUMENT_TEXTS, *_INSTRUMENT_RANGES}:
        raise _data_error(f"instrument {symbol} has missing or unknown fields")
    for name in _INSTRUMENT_TEXTS:
        text = fields[name]
        if not isinstance(text, str) or not 0 < len(text) <= _TEXT_MAX:
            raise _data_error(f"instrument {symbol}: {name} is not a text of 1 to 64 characters")
    if fields["borrow"] not in BORROWS:
        raise _data_error(f"instrument {symbol}: borrow is not one of {', '.join(BORROWS)}")
    for name, (low, high) in _INSTRUMENT_RANGES.items():
        number = fields[name]
        if type(number) is not int or not low <= number <= high:
            raise _data_error(f"instrument {symbol}: {name} is not from {low} to {high}")
    asset_class = fields.pop("class")
    return Instrument(symbol=symbol, asset_class=asset_class, **fields)


def _currency(value: object) -> str:
    if not isinstance(value, str) or _CURRENCY.fullmatch(value) is None:
        raise _data_error("base_currency is not a code of three capital letters")
    return value


def _symbols(value: object, name: str) -> frozenset[str]:
    found: set[str] = set()
    for symbol, mark in _items(value, name):
        if mark is not True:
            raise _data_error(f"{name}: {symbol!r} is not marked true")
        found.add(_matching(_SYMBOL, symbol, name))
    return frozenset(found)


def _permissions(value: object) -> Mapping[str, Any]:
    for account, entry in _items(value, "permissions"):
        what = f"permissions of {account!r}"
        fields = dict(_items(entry, what))
        if set(fields) != {"principals", "classes", "extended_hours"}:
            raise _data_error(f"{what} must have principals, classes and extended_hours")
        if type(fields["extended_hours"]) is not bool:
            raise _data_error(f"{what}: extended_hours is not true or false")
        for part, pattern in (("principals", _NAME), ("classes", _CLASS)):
            for name, mark in _items(fields[part], f"{what}: {part}"):
                if name != ANYONE or part != "principals":
                    _matching(pattern, name, what)
                if mark is not True:
                    raise _data_error(f"{what}: {part}: {name!r} is not marked true")
        if account != ANYONE:
            _matching(_NAME, account, "permissions")
    return MappingProxyType(cast("dict[str, Any]", value))


def _matching(pattern: re.Pattern[str], name: str, what: str) -> str:
    if pattern.fullmatch(name) is None:
        raise _data_error(f"{what}: {name!r} is not a name that an order can have")
    return name


def _items(value: object, name: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise _data_error(f"{name} is not an object")
    return iter(cast("dict[str, Any]", value).items())


def _data_error(detail: str) -> ReleaseError:
    return ReleaseError("release-data", f"{DATA}: {detail}", "mend the limits or lists, build anew")
