"""Whether a broker answers: when it does not, its accounts halt until a probe finds it again.

Questions and submissions are counted each by themselves: one may work without the other. A broker
that has answered twice in a row is back; then its accounts are reconciled, and only after that is
the halt lifted, on the record, by the probe.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum, auto
from typing import Final

from gateway.domain.execution import Submission
from gateway.domain.halt import Scope
from gateway.ports import Clock, Stops

BROKER_DOWN: Final = "BROKER_DOWN"
"""Cause of the halts of a broker's accounts while it does not answer."""
DOWN_REASON: Final = (
    "Broker API unreachable. Trading sequence halted to prevent duplicate execution."
)
BACK_REASON: Final = "The broker answers again, and its accounts are reconciled."
FAILURES_MAX: Final = 5
"""So many failures in a row halt: with the pauses between them, most of a minute."""
ANSWERS_MIN: Final = 2
"""So many answers in a row, and a broker is back."""
PROBE_MS: Final = 1_000
"""Until the first probe; the pause doubles with every one that fails."""
PROBE_MAX_MS: Final = 30_000
PROBE_TIMEOUT_S: Final = 60
BY: Final = "probe"
_UNREACHABLE: Final = frozenset({"ERR_NETWORK", "GATE_TIMEOUT", "GATE_BROKER_ERROR"})
"""Codes of submissions that got no answer, whether or not they were sent."""
_log = logging.getLogger(__name__)


class Asked(Enum):
    """What a broker was asked for."""

    QUESTION = auto()
    ORDER = auto()


class Health:
    """One broker's; told of every answer and every failure, it halts and lifts."""

    def __init__(
        self,
        name: str,
        accounts: Sequence[str],
        probe: Callable[[str], Awaitable[object]],
        stops: Stops,
        clock: Clock,
    ) -> None:
        """``probe(account)`` asks the broker something cheap, and raises if it does not answer."""
        self._name = name
        self._accounts = tuple(accounts)
        self._probe = probe
        self._stops = stops
        self._clock = clock
        self._failures = dict.fromkeys(Asked, 0)
        self._down = asyncio.Event()
        self.last_answer_us: int | None = None
        """When it last answered anything, by the wall clock."""
        self.reconciled: Callable[[str], Awaitable[object]] = _nothing
        """Awaited for each account before its halt is lifted; if it fails, the halt stands."""

    @property
    def down(self) -> bool:
        """Whether it is probed because it does not answer."""
        return self._down.is_set()

    def answered(self, asked: Asked) -> None:
        """It has answered, whatever it said."""
        self._failures[asked] = 0
        self.last_answer_us = self._clock.wall_us()

    async def failed(self, asked: Asked) -> None:
        """It has not answered; too often in a row halts its accounts."""
        self._failures[asked] += 1
        if self._failures[asked] < FAILURES_MAX:
            return
        self._down.set()
        await self._halt()

    async def heard(self, submission: Submission) -> None:
        """Count what came of a submission: a refusal of the gate's own says nothing of a broker."""
        if submission.outcome in {"accepted", "rejected"}:
            self.answered(Asked.ORDER)
        elif submission.code in _UNREACHABLE:
            await self.failed(Asked.ORDER)

    async def watch(self) -> None:
        """For as long as the gateway runs: probe a broker that is down until it is back.

        A halt of before a restart stands, and is probed from the start.
        """
        while True:
            await self._down.wait()
            await self._until_back()
            # Before the halts are lifted: whatever fails from here on has them engaged again.
            self._failures = dict.fromkeys(Asked, 0)
            self._down.clear()
            try:
                await self._recover()
            except Exception as error:  # noqa: BLE001  the halt stands, and it is probed again
                _log.warning("%s: not back yet (%s)", self._name, type(error).__name__)
                self._down.set()

    def take_up(self, standing: Sequence[Scope]) -> None:
        """At a start: go on probing for the halts of this cause that stand, by their scopes."""
        if any(scope in standing for scope in self._scopes()):
            self._down.set()

    async def _until_back(self) -> None:
        answers, pause_ms = 0, PROBE_MS
        while answers < ANSWERS_MIN:
            await self._clock.sleep_ms(pause_ms)
            if await self._answers():
                answers, pause_ms = answers + 1, PROBE_MS
            else:
                answers, pause_ms = 0, min(2 * pause_ms, PROBE_MAX_MS)
                await self._halt()  # unless it stands: a person may have lifted it

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                for account in self._accounts:
                    await self._probe(account)
        except Exception as error:  # noqa: BLE001  whatever it is, it is no answer
            # Without the traceback: what a broker was asked with may be in its frames.
            _log.info("%s does not answer the probe (%s)", self._name, type(error).__name__)
            return False
        self.last_answer_us = self._clock.wall_us()
        return True

    async def _recover(self) -> None:
        for account, scope in zip(self._accounts, self._scopes(), strict=True):
            await self.reconciled(account)
            await self._stops.recover(cause=BROKER_DOWN, scope=scope, by=BY, reason=BACK_REASON)

    async def _halt(self) -> None:
        """Halt, unless it stands; what the ledger does not take stands too, and is owed."""
        for scope in self._scopes():
            try:
                await self._stops.halt(
                    cause=BROKER_DOWN,
                    scope=scope,
                    by="tracking",
                    clear_by="probe",
                    reason=DOWN_REASON,
                )
            except Exception:  # noqa: BLE001  tried again with the next failure
                _log.exception("%s: the halt could not be recorded", self._name)

    def _scopes(self) -> list[Scope]:
        return [Scope("account", account) for account in self._accounts]


async def _nothing(_account: str) -> None:
    """What is awaited where there is nothing to reconcile."""
