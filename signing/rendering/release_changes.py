"""What differs between two releases: controls, rules, limits, instruments and lists.

`writ policy diff` tells the data in the same words (`data_changes`). It compares the rules more
closely, and needs the server and OPA for that; this needs neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from signing.canonical import JsonObject, encode
from signing.rendering.change import (
    ADDED,
    CHANGED,
    LOOSER,
    TIGHTER,
    Change,
    kind_of,
)
from signing.rendering.data_changes import SignedData, data_changes
from signing.rendering.release import ReleaseWords

_SHORT: Final = 16


def release_changes(old: ReleaseWords, new: ReleaseWords) -> list[Change]:
    """Everything that differs, controls first; empty where both would decide alike."""
    return [
        *_descriptor(old, new),
        *_controls(old, new),
        *_rules(old, new),
        *data_changes(_signed(old), _signed(new)),
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


def _signed(release: ReleaseWords) -> SignedData:
    reads = {name: text.get("limits", []) for name, text in release.controls.items()}
    return SignedData(release.data, reads)
