"""Which signed overrides were used: each serves one allowed order that may be sent, ever.

Used once protects against a second order at a broker. An order that is allowed in RESEARCH goes
nowhere and uses up nothing: an override for RESEARCH serves as often as somebody tries.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from signing.override import LIFETIME_MAX_US


@dataclass(slots=True)
class Overrides:
    """Used overrides by id, and those that a turn under way holds for an order of its own.

    Times are wall times of decisions, microseconds UTC. ``newest_us`` never goes back: an
    override that expired before it stays expired when the host's clock is set back, so that
    nothing which was forgotten can come to life again.
    """

    until_us: dict[str, int] = field(default_factory=dict[str, int])
    """override_id -> when it may be forgotten, oldest use first: a day after its use, because none
    lives longer than a day."""
    newest_us: int = 0
    _held: dict[str, str] = field(default_factory=dict[str, str], compare=False)
    """override_id -> order_id."""

    def free(self, override_id: str, expires_us: int) -> bool:
        """Whether no allowed order has used it, none of this turn holds it, and it may live."""
        return (
            expires_us > self.newest_us
            and override_id not in self.until_us
            and override_id not in self._held
        )

    def use(self, override_id: str, wall_us: int) -> None:
        """Remember that an order allowed at ``wall_us`` used it; forget what is long expired."""
        self.newest_us = max(self.newest_us, wall_us)
        self.until_us[override_id] = wall_us + LIFETIME_MAX_US
        for known, until_us in tuple(self.until_us.items()):
            if until_us > self.newest_us:
                break
            del self.until_us[known]

    def hold(self, override_id: str, order_id: str) -> None:
        """Keep it for an order of the turn, unless another order has it."""
        self._held.setdefault(override_id, order_id)

    def drop(self, override_id: str, order_id: str) -> None:
        """Undo :meth:`hold`."""
        if self._held.get(override_id) == order_id:
            del self._held[override_id]
