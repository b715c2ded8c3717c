"""The keys of a log as people read them: who certified what, from when to when, how each ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from gateway.cli import output
from signing.verify import Tenure

_SHOWN_DIGITS: Final = 16
_DECISION_KEYS_SHOWN: Final = 8
_COLUMNS: Final = ("signs", "key", "vouched_for_by", "entries", "from", "until", "ended", "reason")
_SIGNS: Final = {"identity": "certificates", "decision": "entries"}


def fields(keys: Sequence[Tenure]) -> list[dict[str, Any]]:
    """Everything about each key, for programs."""
    return [
        {
            "role": one.role,
            "key": one.key,
            "by": one.by,
            "first_index": one.first_index,
            "first_us": one.first_us,
            "last_us": one.last_us,
            "ending": one.ending,
            "ended_index": one.ended_index,
            "reason": one.reason,
            "ended_by": one.ended_by,
        }
        for one in keys
    ]


def revoked(keys: Sequence[Tenure]) -> bool:
    """Whether an identity key was put aside without its own word."""
    return any(one.role == "identity" and one.ending == "revoked" for one in keys)


def show(keys: Sequence[Tenure]) -> None:
    """Print every identity key and the newest decision keys as a table."""
    decisions = [one for one in keys if one.role == "decision"]
    left_out = {id(one) for one in decisions[:-_DECISION_KEYS_SHOWN]}
    output.rows(
        [_row(one) for one in keys if id(one) not in left_out], _COLUMNS, output.Format.TABLE
    )
    if left_out:
        output.note(f"{len(left_out)} earlier decision keys are not shown; -o json has them all")


def _row(one: Tenure) -> dict[str, Any]:
    end = "" if one.ended_index is None else str(one.ended_index - 1)
    vouched = {"none": "entry 0" if one.first_index == 0 else "nobody"}
    return {
        "signs": _SIGNS[one.role],
        "key": one.key[:_SHOWN_DIGITS],
        "vouched_for_by": vouched.get(one.by, one.by[:_SHOWN_DIGITS]),
        "entries": f"{one.first_index} - {end}",
        "from": _instant(one.first_us),
        "until": None if one.last_us is None else _instant(one.last_us),
        "ended": _ended(one),
        "reason": one.reason or None,
    }


def _ended(one: Tenure) -> str:
    if one.ended_index is None:
        return "-"
    who = f" by {one.ended_by}" if one.ended_by else ""
    # A revoked key is what whoever reads this has to see.
    word = one.ending.upper() if one.ending == "revoked" else one.ending
    return f"{word}{who}, entry {one.ended_index}"


def _instant(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
