"""What a reconciliation works with: the gateway's own parts, as far as it needs them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.domain.book import AccountBook
from gateway.domain.quantities import Worth
from gateway.ports import Clock, Entropy, Journal


@dataclass(frozen=True, slots=True)
class Parts:
    """The same for every account of a broker."""

    journal: Journal
    clock: Clock
    entropy: Entropy
    pull: Callable[[], Awaitable[object]]
    """Records every update that the broker has."""
    alive: Callable[[str], Awaitable[object]]
    """Told of an order of ours that is over and works at the broker all the same."""
    ended: Callable[[str, str], object]
    """Told of an account and the outcome, when everything of it was compared, or it drifted."""
    equity_micros: Callable[[AccountBook], int | None]
    value_micros: Callable[[str, int, int], int | None]
    """What a quantity of a symbol, at its decimals, is worth now; ``None`` where nobody knows."""
    worth: Callable[[str], Worth | None]
    """What one unit of a symbol comes to."""
    session: Callable[[int], str]
    """The day of a market time."""
    settle_ms: int
    """How long a difference has to stand before it counts."""
    cash_tolerance_micros: int
    """A difference of cash up to this is none."""
