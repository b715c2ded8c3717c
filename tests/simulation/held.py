"""What the venue holds: orders and accounts as they are, and who watches them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway.domain.execution import BrokerOrderRecord, Execution
from gateway.domain.order import BrokerOrder

PRICE_DECIMALS: Final = 4
TICK: Final = 100
MICROS_OF_PRICE: Final = 10 ** (6 - PRICE_DECIMALS)
OPEN: Final = ("ACKNOWLEDGED", "PARTIALLY_FILLED")


class Watch(Protocol):
    """Whoever watches what the venue sees."""

    def sending(self, order: BrokerOrder) -> None:
        """The first byte of an order leaves a gateway."""
        ...

    def traded(self, account: str) -> None:
        """An order has come to rest here, or was filled."""
        ...


@dataclass(slots=True)
class Held:
    """An order as the venue has it; ``ours`` came from a gateway."""

    order: BrokerOrder
    broker_order_id: str
    placed_us: int
    visible_s: float
    """When questions find it."""
    ours: bool = True
    status: str = "ACKNOWLEDGED"
    fills: dict[str, Execution] = field(default_factory=dict[str, Execution])
    """Trades as they stand now, by id."""
    corrected: bool = False
    """Whether a trade of it was busted or changed."""

    @property
    def filled(self) -> int:
        """What was executed and stands."""
        return sum(fill.qty for fill in self.fills.values())

    @property
    def open(self) -> bool:
        """Whether it may still fill."""
        return self.status in OPEN


@dataclass(slots=True)
class Account:
    """Cash and positions as they are."""

    cash_micros: int
    positions: Counter[str] = field(default_factory=Counter[str])
    foreign: Counter[str] = field(default_factory=Counter[str])
    """What somebody else has bought or sold."""
    changed: Counter[str] = field(default_factory=Counter[str])
    """What trades were changed by after they had been told: nobody could know in time."""

    def held(self) -> dict[str, int]:
        """Positions that are not flat."""
        return {symbol: qty for symbol, qty in self.positions.items() if qty}


def record_of(held: Held) -> BrokerOrderRecord:
    """An order as the venue lists it."""
    order = held.order
    return BrokerOrderRecord(
        account=order.account,
        broker_order_id=held.broker_order_id,
        broker_client_id=order.broker_client_id,
        symbol=order.symbol,
        side=order.side.executed,
        status=held.status,
        qty=order.qty,
        filled_qty=held.filled,
        qty_decimals=0,
        limit_price=order.limit_price,
        price_decimals=PRICE_DECIMALS,
        placed_us=held.placed_us,
    )
