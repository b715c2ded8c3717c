"""What a venue says of itself: which orders it takes in a symbol, and at which steps."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.order import OrderType, TimeInForce


@dataclass(frozen=True, slots=True)
class VenueTerms:
    """A venue's terms for one symbol and account, as known at ``at_us`` (market time).

    ``lot`` is the smallest step of a quantity at ``qty_decimals``; ``qty_decimals`` is ``None``
    where the venue takes every scale up to 8 decimals, and then ``lot`` counts at the order's.
    ``tick`` is the smallest step of a price at ``price_decimals``. ``min_notional_micros`` is
    zero where there is no floor; what closes a position is taken below it.
    """

    symbol: str
    lot: int
    qty_decimals: int | None
    tick: int
    price_decimals: int
    min_notional_micros: int
    tradable: bool
    """Whether it takes orders in the symbol at all."""
    shortable: bool
    """Whether the account may sell the symbol short."""
    short_restricted: bool
    """Whether a short sale must be priced above the bid (Rule 201 of Regulation SHO)."""
    types: frozenset[OrderType]
    times_in_force: frozenset[TimeInForce]
    reduce_only: bool
    """Whether it keeps to ``reduce_only`` by itself."""
    extended_hours: bool
    """Whether it trades outside of the regular session."""
    at_us: int
