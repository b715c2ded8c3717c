"""Orders of others in our accounts: what somebody placed past the gateway.

They are adopted as external: reported, counted against limits while they work, and left alone
otherwise. Quantities and prices are integers at the stated scales.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.domain.quantities import Worth
from signing.lifecycle import OPEN, State

EXTERNAL_MAX: Final = 1_000
"""Open external orders that one account may have; with more nothing of it is known any more."""


@dataclass(frozen=True, slots=True)
class ExternalOrder:
    """An order that the record has no decision of, as a broker told of it last."""

    account: str
    broker_order_id: str
    broker_client_id: str
    symbol: str
    side: str
    status: State
    qty: int
    filled_qty: int
    qty_decimals: int
    limit_price: int | None
    price_decimals: int
    worth: Worth | None
    """Of one unit; ``None`` where nobody said: then nothing that counts it can be proven."""

    @property
    def leaves_qty(self) -> int:
        """What may still fill."""
        return max(0, self.qty - self.filled_qty)

    @property
    def open(self) -> bool:
        """Whether it may still fill."""
        return self.status in OPEN and self.leaves_qty > 0

    @property
    def reservation_id(self) -> str:
        """What it is counted as among working orders; no order of ours is called so."""
        return f"external:{self.broker_order_id}"
