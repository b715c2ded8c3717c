"""The market clock of a historical run, and the opening of each account's day.

What follows the passing of real time is in ``gateway.control.real_time``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.control.triggers import Triggers
from gateway.domain.book import NONE, AccountBook
from gateway.domain.errors import InvalidInputError
from gateway.ports import Draft, Journal

EquityAt = Callable[[AccountBook], int | None]
"""An account's equity at the market as of now, in micros; ``None`` when not known."""

_log = logging.getLogger(__name__)


class Sessions:
    """Opens days: the equity that a day's loss is measured from is an entry of the log."""

    def __init__(
        self, journal: Journal, session: Callable[[int], str | None], equity: EquityAt
    ) -> None:
        """``session`` names the session that a market time belongs to, once that is known."""
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
        equity is what the account was worth at the end of the last one; the same entry says what
        the day came to that ends there. Days are the exchange's: what is no session belongs to the
        last one, and while the calendar is not known nothing is opened. An account that cannot be
        valued is not opened either; its day's loss is then absent, and its orders are denied. A
        clock that went back over midnight opens nothing: the day that is open goes on, with its
        loss and its turnover, until a later session begins.
        """
        session = self._session(market_us)
        if session is None:
            return
        drafts = [
            Draft("day", _day(account, session, equity, market_us))
            for account in self._journal.book.accounts.values()
            if _begins(session, account) and (equity := self._equity(account)) is not None
        ]
        if drafts:
            await self._journal.record(drafts)


def _day(account: AccountBook, session: str, equity: int, market_us: int) -> dict[str, Any]:
    """The opening of a day, and what the one before it came to."""
    opening = {
        "account": account.alias,
        "session": session,
        "equity_micros": equity,
        "market_us": market_us,
    }
    profit = account.day_profit_micros(equity)
    if profit is None:
        return opening
    return opening | {
        "closed": {
            "session": account.session,
            "equity_micros": equity,
            "profit_micros": profit,
            "fees_micros": account.fees_micros,
        }
    }


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
    end_day: Callable[[int], Awaitable[int]]
    """Asks for cancels that are due at the new time, and returns how many."""
    next_end: Callable[[int, int], int | None]
    """The first instant between two at which a cancel is due: the clock stops there."""
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

        On its way it stops wherever day orders are due to be cancelled.

        Raises:
            InvalidInputError: ``market-clock-backwards``.
        """
        async with self._lock:
            if market_us < self._now_us():
                raise InvalidInputError(
                    "market-clock-backwards", "the market clock never goes back", "move it forward"
                )
            # Each stop lies behind the one before, and there is one for each close at most.
            while (stop_us := self._steps.next_end(self._now_us(), market_us)) is not None:
                await self._step(stop_us)
            await self._step(market_us)

    async def _step(self, market_us: int) -> None:
        steps = self._steps
        await steps.quiesce()
        await steps.open_day(market_us)
        steps.set_clock(market_us)
        for match in steps.venues:
            await match(market_us)
        await self._pull()
        if await steps.end_day(market_us):
            await self._pull()
        await steps.triggers.evaluate()

    async def _pull(self) -> None:
        for pull in self._steps.pulls:
            await pull()
