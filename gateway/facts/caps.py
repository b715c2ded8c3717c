"""Caps beside the signed limits: they tighten and never loosen one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.domain.book import NONE
from signing.overlay import CAPPABLE, Overlay


def caps_facts(caps: Mapping[str, int], overlays: Sequence[Overlay] = ()) -> dict[str, Any]:
    """The ``caps`` section: each cap as an integer, or that there is none.

    Args:
        caps: the operator's, by the limit that each tightens.
        overlays: those that stand; of several caps of one limit the smallest counts.
    """
    tables = [caps, *(overlay.caps for overlay in overlays)]
    return {
        name: min((table[name] for table in tables if name in table), default=NONE)
        for name in CAPPABLE
    }
