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

from signing import account_records, order_records
from signing.canonical import INT_MAX, JsonObject
from signing.record_fields import (
    AMOUNT,
    CODE,
    CONTROLS,
    COUNT,
    HALT_SCOPE,
    HEX,
    ID,
    MODES,
    OUTSIDE,
    POSITIVE,
    REASON,
    TIME,
    Fields,
)
from signing.shapes import RecordError, Rule, boolean, integer, mapping, or_none, record, text, word

__all__ = ["CERTIFICATE_US_MAX", "KINDS", "MODES", "OUTSIDE", "RecordError", "check"]

CERTIFICATE_US_MAX: Final = 24 * 3_600 * 1_000_000
"""For how long a decision key is certified at most: a stolen one is soon worth nothing."""

_ORIGIN: Final = text(r"[A-Za-z0-9][A-Za-z0-9._~/:-]{0,200}", "an origin")
_NOT_BELOW: Final = record(
    {
        **dict.fromkeys(("root", "timestamp", "snapshot", "targets", "risk"), COUNT),
        "publisher": HEX,
        "root_digest": HEX,
        "targets_digest": HEX,
        "overlays": mapping(text(r"overlays/.{1,120}", "an overlay's name"), HEX, limit=64),
    }
)
"""What of a trust root was accepted last (`signing.trust.Floor`)."""

_FIELDS: Final[Fields] = {
    **order_records.FIELDS,
    **account_records.FIELDS,
    "genesis": ({"origin": _ORIGIN, "log_key": HEX, "identity_key": HEX}, {}),
    "identity": (
        {"identity_key": HEX, "revoked": boolean(), "by": ID, "reason": REASON},
        {},
    ),
    "certificate": (
        {"decision_key": HEX, "not_before_us": TIME, "not_after_us": TIME},
        {},
    ),
    "release": (
        {
            "release_digest": HEX,
            "revision": ID,
            "label": CODE,
            "bundle_digest": HEX,
            "wasm_digest": HEX,
            "data_digest": HEX,
            "by": ID,
        },
        {"catalogue_digest": HEX, "controls_removed": CONTROLS},
    ),
    "mode": ({"mode": word(MODES), "by": ID}, {}),
    "omega4": (
        {"lifted": boolean(), "by": ID, "reason": REASON, "until_us": or_none(TIME)},
        {},
    ),
    "trust": ({"floor": _NOT_BELOW, "holds_until_us": TIME, "evidence_digest": HEX}, {}),
    "manifest": (
        {
            "manifest_digest": HEX,
            "trust_digest": HEX,
            "environment": ID,
            "epoch": POSITIVE,
            "mode": word(OUTSIDE),
            "release_digest": HEX,
            "limits_digest": HEX,
            "valid_from_us": TIME,
            "lapses_us": TIME,
            "at_lapse": word(("cancel", "leave")),
        },
        {},
    ),
    "lapse": (
        {
            "of": word(("manifest", "live")),
            "manifest_digest": HEX,
            "cause": CODE,
            "cancels": boolean(),
            "by": ID,
        },
        {},
    ),
    "unlock": (
        {
            "step": word(("configuration", "acknowledgement", "risk", "credentials", "enable")),
            "outcome": word(("done", "refused")),
            "code": CODE,
            "manifest_digest": or_none(HEX),
            "instance": ID,
            "by": ID,
        },
        {"evidence_digest": HEX},
    ),
    "halt": (
        {
            "halt_id": ID,
            "scope": HALT_SCOPE,
            "cause": CODE,
            "cancels": boolean(),
            "reduce_allowed": boolean(),
            "clear_by": word({"operator", "admin", "probe"}),
            "by": ID,
        },
        {"observed": AMOUNT, "limit": AMOUNT, "reason": REASON},
    ),
    "resume": ({"halt_id": ID, "by": ID, "reason": REASON}, {}),
    "exit-only": (
        {
            "opened": boolean(),
            "scope": HALT_SCOPE,
            "by": ID,
            "reason": REASON,
            "until_us": or_none(TIME),
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
