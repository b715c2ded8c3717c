"""What a signed release says of an instrument."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable instrument, as listed in the release's data.

    ``lot`` is the smallest step of a quantity at ``qty_decimals``; ``tick`` the smallest step
    of a price at ``price_decimals``. ``asset_class`` is written ``class`` in documents.
    """

    symbol: str
    asset_class: str
    sector: str
    currency: str
    qty_decimals: int
    price_decimals: int
    lot: int
    tick: int
