"""A market in real time: which feed, and the task that keeps its hours known."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.bootstrap.current import CurrentInstruments
from gateway.brokers.contract import HoursSource, OpenBroker, QuoteSource
from gateway.config import Settings
from gateway.domain.errors import InvalidInputError
from gateway.facts.pushed import PushedFacts
from gateway.market.calendar import VenueCalendar, days_around
from gateway.market.polled import PolledQuotes
from gateway.market.venue import VenueFeed
from gateway.policy.in_force import ReleaseHolder
from gateway.ports import Clock

HOURS_EVERY_MS: Final = 6 * 3_600_000
HOURS_TIMEOUT_S: Final = 30
RETRY_FIRST_MS: Final = 1_000
RETRY_MAX_MS: Final = 5 * 60_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VenueMarket:
    """What a gateway in real time knows of the market, and who tells it when that is open."""

    feed: VenueFeed
    calendar: VenueCalendar
    source: HoursSource
    quotes: PolledQuotes
    """What the broker below has told; nothing where there is none."""
    quote_source: QuoteSource | None


def open_venue(
    settings: Settings,
    brokers: Mapping[str, OpenBroker],
    pushed: PushedFacts,
    releases: ReleaseHolder,
) -> VenueMarket | None:
    """The market in real time, where the settings ask for it; its hours are not known yet.

    They are those of the first account, by alias, whose broker tells them; so are its quotes.

    Raises:
        InvalidInputError: ``market-hours-missing``.
    """
    if settings.market != "venue":
        return None
    for _, broker in sorted(brokers.items()):
        if isinstance(broker, HoursSource):
            calendar = VenueCalendar()
            listed = CurrentInstruments(releases).get
            quotes = PolledQuotes(listed)
            feed = VenueFeed(calendar, pushed, listed, quotes)
            return VenueMarket(feed, calendar, broker, quotes, _quote_source(brokers))
    raise InvalidInputError(
        "market-hours-missing",
        "no account is at a broker that tells when its venue trades",
        "configure such an account, or another market",
    )


def _quote_source(brokers: Mapping[str, OpenBroker]) -> QuoteSource | None:
    told = (broker for _, broker in sorted(brokers.items()) if isinstance(broker, QuoteSource))
    return next(told, None)


async def keep_hours(venue: VenueMarket, clock: Clock, told: Callable[[], Awaitable[None]]) -> None:
    """Ask for the hours now and every few hours, and after a failure sooner, without an end.

    ``told`` is called whenever they are known anew: days follow the venue's sessions.
    """
    pause_ms = RETRY_FIRST_MS
    while True:
        if await _asked(venue, clock.market_us()):
            pause_ms = RETRY_FIRST_MS
            try:
                await told()
            except Exception:  # noqa: BLE001  who follows the clock does it again soon
                _log.exception("the venue's hours are known, and the day could not be opened")
            await clock.sleep_ms(HOURS_EVERY_MS)
        else:
            await clock.sleep_ms(pause_ms)
            pause_ms = min(2 * pause_ms, RETRY_MAX_MS)


async def _asked(venue: VenueMarket, now_us: int) -> bool:
    first, last = days_around(now_us)
    try:
        async with asyncio.timeout(HOURS_TIMEOUT_S):
            hours = await venue.source.hours_between(first, last)
        venue.calendar.tell(first, last, hours, now_us)
    except Exception as error:  # noqa: BLE001  whatever it was, it is asked again
        _log.warning("the venue's hours are not known anew: %s", type(error).__name__)
        return False
    return True
