"""What follows the passing of time where market time is wall time: days open, halts come due."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.control.sessions import EquityAt, Sessions
from gateway.control.triggers import Triggers
from gateway.domain.book import AccountBook
from gateway.ports import Clock

LOOK_EVERY_MS: Final = 5_000
"""How often days are opened and halts looked for, whatever is pushed meanwhile."""

_log = logging.getLogger(__name__)


class LastWorth:
    """An account's equity as of now, or as it was last known.

    A day is opened at midnight in New York, when whoever pushes quotes may have fallen silent; it
    is measured from what the account was worth at the end of the day before. Kept in memory: after
    a restart a day opens with the first equity that is known.
    """

    def __init__(self, equity: EquityAt) -> None:
        """``equity`` values an account as of now."""
        self._equity = equity
        self._last: dict[str, int] = {}

    def __call__(self, account: AccountBook) -> int | None:
        """In micros; ``None`` if it was never known since the start."""
        equity = self._equity(account)
        if equity is not None:
            self._last[account.alias] = equity
        return self._last.get(account.alias)


class RealTime:
    """Looks every few seconds, for as long as the gateway runs."""

    def __init__(
        self,
        clock: Clock,
        sessions: Sessions,
        triggers: Triggers,
        unready: Callable[[], Awaitable[str | None]],
    ) -> None:
        """``unready`` says why the engine cannot be asked now, or ``None``."""
        self._clock = clock
        self._sessions = sessions
        self._triggers = triggers
        self._unready = unready

    async def look(self) -> None:
        """Open the day where a new one has begun, and engage each halt that is due.

        An account that cannot be valued is left out: its orders are denied meanwhile.
        """
        await self._sessions.value()
        await self._sessions.open_day(self._clock.market_us())
        # While the engine is not ready it allows nothing either, and silence is no halt.
        if await self._unready() is None:
            await self._triggers.evaluate(known_only=True)

    async def open_day(self) -> None:
        """Open the day where a new one has begun: at once where its session became known."""
        await self._sessions.open_day(self._clock.market_us())

    async def run(self) -> None:
        """Look again and again; whatever fails is logged and tried again at the next look."""
        while True:
            await self._clock.sleep_ms(LOOK_EVERY_MS)
            try:
                await self.look()
            except Exception:  # noqa: BLE001  the next look is a few seconds away
                _log.exception("days and halts could not be looked at")
