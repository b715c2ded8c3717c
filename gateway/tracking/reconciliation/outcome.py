"""What a run comes to: how far the broker is from the record, and the word for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.domain.book import NONE, AccountBook
from gateway.domain.quantities import BPS, INT_LIMIT, ceil_div
from gateway.tracking.reconciliation.parts import Parts
from gateway.tracking.reconciliation.rows import Correction

CASH_IN_PASSING_BPS: Final = 10
"""A difference of cash alone, up to this share of the account, is fees, interest or dividends."""

UNDER_WAY_FOR_LONG: Final = "ORDER_UNDER_WAY_FOR_LONG"
"""Code of a run that found something about a symbol that it does not dare to correct."""


def drift_bps(found: Sequence[Correction], account: AccountBook, parts: Parts) -> int | None:
    """How far the broker is from the record, as a share of equity, rounded up.

    The larger of what positions and cash differ by: a trade past the gateway moves both. ``None``
    where what differs, or the account, cannot be valued. Asked before anything is corrected.
    """
    held = owed = 0
    for one in found:
        if one.symbol == NONE:
            owed += abs(one.after - one.before)
            continue
        value = parts.value_micros(one.symbol, one.after - one.before, one.qty_decimals)
        if value is None:
            return None
        held += abs(value)
    drift = max(held, owed)
    if drift == 0:
        return 0
    equity = parts.equity_micros(account)
    if equity is None:
        return None
    return min(INT_LIMIT - 1, ceil_div(drift * BPS, equity)) if equity > 0 else INT_LIMIT - 1


def outcome_of(
    found: Sequence[Correction],
    drift: int | None,
    *,
    explained: int,
    questioned: int,
    held_back: Sequence[Correction],
    loose: int,
) -> tuple[str, str]:
    """The outcome and its code (``none`` where there is nothing to say).

    Args:
        found: what was corrected without the broker's word for why.
        drift: how much that is.
        explained: orders that the broker's word has put right.
        questioned: orders that wait for a person.
        held_back: what is not corrected, because an order that is on its way for long may be why.
        loose: differences that did not stand still.
    """
    if questioned:
        return "drifted", "WAITS_FOR_A_PERSON"
    in_passing = drift is not None and drift <= CASH_IN_PASSING_BPS
    for these, code in ((held_back, UNDER_WAY_FOR_LONG), (found, NONE)):
        if any(one.symbol != NONE for one in these) or (these and not in_passing):
            return "drifted", code
    if held_back:
        return "unsettled", UNDER_WAY_FOR_LONG
    if found or explained:
        return "corrected", NONE
    return ("unsettled", "NOT_STANDING_STILL") if loose else ("agreed", NONE)
