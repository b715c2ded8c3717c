"""What brokers' refusals mean for whoever sent the order: may the same be tried again, as it is?

*Tried again* is a new order under a new decision: nothing here is ever sent twice by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

RETRYABLE: Final[Mapping[str, bool]] = MappingProxyType(
    {
        "ERR_RATE_LIMIT": True,
        "ERR_NETWORK": True,
        "ERR_MARKET_CLOSED": True,
        "ERR_NO_RATE": True,
        "ERR_CREDENTIALS": True,
        "ERR_TOO_LATE": True,
        "ERR_INSUFFICIENT_FUNDS": False,
        "ERR_INSUFFICIENT_QTY": False,
        "ERR_INVALID_TICKER": False,
        "ERR_INVALID_ORDER": False,
        "ERR_DUPLICATE_ORDER": False,
        "ERR_REDUCE_ONLY": False,
        "ERR_REPLACE_UNSUPPORTED": False,
        "ERR_SHORT_RESTRICTED": False,
        "ERR_MIN_NOTIONAL": False,
        "ERR_EXTENDED_HOURS": False,
        "ERR_AUTH": False,
        "ERR_ACCOUNT": False,
    }
)
"""Code -> whether an order refused with it may succeed unchanged, later or with what it said."""


def retryable(status: str, code: str) -> bool | None:
    """Whether the same may be proposed again, of an order that a broker did not take.

    ``None`` where that is no question: the order was taken, or is in doubt. In doubt it is never
    proposed again before it is settled.
    """
    if status not in {"REJECTED", "DENIED"} or not code.startswith("ERR_"):
        return None
    return RETRYABLE.get(code, False)
