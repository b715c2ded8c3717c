"""The fields of entries about accounts and markets: stated, rolled over, compared, corrected."""

from __future__ import annotations

from typing import Final

from signing.lifecycle import BROKER_STATES
from signing.record_fields import (
    AMOUNT,
    CLIENT_ID,
    CODE,
    COUNT,
    DECIMALS,
    HEX,
    ID,
    POSITIVE,
    REASON,
    SESSION,
    SYMBOL,
    TIME,
    Fields,
)
from signing.shapes import mapping, or_none, record, word

FIELDS: Final[Fields] = {
    "statement": (
        {
            "account": ID,
            "broker": ID,
            "cash_micros": AMOUNT,
            "positions": mapping(
                SYMBOL, record({"qty": AMOUNT, "qty_decimals": DECIMALS}), limit=1_000
            ),
            "source": CODE,
        },
        {},
    ),
    "day": (
        {"account": ID, "session": SESSION, "equity_micros": AMOUNT, "market_us": TIME},
        {
            "closed": record(
                {
                    "session": SESSION,
                    "equity_micros": AMOUNT,
                    "profit_micros": AMOUNT,
                    "fees_micros": AMOUNT,
                }
            )
        },
    ),
    "external": (
        {
            "account": ID,
            "broker": ID,
            "broker_order_id": CLIENT_ID,
            "broker_client_id": or_none(CLIENT_ID),
            "symbol": SYMBOL,
            "side": word({"buy", "sell"}),
            "status": word(BROKER_STATES),
            "qty": COUNT,
            "filled_qty": COUNT,
            "qty_decimals": DECIMALS,
            "limit_price": or_none(COUNT),
            "price_decimals": DECIMALS,
        },
        {"multiplier": POSITIVE, "rate_e8": POSITIVE},
    ),
    "correction": (
        {
            "account": ID,
            "broker": ID,
            "cause": CODE,
            "reconciliation_id": or_none(ID),
            "by": ID,
            "cash": or_none(record({"before_micros": AMOUNT, "after_micros": AMOUNT})),
            "positions": mapping(
                SYMBOL,
                record({"before": AMOUNT, "after": AMOUNT, "qty_decimals": DECIMALS}),
                limit=1_000,
            ),
        },
        {"execution_id": CLIENT_ID, "reason": REASON},
    ),
    "reconciliation": (
        {
            "reconciliation_id": ID,
            "account": ID,
            "broker": ID,
            "cause": word(("start", "reconnect", "event", "periodic", "requested")),
            "outcome": word(("agreed", "corrected", "drifted", "unsettled", "failed")),
            "orders": COUNT,
            "positions": COUNT,
            "differences": COUNT,
            "drift_bps": or_none(COUNT),
            "by": ID,
        },
        {"evidence_digest": HEX, "code": CODE},
    ),
    "feed": (
        {
            "symbol": SYMBOL,
            "source": word(("primary", "secondary", "none")),
            "cause": CODE,
            "age_ms": or_none(COUNT),
            "market_us": TIME,
        },
        {},
    ),
}
