"""One difference between what stands and what is to be signed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

ADDED: Final = "added"
REMOVED: Final = "removed"
CHANGED: Final = "changed"
TIGHTER: Final = "tighter"
LOOSER: Final = "looser"
NEW: Final = "new"
"""A limit of a control that is new itself: nothing was bounded there before."""

_FOLDED: Final = frozenset({"instrument", "restricted", "compliance_symbols"})


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        part: of what, such as `limit`, `control`, `account` or `host`.
        name: which one, such as `order_notional_max of account main`.
        change: ADDED, REMOVED or CHANGED.
        old: what stood there, in people's units; None if nothing.
        new: what would stand there; None if nothing.
        effect: TIGHTER, LOOSER or NEW where that can be told, otherwise empty.
    """

    part: str
    name: str
    change: str
    old: str | None = None
    new: str | None = None
    effect: str = ""

    @property
    def sentence(self) -> str:
        """All of it but the effect, in one line, whatever the words of a release would break."""
        return " ".join(self._told().split())

    def _told(self) -> str:
        what = self.name if self.name == self.part else f"{self.part} {self.name}"
        if self.change == ADDED:
            return f"added {what}" + (f": {self.new}" if self.new else "")
        if self.change == REMOVED:
            return f"removed {what}" + (f", which was {self.old}" if self.old else "")
        return f"{what}: from {self.old or 'nothing'} to {self.new or 'nothing'}"


def kind_of(old: object, new: object) -> str:
    """What happened to something that is None where it does not stand."""
    return ADDED if old is None else REMOVED if new is None else CHANGED


def room_effect(old: int, new: int) -> str:
    """The effect of a change in how much is let through."""
    return "" if old == new else TIGHTER if new < old else LOOSER


def folded(changes: Iterable[Change]) -> list[Change]:
    """Put instruments of which the same is said, and symbols, into one line; leave nothing out."""
    lines: dict[tuple[str | None, ...], Change] = {}
    for number, change in enumerate(changes):
        told = change.part, change.change, change.old, change.new, change.effect
        key = told if change.part in _FOLDED and change.change != CHANGED else (str(number),)
        before = lines.get(key)
        name = change.name if before is None else f"{before.name}, {change.name}"
        lines[key] = replace(change, name=name)
    return list(lines.values())
