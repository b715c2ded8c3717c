"""What a control compared, in people's units: the one line that says why it was proven or not."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.quantities import INT_LIMIT
from signing.units import limit_name, show_value

_LEAST = "_min_"
"""In the name of a limit that is a minimum; every other is a maximum."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The integers of one control, and what is needed to say them.

    ``observed`` and ``limit`` are integers in ``unit``, ``None`` where not known; ``limit_name``
    is the signed limit's. Money is in ``currency``, left out where that is empty. A price has
    ``price_decimals``; where they are not known, it stays the integer that it is, and says so.
    """

    passed: bool
    observed: int | None
    limit: int | None
    limit_name: str | None
    unit: str | None
    currency: str
    price_decimals: int | None

    def in_words(self) -> str:
        """Such as ``1,250.00 USD <= 1,000.00 USD: no``; empty where nothing was compared."""
        if self.limit is None:
            return "" if self.observed is None else self._said(self.observed)
        sign, other = (">=", "<") if self._least else ("<=", ">")
        left, right = self._said(self.observed), self._said(self.limit)
        if self.observed is None:
            return f"the limit stands at {right}" if self.passed else f"{left} {sign} {right}: no"
        zero = self.limit <= 0
        holds = not zero and self._within(self.observed, self.limit)
        why = ", a limit of zero proves nothing" if zero else ""
        if holds == self.passed:
            return f"{left} {sign} {right}: {'yes' if holds else 'no'}{why}"
        if self.passed:
            return f"{left} {sign if zero else other} {right}{why}; proven another way"
        return f"{left} {sign} {right}: yes, but something else is missing"

    @property
    def _least(self) -> bool:
        return _LEAST in (self.limit_name or "")

    def _within(self, observed: int, limit: int) -> bool:
        return observed >= limit if self._least else observed <= limit

    def _said(self, value: int | None) -> str:
        if value is None:
            return "not known"
        unit = self.unit or "none"
        if unit == "bps" and self._least and value == INT_LIMIT - 1:
            return "no exposure"  # equity as a share of nothing: the most that the facts can say
        if unit == "price" and self.price_decimals is None:
            return f"{value} (in the instrument's smallest unit)"
        parts = limit_name(self.limit_name or "")
        bare = parts.bare if parts else ""
        return show_value(value, unit, self.currency, self.price_decimals or 0, bare)
