"""How a status that a broker tells is read: by what is known of the order already.

Executions say what is filled, so a status never does. Brokers tell late, twice and out of order:
a status that the order has left behind is stale. One that the order cannot have is impossible.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gateway.domain.book import NONE, OrderState
from signing.lifecycle import BROKER_STATES, TERMINAL, State, allowed

ABSENT: Final = frozenset({"NOT_FOUND", "SETTLED_ABSENT"})
"""Evidence of settlements that found an order absent: by asking, or by a person's word."""

UNKNOWN_STATUS: Final = "UNKNOWN_STATUS"
REJECTED_AFTER_FILL: Final = "REJECTED_AFTER_FILL"
STATUS_IMPOSSIBLE: Final = "STATUS_IMPOSSIBLE"

_NEVER_AT_BROKER: Final = frozenset({State.DENIED, State.REJECTED, State.FATAL_ERROR})
_UNCONFIRMED: Final = frozenset({State.CREATED, State.UNKNOWN, State.SUBMITTED})
_PENDING: Final = frozenset({State.PENDING_CANCEL, State.PENDING_REPLACE})
_WORKING: Final = frozenset({State.SUBMITTED, State.ACKNOWLEDGED, State.PARTIALLY_FILLED})


class Read(Enum):
    """What a told status comes to."""

    STALE = auto()
    """Nothing: it is so already, or the order is further."""
    ENTERED = auto()
    """The order's new status."""
    FILLS_MISSING = auto()
    """It is over, says the broker, and has not told all of its executions."""
    ALIVE = auto()
    """It works, and was settled as absent."""
    IMPOSSIBLE = auto()
    """It cannot be; ``code`` says why."""


@dataclass(frozen=True, slots=True)
class Word:
    """A told status as read."""

    read: Read
    status: State = State.UNKNOWN
    code: str = NONE


_STALE: Final = Word(Read.STALE)


def is_absent(order: OrderState) -> bool:
    """Whether the order was settled as one that never arrived."""
    return order.status is State.CANCELED and order.code in ABSENT


def read_status(order: OrderState, status: str, code: str, cum_qty: int | None = None) -> Word:
    """Read what a broker says an order's status is; ``code`` is why, or none.

    An end that overtakes its fills is not entered: what they reserve must not be let go before.
    """
    told = State(status) if status in BROKER_STATES else State.UNKNOWN
    if told is State.UNKNOWN:  # never guessed at
        return Word(Read.IMPOSSIBLE, code=UNKNOWN_STATUS)
    if told is order.status:
        return _STALE
    if order.status in _NEVER_AT_BROKER:
        return Word(Read.IMPOSSIBLE, code=f"STATUS_OF_{order.status.value}")
    if told in _WORKING:
        return _working(order, told, code)
    return _ending(order, told, cum_qty)


def _working(order: OrderState, told: State, code: str) -> Word:
    if is_absent(order):
        return Word(Read.ALIVE)
    if order.status in _UNCONFIRMED:
        return _entered(order, told)
    # A refused cancel or replacement comes with its code, and puts the order where it was. A bare
    # acknowledgement was under way when the cancel was asked for.
    if order.status in _PENDING and code != NONE:
        return _entered(order, told)
    return _STALE


def _entered(order: OrderState, told: State) -> Word:
    """As the broker says that it works; how much of it is filled, the executions know better."""
    if order.filled_qty:
        return Word(Read.ENTERED, State.PARTIALLY_FILLED)
    if told is State.SUBMITTED and order.status is State.SUBMITTED:
        return _STALE
    return Word(Read.ENTERED, State.SUBMITTED if told is State.SUBMITTED else State.ACKNOWLEDGED)


def _ending(order: OrderState, told: State, cum_qty: int | None) -> Word:
    if told is State.FILLED:
        return Word(Read.FILLS_MISSING) if order.leaves_qty else _STALE
    if told in TERMINAL and cum_qty is not None and cum_qty > order.filled_qty:
        return Word(Read.FILLS_MISSING)
    if told is State.REJECTED and order.filled_qty:
        return Word(Read.IMPOSSIBLE, code=REJECTED_AFTER_FILL)
    if allowed(order.status, told):
        return Word(Read.ENTERED, told)
    if order.status in TERMINAL:
        pending = told in _PENDING
        return Word(Read.ALIVE) if pending and is_absent(order) else _STALE
    return Word(Read.IMPOSSIBLE, code=STATUS_IMPOSSIBLE)
