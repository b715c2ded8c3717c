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
SYMBOLS_MAX: Final = 1_000
"""Symbols kept for one account; no more become wanted."""
LOOK_MS: Final = 250
FAILED_PAUSE_MS: Final = 5_000

_SYMBOL: Final = re.compile(r"[A-Z][A-Z0-9]{0,9}(\.[A-Z]{1,3})?")
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
        self._known: dict[str, tuple[VenueTerms, int]] = {}

    def terms(self, symbol: str) -> VenueTerms | None:
        """What is known of a symbol at this moment; it is wanted from now on."""
        if symbol not in self._due_ns:
            if len(self._due_ns) < SYMBOLS_MAX and _SYMBOL.fullmatch(symbol):
                self._due_ns[symbol] = self._clock.monotonic_ns()
            return None
        known = self._known.get(symbol)
        if known is None:
            return None
        terms, had_ns = known
        age_ms = (self._clock.monotonic_ns() - had_ns) // _NS_PER_MS
        return terms if age_ms <= KEPT_MS else None

    async def run(self) -> None:
        """Fetch what is wanted and due, for ever; the caller ends it by cancelling."""
        while True:
            now_ns = self._clock.monotonic_ns()
            due = [symbol for symbol, at_ns in self._due_ns.items() if at_ns <= now_ns]
            if due and not await self._fetched(due):
                await self._clock.sleep_ms(FAILED_PAUSE_MS)
            await self._clock.sleep_ms(LOOK_MS)

    async def _fetched(self, due: list[str]) -> bool:
        try:
            account = an_object(await self._client.read_document("/v2/account"))
            shorting = flag(account, "shorting_enabled")
            for symbol in due:
                await self._fetch(symbol, shorting=shorting)
        except (OutcomeUnknownError, UnreadableError) as error:
            _log.warning("the terms of %d symbols could not be had: %s", len(due), error)
            return False
        return True

    async def _fetch(self, symbol: str, *, shorting: bool) -> None:
        at_us, at_ns = self._clock.market_us(), self._clock.monotonic_ns()
        reply = await self._client.read(f"/v2/assets/{symbol}")
        self._due_ns[symbol] = at_ns + FRESH_MS * _NS_PER_MS
        if reply.status == _NOT_FOUND:
            self._known.pop(symbol, None)
            return
        if reply.status != _OK:
            raise OutcomeUnknownError("ERR_UNREADABLE")
        fields: Fields = an_object(reply.document())
        self._known[symbol] = (venue_terms(symbol, fields, shorting=shorting, at_us=at_us), at_ns)
