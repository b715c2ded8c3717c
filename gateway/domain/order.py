"""An order after intake: exact integers at the instrument's scale."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """FIX Side (54), as far as the gateway takes it.

    A sale says what it is: of what the account holds, or short. Both are executed as sales.
    """

    BUY = "buy"
    SELL = "sell"
    SELL_SHORT = "sell_short"

    @property
    def executed(self) -> Side:
        """The side of this order's executions: buy or sell."""
        return Side.BUY if self is Side.BUY else Side.SELL


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
    GTD = "gtd"


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller asked for, made exact by intake; what is decided and what is sent.

    ``qty`` is at ``qty_decimals`` and a multiple of the lot, prices are at ``price_decimals``
    and multiples of the tick, when the instrument is known (``instrument_known``); an unknown
    symbol is read at 8 decimals, unrounded, so that its denial can be recorded.
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
    reduce_only: bool = False
    """Whether the caller wants it to take risk off and nothing else."""
    extended_hours: bool = False
    """Whether it may trade outside of the regular session."""
    locate_id: str | None = None
    """Who has the shares to borrow for a short sale, as the lender named the promise."""
    source_run: str | None = None
    """The run of a model or pipeline that the order comes from."""
    replaces: str | None = None
    """The order whose place it would take."""
    override: str | None = None
    """A signed override as it came: an envelope's text, not yet read."""
    expires_us: int | None = None
    """When a GTD order ends by itself (market time); ``None`` for every other."""


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
    reduce_only: bool = False
    """The broker must not let it open, grow or turn a position."""
    extended_hours: bool = False
    """The broker may fill it outside of the regular session."""
    expires_us: int | None = None
    """When the broker must end it (market time, FIX ExpireTime 126); GTD orders alone have it."""
