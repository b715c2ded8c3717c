"""The life cycle of an order: the one transition table, and what each log entry does to it.

The ledger's views and the verifier both go through `state_after`, so they cannot disagree.

An order that might have reached a broker stays open until a proof closes it: `UNKNOWN` leads to
every state that can be proven, and `FATAL_ERROR` means that nothing was ever sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final


class State(StrEnum):
    """Where an order stands."""

    CREATED = "CREATED"
    """Allowed and recorded; nothing has been sent, as far as the log tells."""
    SUBMITTED = "SUBMITTED"
    """The broker has it and has not answered for it yet."""
    ACKNOWLEDGED = "ACKNOWLEDGED"
    """Working at the broker."""
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    """Working, with executions."""
    FILLED = "FILLED"
    """Executed in full."""
    DENIED = "DENIED"
    """Refused by Writ: by policy, or at the gate. Never sent."""
    REJECTED = "REJECTED"
    """Refused by the broker."""
    CANCELED = "CANCELED"
    """Withdrawn; fills made before that may still be reported."""
    EXPIRED = "EXPIRED"
    """Ended by its time in force."""
    REPLACED = "REPLACED"
    """Taken over by another order."""
    PENDING_CANCEL = "PENDING_CANCEL"
    """Withdrawal asked for, not confirmed."""
    PENDING_REPLACE = "PENDING_REPLACE"
    """Replacement asked for, not confirmed."""
    UNKNOWN = "UNKNOWN"
    """Perhaps sent: the broker has to be asked."""
    FATAL_ERROR = "FATAL_ERROR"
    """Given up: nothing of it was ever sent."""


class LifecycleError(ValueError):
    """An entry that the order's state does not permit."""


_S = State
# What a broker can report of an order that it has, whatever was known of it before.
_ENDS: Final = {_S.CANCELED, _S.EXPIRED, _S.REPLACED}
_WORKING: Final = {_S.PARTIALLY_FILLED, _S.FILLED, _S.PENDING_CANCEL, _S.PENDING_REPLACE} | _ENDS

TRANSITIONS: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        # An execution can be reported before the answer to the order itself.
        _S.CREATED: frozenset(
            {_S.SUBMITTED, _S.ACKNOWLEDGED, _S.DENIED, _S.REJECTED, _S.UNKNOWN, _S.FATAL_ERROR}
            | _WORKING
        ),
        _S.SUBMITTED: frozenset({_S.ACKNOWLEDGED, _S.REJECTED, _S.UNKNOWN} | _WORKING),
        _S.ACKNOWLEDGED: frozenset({_S.REJECTED, _S.UNKNOWN} | _WORKING),
        # The bust of its only execution leads back.
        _S.PARTIALLY_FILLED: frozenset(
            {_S.ACKNOWLEDGED, _S.FILLED, _S.PENDING_CANCEL, _S.PENDING_REPLACE, _S.UNKNOWN} | _ENDS
        ),
        # A refused cancel or replace restores what was before; fills go on meanwhile.
        _S.PENDING_CANCEL: frozenset(
            {_S.SUBMITTED, _S.ACKNOWLEDGED, _S.REJECTED, _S.UNKNOWN}
            | (_WORKING - {_S.PENDING_CANCEL})
        ),
        _S.PENDING_REPLACE: frozenset(
            {_S.SUBMITTED, _S.ACKNOWLEDGED, _S.REJECTED, _S.UNKNOWN}
            | (_WORKING - {_S.PENDING_REPLACE})
        ),
        _S.UNKNOWN: frozenset(
            {_S.SUBMITTED, _S.ACKNOWLEDGED, _S.REJECTED, _S.FATAL_ERROR} | _WORKING
        ),
        # The last fill may be reported after the order's end.
        _S.CANCELED: frozenset({_S.FILLED}),
        _S.EXPIRED: frozenset({_S.FILLED}),
        _S.REPLACED: frozenset({_S.FILLED}),
        _S.FILLED: frozenset(),
        _S.DENIED: frozenset(),
        _S.REJECTED: frozenset(),
        _S.FATAL_ERROR: frozenset(),
    }
)

OPEN: Final = frozenset(
    {
        _S.CREATED,
        _S.SUBMITTED,
        _S.ACKNOWLEDGED,
        _S.PARTIALLY_FILLED,
        _S.PENDING_CANCEL,
        _S.PENDING_REPLACE,
        _S.UNKNOWN,
    }
)
"""States in which the order may still fill: its reservation stays."""

TERMINAL: Final = frozenset(State) - OPEN
"""States that release the reservation; only a late fill can follow."""

BROKER_STATES: Final = frozenset(State) - {_S.CREATED, _S.DENIED, _S.FATAL_ERROR}
"""States that a `status` entry may report: the others are ours to give."""

_KNOWN_TO_BROKER: Final = _WORKING | {_S.ACKNOWLEDGED}
_CANCELLABLE: Final = frozenset(
    {_S.SUBMITTED, _S.ACKNOWLEDGED, _S.PARTIALLY_FILLED, _S.PENDING_REPLACE}
)
_REPLACEABLE: Final = frozenset({_S.ACKNOWLEDGED, _S.PARTIALLY_FILLED})
_NEVER_AT_BROKER: Final = frozenset({_S.DENIED, _S.REJECTED, _S.FATAL_ERROR})
_IN_DOUBT: Final = frozenset({_S.CREATED, _S.UNKNOWN})
"""States of an order that no broker is known to have: only of these can one be proven absent."""

_SUBMISSION: Final = {
    "accepted": _S.ACKNOWLEDGED,
    "rejected": _S.REJECTED,
    "unknown": _S.UNKNOWN,
    "refused": _S.DENIED,
}
# What was perhaps sent and is proven not to be there is no FATAL_ERROR: a fill may still be told.
_SETTLEMENT: Final = {
    "voided": _S.FATAL_ERROR,
    "absent": _S.CANCELED,
    "adopted": _S.ACKNOWLEDGED,
    "rejected": _S.REJECTED,
    "filled": _S.FILLED,
    "canceled": _S.CANCELED,
}


def allowed(frm: State, to: State) -> bool:
    """Tell whether the table leads from `frm` to `to`. Staying is no transition."""
    return to in TRANSITIONS[frm]


def state_after(
    current: State | None, kind: str, payload: Mapping[str, Any], *, leaves: int | None = None
) -> State:
    """Return the order's state after an entry about it.

    Args:
        current: its state before; None before its decision.
        kind: the entry's kind: decision, submission, execution, trade-correction, status, cancel,
            replace or settlement.
        payload: the entry's payload, its fields already checked.
        leaves: for an execution, the quantity that remains after it, in the order's own units;
            None where the order's quantity is not known (its document was deleted).

    Raises:
        LifecycleError: the entry contradicts the order's state, or fills it beyond its quantity.
    """
    if kind == "decision":
        if current is not None:
            raise LifecycleError("the order was decided before")
        return _S.CREATED if payload["allow"] is True else _S.DENIED
    if current is None:
        raise LifecycleError(f"a {kind} of an order that was never decided")
    target = _target(current, kind, payload, leaves)
    if target is not current and not allowed(current, target):
        raise LifecycleError(f"no {kind} leads from {current} to {target}")
    return target


def _target(current: State, kind: str, payload: Mapping[str, Any], leaves: int | None) -> State:
    reading = _READINGS.get(kind)
    if reading is None:
        raise LifecycleError(f"a {kind} is not about an order")
    return reading(current, payload, leaves)


def _told(current: State, status: State) -> State:
    """A fill is not taken back by a status: that takes the bust of the trade."""
    if (current, status) == (_S.PARTIALLY_FILLED, _S.ACKNOWLEDGED):
        raise LifecycleError(f"no status leads from {current} to {status}")
    return status


def _asked_to_cancel(current: State) -> State:
    """Asking changes nothing for an order that is over, unsent, or of unknown fate."""
    return _S.PENDING_CANCEL if current in _CANCELLABLE else current


def _answered(current: State, answer: State) -> State:
    """Apply the broker's answer; an order already seen working proves more than "accepted"."""
    if answer in {_S.ACKNOWLEDGED, _S.UNKNOWN} and current in _KNOWN_TO_BROKER:
        return current
    if answer is current:
        raise LifecycleError(f"the order is {current} already")
    return answer


def _settled(current: State, outcome: str) -> State:
    if outcome in {"voided", "absent"} and current not in _IN_DOUBT:
        raise LifecycleError(f"an order that is {current} cannot be settled as {outcome}")
    if outcome == "filled":
        if current is not _S.FILLED:  # its executions say so, entered before
            raise LifecycleError(f"an order that is {current} cannot be settled as filled")
        return current
    if outcome == "canceled" and current in TERMINAL:
        return current  # it was over, and something else about it was in question
    return _answered(current, _SETTLEMENT[outcome])


def _to_be_replaced(current: State) -> State:
    """One replacement at a time, of an order that the broker is known to have."""
    if current not in _REPLACEABLE:
        raise LifecycleError(f"an order that is {current} cannot be replaced")
    return _S.PENDING_REPLACE


def _corrected(current: State, cum_qty: int) -> State:
    """A trade that is busted or corrected afterwards ends no order, and begins none again."""
    if current in _NEVER_AT_BROKER:
        raise LifecycleError(f"a trade-correction of an order that is {current}")
    return _S.ACKNOWLEDGED if current is _S.PARTIALLY_FILLED and cum_qty == 0 else current


def _filled(current: State, leaves: int | None) -> State:
    if current in _NEVER_AT_BROKER:
        raise LifecycleError(f"an execution of an order that is {current}")
    if leaves is not None and leaves < 0:
        raise LifecycleError("executions exceed the order's quantity")
    if leaves == 0:
        return _S.FILLED
    # A part leaves an order that is ending, or over, where it is.
    if current in {_S.PENDING_CANCEL, _S.PENDING_REPLACE} or current in TERMINAL:
        return current
    return _S.PARTIALLY_FILLED


_READINGS: Final[Mapping[str, Callable[[State, Mapping[str, Any], int | None], State]]] = {
    "submission": lambda current, payload, _: _answered(current, _SUBMISSION[payload["outcome"]]),
    "execution": lambda current, _, leaves: _filled(current, leaves),
    "trade-correction": lambda current, payload, _: _corrected(current, payload["cum_qty"]),
    "status": lambda current, payload, _: _told(current, State(payload["status"])),
    "cancel": lambda current, _, __: _asked_to_cancel(current),
    "replace": lambda current, _, __: _to_be_replaced(current),
    "settlement": lambda current, payload, _: _settled(current, payload["outcome"]),
}
"""What each kind of entry after the decision makes of an order's state."""
