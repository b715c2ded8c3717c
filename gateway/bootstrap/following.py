"""Follows brokers while the gateway runs: whoever has news is asked for it, and never given up.

A broker that tells of news is asked when it does; one that does not is asked at its own pace. What
fails is logged and tried again: the updates stay where they are, and so does the cursor. A broker
that goes on failing halts its accounts: what is not heard of a fill is not known of a position.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from gateway.brokers.contract import MarketDriven, OpenBroker, Polled
from gateway.domain.halt import Scope
from gateway.ports import Clock, Stops
from gateway.tracking.updates import Tracker

BROKER_DOWN: Final = "BROKER_DOWN"
"""Cause of the halts of a broker's accounts after it could not be followed for a while."""
FAILURES_MAX: Final = 5
"""So many failures in a row halt: with the pauses between them, most of a minute."""
BACK_OFF_MAX_MS: Final = 30_000
"""The longest pause after failures, each of which doubles it."""
_log = logging.getLogger(__name__)


def follow(
    broker: OpenBroker,
    accounts: Sequence[str],
    tracker: Tracker,
    stops: Stops,
    clock: Clock,
    stack: contextlib.AsyncExitStack,
) -> None:
    """Pull the broker's updates for as long as the gateway runs; ``accounts`` are those it has."""
    if isinstance(broker, MarketDriven):
        news = asyncio.Event()
        broker.on_update = news.set
        _start(_follow_news(news, tracker), stack)
    if isinstance(broker, Polled):

        async def halt() -> None:
            for account in accounts:
                scope = Scope("account", account)
                await stops.halt(cause=BROKER_DOWN, scope=scope, by="tracking", clear_by="operator")

        _start(_follow_pace(broker.name, broker.poll_ms, tracker.pull, halt, clock), stack)


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
    name: str,
    poll_ms: int,
    pull: Callable[[], Awaitable[object]],
    halt: Callable[[], Awaitable[None]],
    clock: Clock,
) -> None:
    failures = 0
    while True:
        pause_ms = poll_ms << min(failures, 16)
        await clock.sleep_ms(min(pause_ms, max(poll_ms, BACK_OFF_MAX_MS)))
        try:
            await pull()
            failures = 0
        except Exception as error:  # noqa: BLE001  asked again after a pause; nothing is lost
            # Without the traceback: what a broker was asked with may be in its frames.
            _log.warning("%s: no updates (%s: %s)", name, type(error).__name__, error)
            failures += 1
        if failures >= FAILURES_MAX:
            await _halted(name, halt)


async def _halted(name: str, halt: Callable[[], Awaitable[None]]) -> None:
    """Halt, unless it stands; what the ledger does not take stands all the same, and is owed."""
    try:
        await halt()
    except Exception:  # noqa: BLE001  tried again with the next failure
        _log.exception("%s: the halt could not be recorded", name)
