"""What a signed release says of an instrument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BORROWS: Final = ("easy", "locate", "none")
"""Whether an instrument can be borrowed for a short sale: at once, after a locate, or never."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable instrument, as listed in the release's data.

    ``lot`` is the smallest step of a quantity at ``qty_decimals``; ``tick`` the smallest step
    of a price at ``price_decimals``. ``asset_class`` is written ``class`` in documents.
    ``multiplier`` says how many units of the underlying one unit stands for; an order of less
    than ``min_notional_micros`` is none (0: any is). ``borrow`` is one of :data:`BORROWS`.
    """

    symbol: str
    asset_class: str
    sector: str
    currency: str
    qty_decimals: int
    price_decimals: int
    lot: int
    tick: int
    multiplier: int = 1
    min_notional_micros: int = 0
    borrow: str = "easy"
