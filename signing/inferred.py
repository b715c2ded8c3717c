"""The id of an execution that nobody told: made of what it brings an order to, never drawn.

Reconciliation infers a fill where a broker counts more of an order as filled than it told of.
Whoever infers it again, after a crash or from the log alone, arrives at the same id: it can be
entered once, and whoever verifies the log can see that it was not made up freely.
"""

from __future__ import annotations

import hashlib
from typing import Final

_DOMAIN: Final = b"writ inferred execution v1"


def inferred_id(account: str, broker_client_id: str, cum_qty: int) -> str:
    """The id of the execution that brings an order's filled quantity to `cum_qty`.

    Args:
        account: the account's alias.
        broker_client_id: the order's id at the broker, as we gave it.
        cum_qty: what is filled after it, at the order's own scale.
    """
    parts = (_DOMAIN, account.encode(), broker_client_id.encode(), str(cum_qty).encode())
    return "inferred-" + hashlib.sha256(b"\x00".join(parts)).hexdigest()[:40]
