"""One life of a gateway: the real one, started as always, in a process that can be killed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from random import Random
from typing import Any, Final

from gateway.api.services import Services, make_services
from gateway.bootstrap import App, running
from gateway.bootstrap.app import Brought, Host
from gateway.config import Settings
from gateway.domain.errors import WritError
from gateway.domain.fact import Fact, Prices
from simulation.host import InlineRunner, SeededEntropy, VirtualClock
from simulation.loop import DiedError, Process, VirtualLoop
from simulation.release import HOSTED, shared_release
from simulation.times import Calendar, day_of

DAY: Final = date(2027, 3, 15)
"""A Monday."""
ALIASES: Final = ("alpha", "beta")
CASH: Final = 200_000
CANCEL_BEFORE_MS: Final = 10_000
"""How long before the close day orders are cancelled."""
LONG_MS: Final = 7 * 24 * 3_600_000
QUOTE_MS: Final = 900_000
MINUTE_US: Final = 60_000_000
WINDOW_US: Final = 360_000_000
"""How long ago the quotes are of that the price collars look back to."""
TO_PUSHED: Final = 10_000
"""From the instruments' four decimals to the eight of pushed prices."""
HALF_SPREAD: Final = 200
PANIC_E4: Final = 900_000
"""A volatility index of 90."""
MODEL: Final[Mapping[str, int | str | bool]] = {
    "model.volatility": 125_000,
    "model.regime": "CALM",
    "model.entropy": 1_000,
    "model.drift": 200,
    "model.data_integrity": True,
    "model.protocol_firing": True,
}


class Machine:
    """The computer that gateways live and die on: its disk, its clock, its randomness."""

    def __init__(
        self, loop: VirtualLoop, seed: int, data: Path, calendar: Calendar, start_us: int
    ) -> None:
        """Begin on an empty folder, at an instant of the first day."""
        self.loop = loop
        self.calendar = calendar
        """The venue's."""
        self.clock = VirtualClock(loop, start_us, Random(f"{seed}/clock"))
        self.entropy = SeededEntropy(Random(f"{seed}/entropy"))
        self.release_folder, self.in_force = shared_release()
        self.settings = _settings(self.release_folder).model_copy(update={"data": data})


@functools.cache
def _settings(release: Path) -> Settings:
    """What the operator of every world chooses, but for the folder."""
    account = {"broker": "null", "opening_cash": str(CASH)}
    given: dict[str, Any] = {
        "mode": "SIMULATION",
        "market": "venue",
        "release": release,
        "accounts": dict.fromkeys(ALIASES, account),
        "reconcile_cash_tolerance": "0",
        "cancel_before_close_ms": CANCEL_BEFORE_MS,
    }
    return Settings(**given)


class Life:
    """A gateway from its start to its end or death."""

    def __init__(self, machine: Machine, number: int, delay_s: Callable[[], float]) -> None:
        """Prepare a process; :meth:`start` runs the gateway in it."""
        self.machine = machine
        self.process = Process(f"life {number}")
        self._runner = InlineRunner(machine.loop, delay_s)
        self.process.at_death.append(self._runner.cut)
        HOSTED.runner = self._runner
        host = Host(machine.clock, machine.entropy, self._runner)
        self._running = running(machine.settings, brought=Brought(host, machine.in_force))
        self.process.generators.append(self._running.gen)
        self._app: App | None = None
        self._services: Services | None = None

    @property
    def app(self) -> App:
        """The gateway as its callers reach it.

        Raises:
            DiedError: they do not: it has not come up yet, or is gone.
        """
        if self._app is None or not self.process.alive:
            raise DiedError(self.process.name)
        return self._app

    @property
    def services(self) -> Services:
        """What the gateway's own routes work with.

        Raises:
            DiedError: as :attr:`app`.
        """
        assert self.app is not None
        assert self._services is not None
        return self._services

    @property
    def alive(self) -> bool:
        """Whether it takes requests."""
        return self.process.alive and self._app is not None

    async def start(self) -> None:
        """Start it.

        Raises:
            DiedError: it was killed meanwhile.
        """
        self._app = await self.machine.loop.ask(self.process, self._running.__aenter__())
        self._services = make_services(self._app)

    async def stop(self) -> None:
        """End it in order.

        Raises:
            DiedError: it was killed meanwhile.
        """
        await self.machine.loop.ask(self.process, self._running.__aexit__(None, None, None))

    # ---- what services upstream push

    def introduce(self, prices: dict[str, int]) -> None:
        """Tell it what it must know of the market before it can allow anything."""
        for name, value in MODEL.items():
            self._tell(name, value, LONG_MS)
        today = day_of(self.machine.clock.market_us())
        closed = self.machine.calendar.before(today).closes_us - MINUTE_US
        for symbol, price in prices.items():
            self._tell(f"close.{symbol}", price * TO_PUSHED, LONG_MS, closed)
        self._quote(prices, WINDOW_US)

    def quote(self, prices: dict[str, int]) -> None:
        """Tell it what the market is now."""
        self._quote(prices, 0)

    def panic(self, *, calm: bool) -> None:
        """Tell it of volatility far above its limit, or of the usual one again."""
        value = MODEL["model.volatility"] if calm else PANIC_E4
        self._tell("model.volatility", value, LONG_MS)

    def _quote(self, prices: dict[str, int], ago_us: int) -> None:
        at_us = self.machine.clock.market_us() - ago_us
        for symbol, price in prices.items():
            bid, ask = price - HALF_SPREAD, price + HALF_SPREAD
            value = Prices(bid * TO_PUSHED, ask * TO_PUSHED, price * TO_PUSHED)
            self._tell(f"quote.{symbol}", value, QUOTE_MS, at_us)

    def _tell(self, name: str, value: Any, ttl_ms: int, at_us: int | None = None) -> None:  # noqa: ANN401  anything
        now_us = self.machine.clock.market_us()
        at_us = now_us if at_us is None else at_us
        fact = Fact(name, value, at_us, ttl_ms, "feed", "feed", None)
        try:
            self.app.pushed.put(fact, now_us)
        except WritError:
            return  # the clock went back: it is told again when the time has come
