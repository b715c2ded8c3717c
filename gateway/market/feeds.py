"""Records when a symbol's quotes fall back to the second feed, to none, and forward again.

Decisions hold the source of the quote that they used. What is entered here is when and why it
changed, also while nobody proposes an order. A change counts once it has stood for a few seconds,
while the symbol's market is open; and there is a bound on how much of it is entered.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.domain.book import NONE
from gateway.domain.errors import WritError
from gateway.domain.market import FeedSource, FeedState, Hours
from gateway.ports import Clock, Draft, Journal

LOOK_MS: Final = 1_000
STANDS_NS: Final = 3_000_000_000
"""How long a change must stand before it is entered."""
SYMBOLS_MAX: Final = 500
ENTRIES_MAX: Final = 60
"""Entries in a minute; what is over is entered later, if it still stands then."""
_MINUTE_NS: Final = 60_000_000_000
_log = logging.getLogger(__name__)


class Reading(Protocol):
    """The market as of one instant (``gateway.facts.market.Market``)."""

    @property
    def now_us(self) -> int:
        """The instant, in market time."""
        ...

    def feed_state(self, symbol: str, price_decimals: int) -> FeedState:
        """Which feed has a quote that is young enough."""
        ...

    def hours(self, symbol: str) -> Hours | None:
        """The symbol's session that contains or follows the instant."""
        ...


@dataclass(slots=True)
class _Seen:
    source: FeedSource
    since_ns: int


class FeedWatch:
    """Looks every second; belongs to one event loop."""

    def __init__(
        self,
        market: Callable[[], Reading],
        symbols: Callable[[], Iterable[tuple[str, int]]],
        journal: Journal,
        clock: Clock,
        usual: Callable[[], FeedSource],
        recordable: Callable[[], bool],
    ) -> None:
        """Watch what anything depends on.

        Args:
            market: the market as of now.
            symbols: what is watched, each with the scale of its prices.
            journal: where changes are entered.
            clock: monotonic time.
            usual: where quotes come from when all is well; what begins so is not entered.
            recordable: whether the ledger takes entries; what it does not take is not tried.
        """
        self._market = market
        self._symbols = symbols
        self._journal = journal
        self._clock = clock
        self._usual = usual
        self._recordable = recordable
        self._seen: dict[str, _Seen] = {}
        self._entered_ns: deque[int] = deque(maxlen=ENTRIES_MAX)

    def counts(self) -> Counter[str]:
        """How many symbols have their quotes from where, of those whose market is open."""
        return Counter(seen.source.value for seen in self._seen.values())

    async def run(self) -> None:
        """Look again and again, for as long as the gateway runs."""
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001  the next look is a second away
                _log.exception("the feeds could not be looked at")
            await self._clock.sleep_ms(LOOK_MS)

    async def look(self) -> None:
        """Look once, and enter each change that has stood for long enough."""
        market, now_ns = self._market(), self._clock.monotonic_ns()
        usual = self._usual().value
        seen: dict[str, _Seen] = {}
        changed: list[tuple[str, FeedState]] = []
        for symbol, decimals in list(self._symbols())[:SYMBOLS_MAX]:
            hours = market.hours(symbol)
            if hours is None or not hours.open_at(market.now_us):
                continue
            state = market.feed_state(symbol, decimals)
            before = self._seen.get(symbol)
            same = before is not None and before.source is state.source
            seen[symbol] = before if before and same else _Seen(state.source, now_ns)
            stood = now_ns - seen[symbol].since_ns >= STANDS_NS
            known = self._journal.book.feeds.get(symbol, usual)
            if stood and known != state.source.value:
                changed.append((symbol, state))
        self._seen = seen
        for symbol, state in changed:
            if not self._recordable() or not self._room(now_ns):
                return  # it is entered when it still stands then
            await self._enter(symbol, state, market.now_us)

    def _room(self, now_ns: int) -> bool:
        full = len(self._entered_ns) == ENTRIES_MAX
        if full and now_ns - self._entered_ns[0] < _MINUTE_NS:
            return False
        self._entered_ns.append(now_ns)
        return True

    async def _enter(self, symbol: str, state: FeedState, market_us: int) -> None:
        age_ms = None if state.age_ms is None else max(0, state.age_ms)
        payload = {
            "symbol": symbol,
            "source": state.source.value,
            "cause": state.cause,
            "age_ms": NONE if age_ms is None else age_ms,
            "market_us": market_us,
        }
        try:
            await self._journal.record([Draft("feed", payload)])
        except WritError as error:
            _log.warning("a change of feeds could not be recorded: %s", error.code)
            return
        _log.warning("quotes of %s: %s (%s)", symbol, state.source, state.cause)
