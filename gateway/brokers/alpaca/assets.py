"""What an account may trade, fetched beside the order's path and kept for some minutes.

Facts are gathered from memory: a symbol that nobody has asked for yet is not known, and the first
order in it is denied. Asking makes it wanted, and it is known a moment later.
"""

from __future__ import annotations

import logging
import re
from typing import Final

from gateway.brokers.alpaca.client import AlpacaClient
from gateway.brokers.alpaca.mapping import venue_terms
from gateway.brokers.alpaca.wire import Fields, UnreadableError, an_object, flag
from gateway.domain.execution import OutcomeUnknownError
from gateway.domain.venue import VenueTerms
from gateway.ports import Clock

FRESH_MS: Final = 240_000
"""Terms are asked for anew after this time, whether or not anybody asks for them."""
KEPT_MS: Final = 600_000
"""Terms that could not be asked for anew count for this long."""
SYMBOLS_MAX: Final = 400
"""Symbols kept for one account; for one more, that which nobody has asked for longest is let go."""
LOOK_MS: Final = 250
PACE_MS: Final = 1_000
"""Between two symbols, so that fills are asked for in time: with all symbols known, the oldest
terms are less than `KEPT_MS` old."""
FAILED_PAUSE_MS: Final = 5_000

SYMBOL: Final = re.compile(r"[A-Z][A-Z0-9]{0,9}(\.[A-Z]{1,3})?")
"""What may be a symbol at all: it goes into addresses."""
_NS_PER_MS: Final = 1_000_000
_NOT_FOUND: Final = 404
_OK: Final = 200
_log = logging.getLogger(__name__)


class Assets:
    """One account's terms by symbol."""

    def __init__(self, client: AlpacaClient, clock: Clock) -> None:
        """Know nothing; :meth:`run` fetches what is wanted."""
        self._client = client
        self._clock = clock
        self._due_ns: dict[str, int] = {}
        """When each wanted symbol is due, those first that nobody has asked for longest."""
        self._known: dict[str, tuple[VenueTerms, int]] = {}

    def terms(self, symbol: str) -> VenueTerms | None:
        """What is known of a symbol at this moment; it is wanted from now on."""
        self._want(symbol)
        known = self._known.get(symbol)
        if known is None:
            return None
        terms, had_ns = known
        age_ms = (self._clock.monotonic_ns() - had_ns) // _NS_PER_MS
        return terms if age_ms <= KEPT_MS else None

    def _want(self, symbol: str) -> None:
        due_ns = self._due_ns.pop(symbol, None)
        if due_ns is None:
            if SYMBOL.fullmatch(symbol) is None:
                return
            due_ns = self._clock.monotonic_ns()
            if len(self._due_ns) >= SYMBOLS_MAX:
                oldest = next(iter(self._due_ns))
                del self._due_ns[oldest]
                self._known.pop(oldest, None)
        self._due_ns[symbol] = due_ns

    async def run(self) -> None:
        """Fetch what is wanted and due, for ever; the caller ends it by cancelling."""
        while True:
            now_ns = self._clock.monotonic_ns()
            due = [symbol for symbol, at_ns in self._due_ns.items() if at_ns <= now_ns]
            due.sort(key=lambda symbol: symbol in self._known)  # those first that nobody knows yet
            if due and not await self._fetched(due):
                await self._clock.sleep_ms(FAILED_PAUSE_MS)
            await self._clock.sleep_ms(LOOK_MS)

    async def _fetched(self, due: list[str]) -> bool:
        try:
            account = an_object(await self._client.read_document("/v2/account"))
            shorting = flag(account, "shorting_enabled")
            for n, symbol in enumerate(due):
                if n:
                    await self._clock.sleep_ms(PACE_MS)
                await self._fetch(symbol, shorting=shorting)
        except (OutcomeUnknownError, UnreadableError) as error:
            _log.warning("the terms of %d symbols could not be had: %s", len(due), error)
            return False
        return True

    async def _fetch(self, symbol: str, *, shorting: bool) -> None:
        at_us, at_ns = self._clock.market_us(), self._clock.monotonic_ns()
        reply = await self._client.read(f"/v2/assets/{symbol}")
        if symbol not in self._due_ns:
            return  # let go of meanwhile
        self._due_ns[symbol] = at_ns + FRESH_MS * _NS_PER_MS
        if reply.status == _NOT_FOUND:
            self._known.pop(symbol, None)
            return
        if reply.status != _OK:
            raise OutcomeUnknownError("ERR_UNREADABLE")
        fields: Fields = an_object(reply.document())
        self._known[symbol] = (venue_terms(symbol, fields, shorting=shorting, at_us=at_us), at_ns)
