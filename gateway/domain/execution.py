"""What brokers tell: answers to a submission, executions, and changes of an order's status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.domain.order import Side


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker took the order and named it."""

    broker_order_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The broker refused the order, provably; ``code`` is an ``ERR_`` code."""

    code: str


class OutcomeUnknownError(Exception):
    """Nobody knows whether the broker has the order: time-out, disconnect, unreadable reply."""

    def __init__(self, code: str) -> None:
        """``code`` says why, for the record."""
        super().__init__(code)
        self.code = code


class NotSentError(OutcomeUnknownError):
    """Nothing of the order left this machine, provably: a secret that is lost, no connection.

    Whoever does not tell it apart takes the order for one in doubt, and asks the broker for it.
    """


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill; ``execution_id`` is the broker's and unique per broker client id."""

    broker_client_id: str
    execution_id: str
    account: str
    symbol: str
    side: Side
    qty: int
    qty_decimals: int
    price: int
    price_decimals: int
    fee_micros: int
    market_us: int
    session: str


@dataclass(frozen=True, slots=True)
class StatusChange:
    """An order came to rest at the broker: CANCELED, EXPIRED or REJECTED."""

    broker_client_id: str
    status: str
    code: str


@dataclass(frozen=True, slots=True)
class BrokerUpdate:
    """One event of a broker's own durable sequence; ``cursor`` grows by one for each."""

    cursor: int
    event: Execution | StatusChange


@dataclass(frozen=True, slots=True)
class BrokerOrderState:
    """What a broker says of one order when asked by our client id."""

    broker_client_id: str
    broker_order_id: str
    status: str
    filled_qty: int
    open: bool


@dataclass(frozen=True, slots=True)
class BrokerStatement:
    """What a broker says an account holds: cash in micros, signed quantities by symbol."""

    account: str
    cash_micros: int
    positions: dict[str, tuple[int, int]]
    """symbol -> (qty, qty_decimals)"""


SPENT: Final = "GATE_SPENT"
"""The gate's code for a permit that it has seen before: its submission is recorded already."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What the gate did with one permit: the fields of a ``submission`` entry.

    ``outcome`` is accepted, rejected (by the broker), unknown, or refused (by the gate: nothing
    was sent); ``code`` says why, or ``none``.
    """

    decision_id: str
    order_id: str
    broker_client_id: str
    broker: str
    outcome: str
    code: str
    broker_order_id: str
