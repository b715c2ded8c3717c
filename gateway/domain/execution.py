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
class TradeCorrection:
    """A trade that was told is busted (FIX ExecType H) or corrected (G); ``qty`` is 0 of a bust.

    ``of_execution_id`` names the trade, ``execution_id`` this word about it. What stood before is
    on the record; ``fee_micros`` is what the trade costs now.
    """

    broker_client_id: str
    execution_id: str
    of_execution_id: str
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
    """What a broker says an order's status is now: one of ``signing.lifecycle.BROKER_STATES``.

    A cancel or replace that the broker refused is told as the status before it, with its code.
    ``cum_qty`` is FIX CumQty, at the order's scale: a broker that may tell an end before the fills
    that preceded it says with it how much is filled in all.
    """

    broker_client_id: str
    status: str
    code: str
    cum_qty: int | None = None


@dataclass(frozen=True, slots=True)
class BrokerUpdate:
    """One event of a broker's own durable sequence; ``cursor`` grows by one for each."""

    cursor: int
    event: Execution | StatusChange | TradeCorrection


@dataclass(frozen=True, slots=True)
class BrokerOrderState:
    """What a broker says of one order when asked by our client id."""

    broker_client_id: str
    broker_order_id: str
    status: str
    filled_qty: int
    open: bool


@dataclass(frozen=True, slots=True)
class BrokerOrderRecord:
    """An order as the broker lists it, ours or anybody's, in words of ours.

    ``status`` is a ``signing.lifecycle.State`` that brokers tell; quantities and prices are
    integers at the stated scales, at our instrument's where the broker's fit it exactly.
    ``broker_client_id`` is ``none`` where whoever placed it gave none. ``placed_us`` is wall time.
    """

    account: str
    broker_order_id: str
    broker_client_id: str
    symbol: str
    side: Side
    status: str
    qty: int
    filled_qty: int
    qty_decimals: int
    limit_price: int | None
    price_decimals: int
    placed_us: int


@dataclass(frozen=True, slots=True)
class BrokerHistory:
    """A broker's own list of a period: every order placed in it, and every execution."""

    orders: tuple[BrokerOrderRecord, ...]
    executions: tuple[Execution, ...]


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
