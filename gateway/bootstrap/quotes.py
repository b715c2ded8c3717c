"""Quotes in real time: a broker's own are asked for, and a change of feeds is entered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from gateway.bootstrap.app import App, Opened
from gateway.bootstrap.market import VenueMarket
from gateway.domain.book import Book
from gateway.domain.market import FeedSource
from gateway.facts.document import Facts
from gateway.market.feeds import FeedWatch

QUOTES_EVERY_MS: Final = 2_000
"""A quote may be no older than 15 s by the house rule; that leaves room for failures."""
BATCH_PAUSE_MS: Final = 1_000
"""For each question of a round, so that many symbols do not spend a broker's rate limit."""
QUOTES_TIMEOUT_S: Final = 10
QUOTES_MAX: Final = 100
"""Symbols in one question."""
RETRY_MAX_MS: Final = 30_000
BROKER: Final = "broker"
"""Whose latency it is, in the metrics: from the question to the answer."""
_NS_PER_US: Final = 1_000
_log = logging.getLogger(__name__)


def needed(book: Book) -> list[str]:
    """The symbols that anything depends on: what is held, and what works."""
    found = dict.fromkeys(symbol for one in book.accounts.values() for symbol in one.positions)
    for account in book.accounts.values():
        found |= dict.fromkeys(order.symbol for order in account.working.values())
        found |= dict.fromkeys(order.symbol for order in account.external.values())
    return list(found)


def open_feed_watch(opened: Opened, facts: Facts) -> FeedWatch | None:
    """Who enters that quotes fall back and forward; recorded prices do neither."""
    venue, journal, ledger = opened.venue, opened.journal, opened.ledger
    if venue is None:
        return None

    def symbols() -> Iterable[tuple[str, int]]:
        instruments = opened.releases.current.release.instruments
        for symbol in venue.quotes.wanted(needed(journal.book)):
            listed = instruments.get(symbol)
            if listed is not None:
                yield symbol, listed.price_decimals

    def usual() -> FeedSource:
        return FeedSource.PRIMARY if venue.quotes.told else FeedSource.SECONDARY

    def recordable() -> bool:
        troubles = (ledger.latched, ledger.full, ledger.unreachable, ledger.uncertified)
        return all(trouble is None for trouble in troubles)

    return FeedWatch(facts.market, symbols, journal, opened.host.clock, usual, recordable)


async def keep_quotes(app: App, venue: VenueMarket) -> None:
    """Ask the broker for quotes every two seconds, and after a failure later, without an end."""
    if venue.quote_source is None:
        return
    pause_ms = QUOTES_EVERY_MS
    while True:
        asked = await _asked(app, venue)
        if asked is not None:
            pause_ms = max(QUOTES_EVERY_MS, BATCH_PAUSE_MS * (asked // QUOTES_MAX))
        else:
            pause_ms = min(2 * pause_ms, RETRY_MAX_MS)
        await app.clock.sleep_ms(pause_ms)


async def _asked(app: App, venue: VenueMarket) -> int | None:
    """Ask for some symbols at a time; how many in all, or ``None`` where it was not answered."""
    source = venue.quote_source
    assert source is not None
    try:
        symbols = venue.quotes.wanted(needed(app.book()))
        for first in range(0, len(symbols), QUOTES_MAX):
            asked_ns = app.clock.monotonic_ns()
            async with asyncio.timeout(QUOTES_TIMEOUT_S):
                quotes = await source.quotes(symbols[first : first + QUOTES_MAX])
            if quotes:
                latency_us = (app.clock.monotonic_ns() - asked_ns) // _NS_PER_US
                app.observer.quoted(BROKER, latency_us)
            venue.quotes.take(quotes, app.clock.market_us())
    except Exception as error:  # noqa: BLE001  whatever it was, it is asked again
        # Without its words: what a broker was asked with may be in them.
        _log.warning("the broker's quotes are not known anew: %s", type(error).__name__)
        return None
    return len(symbols)
