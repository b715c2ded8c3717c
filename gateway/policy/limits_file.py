"""``limits.yaml``: limits as people write them, compiled exactly to the integers of a release.

Four tables: ``global``, and ``accounts``, ``strategies`` and ``symbols``, which only tighten it.
Each value is a decimal with its unit (:mod:`signing.units`). What is not exact, not known
or not in bounds is a finding with its line; a file with findings is compiled to nothing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.domain.errors import InvalidInputError
from gateway.domain.quantities import format_scaled
from gateway.policy.findings import Finding
from gateway.policy.yaml_tables import Table, Text, YamlTableError, read_tables
from signing.units import UnitError, example, limit_name, read_value, write_value

GLOBAL: Final = "global"
SCOPES: Final = ("accounts", "strategies", "symbols")
_BASE: Final = "base_currency"
_SYMBOLS: Final = "symbols"
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_ALIAS: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./]*")
_SHOWN_MAX: Final = 64
_TOLD_MAX: Final = 10
_E8: Final = 8

Place = tuple[str, ...]
"""Where a value stands: ``("global", name)`` or ``(scope, key, name)``, with the compiled name."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a limits file may name.

    Attributes:
        limits: the compiled names, such as ``spread_max_bps``.
        qty_decimals: of each listed instrument, by symbol.
    """

    limits: frozenset[str]
    qty_decimals: Mapping[str, int]

    def by_bare_name(self) -> dict[str, tuple[str, str]]:
        """What people write, to the compiled name and its unit."""
        parts = {name: limit_name(name) for name in sorted(self.limits)}
        return {part.bare: (name, part.unit) for name, part in parts.items() if part}


@dataclass(frozen=True, slots=True)
class LimitsFile:
    """What a limits file says.

    Attributes:
        base_currency: the one currency of all money.
        values: every value that could be read, by place.
        lines: where each of them stands.
        findings: what is wrong; empty where the file can be compiled.
    """

    base_currency: str
    values: Mapping[Place, int]
    lines: Mapping[Place, int]
    findings: tuple[Finding, ...]

    def tables(self) -> dict[str, dict[str, object]]:
        """The ``limits`` of a release's data."""
        found: dict[str, dict[str, object]] = {name: {} for name in (GLOBAL, *SCOPES)}
        keyed: dict[Place, dict[str, int]] = {}
        for place, value in self.values.items():
            if place[0] == GLOBAL:
                found[GLOBAL][place[1]] = value
            else:
                keyed.setdefault(place[:2], {})[place[2]] = value
        for (scope, key), table in keyed.items():
            found[scope][key] = table
        return found


def read_limits(data: bytes, file: str, known: Known) -> LimitsFile:
    """Read a limits file; whatever is wrong with it is a finding, not an error."""
    try:
        root = read_tables(data)
    except YamlTableError as error:
        finding = Finding(file, error.message, error.remedy, error.line)
        return LimitsFile("", {}, {}, (finding,))
    return _Reader(file, known, root).read()


def compile_limits(data: bytes, file: str, known: Known) -> LimitsFile:
    """Read a limits file that has nothing wrong.

    Raises:
        InvalidInputError: ``policy-limits``: its findings, each with its line.
    """
    found = read_limits(data, file, known)
    if found.findings:
        told = [f"{one.place}: {one.message}" for one in found.findings[:_TOLD_MAX]]
        more = len(found.findings) - len(told)
        detail = "\n".join(told) + (f"\nand {more} more" if more else "")
        raise InvalidInputError("policy-limits", detail, found.findings[0].remedy)
    return found


def without_effect(found: LimitsFile, file: str) -> list[Finding]:
    """Values of an account, strategy or symbol that are looser than the global one."""
    told: list[Finding] = []
    for place, value in found.values.items():
        if place[0] == GLOBAL:
            continue
        name, least = place[2], "_min_" in place[2]
        stands = found.values.get((GLOBAL, name), 0)
        loose = value and (not stands or (value < stands if least else value > stands))
        if loose:
            parts = limit_name(name)
            assert parts is not None, "only known limits are read"
            said = write_value(stands, parts.unit, found.base_currency, parts.bare)
            message = f"{parts.bare} of {place[1]} has no effect: the global one is {said}"
            remedy = "tighten it, or remove it; what is looser than the global limit never counts"
            told.append(Finding(file, message, remedy, found.lines[place], warning=True))
    return told


def limits_text(base_currency: str, tables: Mapping[str, Mapping[str, Any]]) -> str:
    """The limits of a release as a limits file; compiled again it gives the same integers."""
    lines = [f"{_BASE}: {base_currency}"]
    for section in (GLOBAL, *SCOPES):
        table = tables.get(section, {})
        lines.append(f"{section}:" if table else f"{section}: {{}}")
        if section == GLOBAL:
            lines += _written(base_currency, table, "  ")
            continue
        for key, scoped in sorted(table.items()):
            quoted = key if _PLAIN.fullmatch(key) else f'"{key}"'
            lines.append(f"  {quoted}:" if scoped else f"  {quoted}: {{}}")
            lines += _written(base_currency, scoped, "    ")
    return "\n".join(lines) + "\n"


def _written(currency: str, table: Mapping[str, int], indent: str) -> Iterator[str]:
    for name, value in sorted(table.items()):
        parts = limit_name(name)
        assert parts is not None, "a release names limits with their unit"
        yield f"{indent}{parts.bare}: {write_value(value, parts.unit, currency, parts.bare)}"


class _Reader:
    """One reading of a file; collects what is wrong instead of stopping at it."""

    def __init__(self, file: str, known: Known, root: Table) -> None:
        self._file = file
        self._known = known
        self._names = known.by_bare_name()
        self._root = root
        self._currency = ""
        self._values: dict[Place, int] = {}
        self._lines: dict[Place, int] = {}
        self._findings: list[Finding] = []

    def read(self) -> LimitsFile:
        """Read every table."""
        self._sections()
        for key, table, _ in self._tables(self._root, (GLOBAL,)):
            self._limits(table, (key,))
        for scope in SCOPES:
            for _, keyed, _ in self._tables(self._root, (scope,)):
                self._keyed(scope, keyed)
        findings = tuple(sorted(self._findings, key=lambda one: one.line or 0))
        return LimitsFile(self._currency, self._values, self._lines, findings)

    def _sections(self) -> None:
        known = (_BASE, GLOBAL, *SCOPES)
        for name, line in self._root.lines.items():
            if name not in known:
                self._tell(line, f"{_shown(name)} is no part of it", _meant(name, known))
        for name in (_BASE, GLOBAL):
            if name not in self._root.values:
                self._tell(1, f"{name} is missing", f"write {name}")
        currency = self._root.values.get(_BASE)
        if isinstance(currency, Text) and _CURRENCY.fullmatch(currency.text):
            self._currency = currency.text
        elif currency is not None:
            line = self._root.lines[_BASE]
            self._tell(line, f"{_BASE} is no currency", "write three capitals, such as USD")

    def _keyed(self, scope: str, table: Table) -> None:
        for key, scoped, line in self._tables(table, table.values):
            if scope == _SYMBOLS and key not in self._known.qty_decimals:
                message = f"{_shown(key)} is not among the instruments"
                self._tell(line, message, _meant(key, self._known.qty_decimals))
            elif scope != _SYMBOLS and _ALIAS.fullmatch(key) is None:
                self._tell(
                    line, f"{_shown(key)} can be the name of none", "use A-Z a-z 0-9 _ . : -"
                )
            else:
                self._limits(scoped, (scope, key))

    def _tables(self, inside: Table, names: Iterable[str]) -> Iterator[tuple[str, Table, int]]:
        for name in names:
            value, line = inside.values.get(name), inside.lines.get(name, 1)
            if isinstance(value, Table):
                yield name, value, line
            elif value is not None:
                remedy = "put `name: value` lines below it, write {}, or leave it out"
                self._tell(line, f"{_shown(name)} is not a table", remedy)

    def _limits(self, table: Table, place: Place) -> None:
        for bare, value in table.values.items():
            at = table.lines[bare]
            if bare not in self._names:
                self._tell(at, f"{_shown(bare)} is no limit", self._hint(bare))
            elif not isinstance(value, Text):
                self._tell(at, f"{bare} is a table", "write one value with its unit")
            elif self._currency:
                self._value(bare, value, place)

    def _value(self, bare: str, value: Text, place: Place) -> None:
        name, unit = self._names[bare]
        try:
            number = read_value(value.text, unit, self._currency)
        except UnitError as error:
            self._tell(value.line, f"{bare}: {error.message}", error.remedy)
            return
        decimals = self._known.qty_decimals.get(place[-1], _E8) if place[0] == _SYMBOLS else _E8
        if unit == "e8" and number % 10 ** (_E8 - decimals):
            said = format_scaled(number, _E8)
            message = f"{bare}: {said} is finer than a quantity of {place[-1]}"
            self._tell(value.line, message, f"write at most {decimals} decimals")
            return
        self._values[*place, name] = number
        self._lines[*place, name] = value.line

    def _hint(self, bare: str) -> str:
        parts = limit_name(bare) if bare in self._known.limits else None
        if parts is not None:
            unit = example(parts.unit, self._currency or "USD")
            return f"write {parts.bare}, and the unit behind the value: {unit}"
        return _meant(bare, self._names)

    def _tell(self, line: int, message: str, remedy: str) -> None:
        self._findings.append(Finding(self._file, message, remedy, line))


def _shown(name: str) -> str:
    return repr(name if len(name) <= _SHOWN_MAX else name[:_SHOWN_MAX] + "…")


def _meant(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name[:_SHOWN_MAX], list(known), n=1)
    return f"did you mean {found[0]}?" if found else "remove it, or mend its name"
