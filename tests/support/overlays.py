"""Overlays for the tests of what one risk officer tightens."""

from __future__ import annotations

from typing import Any

from signing.overlay import Overlay, encode_overlay

DAY_US = 24 * 3_600 * 1_000_000
FROM_US = 1_800_000_000_000_000


def overlay_fields(**changes: Any) -> dict[str, Any]:
    """The fields of an overlay as it is written; `changes` replace some."""
    return {
        "v": 1,
        "name": "calm",
        "gateway": "trading.example/log",
        "caps": {"order_notional_max_micros": 50_000_000_000, "leverage_max_bps": 10_000},
        "restricted": ["ACME", "XYZ"],
        "effective_from_us": FROM_US,
        "expires_us": FROM_US + 7 * DAY_US,
        "reason": "earnings news",
    } | changes


def overlay(**changes: Any) -> Overlay:
    """The same as a value, with the fields of the value."""
    fields = {name: value for name, value in overlay_fields(**changes).items() if name != "v"}
    return Overlay(**{**fields, "restricted": tuple(fields["restricted"])})


def overlay_files(**changes: Any) -> dict[str, bytes]:
    """An overlay as a file of the trust root."""
    made = overlay(**changes)
    return {made.target: encode_overlay(made)}
