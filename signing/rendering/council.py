"""The officers in words: who they are, how many must sign, and what a new root changes in that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from signing.keys import PublicKey
from signing.rendering.change import (
    ADDED,
    CHANGED,
    LOOSER,
    REMOVED,
    TIGHTER,
    Change,
    kind_of,
    room_effect,
)
from signing.trust.officers import Council, Officer

_GROUP: Final = 8


def council_words(council: Council) -> list[tuple[str, str]]:
    """Everything that a root says of its officers, as names and texts, keys in full."""
    return [
        ("must sign", _threshold_words(council)),
        *((f"officer {one.name}", officer_words(one)) for one in council.officers),
        ("publisher", key_words(council.publisher)),
        *([("development", "yes: one officer alone is enough")] if council.development else []),
    ]


def officer_words(officer: Officer) -> str:
    """An officer's roles and keys in one line."""
    roles = ", ".join(sorted(officer.roles)) or "no role"
    return f"{roles}; {', '.join(map(key_words, officer.keys))}"


def key_words(public: PublicKey) -> str:
    """A key in groups of eight digits, as people read it to each other."""
    return " ".join(public.hex[at : at + _GROUP] for at in range(0, len(public.hex), _GROUP))


def council_changes(old: Council | None, new: Council) -> list[Change]:
    """Everything that differs between the officers who stand and those of a new root."""
    before = {} if old is None else {one.name: one for one in old.officers}
    after = {one.name: one for one in new.officers}
    return [
        *_officers(before, after),
        *_words(old, new),
    ]


def _officers(before: dict[str, Officer], after: dict[str, Officer]) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            was, now = old and officer_words(old), new and officer_words(new)
            yield Change("officer", name, kind_of(old, new), was, now)
            continue
        before_keys, after_keys = set(map(key_words, old.keys)), set(map(key_words, new.keys))
        for key in sorted(before_keys ^ after_keys):
            gone = key in before_keys
            yield Change("key", f"{key} of {name}", REMOVED if gone else ADDED)
        for role in sorted(old.roles ^ new.roles):
            yield Change("role", f"{role} of {name}", REMOVED if role in old.roles else ADDED)


def _words(old: Council | None, new: Council) -> Iterator[Change]:
    was, now = old and _threshold_words(old), _threshold_words(new)
    if was != now:
        effect = "" if old is None else room_effect(new.threshold, old.threshold)
        yield Change("threshold", "must sign", kind_of(old, new), was, now, effect)
    if old is None or old.publisher != new.publisher:
        was = None if old is None else key_words(old.publisher)
        yield Change("publisher", "key", kind_of(old, new), was, key_words(new.publisher))
    if new.development != (old is not None and old.development):
        effect = LOOSER if new.development else TIGHTER
        told = ("no", "yes") if new.development else ("yes", "no")
        yield Change("development", "one officer alone is enough", CHANGED, *told, effect)


def _threshold_words(council: Council) -> str:
    return f"{council.threshold} of {len(council.officers)} officers"
