"""Taking risk off: when an order can only reduce, and where that is let through a halt.

A halt stops everything. A named person may open an exit-only state beside it, so that positions
do not stand there which nobody can reduce; it lets through what provably reduces and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.domain.halt import Halt, Scope


@dataclass(frozen=True, slots=True)
class ExitOnly:
    """An open exit-only state: what it covers, who opened it and why.

    ``until_us`` is the wall time at which it ends, ``None`` if it ends when somebody closes it.
    """

    scope: Scope
    by: str
    reason: str
    until_us: int | None

    def stands(self, wall_us: int) -> bool:
        """Whether it is still open at a wall time."""
        return self.until_us is None or wall_us < self.until_us


def exit_allowed(
    halts: Iterable[Halt],
    states: Iterable[ExitOnly],
    *,
    order: tuple[str, str, str],
    wall_us: int,
) -> bool:
    """Whether an order that only reduces may pass the halts that cover it.

    It may if each of them lets positions be reduced by itself, or if an exit-only state that
    covers the order is open. ``order`` is its account, symbol and strategy.
    """
    covering = [halt for halt in halts if halt.scope.covers(*order)]
    if all(halt.reduce_allowed for halt in covering):
        return True
    return any(state.stands(wall_us) and state.scope.covers(*order) for state in states)


def only_reduces(held: int, *, buys: bool, qty: int, working_qty: int) -> bool:
    """Whether an order can neither open, grow nor turn a position, however fills come.

    Args:
        held: the signed position, at the order's scale.
        buys: the order's direction.
        qty: its quantity.
        working_qty: what all other working orders of its direction may still fill.

    Orders of the other direction do not help: none of them may ever fill. Those that come later
    are held to this themselves, or count in full against the limits.
    """
    opposite = held < 0 if buys else held > 0
    return opposite and abs(held) >= qty + working_qty


def is_exit(document: Mapping[str, Any]) -> bool:
    """Whether an input document says that its order only reduces: asked for, and proven."""
    asked = document["order"].get("reduce_only") is True
    return asked and document.get("projected", {}).get("reduces") is True
