"""The market clock of a historical run, and the opening of each account's day.

What follows the passing of real time is in ``gateway.control.real_time``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from gateway.control.triggers import Triggers
from gateway.domain.book import NONE, AccountBook
from gateway.domain.errors import InvalidInputError
from gateway.ports import Draft, Journal

EquityAt = Callable[[AccountBook], int | None]
"""An account's equity at the market as of now, in micros; ``None`` when not known."""

_log = logging.getLogger(__name__)


class Sessions:
    """Opens days: the equity that a day's loss is measured from is an entry of the log."""

    def __init__(self, journal: Journal, session: Callable[[int], str], equity: EquityAt) -> None:
        """``session`` names the session date of a market time."""
        self._journal = journal
        self._session = session
        self._equity = equity

    async def value(self) -> None:
        """Value every account now: in real time that is remembered for when one cannot be.

        One after the other, so that no order waits for all of them.
        """
        for account in tuple(self._journal.book.accounts.values()):
            self._equity(account)
            await asyncio.sleep(0)

    async def open_day(self, market_us: int) -> None:
        """Open the day at ``market_us`` for each account that is in none or in an earlier one.

        In a historical run called before the clock moves into a new session, so that the opening
        equity is what the account was worth at the end of the last one. An account that cannot be
        valued is not opened; its day's loss is then absent, and its orders are denied. A clock
        that went back over midnight opens nothing: the day that is open goes on, with its loss
        and its turnover, until a later session begins.
        """
        session = self._session(market_us)
        drafts = [
            Draft(
                "day",
                {
                    "account": account.alias,
                    "session": session,
                    "equity_micros": equity,
                    "market_us": market_us,
                },
            )
            for account in self._journal.book.accounts.values()
            if _begins(session, account) and (equity := self._equity(account)) is not None
        ]
        if drafts:
            await self._journal.record(drafts)


def _begins(session: str, account: AccountBook) -> bool:
    """Whether a session comes after the account's open day; ISO dates compare as they stand."""
    if account.session == NONE or session > account.session:
        return True
    if session < account.session:
        _log.warning(
            "the market clock is in session %s again; account %s stays in that of %s",
            session,
            account.alias,
            account.session,
        )
    return False


@dataclass(frozen=True, slots=True)
class MarketSteps:
    """What follows the market clock, in this order; each returns when it is done."""

    quiesce: Callable[[], Awaitable[None]]
    open_day: Callable[[int], Awaitable[None]]
    set_clock: Callable[[int], None]
    venues: Sequence[Callable[[int], Awaitable[int]]]
    """Simulated venues match their working orders at the new time."""
    pulls: Sequence[Callable[[], Awaitable[int]]]
    triggers: Triggers


class MarketClockAdvance:
    """Moves a historical feed's clock forward; one move at a time, never back."""

    def __init__(self, now_us: Callable[[], int], steps: MarketSteps) -> None:
        """``now_us`` reads the market clock."""
        self._now_us = now_us
        self._steps = steps
        self._lock = asyncio.Lock()

    async def advance(self, market_us: int) -> None:
        """Move the market clock; returns when fills are recorded and triggers evaluated.

        Raises:
            InvalidInputError: ``market-clock-backwards``.
        """
        async with self._lock:
            if market_us < self._now_us():
                raise InvalidInputError(
                    "market-clock-backwards", "the market clock never goes back", "move it forward"
                )
            steps = self._steps
            await steps.quiesce()
            await steps.open_day(market_us)
            steps.set_clock(market_us)
            for match in steps.venues:
                await match(market_us)
            for pull in steps.pulls:
                await pull()
            await steps.triggers.evaluate()
