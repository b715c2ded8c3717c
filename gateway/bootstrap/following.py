"""Follows brokers while the gateway runs: whoever has news is asked for it, and never given up.

A broker that tells of news is asked when it does; one that does not is asked at its own pace. What
fails is logged and tried again: the updates stay where they are, and so does the cursor. A broker
that goes on failing is down (``gateway.tracking.health``): what is not heard of a fill is not known
of a position.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.brokers.contract import MarketDriven, OpenBroker, Polled, Streaming
from gateway.domain.errors import WritError
from gateway.ports import Clock
from gateway.tracking.health import Asked, Health
from gateway.tracking.updates import Tracker

BACK_OFF_MAX_MS: Final = 30_000
"""The longest pause after failures, each of which doubles it."""
NEWS_PAUSE_MS: Final = 100
"""Until news that could not be recorded is asked for again, the first time."""
_OURS: Final = ("ledger-", "record-")
"""What codes of failures begin with that are no broker's."""
_log = logging.getLogger(__name__)


def follow(
    broker: OpenBroker,
    tracker: Tracker,
    health: Health,
    clock: Clock,
    stack: contextlib.AsyncExitStack,
    reconnected: Callable[[str], object] | None = None,
) -> None:
    """Pull the broker's updates for as long as the gateway runs.

    ``reconnected`` is told an account to whose stream nobody listened for a while; without it no
    stream is listened to.
    """
    if isinstance(broker, MarketDriven):
        news = asyncio.Event()
        broker.on_update = news.set
        _start(_follow_news(news, tracker, broker.name, health, clock), stack)
    if isinstance(broker, Streaming) and reconnected is not None:
        streamed = asyncio.Event()
        broker.listen(streamed.set, reconnected)
        _start(_follow_news(streamed, tracker, broker.name, health, clock), stack)
    if isinstance(broker, Polled):
        _start(_follow_pace(broker.name, broker.poll_ms, tracker, health, clock), stack)
    _start(health.watch(), stack)


def _start(following: Awaitable[None], stack: contextlib.AsyncExitStack) -> None:
    task = asyncio.ensure_future(following)
    stack.callback(task.cancel)


async def _follow_news(
    news: asyncio.Event, tracker: Tracker, name: str, health: Health, clock: Clock
) -> None:
    failures = 0
    while True:
        await news.wait()
        news.clear()
        if await _pulled(name, tracker, health):
            failures = 0
            continue
        # There may be no other news for long, and these are not recorded yet.
        news.set()
        await clock.sleep_ms(min(NEWS_PAUSE_MS << min(failures, 16), BACK_OFF_MAX_MS))
        failures += 1


async def _follow_pace(
    name: str, poll_ms: int, tracker: Tracker, health: Health, clock: Clock
) -> None:
    failures = 0
    while True:
        pause_ms = poll_ms << min(failures, 16)
        await clock.sleep_ms(min(pause_ms, max(poll_ms, BACK_OFF_MAX_MS)))
        failures = 0 if await _pulled(name, tracker, health) else failures + 1


async def _pulled(name: str, tracker: Tracker, health: Health) -> bool:
    """Record what is new; whether that went well."""
    try:
        await tracker.pull()
    except Exception as error:  # noqa: BLE001  asked again after a pause; nothing is lost
        # Without the traceback: what a broker was asked with may be in its frames.
        _log.warning("%s: no updates (%s: %s)", name, type(error).__name__, error)
        if not (isinstance(error, WritError) and error.code.startswith(_OURS)):
            await health.failed(Asked.QUESTION)
        return False
    health.answered(Asked.QUESTION)
    return True
