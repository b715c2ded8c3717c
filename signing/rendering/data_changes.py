"""What differs between the data of two releases: currency, limits, instruments and lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from signing.canonical import INT_MAX
from signing.rendering.change import (
    ADDED,
    CHANGED,
    LOOSER,
    NEW,
    REMOVED,
    TIGHTER,
    Change,
    kind_of,
    room_effect,
)
from signing.rendering.release import GLOBAL, SCOPES
from signing.rendering.units import limit_value, limit_words

_SINGULAR: Final = {"accounts": "account", "strategies": "strategy", "symbols": "symbol"}
_OPEN: Final = INT_MAX + 1
"""More than any limit lets through."""

_Place = tuple[str, ...]
"""Where a limit stands: ("global", name) or (scope, key, name)."""


@dataclass(frozen=True, slots=True)
class SignedData:
    """What people sign beside the rules.

    Attributes:
        parts: `data.json`, decoded.
        reads: the limits that each control reads, by the control's identifier.
    """

    parts: Mapping[str, Any]
    reads: Mapping[str, Sequence[str]]


def data_changes(old: SignedData, new: SignedData) -> list[Change]:
    """Everything that differs in what is signed beside the rules."""
    before, after = old.parts, new.parts
    lists = ("restricted", "compliance_symbols")
    return [
        *_currency(before["base_currency"], after["base_currency"]),
        *_limits(old, new),
        *_instruments(before["instruments"], after["instruments"]),
        *(change for name in lists for change in _listed(name, before, after)),
        *_permissions(before["permissions"], after["permissions"]),
    ]


def _currency(before: str, after: str) -> Iterator[Change]:
    if before != after:
        was, now = before or None, after or None
        yield Change("currency", "base_currency", kind_of(was, now), was, now)


def _limits(old: SignedData, new: SignedData) -> Iterator[Change]:
    before, after = _flat(old.parts["limits"]), _flat(new.parts["limits"])
    first, last = _read_only_by_added(old, new), _read_only_by_added(new, old)
    for place in sorted({*before, *after}, key=lambda place: (place[0] != GLOBAL, place)):
        was, now = before.get(place), after.get(place)
        if was == now:
            continue
        name = place[-1]
        where = "" if place[0] == GLOBAL else f" of {_SINGULAR[place[0]]} {place[1]}"
        yield Change(
            "limit",
            limit_words(name) + where,
            kind_of(was, now),
            None if was is None else limit_value(name, was, old.parts["base_currency"]),
            None if now is None else limit_value(name, now, new.parts["base_currency"]),
            NEW if name in first else "" if name in last else _limit_effect(place, was, now),
        )


def _read_only_by_added(old: SignedData, new: SignedData) -> set[str]:
    """Limits that only added controls read: they have no effect apart from their control's."""
    known = {place[-1] for place in _flat(old.parts["limits"])}
    known.update(*old.reads.values())
    added = [limits for control, limits in new.reads.items() if control not in old.reads]
    return {name for limits in added for name in limits} - known


def _flat(tables: Mapping[str, Any]) -> dict[_Place, int]:
    found: dict[_Place, int] = {(GLOBAL, name): value for name, value in tables[GLOBAL].items()}
    for scope in SCOPES:
        for key, table in tables[scope].items():
            found.update({(scope, key, name): value for name, value in table.items()})
    return found


def _limit_effect(place: _Place, old: int | None, new: int | None) -> str:
    return room_effect(_room(place, old), _room(place, new))


def _room(place: _Place, value: int | None) -> int:
    """How much a limit leaves open: nothing at zero, everything where a scope has none."""
    if value is None:
        return 0 if place[0] == GLOBAL else _OPEN
    return _OPEN - value if value and "_min_" in place[-1] else value


def _instruments(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for symbol in sorted({*before, *after}):
        was, now = before.get(symbol), after.get(symbol)
        if was is None or now is None:
            effect = LOOSER if was is None else TIGHTER
            told = _instrument_words(was), _instrument_words(now)
            yield Change("instrument", symbol, kind_of(was, now), *told, effect)
            continue
        for field in sorted({*was, *now}):
            if was.get(field) != now.get(field):
                told = str(was.get(field)), str(now.get(field))
                yield Change("instrument", f"{symbol} {field}", CHANGED, *told)


def _instrument_words(fields: Mapping[str, Any] | None) -> str | None:
    """All that is said of an instrument, in one line."""
    if fields is None:
        return None
    return ", ".join(f"{name} {fields[name]}" for name in sorted(fields))


def _listed(part: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """The symbols that came to a list of those that may trade less, or left it."""
    was, now = (data.get(part, {}).keys() for data in (before, after))
    for symbol in sorted(was ^ now):
        change, effect = (REMOVED, LOOSER) if symbol in was else (ADDED, TIGHTER)
        yield Change(part, symbol, change, effect=effect)


def _permissions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for account in sorted({*before, *after}):
        was, now = before.get(account), after.get(account)
        if was is None or now is None:
            # Beside an entry for every account, one of its own may loosen or tighten.
            sure = "*" not in {*before, *after} or account == "*"
            effect = (LOOSER if was is None else TIGHTER) if sure else ""
            told = _permission_words(was), _permission_words(now)
            yield Change("permission", account, kind_of(was, now), *told, effect)
            continue
        for part in ("principals", "classes"):
            for name in sorted(was[part].keys() ^ now[part].keys()):
                change, effect = (REMOVED, TIGHTER) if name in was[part] else (ADDED, LOOSER)
                yield Change("permission", f"{account} {part} {name}", change, effect=effect)
        if was["extended_hours"] != now["extended_hours"]:
            told, effect = ("false", "true"), LOOSER
            if was["extended_hours"]:
                told, effect = ("true", "false"), TIGHTER
            yield Change("permission", f"{account} extended_hours", CHANGED, *told, effect)


def _permission_words(entry: Mapping[str, Any] | None) -> str | None:
    """Who may trade what with an account, in one line."""
    if entry is None:
        return None
    who, what = (", ".join(sorted(entry[part])) or "none" for part in ("principals", "classes"))
    extended = "" if entry["extended_hours"] else "no "
    return f"principals {who}; classes {what}; {extended}extended hours"
