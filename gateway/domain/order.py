"""An order after intake: exact integers at the instrument's scale."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """FIX Side (54), as far as the gateway takes it; a short is known by the position."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """FIX OrdType (40)."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"

    @property
    def has_limit(self) -> bool:
        """Whether a limit price belongs to the type."""
        return self in (OrderType.LIMIT, OrderType.STOP_LIMIT)

    @property
    def has_stop(self) -> bool:
        """Whether a stop price belongs to the type."""
        return self in (OrderType.STOP, OrderType.STOP_LIMIT)


class TimeInForce(StrEnum):
    """FIX TimeInForce (59)."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller asked for, made exact by intake; what is decided and what is sent.

    ``qty`` is at ``qty_decimals`` and a multiple of the lot, prices are at ``price_decimals``
    and multiples of the tick, when the instrument is known (``instrument_known``); an unknown
    symbol is read at 8 decimals, unrounded, so that its denial can be recorded.
    ``requested_qty`` and the like keep the caller's own strings for the answer.
    """

    order_id: str
    principal: str
    account: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    qty: int
    qty_decimals: int
    price_decimals: int
    limit_price: int | None
    stop_price: int | None
    client_order_id: str | None
    strategy_id: str | None
    source_signal_id: str | None
    instrument_known: bool
    requested_qty: str
    requested_limit_price: str | None
    requested_stop_price: str | None


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """What goes to a broker: taken from a permit's document, nothing else.

    ``protection_price`` is the far edge of a market order's collar: the order may not fill
    beyond it, because that is the price at which it was counted.
    """

    broker_client_id: str
    account: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    qty: int
    qty_decimals: int
    price_decimals: int
    limit_price: int | None
    stop_price: int | None
    protection_price: int | None
