"""The demonstration's director: moves the market clock, rings the services, resumes by name.

It speaks HTTP like everybody else, with a key of its own (principal ``demo-director``); what it
may do, any holder of an ``admin`` key may.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import httpx2

from gateway.demo import monitor
from gateway.demo.schedule import STALE_ACT, UNWELL_ACT, Day
from gateway.demo.workers import Worker
from gateway.domain.errors import UnavailableError

LATE: Final = timedelta(minutes=20)
"""How far past the quote the market clock is moved to make the quote too old."""
A_MINUTE: Final = timedelta(minutes=1)
"""How far past the quote the models are unwell."""
LIFT_REASON: Final = "demonstration on simulated fills"
RESUME_REASON: Final = "volatility read by the desk, trading goes on"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Director:
    """Runs the days; ``http`` carries the director's key."""

    http: httpx2.AsyncClient
    strategy: Worker
    rogue: Worker
    on_day: Callable[[str, int, int], None]
    """Told after each day: session, proposals made so far, denials so far."""
    proposed: int = 0
    denied: int = 0
    by_strategy: int = 0
    standing: list[str] = field(default_factory=list[str])
    """Global halts that stood at the end of the last day."""
    missed: list[str] = field(default_factory=list[str])
    """Acts of the rogue that did not get the answer they were there to provoke."""
    monitoring: bool = False
    """Whether the monitor has begun to speak for the models."""

    async def run(self, days: Sequence[Day]) -> None:
        """Play every day in turn; the first day's first act comes before Ω4 is lifted."""
        first, *rest = days
        before, after = first.acts[:1], first.acts[1:]
        await self._act(first, before)
        await self._post("/v1/omega4", {"lifted": True, "reason": LIFT_REASON})
        await self._act(first, after)
        self.on_day(first.session, self.proposed, self.denied)
        for day in rest:
            await self._play(day)
            self.on_day(day.session, self.proposed, self.denied)

    async def _play(self, day: Day) -> None:
        """One session: its close becomes known, standing halts are read, the services are rung."""
        await self._clock(day.quote_us)
        if self.monitoring:
            await self._say(monitor.WELL, day.quote_us)
        for halt_id in self.standing:  # engaged on an earlier day; today's stand until tomorrow
            await self._post("/v1/resume", {"halt_id": halt_id, "reason": RESUME_REASON})
        self.standing = await self._global_halts()
        # While trading is halted the strategy is rung at least once a day: it does not know.
        due = max(day.due_by_now - self.by_strategy, min(1, len(self.standing)))
        if due > 0:
            answer = await self.strategy.ring({"session": day.session, "due": due})
            self.by_strategy += answer["proposed"]
            self._count(answer)
        await self._act(day, day.acts)

    async def _act(self, day: Day, acts: Sequence[str]) -> None:
        for act in acts:
            if act == STALE_ACT:
                await self._clock(day.quote_us + LATE // timedelta(microseconds=1))
            if act == UNWELL_ACT:
                await self._fall_ill(day)
            answer = await self.rogue.ring({"session": day.session, "act": act})
            self.missed += answer["missed"]
            self._count(answer)

    async def _fall_ill(self, day: Day) -> None:
        """The monitor falls silent on the regime, and has nothing good to say of the rest."""
        self.monitoring = True
        await self._say(monitor.SILENT, day.quote_us, ttl_ms=1)
        later_us = day.quote_us + A_MINUTE // timedelta(microseconds=1)
        await self._clock(later_us)
        await self._say(monitor.UNWELL, later_us)

    async def _say(
        self, facts: Mapping[str, str | bool], at_us: int, ttl_ms: int = monitor.TTL_MS
    ) -> None:
        for path, body in monitor.bodies(facts, _instant(at_us), ttl_ms):
            await ask(self.http, "PUT", path, json=body)

    def _count(self, answer: dict[str, Any]) -> None:
        self.proposed += answer["proposed"]
        self.denied += answer["denied"]

    async def _clock(self, market_us: int) -> None:
        await self._post("/v1/market/clock", {"now": _instant(market_us)})

    async def _global_halts(self) -> list[str]:
        standing = (await ask(self.http, "GET", "/v1/halts"))["halts"]
        return [halt["halt_id"] for halt in standing if halt["scope"] == "global"]

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await ask(self.http, "POST", path, json=body)


def _instant(at_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat()


async def ask(http: httpx2.AsyncClient, method: str, path: str, **parts: Any) -> dict[str, Any]:
    """The answer of a call that must not be refused; sent once.

    Raises:
        UnavailableError: ``demo-refused``: it was; ``demo-unanswered``: there was none.
    """
    try:
        answer = await http.request(method, path, **parts)
    except httpx2.HTTPError as error:
        raise UnavailableError("demo-unanswered", f"{path}: {type(error).__name__}") from error
    if answer.status_code not in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED):
        raise UnavailableError("demo-refused", f"{path}: {answer.text}")
    return answer.json()
