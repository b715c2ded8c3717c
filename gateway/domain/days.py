"""Days of an account: what each of them came to, and the bound on how many are remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DAYS_MAX: Final = 366
"""Days of an account that are held in memory; all of them are in the log."""


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A day that is over, in micros of the base currency.

    ``equity_micros`` is what the account was worth when the day after it was opened.
    ``profit_micros`` is that less the equity it was opened with, and less what was paid in
    (:meth:`gateway.domain.book.AccountBook.day_profit_micros`); ``fees_micros`` is what the
    day's executions cost, and has been taken off already.
    """

    session: str
    equity_micros: int
    profit_micros: int
    fees_micros: int
