"""What the signed release says of the order's instrument."""

from __future__ import annotations

from typing import Any

from gateway.domain.instrument import Instrument


def instrument_facts(instrument: Instrument | None) -> dict[str, Any] | None:
    """The ``instrument`` section, absent for a symbol that the release does not list."""
    if instrument is None:
        return None
    return {
        "class": instrument.asset_class,
        "sector": instrument.sector,
        "currency": instrument.currency,
        "qty_decimals": instrument.qty_decimals,
        "price_decimals": instrument.price_decimals,
        "lot": instrument.lot,
        "tick": instrument.tick,
        "multiplier": instrument.multiplier,
        "min_notional_micros": instrument.min_notional_micros,
        "borrow": instrument.borrow,
    }
