"""The kinds of log entries and the fields of each: one table.

Every payload is an object with `at_us`, the wall clock in integer microseconds UTC, and the
fields below, no more and no fewer. Payloads hold ids, aliases, digests and integers; whatever
is large or personal lives in documents beside the log. Amounts of money are in millionths of the
base currency (`_micros`), quantities and prices integers at a stated number of decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from signing.canonical import INT_MAX, JsonObject
from signing.lifecycle import BROKER_STATES, State
from signing.shapes import (
    RecordError,
    Rule,
    boolean,
    integer,
    many,
    mapping,
    or_none,
    record,
    text,
    word,
)

__all__ = ["CERTIFICATE_US_MAX", "KINDS", "MODES", "OUTSIDE", "RecordError", "check"]

MODES: Final = ("RESEARCH", "SIMULATION", "PAPER", "LIVE")
"""The modes of operation, in rising order of risk."""
OUTSIDE: Final = ("PAPER", "LIVE")
"""Those in which orders leave the gateway, and which need a manifest."""

CERTIFICATE_US_MAX: Final = 24 * 3_600 * 1_000_000
"""For how long a decision key is certified at most: a stolen one is soon worth nothing."""

_TIME: Final = integer(0)
_COUNT: Final = integer(0)
_AMOUNT: Final = integer()
_POSITIVE: Final = integer(1)
_DECIMALS: Final = integer(0, 18)
_HEX: Final = text(r"[0-9a-f]{64}", "64 lower-case hexadecimal digits")
_ID: Final = text(r"[A-Za-z0-9_.:-]{1,64}", "an id of at most 64 of A-Z a-z 0-9 _ . : -")
_CLIENT_ID: Final = text(r"[A-Za-z0-9_.:-]{1,128}", "a caller's id of at most 128 characters")
_BROKER_ID: Final = text(r"[A-Za-z0-9_-]{1,36}", "an id of at most 36 of A-Z a-z 0-9 _ -")
_CODE: Final = text(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}", "a code")
_VERSION: Final = text(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}", "a version")
_SYMBOL: Final = text(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,31}", "a symbol")
_SCOPE: Final = text(r"\*|[A-Za-z0-9._/:-]{1,64}", "a name in scope, or *")
_ORIGIN: Final = text(r"[A-Za-z0-9][A-Za-z0-9._~/:-]{0,200}", "an origin")
_REASON: Final = text(
    r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}", "a line of at most 200 characters"
)
_SESSION: Final = text(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", "a day YYYY-MM-DD")
_CONTROLS: Final = many(_CODE, 256)

_FIGURES: Final = many(
    record(
        {"control": _CODE},
        {
            "observed": _AMOUNT,
            "limit": _AMOUNT,
            "source": word({"global", "account", "strategy", "symbol", "caps", "manifest"}),
        },
    ),
    limit=256,
)
_HALT_SCOPE: Final = record(
    {"kind": word({"global", "account", "symbol", "strategy"}), "name": _SCOPE}
)
_VERDICT: Final = record(
    {
        "allow": boolean(),
        "required": _CONTROLS,
        "passed": _CONTROLS,
        "reasons": _FIGURES,
        "proofs": _FIGURES,
        "halts": many(
            record({"cause": _CODE, "scope": _HALT_SCOPE}, {"observed": _AMOUNT, "limit": _AMOUNT}),
            limit=16,
        ),
        "door": mapping(_CODE, _AMOUNT, limit=32),
    }
)

_NOT_BELOW: Final = record(
    {
        **dict.fromkeys(("root", "timestamp", "snapshot", "targets", "risk"), _COUNT),
        "publisher": _HEX,
        "root_digest": _HEX,
        "targets_digest": _HEX,
        "overlays": mapping(text(r"overlays/.{1,120}", "an overlay's name"), _HEX, limit=64),
    }
)
"""What of a trust root was accepted last (`signing.trust.Floor`)."""

_FIELDS: Final[dict[str, tuple[dict[str, Rule], dict[str, Rule]]]] = {
    "genesis": ({"origin": _ORIGIN, "log_key": _HEX, "identity_key": _HEX}, {}),
    "identity": (
        {"identity_key": _HEX, "revoked": boolean(), "by": _ID, "reason": _REASON},
        {},
    ),
    "certificate": (
        {"decision_key": _HEX, "not_before_us": _TIME, "not_after_us": _TIME},
        {},
    ),
    "release": (
        {
            "release_digest": _HEX,
            "revision": _ID,
            "label": _CODE,
            "bundle_digest": _HEX,
            "wasm_digest": _HEX,
            "data_digest": _HEX,
            "by": _ID,
        },
        {"catalogue_digest": _HEX, "controls_removed": _CONTROLS},
    ),
    "mode": ({"mode": word(MODES), "by": _ID}, {}),
    "omega4": (
        {"lifted": boolean(), "by": _ID, "reason": _REASON, "until_us": or_none(_TIME)},
        {},
    ),
    "trust": ({"floor": _NOT_BELOW, "holds_until_us": _TIME, "evidence_digest": _HEX}, {}),
    "manifest": (
        {
            "manifest_digest": _HEX,
            "trust_digest": _HEX,
            "environment": _ID,
            "epoch": _POSITIVE,
            "mode": word(OUTSIDE),
            "release_digest": _HEX,
            "limits_digest": _HEX,
            "valid_from_us": _TIME,
            "lapses_us": _TIME,
            "at_lapse": word(("cancel", "leave")),
        },
        {},
    ),
    "lapse": (
        {
            "of": word(("manifest", "live")),
            "manifest_digest": _HEX,
            "cause": _CODE,
            "cancels": boolean(),
            "by": _ID,
        },
        {},
    ),
    "unlock": (
        {
            "step": word(("configuration", "acknowledgement", "risk", "credentials", "enable")),
            "outcome": word(("done", "refused")),
            "code": _CODE,
            "manifest_digest": or_none(_HEX),
            "instance": _ID,
            "by": _ID,
        },
        {"evidence_digest": _HEX},
    ),
    "halt": (
        {
            "halt_id": _ID,
            "scope": _HALT_SCOPE,
            "cause": _CODE,
            "cancels": boolean(),
            "reduce_allowed": boolean(),
            "clear_by": word({"operator", "admin", "probe"}),
            "by": _ID,
        },
        {"observed": _AMOUNT, "limit": _AMOUNT, "reason": _REASON},
    ),
    "resume": ({"halt_id": _ID, "by": _ID, "reason": _REASON}, {}),
    "exit-only": (
        {
            "opened": boolean(),
            "scope": _HALT_SCOPE,
            "by": _ID,
            "reason": _REASON,
            "until_us": or_none(_TIME),
        },
        {},
    ),
    "statement": (
        {
            "account": _ID,
            "broker": _ID,
            "cash_micros": _AMOUNT,
            "positions": mapping(
                _SYMBOL, record({"qty": _AMOUNT, "qty_decimals": _DECIMALS}), limit=1_000
            ),
            "source": _CODE,
        },
        {},
    ),
    "day": (
        {"account": _ID, "session": _SESSION, "equity_micros": _AMOUNT, "market_us": _TIME},
        {
            "closed": record(
                {
                    "session": _SESSION,
                    "equity_micros": _AMOUNT,
                    "profit_micros": _AMOUNT,
                    "fees_micros": _AMOUNT,
                }
            )
        },
    ),
    "decision": (
        {
            "decision_id": _ID,
            "order_id": _ID,
            "account": _ID,
            "principal": _ID,
            "client_order_id": _CLIENT_ID,
            "broker_client_id": _BROKER_ID,
            "mode": word(MODES),
            "label": _CODE,
            "market_us": _TIME,
            "input_digest": _HEX,
            "release_digest": _HEX,
            "engine": record({"name": _CODE, "version": _VERSION}),
            "allow": boolean(),
            "verdict": _VERDICT,
            "failure": _CODE,
        },
        {"replaces": _ID},
    ),
    "submission": (
        {
            "decision_id": _ID,
            "order_id": _ID,
            "broker_client_id": _BROKER_ID,
            "broker": _ID,
            "outcome": word({"accepted", "rejected", "unknown", "refused"}),
            "code": _CODE,
            "broker_order_id": _CLIENT_ID,
        },
        {},
    ),
    "execution": (
        {
            "order_id": _ID,
            "broker_client_id": _BROKER_ID,
            "execution_id": _CLIENT_ID,
            "account": _ID,
            "symbol": _SYMBOL,
            "side": word({"buy", "sell"}),
            "qty": _POSITIVE,
            "qty_decimals": _DECIMALS,
            "price": _COUNT,
            "price_decimals": _DECIMALS,
            "fee_micros": _AMOUNT,
            "market_us": _TIME,
            "session": _SESSION,
        },
        {
            "source": word(("broker", "inferred", "person")),
            "merged_qty": _COUNT,
            "by": _ID,
            "reason": _REASON,
        },
    ),
    "trade-correction": (
        {
            "order_id": _ID,
            "broker_client_id": _BROKER_ID,
            "execution_id": _CLIENT_ID,
            "of_execution_id": _CLIENT_ID,
            "cause": word(("bust", "correct")),
            "account": _ID,
            "symbol": _SYMBOL,
            "side": word({"buy", "sell"}),
            "qty_before": _POSITIVE,
            "qty_after": _COUNT,
            "qty_decimals": _DECIMALS,
            "price_before": _COUNT,
            "price_after": _COUNT,
            "price_decimals": _DECIMALS,
            "fee_change_micros": _AMOUNT,
            "cum_qty": _COUNT,
            "market_us": _TIME,
            "session": _SESSION,
        },
        {},
    ),
    "status": (
        {
            "order_id": _ID,
            "broker_client_id": _BROKER_ID,
            "status": word(BROKER_STATES),
            "code": _CODE,
            "source": _CODE,
        },
        {},
    ),
    "cancel": (
        {
            "order_id": _ID,
            "broker_client_id": _BROKER_ID,
            "by": _ID,
            "cause": _CODE,
            "market_us": _TIME,
        },
        {},
    ),
    "replace": (
        {
            "order_id": _ID,
            "broker_client_id": _BROKER_ID,
            "by_order_id": _ID,
            "by": _ID,
            "market_us": _TIME,
        },
        {},
    ),
    "settlement": (
        {
            "order_id": _ID,
            "decision_id": _ID,
            "broker_client_id": _BROKER_ID,
            "outcome": word({"voided", "adopted", "rejected", "absent", "filled", "canceled"}),
            "evidence": _CODE,
        },
        {"by": _ID, "reason": _REASON, "evidence_digest": _HEX},
    ),
    "anomaly": (
        {
            "order_id": or_none(_ID),
            "account": _ID,
            "broker": _ID,
            "broker_client_id": or_none(_CLIENT_ID),
            "told": word(("execution", "status", "submission", "trade-correction", "order")),
            "code": _CODE,
            "state": or_none(word([state.value for state in State])),
        },
        {
            "execution_id": _CLIENT_ID,
            "symbol": _SYMBOL,
            "side": word({"buy", "sell"}),
            "qty": _COUNT,
            "qty_decimals": _DECIMALS,
            "price": _COUNT,
            "price_decimals": _DECIMALS,
            "market_us": _TIME,
            "status": _CODE,
        },
    ),
    "external": (
        {
            "account": _ID,
            "broker": _ID,
            "broker_order_id": _CLIENT_ID,
            "broker_client_id": or_none(_CLIENT_ID),
            "symbol": _SYMBOL,
            "side": word({"buy", "sell"}),
            "status": word(BROKER_STATES),
            "qty": _COUNT,
            "filled_qty": _COUNT,
            "qty_decimals": _DECIMALS,
            "limit_price": or_none(_COUNT),
            "price_decimals": _DECIMALS,
        },
        {"multiplier": _POSITIVE, "rate_e8": _POSITIVE},
    ),
    "correction": (
        {
            "account": _ID,
            "broker": _ID,
            "cause": _CODE,
            "reconciliation_id": or_none(_ID),
            "by": _ID,
            "cash": or_none(record({"before_micros": _AMOUNT, "after_micros": _AMOUNT})),
            "positions": mapping(
                _SYMBOL,
                record({"before": _AMOUNT, "after": _AMOUNT, "qty_decimals": _DECIMALS}),
                limit=1_000,
            ),
        },
        {"execution_id": _CLIENT_ID, "reason": _REASON},
    ),
    "reconciliation": (
        {
            "reconciliation_id": _ID,
            "account": _ID,
            "broker": _ID,
            "cause": word(("start", "reconnect", "event", "periodic", "requested")),
            "outcome": word(("agreed", "corrected", "drifted", "unsettled", "failed")),
            "orders": _COUNT,
            "positions": _COUNT,
            "differences": _COUNT,
            "drift_bps": or_none(_COUNT),
            "by": _ID,
        },
        {"evidence_digest": _HEX, "code": _CODE},
    ),
    "feed": (
        {
            "symbol": _SYMBOL,
            "source": word(("primary", "secondary", "none")),
            "cause": _CODE,
            "age_ms": or_none(_COUNT),
            "market_us": _TIME,
        },
        {},
    ),
}

KINDS: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        kind: record({"at_us": integer(0, INT_MAX), **required}, optional)
        for kind, (required, optional) in _FIELDS.items()
    }
)
"""What each kind of entry must look like."""


def check(kind: str, payload: JsonObject) -> None:
    """Check every field of a payload, and what its fields say about each other.

    Raises:
        RecordError: an unknown kind; a field that is missing, unknown, of a wrong type or out of
            bounds; or fields that contradict each other.
    """
    rule = KINDS.get(kind)
    if rule is None:
        raise RecordError("", f"{kind} is not a kind of entry")
    rule("", payload)
    if kind == "decision":
        _check_decision(payload)
    elif kind == "certificate":
        _check_certificate(payload)
    elif kind in {"halt", "exit-only"}:
        scope = payload["scope"]
        if (scope["kind"] == "global") != (scope["name"] == "*"):
            raise RecordError("scope.name", "is * for global, and a name for every other scope")


def _check_certificate(payload: JsonObject) -> None:
    lifetime_us = payload["not_after_us"] - payload["not_before_us"]
    if lifetime_us <= 0:
        raise RecordError("not_after_us", "is not after not_before_us")
    if lifetime_us > CERTIFICATE_US_MAX:
        raise RecordError("not_after_us", "is more than 24 hours after not_before_us")


def _check_decision(payload: JsonObject) -> None:
    """An allow must be proven by its own verdict; a failure never allows."""
    verdict = payload["verdict"]
    if payload["mode"] == "RESEARCH" and payload["label"] != "research":
        raise RecordError("label", "is not research in RESEARCH mode")
    if not payload["allow"]:
        return
    if verdict["allow"] is not True:
        raise RecordError("verdict.allow", "is not true where the decision allows")
    if payload["failure"] != "none":
        raise RecordError("failure", "is not none where the decision allows")
    if not verdict["required"] or set(verdict["required"]) - set(verdict["passed"]):
        raise RecordError("verdict.passed", "lacks a required control where the decision allows")
