"""Which runs are entered into the log: those that did something, and those that say another word.

A comparison every few minutes that finds what the last one found is no news. It is entered once an
hour, so that a reader of the log sees that somebody goes on looking.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from gateway.domain.book import NONE
from gateway.ports import Draft
from gateway.tracking.reconciliation.evidence import evidence
from gateway.tracking.reconciliation.rows import Reach, Result

SAME_WORD_MS: Final = 3_600_000
"""For how long the same word is not entered again."""
ALWAYS: Final = frozenset({"start", "reconnect", "requested"})
"""Causes of runs that are entered whatever they find."""
_NS_PER_MS: Final = 1_000_000


class OnRecord:
    """What of one account's runs is on the record."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        """``now_ns``: a clock that never goes back."""
        self._now_ns = now_ns
        self._last: tuple[object, int] | None = None

    def wants(self, result: Result) -> bool:
        """Whether a run is to be entered."""
        if result.reach is not Reach.FULL and not result.differences:
            return False
        if result.cause in ALWAYS or result.differences > len(result.held_back):
            return True
        if self._last is None or self._last[0] != _word(result):
            return True
        return self._now_ns() - self._last[1] >= SAME_WORD_MS * _NS_PER_MS

    def entered(self, result: Result) -> None:
        """It is on the record now."""
        self._last = (_word(result), self._now_ns())


def _word(result: Result) -> object:
    return (result.outcome, result.code, result.differences, result.drift_bps)


def run_draft(result: Result) -> Draft:
    """The entry of a run, with the table of what differs as a document beside the log."""
    look = result.look
    payload = {
        "reconciliation_id": result.reconciliation_id,
        "account": result.account,
        "broker": result.broker,
        "cause": result.cause,
        "outcome": result.outcome,
        "orders": 0 if look is None else len(look.orders),
        "positions": 0 if look is None else len(look.positions),
        "differences": result.differences,
        "drift_bps": NONE if result.drift_bps is None else result.drift_bps,
        "by": result.by,
    }
    if result.code != NONE:
        payload["code"] = result.code
    if look is None or not look.differing:
        return Draft("reconciliation", payload)
    table = evidence(result)
    payload["evidence_digest"] = hashlib.sha256(table).hexdigest()
    return Draft("reconciliation", payload, (table,))
