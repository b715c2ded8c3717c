"""What differs between two releases or policies folders, told as people decide about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from gateway.policy.catalogue import ControlText
from gateway.policy.sides import Side
from signing import canonical
from signing.rendering.change import ADDED, CHANGED, LOOSER, REMOVED, TIGHTER, Change, kind_of
from signing.rendering.data_changes import SignedData, data_changes


def differences(old: Side, new: Side) -> list[Change]:
    """Everything that differs, controls first; empty where both would decide alike."""
    return [
        *_controls(old, new),
        *_rules(old, new),
        *data_changes(_signed(old), _signed(new)),
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
            yield Change("rules", path, kind_of(before, after), was, now)


def _signed(side: Side) -> SignedData:
    return SignedData(side.parts, {name: text.limits for name, text in side.controls.items()})
