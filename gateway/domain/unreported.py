"""Fills that count and that no broker has reported yet: each gives way to the report of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

INFERRED: Final = "inferred"
"""The source of an execution that reconciliation made up for one it has proof of."""
PERSON: Final = "person"
"""The source of an execution that a named person vouches for."""


@dataclass(frozen=True, slots=True)
class Unreported:
    """What is left of such a fill: quantity and price at its order's scales."""

    execution_id: str
    qty: int
    price: int
    source: str


def taken(
    unreported: tuple[Unreported, ...], qty: int
) -> tuple[list[Unreported], tuple[Unreported, ...]]:
    """Split them: what comes to ``qty``, the oldest first, and what is left."""
    found: list[Unreported] = []
    rest: list[Unreported] = []
    for each in unreported:
        part = min(qty, each.qty)
        qty -= part
        if part:
            found.append(replace(each, qty=part))
        if each.qty > part:
            rest.append(replace(each, qty=each.qty - part))
    return found, tuple(rest)
