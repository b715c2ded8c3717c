"""What differs between two releases or policies folders, told as people decide about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from gateway.domain.quantities import INT_LIMIT
from gateway.policy.catalogue import ControlText
from gateway.policy.limits_file import GLOBAL, SCOPES
from gateway.policy.sides import Side
from signing import canonical
from signing.units import limit_name, write_value

ADDED: Final = "added"
REMOVED: Final = "removed"
CHANGED: Final = "changed"
TIGHTER: Final = "tighter"
LOOSER: Final = "looser"
NEW: Final = "new"
"""A limit of a control that is new itself: nothing was bounded there before."""

_SINGULAR: Final = {"accounts": "account", "strategies": "strategy", "symbols": "symbol"}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        part: ``control``, ``rules``, ``limit``, ``instrument``, ``restricted``,
            ``compliance_symbols``, ``permission`` or ``currency``.
        name: of what, such as ``ORD-01 severity`` or ``order_notional_max of account main``.
        change: ``added``, ``removed`` or ``changed``.
        old: what stood there, in people's units; ``None`` if nothing.
        new: what stands there now.
        effect: ``tighter``, ``looser`` or ``new`` where that can be told, otherwise empty.
    """

    part: str
    name: str
    change: str
    old: str | None = None
    new: str | None = None
    effect: str = ""


def differences(old: Side, new: Side) -> list[Change]:
    """Everything that differs, controls first; empty where both would decide alike."""
    return [
        *_controls(old, new),
        *_rules(old, new),
        *_currency(old, new),
        *_limits(old, new),
        *_instruments(old, new),
        *_listed("restricted", old.data.restricted, new.data.restricted),
        *_listed(
            "compliance_symbols", old.data.compliance_symbols, new.data.compliance_symbols
        ),
        *_permissions(old, new),
    ]


def _controls(old: Side, new: Side) -> Iterator[Change]:
    for control in sorted({*old.controls, *new.controls}):
        before, after = old.controls.get(control), new.controls.get(control)
        if before is None or after is None:
            assert before or after, "it is on one side"
            change, effect = (ADDED, TIGHTER) if before is None else (REMOVED, LOOSER)
            yield Change("control", control, change, _title(before), _title(after), effect)
            continue
        if _body(old, control) != _body(new, control):
            yield Change("control", f"{control} rule", CHANGED, *_digests(old, new, control))
        for field in fields(ControlText):
            was, now = getattr(before, field.name), getattr(after, field.name)
            if was != now:
                told = _said(was, now), _said(now, was)
                yield Change("control", f"{control} {field.name}", CHANGED, *told)


def _title(text: ControlText | None) -> str | None:
    return text.title if text else None


def _said(value: str | int | tuple[str, ...], other: str | int | tuple[str, ...]) -> str:
    """A part of METADATA; of a list, what the other lacks, or all where its order differs."""
    if not isinstance(value, tuple) or not isinstance(other, tuple):
        return str(value)
    return ", ".join(value if set(value) == set(other) else (i for i in value if i not in other))


def _body(side: Side, control: str) -> str:
    """A control's rules without the METADATA above its package line."""
    text = side.texts[side.files[control]]
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if line.startswith("package ")), 0)
    return "\n".join(lines[start:]).strip()


def _digests(old: Side, new: Side, control: str) -> tuple[str, str]:
    return _digest(_body(old, control)), _digest(_body(new, control))


def _digest(text: str) -> str:
    return canonical.digest(text.encode())[:16]


def _rules(old: Side, new: Side) -> Iterator[Change]:
    """Files that are no control: the registry, the halts, and the libraries under every control."""
    of_controls = {*old.files.values(), *new.files.values()}
    for path in sorted({*old.texts, *new.texts} - of_controls):
        before, after = old.texts.get(path), new.texts.get(path)
        if before != after:
            was, now = (None if text is None else _digest(text) for text in (before, after))
            yield Change("rules", path, _kind(before, after), was, now)


def _currency(old: Side, new: Side) -> Iterator[Change]:
    before, after = old.data.base_currency, new.data.base_currency
    if before != after:
        yield Change("currency", "base_currency", CHANGED, before, after)


def _limits(old: Side, new: Side) -> Iterator[Change]:
    before, after = _flat(old.parts["limits"]), _flat(new.parts["limits"])
    first, last = _read_only_by_added(old, new), _read_only_by_added(new, old)
    for place in sorted({*before, *after}, key=lambda place: (place[0] != GLOBAL, place)):
        was, now = before.get(place), after.get(place)
        if was == now:
            continue
        name = place[-1]
        parts = limit_name(name)
        bare = parts.bare if parts else name
        where = "" if place[0] == GLOBAL else f" of {_SINGULAR[place[0]]} {place[1]}"
        yield Change(
            "limit",
            bare + where,
            _kind(was, now),
            _written(name, was, old.data.base_currency),
            _written(name, now, new.data.base_currency),
            NEW if name in first else "" if name in last else _effect(place, was, now),
        )


def _read_only_by_added(old: Side, new: Side) -> set[str]:
    """Limits that controls read of which the old side has none; their effect is the control's.

    A limit that something else of the old side reads, or that the old side names, is none.
    """
    known = _named_limits(old)
    added = [text for control, text in new.controls.items() if control not in old.controls]
    return {name for text in added for name in text.limits} - known


def _named_limits(side: Side) -> set[str]:
    named = {place[-1] for place in _flat(side.parts["limits"])}
    return named.union(*(text.limits for text in side.controls.values()))


def _flat(tables: Mapping[str, Any]) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for name, value in tables[GLOBAL].items():
        found[GLOBAL, name] = value
    for scope in SCOPES:
        for key, table in tables[scope].items():
            for name, value in table.items():
                found[scope, key, name] = value
    return found


def _written(name: str, value: int | None, currency: str) -> str | None:
    parts = limit_name(name)
    if value is None or parts is None:
        return None if value is None else str(value)
    return write_value(value, parts.unit, currency, parts.bare)


def _effect(place: tuple[str, ...], old: int | None, new: int | None) -> str:
    before, after = _room(place, old), _room(place, new)
    return "" if before == after else TIGHTER if after < before else LOOSER


def _room(place: tuple[str, ...], value: int | None) -> int:
    """How much a limit leaves open: nothing at zero, everything where a scope has none."""
    if value is None:
        return 0 if place[0] == GLOBAL else INT_LIMIT
    return INT_LIMIT - value if value and "_min_" in place[-1] else value


def _instruments(old: Side, new: Side) -> Iterator[Change]:
    before, after = old.parts["instruments"], new.parts["instruments"]
    for symbol in sorted({*before, *after}):
        was, now = before.get(symbol), after.get(symbol)
        if was is None or now is None:
            effect = LOOSER if was is None else TIGHTER
            yield Change("instrument", symbol, _kind(was, now), effect=effect)
            continue
        for field in sorted({*was, *now}):
            if was.get(field) != now.get(field):
                told = str(was.get(field)), str(now.get(field))
                yield Change("instrument", f"{symbol} {field}", CHANGED, *told)


def _listed(part: str, old: frozenset[str], new: frozenset[str]) -> Iterator[Change]:
    """The symbols that came to a list of those that may trade less, or left it."""
    for symbol in sorted(old ^ new):
        change, effect = (REMOVED, LOOSER) if symbol in old else (ADDED, TIGHTER)
        yield Change(part, symbol, change, effect=effect)


def _permissions(old: Side, new: Side) -> Iterator[Change]:
    before, after = old.parts["permissions"], new.parts["permissions"]
    for account in sorted({*before, *after}):
        was, now = before.get(account), after.get(account)
        if was is None or now is None:
            # Beside an entry for every account, one of its own may loosen or tighten.
            sure = "*" not in {*before, *after} or account == "*"
            effect = (LOOSER if was is None else TIGHTER) if sure else ""
            yield Change("permission", account, _kind(was, now), effect=effect)
            continue
        for part in ("principals", "classes"):
            for name in sorted({*was[part]} ^ {*now[part]}):
                change, effect = (REMOVED, TIGHTER) if name in was[part] else (ADDED, LOOSER)
                yield Change("permission", f"{account} {part} {name}", change, effect=effect)
        if was["extended_hours"] != now["extended_hours"]:
            told, effect = ("false", "true"), LOOSER
            if was["extended_hours"]:
                told, effect = ("true", "false"), TIGHTER
            yield Change("permission", f"{account} extended_hours", CHANGED, *told, effect)


def _kind(old: object, new: object) -> str:
    return ADDED if old is None else REMOVED if new is None else CHANGED
