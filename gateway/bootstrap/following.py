"""Follows brokers while the gateway runs: whoever has news is asked for it, and never given up.

A broker that tells of news is asked when it does; one that does not is asked at its own pace. What
fails is logged and tried again: the updates stay where they are, and so does the cursor.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.brokers.contract import MarketDriven, OpenBroker, Polled
from gateway.ports import Clock
from gateway.tracking.updates import Tracker

BACK_OFF_MAX_MS: Final = 30_000
"""The longest pause after failures, each of which doubles it."""
_log = logging.getLogger(__name__)


def follow(
    broker: OpenBroker, tracker: Tracker, clock: Clock, stack: contextlib.AsyncExitStack
) -> None:
    """Pull the broker's updates for as long as the gateway runs."""
    if isinstance(broker, MarketDriven):
        news = asyncio.Event()
        broker.on_update = news.set
        _start(_follow_news(news, tracker), stack)
    if isinstance(broker, Polled):
        _start(_follow_pace(broker.name, broker.poll_ms, tracker.pull, clock), stack)


def _start(following: Awaitable[None], stack: contextlib.AsyncExitStack) -> None:
    task = asyncio.ensure_future(following)
    stack.callback(task.cancel)


async def _follow_news(news: asyncio.Event, tracker: Tracker) -> None:
    while True:
        await news.wait()
        news.clear()
        try:
            await tracker.pull()
        except Exception:  # noqa: BLE001  the updates stay where they are until the next news
            _log.exception("updates could not be recorded")


async def _follow_pace(
    name: str, poll_ms: int, pull: Callable[[], Awaitable[object]], clock: Clock
) -> None:
    failures = 0
    while True:
        pause_ms = poll_ms << min(failures, 16)
        await clock.sleep_ms(min(pause_ms, max(poll_ms, BACK_OFF_MAX_MS)))
        try:
            await pull()
        except Exception as error:  # noqa: BLE001  asked again after a pause; nothing is lost
            # Without the traceback: what a broker was asked with may be in its frames.
            _log.warning("%s: no updates (%s: %s)", name, type(error).__name__, error)
            failures += 1
        else:
            failures = 0
