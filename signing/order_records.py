"""The fields of entries about orders: decided, sent, executed, ended, questioned, settled."""

from __future__ import annotations

from typing import Final

from signing.lifecycle import BROKER_STATES, State
from signing.record_fields import (
    AMOUNT,
    BROKER_ID,
    CLIENT_ID,
    CODE,
    CONTROLS,
    COUNT,
    DECIMALS,
    HALT_SCOPE,
    HEX,
    ID,
    MODES,
    POSITIVE,
    REASON,
    SESSION,
    SYMBOL,
    TIME,
    Fields,
)
from signing.shapes import boolean, many, mapping, or_none, record, text, word

_VERSION: Final = text(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}", "a version")
_FIGURES: Final = many(
    record(
        {"control": CODE},
        {
            "observed": AMOUNT,
            "limit": AMOUNT,
            "source": word({"global", "account", "strategy", "symbol", "caps", "manifest"}),
        },
    ),
    limit=256,
)
_VERDICT: Final = record(
    {
        "allow": boolean(),
        "required": CONTROLS,
        "passed": CONTROLS,
        "reasons": _FIGURES,
        "proofs": _FIGURES,
        "halts": many(
            record({"cause": CODE, "scope": HALT_SCOPE}, {"observed": AMOUNT, "limit": AMOUNT}),
            limit=16,
        ),
        "door": mapping(CODE, AMOUNT, limit=32),
    }
)

FIELDS: Final[Fields] = {
    "decision": (
        {
            "decision_id": ID,
            "order_id": ID,
            "account": ID,
            "principal": ID,
            "client_order_id": CLIENT_ID,
            "broker_client_id": BROKER_ID,
            "mode": word(MODES),
            "label": CODE,
            "market_us": TIME,
            "input_digest": HEX,
            "release_digest": HEX,
            "engine": record({"name": CODE, "version": _VERSION}),
            "allow": boolean(),
            "verdict": _VERDICT,
            "failure": CODE,
        },
        {"replaces": ID},
    ),
    "submission": (
        {
            "decision_id": ID,
            "order_id": ID,
            "broker_client_id": BROKER_ID,
            "broker": ID,
            "outcome": word({"accepted", "rejected", "unknown", "refused"}),
            "code": CODE,
            "broker_order_id": CLIENT_ID,
        },
        {},
    ),
    "execution": (
        {
            "order_id": ID,
            "broker_client_id": BROKER_ID,
            "execution_id": CLIENT_ID,
            "account": ID,
            "symbol": SYMBOL,
            "side": word({"buy", "sell"}),
            "qty": POSITIVE,
            "qty_decimals": DECIMALS,
            "price": COUNT,
            "price_decimals": DECIMALS,
            "fee_micros": AMOUNT,
            "market_us": TIME,
            "session": SESSION,
        },
        {
            "source": word(("broker", "inferred", "person")),
            "merged_qty": COUNT,
            "by": ID,
            "reason": REASON,
        },
    ),
    "trade-correction": (
        {
            "order_id": ID,
            "broker_client_id": BROKER_ID,
            "execution_id": CLIENT_ID,
            "of_execution_id": CLIENT_ID,
            "cause": word(("bust", "correct", "reconciled")),
            "account": ID,
            "symbol": SYMBOL,
            "side": word({"buy", "sell"}),
            "qty_before": POSITIVE,
            "qty_after": COUNT,
            "qty_decimals": DECIMALS,
            "price_before": COUNT,
            "price_after": COUNT,
            "price_decimals": DECIMALS,
            "fee_change_micros": AMOUNT,
            "cum_qty": COUNT,
            "market_us": TIME,
            "session": SESSION,
        },
        {},
    ),
    "status": (
        {
            "order_id": ID,
            "broker_client_id": BROKER_ID,
            "status": word(BROKER_STATES),
            "code": CODE,
            "source": CODE,
        },
        {},
    ),
    "cancel": (
        {
            "order_id": ID,
            "broker_client_id": BROKER_ID,
            "by": ID,
            "cause": CODE,
            "market_us": TIME,
        },
        {},
    ),
    "replace": (
        {
            "order_id": ID,
            "broker_client_id": BROKER_ID,
            "by_order_id": ID,
            "by": ID,
            "market_us": TIME,
        },
        {},
    ),
    "settlement": (
        {
            "order_id": ID,
            "decision_id": ID,
            "broker_client_id": BROKER_ID,
            "outcome": word({"voided", "adopted", "rejected", "absent", "filled", "canceled"}),
            "evidence": CODE,
        },
        {"by": ID, "reason": REASON, "evidence_digest": HEX},
    ),
    "anomaly": (
        {
            "order_id": or_none(ID),
            "account": ID,
            "broker": ID,
            "broker_client_id": or_none(CLIENT_ID),
            "told": word(("execution", "status", "submission", "trade-correction", "order")),
            "code": CODE,
            "state": or_none(word([state.value for state in State])),
        },
        {
            "execution_id": CLIENT_ID,
            "symbol": SYMBOL,
            "side": word({"buy", "sell"}),
            "qty": COUNT,
            "qty_decimals": DECIMALS,
            "price": COUNT,
            "price_decimals": DECIMALS,
            "market_us": TIME,
            "status": CODE,
        },
    ),
}
