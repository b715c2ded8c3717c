"""Telling channels what stands: each in its own task, in its own time, and none waits for another.

A channel is told of what it does not know yet, the most severe first: there is no queue that could
overflow, only what stands and what a channel was told of it. One that fails is tried again with
longer and longer pauses; a notice that was tried for about an hour is given up. An alert that ended
before a channel could be told of it is not told. Nothing waits for any of this, and that a channel
fails is seen in the metrics, at ``/readyz`` and in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway.telemetry.alerts import Alerts, Standing
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.notices import Notice, UnsentError, What
from gateway.telemetry.rules import RANK, Alert, Severity, channel_key

CHANNELS_MAX: Final = 4
"""Each may keep one thread."""
LOOK_MS: Final = 500
ATTEMPT_TIMEOUT_S: Final = 20
"""For one attempt: time-outs of the library are per step, and a channel may drip."""
PAUSE_FIRST_MS: Final = 1_000
PAUSE_MAX_MS: Final = 60_000
ATTEMPTS_MAX: Final = 60
"""With the pauses between them, about an hour."""
_log = logging.getLogger(__name__)


class Sleeper(Protocol):
    """The part of the clock that is needed here."""

    def wall_us(self) -> int:
        """Wall time in microseconds."""
        ...

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait."""
        ...


Run = Callable[[Callable[[], None]], Awaitable[None]]
"""Runs blocking work on a thread."""
Send = Callable[[Callable[[], str], Notice], None]
"""Sends a notice to an address, once (``gateway.telemetry.channels.send``)."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a channel does: why it fails (``None``: it does not), and what it was told last."""

    name: str
    failing: str | None
    told: int
    """How many alerts it knows of that stand."""


@dataclass(slots=True)
class Channel:
    """One address, and what it knows."""

    name: str
    address: Callable[[], str]
    """The secret itself; raises whatever it likes where it is not in hand."""
    failing: str | None = None
    knows: dict[str, Alert] = field(default_factory=dict[str, Alert])
    attempts: dict[str, int] = field(default_factory=dict[str, int])
    sending: asyncio.Future[None] | None = None
    """The last attempt; one that ran out of time still holds its thread."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One attempt at a time."""


class Delivery:
    """Tells each channel, for as long as the gateway runs."""

    def __init__(
        self,
        channels: list[Channel],
        alerts: Alerts,
        metrics: Metrics,
        clock: Sleeper,
        run: Run,
        send: Send,
        origin: str,
    ) -> None:
        """Wire it; ``run`` uses threads of its own, so that no order ever waits for one."""
        assert len(channels) <= CHANNELS_MAX
        self._channels = channels
        self._alerts = alerts
        self._metrics = metrics
        self._clock = clock
        self._run = run
        self._send = send
        self._origin = origin

    def reports(self) -> list[Report]:
        """How each channel does."""
        return [Report(one.name, one.failing, len(one.knows)) for one in self._channels]

    def tasks(self) -> list[asyncio.Task[None]]:
        """Begin to tell each channel."""
        return [asyncio.create_task(self._keep_told(channel)) for channel in self._channels]

    async def test(self, channel: str | None = None) -> dict[str, str | None]:
        """Send one notice to each channel, or to one, once; why it was not taken, by its name."""
        notice = Notice(
            What.TEST,
            "test",
            Severity.MEDIUM,
            "A test",
            "Somebody asked for a test of the alert channels. Nothing has to be done.",
            self._origin,
            self._clock.wall_us(),
        )
        chosen = [one for one in self._channels if channel in (None, one.name)]
        outcomes = await asyncio.gather(*(self._attempt(one, notice) for one in chosen))
        return {one.name: why for one, why in zip(chosen, outcomes, strict=True)}

    async def _keep_told(self, channel: Channel) -> None:
        pause_ms = PAUSE_FIRST_MS
        while True:
            try:
                taken = await self._tell_next(channel)
            except Exception:  # noqa: BLE001  a defect here must not leave a channel silent
                _log.exception("the alert channel %s could not be told", channel.name)
                taken = False
            if taken is None:
                await self._clock.sleep_ms(LOOK_MS)
            elif taken:
                pause_ms = PAUSE_FIRST_MS
            else:
                await self._clock.sleep_ms(pause_ms)
                pause_ms = min(2 * pause_ms, PAUSE_MAX_MS)

    async def _tell_next(self, channel: Channel) -> bool | None:
        """Whether the channel took what it should hear next; ``None``: it knows all of it."""
        notice = self._next(channel)
        if notice is None:
            return None
        if await self._attempt(channel, notice) is None:
            self._learn(channel, notice)
            return True
        self._count(channel, notice)
        return False

    def _next(self, channel: Channel) -> Notice | None:
        """What the channel should hear next: the most severe that it does not know, or an end."""
        standing = self._alerts.standing()
        for held in standing:
            if held.alert.key == channel_key(channel.name):
                continue  # that it is dead is for the others to hear
            known = channel.knows.get(held.alert.key)
            if known is None or RANK[held.alert.severity] < RANK[known.severity]:
                return self._notice(What.RAISED, held)
        stand = {held.alert.key for held in standing}
        for key, alert in channel.knows.items():
            if key not in stand:
                over = Standing(alert, self._clock.wall_us(), 0)
                return self._notice(What.RESOLVED, over)
        return None

    def _notice(self, what: What, held: Standing) -> Notice:
        alert = held.alert
        return Notice(
            what, alert.key, alert.severity, alert.title, alert.text, self._origin, held.since_us
        )

    async def _attempt(self, channel: Channel, notice: Notice) -> str | None:
        """Send a notice once; why it was not taken, or ``None``."""
        async with channel.turn:
            why = await self._sent(channel, notice)
        if why is None:
            self._metrics.told(channel.name, notice.what.value)
            if channel.failing is not None:
                _log.info("the alert channel %s takes notices again", channel.name)
        else:
            self._metrics.untold(channel.name)
            if channel.failing is None:
                _log.error("the alert channel %s takes no notices: %s", channel.name, why)
        channel.failing = why
        return why

    async def _sent(self, channel: Channel, notice: Notice) -> str | None:
        if channel.sending is not None and not channel.sending.done():
            return "channel-hangs"  # it keeps its one thread, and gets no other
        work = asyncio.ensure_future(self._run(lambda: self._send(channel.address, notice)))
        channel.sending = work
        try:
            done, _ = await asyncio.wait({work}, timeout=ATTEMPT_TIMEOUT_S)
            if not done:
                work.add_done_callback(_late)
                return "channel-hangs"
            work.result()
        except UnsentError as error:
            return error.code
        except Exception as error:  # noqa: BLE001  its words may hold the address
            return type(error).__name__
        return None

    def _learn(self, channel: Channel, notice: Notice) -> None:
        """The channel was told, or is given up for this notice."""
        channel.attempts.pop(notice.key, None)
        if notice.what is What.RESOLVED:
            channel.knows.pop(notice.key, None)
        else:
            channel.knows[notice.key] = Alert(
                notice.key, notice.severity, notice.title, notice.text
            )

    def _count(self, channel: Channel, notice: Notice) -> None:
        tried = channel.attempts.get(notice.key, 0) + 1
        channel.attempts[notice.key] = tried
        if tried >= ATTEMPTS_MAX:
            self._metrics.lost(channel.name)
            _log.error("the alert %s is given up for the channel %s", notice.key, channel.name)
            self._learn(channel, notice)


def _late(work: asyncio.Future[None]) -> None:
    """Look at what came after the time-out, so that nothing goes unseen."""
    if not work.cancelled() and work.exception() is not None:
        _log.warning("an alert channel failed after its time-out")
