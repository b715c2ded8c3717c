"""What differs between two releases: controls, rules, limits, instruments and lists.

The words and the judgement of what is tighter are those of `writ policy diff`, which compares the
rules more closely and needs the server and OPA; this needs neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from signing.canonical import INT_MAX, JsonObject, encode
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
from signing.rendering.release import GLOBAL, SCOPES, ReleaseWords
from signing.rendering.units import limit_value, limit_words

_SINGULAR: Final = {"accounts": "account", "strategies": "strategy", "symbols": "symbol"}
_SHORT: Final = 16
_OPEN: Final = INT_MAX + 1
"""More than any limit lets through."""

_Place = tuple[str, ...]
"""Where a limit stands: ("global", name) or (scope, key, name)."""


def release_changes(old: ReleaseWords, new: ReleaseWords) -> list[Change]:
    """Everything that differs, controls first; empty where both would decide alike."""
    return [
        *_descriptor(old, new),
        *_controls(old, new),
        *_rules(old, new),
        *_currency(old, new),
        *_limits(old, new),
        *_instruments(old.data["instruments"], new.data["instruments"]),
        *_listed("restricted", old.data, new.data),
        *_listed("compliance_symbols", old.data, new.data),
        *_permissions(old.data["permissions"], new.data["permissions"]),
    ]


def _descriptor(old: ReleaseWords, new: ReleaseWords) -> Iterator[Change]:
    told = ("label", old.label, new.label), ("opa_version", old.opa_version, new.opa_version)
    for name, was, now in told:
        if was != now:
            yield Change("release", name, ADDED if not was else CHANGED, was or None, now)


def _controls(old: ReleaseWords, new: ReleaseWords) -> Iterator[Change]:
    for name in sorted({*old.controls, *new.controls}):
        before, after = old.controls.get(name), new.controls.get(name)
        if before is None or after is None:
            effect = TIGHTER if before is None else LOOSER
            titles = _title(before), _title(after)
            yield Change("control", name, kind_of(before, after), *titles, effect)
            continue
        for field in sorted({*before, *after}):
            was, now = before.get(field), after.get(field)
            if was != now:
                yield Change("control", f"{name} {field}", CHANGED, _said(was), _said(now))


def _title(control: JsonObject | None) -> str | None:
    return None if control is None else str(control["title"])


def _said(value: object) -> str | None:
    return value if isinstance(value, str) or value is None else encode(value).decode()


def _rules(old: ReleaseWords, new: ReleaseWords) -> Iterator[Change]:
    if not old.rules:
        yield Change("rules", "files", ADDED, None, f"{len(new.rules)} of revision {new.revision}")
        return
    for path in sorted({*old.rules, *new.rules}):
        before, after = old.rules.get(path), new.rules.get(path)
        if before != after:
            yield Change("rules", path, kind_of(before, after), _short(before), _short(after))
    if old.wasm_digest != new.wasm_digest:
        was, now = _short(old.wasm_digest), _short(new.wasm_digest)
        # Limits are no part of what is compiled: only another OPA makes this of the same rules.
        name = "compiled" if old.rules != new.rules else "compiled, of unchanged sources"
        yield Change("rules", name, kind_of(was, now), was, now)


def _short(digest: str | None) -> str | None:
    return digest[:_SHORT] if digest else None


def _currency(old: ReleaseWords, new: ReleaseWords) -> Iterator[Change]:
    if old.currency != new.currency:
        was, now = old.currency or None, new.currency or None
        yield Change("currency", "base_currency", kind_of(was, now), was, now)


def _limits(old: ReleaseWords, new: ReleaseWords) -> Iterator[Change]:
    before, after = _flat(old.data["limits"]), _flat(new.data["limits"])
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
            None if was is None else limit_value(name, was, old.currency),
            None if now is None else limit_value(name, now, new.currency),
            NEW if name in first else "" if name in last else _limit_effect(place, was, now),
        )


def _read_only_by_added(old: ReleaseWords, new: ReleaseWords) -> set[str]:
    """Limits that only added controls read: they have no effect apart from their control's."""
    known = {place[-1] for place in _flat(old.data["limits"])}
    known.update(*(control.get("limits", []) for control in old.controls.values()))
    added = [text for name, text in new.controls.items() if name not in old.controls]
    return {name for text in added for name in text.get("limits", [])} - known


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


def _listed(part: str, old: JsonObject, new: JsonObject) -> Iterator[Change]:
    """The symbols that came to a list of those that may trade less, or left it."""
    before, after = (data.get(part, {}).keys() for data in (old, new))
    for symbol in sorted(before ^ after):
        change, effect = (REMOVED, LOOSER) if symbol in before else (ADDED, TIGHTER)
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
