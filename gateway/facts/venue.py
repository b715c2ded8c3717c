"""What the venue says it takes, at the order's own scales: absent when it does not say.

Instrument list and venue both have a word in what an order must look like. Identity, class,
currency, multiplier and scales are the signed list's; where both name a step or a floor, the
order must fit both, so the stricter wins. A venue at another scale than the list's is not known.
"""

from __future__ import annotations

from typing import Any

from gateway.domain.order import Order
from gateway.domain.quantities import ceil_div
from gateway.domain.venue import VenueTerms

US_PER_MS = 1_000


def venue_facts(terms: VenueTerms | None, order: Order, now_us: int) -> dict[str, Any] | None:
    """The ``venue`` section; ``age_ms`` is rounded up.

    Terms from the future, of another symbol, or at another scale than the order's are no terms.
    """
    if terms is None or terms.symbol != order.symbol or terms.at_us > now_us:
        return None
    if terms.price_decimals != order.price_decimals:
        return None
    if terms.qty_decimals not in (None, order.qty_decimals):
        return None
    return {
        "lot": terms.lot,
        "tick": terms.tick,
        "min_notional_micros": terms.min_notional_micros,
        "tradable": terms.tradable,
        "shortable": terms.shortable,
        "short_restricted": terms.short_restricted,
        "types": {kind.value: True for kind in sorted(terms.types)},
        "times_in_force": {tif.value: True for tif in sorted(terms.times_in_force)},
        "reduce_only": terms.reduce_only,
        "extended_hours": terms.extended_hours,
        "age_ms": ceil_div(now_us - terms.at_us, US_PER_MS),
    }
