"""Ids of what nobody told, of executions and of their corrections: made, never drawn.

Reconciliation infers a fill where a broker counts more of an order as filled than it told of.
Whoever infers it again, after a crash or from the log alone, arrives at the same id: it can be
entered once, and whoever verifies the log can see that it was not made up freely.
"""

from __future__ import annotations

import hashlib
from typing import Final

_EXECUTION: Final = b"writ inferred execution v1"
_CORRECTION: Final = b"writ inferred correction v1"


def inferred_id(account: str, broker_client_id: str, cum_qty: int, corrections: int = 0) -> str:
    """The id of the execution that brings an order's filled quantity to `cum_qty`.

    Args:
        account: the account's alias.
        broker_client_id: the order's id at the broker, as we gave it.
        cum_qty: what is filled after it, at the order's own scale.
        corrections: how many corrections of the order's trades came before it: an order that one
            of them has taken back can be filled to the same quantity again.
    """
    again = (str(corrections),) if corrections else ()
    return "inferred-" + _digest(_EXECUTION, account, broker_client_id, str(cum_qty), *again)


def corrected_id(account: str, broker_client_id: str, of_execution_id: str, number: int) -> str:
    """The id of the correction of an execution that was inferred.

    Args:
        account: the account's alias.
        broker_client_id: the order's id at the broker, as we gave it.
        of_execution_id: the execution.
        number: how many corrections of the order's trades came before it.
    """
    parts = (account, broker_client_id, of_execution_id, str(number))
    return "corrected-" + _digest(_CORRECTION, *parts)


def _digest(domain: bytes, *parts: str) -> str:
    made = b"\x00".join((domain, *(part.encode() for part in parts)))
    return hashlib.sha256(made).hexdigest()[:40]
