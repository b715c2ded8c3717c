"""The few Protocols the spine needs; rooms meet here and nowhere else."""

from gateway.ports.host import (
    BlockingRunner,
    Clock,
    Entropy,
    moment,
)
from gateway.ports.market import (
    MarketFeed,
    MarketReading,
    ModelHealth,
    PushedReadings,
    Quotes,
    Rates,
    SignedLimits,
    Venue,
)
from gateway.ports.record import (
    Batch,
    Committed,
    Draft,
    Fill,
    Journal,
    KeyClaim,
    Ledger,
)
from gateway.ports.trading import (
    Broker,
    Cancelling,
    Door,
    Permits,
    PolicyEngine,
    Stops,
)

__all__ = [
    "Batch",
    "BlockingRunner",
    "Broker",
    "Cancelling",
    "Clock",
    "Committed",
    "Door",
    "Draft",
    "Entropy",
    "Fill",
    "Journal",
    "KeyClaim",
    "Ledger",
    "MarketFeed",
    "MarketReading",
    "ModelHealth",
    "Permits",
    "PolicyEngine",
    "PushedReadings",
    "Quotes",
    "Rates",
    "SignedLimits",
    "Stops",
    "Venue",
    "moment",
]
