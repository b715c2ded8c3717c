"""The operator's caps: they tighten signed limits and never loosen one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.domain.book import NONE

CAPPED: Final = (
    "day_turnover_max_micros",
    "gross_exposure_max_micros",
    "leverage_max_bps",
    "margin_debit_max_micros",
    "order_notional_max_micros",
    "position_notional_max_micros",
    "positions_max_count",
    "short_notional_max_micros",
)
"""The limits that an operator can cap; every document names them all."""


def caps_facts(caps: Mapping[str, int]) -> dict[str, Any]:
    """The ``caps`` section: each cap as an integer, or that there is none."""
    return {name: caps.get(name, NONE) for name in CAPPED}
