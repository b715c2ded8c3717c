"""Whether our clock tells the time: held against a source at the start, and every minute.

Orders are dated, sessions open and close, and ages are counted by this clock. One that is too far
off at the start is fatal, and so is a source that does not answer then: nothing is proven by
silence. Later a clock that drifts, or a source that stays silent, closes LIVE and is told of; PAPER
goes on, and so do cancels.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.domain.errors import RefusedError, UnavailableError
from gateway.ports import Clock

SKEW_MAX_MS: Final = 2_000
"""How far our clock may be from the source's."""
DELAY_MAX_MS: Final = 2_000
"""An answer that took longer tells too little: half of it is how wrong the answer may be."""
ASKED_EVERY_MS: Final = 60_000
SILENT_MAX_NS: Final = 10 * 60 * 1_000_000_000
"""How long the last answer counts."""
TRIES: Final = 3
RETRY_MS: Final = 1_000
MESSAGE: Final = "Critical Time Sync Error. Halting to prevent market-open anomalies."
_SILENT_MINUTES: Final = SILENT_MAX_NS // 60_000_000_000
_US_PER_MS: Final = 1_000
_log = logging.getLogger(__name__)


class NoTimeError(Exception):
    """The source did not tell the time; ``code`` says why, and nothing in it came from outside."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Told:
    """The source's time at one instant of ours, in microseconds of wall time.

    ``asked_us`` and ``heard_us`` are ours; the source's ``at_us`` lies in between.
    """

    at_us: int
    asked_us: int
    heard_us: int

    @property
    def skew_ms(self) -> int:
        """The source's clock minus ours, at the middle of the question; rounded towards zero."""
        skew_us = self.at_us - (self.asked_us + self.heard_us) // 2
        return (abs(skew_us) // _US_PER_MS) * (1 if skew_us >= 0 else -1)

    @property
    def delay_ms(self) -> int:
        """How long the question took; below zero if our clock was set back meanwhile."""
        return (self.heard_us - self.asked_us) // _US_PER_MS


class TimeTeller(Protocol):
    """Somebody else's clock."""

    @property
    def name(self) -> str:
        """Which one, as an operator wrote it."""
        ...

    async def told(self) -> Told:
        """Ask once, within a few seconds. Raises :class:`NoTimeError`."""
        ...


class ClockWatch:
    """Holds our clock against one source's; with none, nothing is known and nothing is claimed."""

    def __init__(self, teller: TimeTeller | None, clock: Clock) -> None:
        """Ask nobody yet."""
        self._teller = teller
        self._clock = clock
        self._skew_ms: int | None = None
        self._told_ns: int | None = None

    @property
    def skew_ms(self) -> int | None:
        """The source's clock minus ours when it was last told."""
        return self._skew_ms

    def trouble(self) -> str | None:
        """Why LIVE must not go on by this clock, in words; ``None``: nothing is known to be."""
        if self._teller is None:
            return None
        # Without the source's name: every reader of the mode may see this.
        if self._skew_ms is not None and abs(self._skew_ms) > SKEW_MAX_MS:
            side = _side(self._skew_ms)
            return f"our clock is {abs(self._skew_ms)} ms {side} its time source"
        now_ns = self._clock.monotonic_ns()
        if self._told_ns is None or now_ns - self._told_ns > SILENT_MAX_NS:
            return f"the time source has not told the time for {_SILENT_MINUTES} minutes"
        return None

    def ask_now(self, teller: TimeTeller) -> None:
        """Ask this one from now on; what the one before it told still counts."""
        self._teller = teller

    async def check_start(self) -> None:
        """Before anything is decided: the clock is right, or the gateway does not start.

        Raises:
            RefusedError: ``clock-skew``: it is off by more than ``SKEW_MAX_MS``.
            UnavailableError: ``clock-unknown``: the source gave no answer that tells.
        """
        if self._teller is None:
            return
        why = ""
        for number in range(TRIES):
            if number:
                await self._clock.sleep_ms(RETRY_MS)
            why = await self._ask(self._teller)
            if not why:
                break
        else:
            raise UnavailableError(
                "clock-unknown",
                f"{MESSAGE} {self._teller.name} did not tell the time ({why})",
                "see that it can be reached, or name another WRIT_CLOCK_SOURCE",
            )
        skew_ms = self._skew_ms or 0
        if abs(skew_ms) > SKEW_MAX_MS:
            raise RefusedError(
                "clock-skew",
                f"{MESSAGE} This host is {abs(skew_ms)} ms {_side(skew_ms)} {self._teller.name}",
                f"set this host's clock right: at most {SKEW_MAX_MS} ms off; then start again",
            )

    async def run(self) -> None:
        """Ask every minute, for as long as the gateway runs."""
        while self._teller is not None:
            await self._clock.sleep_ms(ASKED_EVERY_MS)
            before = self.trouble()
            why = await self._ask(self._teller)
            if why:
                _log.warning("%s did not tell the time: %s", self._teller.name, why)
            after = self.trouble()
            if after is not None and after != before:
                _log.error("%s", after)

    async def _ask(self, teller: TimeTeller) -> str:
        """Take one answer; why there is none that tells, or nothing."""
        try:
            told = await teller.told()
        except NoTimeError as error:
            return error.code
        if not 0 <= told.delay_ms <= DELAY_MAX_MS:
            return "too-slow"
        self._skew_ms = told.skew_ms
        self._told_ns = self._clock.monotonic_ns()
        return ""


def _side(skew_ms: int) -> str:
    """Where our clock is as seen from the source's, which is ``skew_ms`` ahead of it."""
    return "behind" if skew_ms > 0 else "ahead of"
