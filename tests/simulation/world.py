"""One world: a real gateway, a hostile broker, and everything else that may happen, by a seed."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

from gateway.brokers import registry
from gateway.brokers.contract import BrokerParts
from gateway.domain.errors import WritError
from gateway.ledger import publisher
from gateway.ledger.database import DATABASE
from simulation.faults import FAULTS
from simulation.figures import Unknowns, unknowns_of
from simulation.held import Account
from simulation.host import seeded_keys
from simulation.hostile import HostileBroker
from simulation.invariants import Broken, Invariants
from simulation.kinds import Kind, kind_of
from simulation.life import ALIASES, CASH, Life, Machine
from simulation.loop import DiedError, VirtualLoop
from simulation.memory import remembering
from simulation.persons import reconcile, settle_by_hand
from simulation.script import Script
from simulation.times import day_of
from simulation.venue import Venue

T = TypeVar("T")

EVENTS: Final = 100
"""What happens in a world before it comes to rest, at least."""
PRICES: Final = {
    "AAPL": 1_000_000,
    "AMD": 900_000,
    "BAC": 1_100_000,
    "BBY": 800_000,
    "XOM": 1_200_000,
}
QUIET_S: Final = 30
"""How long the world is left alone after its broker has healed."""
QUIET_AGAIN_S: Final = 8
"""And once more after the last restart: nothing is under way any more, nothing should come."""
DAY_OPENS_S: Final = 6
"""When the first day has been opened, before which no loss is known and nothing is allowed."""
BOOTS_MAX: Final = 20
HANGS_OF: Final = 5
HANGS_S: Final = 45
"""Longer than the ledger waits for its disk: then nobody knows whether a commit is durable."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a world."""

    seed: int
    events: int
    faults: Mapping[str, int]
    counts: Mapping[str, int]
    broken: tuple[str, ...]
    trace: tuple[str, ...]
    unknowns: Unknowns
    virtual_s: float
    steps: int
    root: str
    """Of the published log: whatever was recorded is in it."""


class World:
    """Everything that one seed sets in motion."""

    def __init__(
        self, seed: int, folder: Path, *, events: int = EVENTS, only: frozenset[str] | None = None
    ) -> None:
        """``only`` keeps a subset of the faults, by kind; all of them come otherwise."""
        self.seed = seed
        self.events = events
        self.folder = folder
        self.loop = VirtualLoop()
        self.random = Random(f"{seed}/world")
        self._disk = Random(f"{seed}/disk")
        self.kind: Kind = kind_of(seed)
        self.loop.shuffles = Random(f"{seed}/order") if self.kind.shuffled else None
        calendar = self.kind.calendar
        self.machine = Machine(self.loop, seed, folder / "data", calendar, self.kind.start_us)
        self.faults: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.trace: list[str] = []
        self.healed = False
        self.done = 0
        self.unknowns = Unknowns(0, 0, ())
        self.rates = {k: v if only is None or k in only else 0 for k, v in FAULTS.items()}
        self.invariants = Invariants(self)
        self.venue = Venue(
            loop=self.loop,
            random=Random(f"{seed}/venue"),
            accounts={alias: Account(CASH * 1_000_000) for alias in ALIASES},
            prices=dict(PRICES),
            wall_us=self.machine.clock.wall_us,
            calendar=calendar,
            poll_ms=self.kind.poll_ms,
            rates=self.rates,
            watch=self.invariants,
            faults=self.faults,
        )
        self.lives = 0
        self._booting = asyncio.Lock()
        self.life = self._new_life()

    # ---- faults of the machine

    def strikes(self, kind: str) -> bool:
        """Whether a fault comes now that is nobody's answer; it is counted."""
        if self.healed or self.random.randrange(1_000) >= self.rates[kind]:
            return False
        self.faults[kind] += 1
        return True

    def _delay_s(self) -> float:
        """How long a piece of work waits for the disk, and its answer again."""
        if self.healed:
            return 0.0
        drawn = int(self._disk.random() * 1_000 * HANGS_OF)
        if drawn < self.rates["disk hangs"]:
            self.faults["disk hangs"] += 1
            return HANGS_S
        if drawn % 1_000 < self.rates["slow disk"]:
            self.faults["slow disk"] += 1
            return self._disk.choice((0.004, 0.03, 0.2, 1.0))
        return 0.0

    # ---- lives

    def _new_life(self) -> Life:
        self.lives += 1
        return Life(self.machine, self.lives, self._delay_s)

    async def boot(self) -> None:
        """Start a gateway, again and again until one lives."""
        async with self._booting:
            if not self.life.alive:
                await self._boot()

    async def _boot(self) -> None:
        for _ in range(BOOTS_MAX):
            if not self.life.process.alive:
                self.life = self._new_life()
            if self.strikes("crash"):
                self.die_soon(200)
            try:
                await self.life.start()
                self.life.introduce(self.venue.prices)
                self.life.quote(self.venue.prices)
            except DiedError:
                continue
            except Exception as error:  # noqa: BLE001  whoever keeps it running tries again
                self.note(f"did not start: {error!r}")
                self.counts["starts that failed"] += 1
                self.life.process.kill()
                await asyncio.sleep(self.random.randint(1, 5))
                continue
            self.note("up")
            self.invariants.started()
            return
        self.invariants.break_("a gateway comes up", f"not in {BOOTS_MAX} starts: {self.trace[-1]}")
        raise Broken

    def die_soon(self, steps: int) -> None:
        """Have the process die within so many steps from now."""
        process = self.life.process
        process.dies_at = process.steps + self.random.randint(1, steps)

    async def ask(self, work: Coroutine[Any, Any, T]) -> T:
        """Have the gateway do something, as a request to it would."""
        return await self.loop.ask(self.life.process, work)

    def note(self, what: str) -> None:
        """Write a line of the world's history, to read when it ends badly."""
        self.trace.append(f"{self.loop.time():10.4f} {what}")

    @property
    def happened(self) -> int:
        """Events so far: what people and programs did, what the broker did, and what went wrong."""
        return self.done + self.venue.moves + sum(self.faults.values())

    # ---- the history of the world

    async def run(self) -> None:
        """Everything, from the first start to the comparison at the end."""
        try:
            await self._open()
            await self._live()
            await self.settle_down()
            await self.invariants.at_end()
            self.unknowns = unknowns_of(self.machine.settings.data / DATABASE)
        except Broken:
            return
        finally:
            self.life.process.kill()

    async def _open(self) -> None:
        """The first start, and what an admin does before the first order."""
        while True:
            await self.boot()
            with contextlib.suppress(DiedError, WritError):
                await self.ask(self.life.app.modes.lift_omega4("admin", "simulation", None))
                await asyncio.sleep(DAY_OPENS_S)
                return
            self._supervise()

    async def _live(self) -> None:
        """One event after the other, and a new gateway whenever one has died."""
        script = Script(self)
        self.venue.open()
        night = self.kind.night
        while night or self.happened < self.events:
            await asyncio.sleep(self.random.random() * 0.4)
            if night and self.machine.clock.wall_us() > self.kind.night_us:
                night = False
                await script.finished()
                await self._night()
            self._supervise()
            if not self.life.process.alive:
                self.note("died")
                await self.boot()
            self.done += 1
            await script.event()
            self.invariants.after_event()
        await script.finished()

    async def _night(self) -> None:
        """The gateway is ended, or dies; it is started again when the venue trades again."""
        self.note("night")
        self.counts["night"] += 1
        if self.random.randrange(3):
            with contextlib.suppress(DiedError, WritError):
                await self.stop()
        self.life.process.kill()
        now_us = self.machine.clock.wall_us()
        opens_us = self.machine.calendar.after(day_of(now_us)).opens_us
        await asyncio.sleep((opens_us - now_us) / 1_000_000 + self.random.randint(-60, 600))
        self.venue.open()
        await self.boot()

    def _supervise(self) -> None:
        """Kill a gateway that cannot record any more, as whoever keeps it running would."""
        if self.life.alive and self.life.app.ledger.latched is not None:
            self.note(f"killed for a new one: {self.life.app.ledger.latched}")
            self.counts["killed by its supervisor"] += 1
            self.life.process.kill()

    async def settle_down(self) -> None:
        """Heal everything, wait, and have a person do what waits for one."""
        self.healed = True
        self.venue.heal()
        self.life.process.dies_at = None
        await self._rest()
        await settle_by_hand(self)
        await reconcile(self)
        await self.stop()
        await self._rest(QUIET_AGAIN_S)
        await settle_by_hand(self)
        await reconcile(self)

    async def stop(self) -> None:
        """End the gateway in order.

        Raises:
            DiedError: it was killed meanwhile.
        """
        await self.life.stop()
        self.invariants.ending()
        self.life.process.kill()

    async def _rest(self, seconds: int = QUIET_S) -> None:
        """Leave the gateway alone for a while, if it lives and can record; else a new one."""
        for _ in range(BOOTS_MAX):
            if not self.life.process.alive:
                await self.boot()
            await asyncio.sleep(seconds)
            self._supervise()
            if self.life.process.alive:
                return
        raise AssertionError("it comes to no rest")

    def play(self) -> Told:
        """Run the world to its end."""

        async def open_venue(_parts: BrokerParts) -> HostileBroker:
            return HostileBroker(self.venue)

        before, interval = registry.BROKERS, publisher.INTERVAL_MS
        registry.BROKERS = {**before, "null": open_venue}  # type: ignore[misc]  given back below
        publisher.INTERVAL_MS = 3_600_000  # type: ignore[misc]  # many small files for nobody
        try:
            with remembering(), seeded_keys(Random(f"{self.seed}/keys")):
                self.loop.run_until_complete(self.run())
        except Exception as error:  # noqa: BLE001  whatever it is: it has this seed
            self.invariants.break_("the world goes on", f"{type(error).__name__}: {error}")
        finally:
            registry.BROKERS, publisher.INTERVAL_MS = before, interval  # type: ignore[misc]  given back below
            self.life.process.kill()
            self.invariants.close()
            self.loop.close()
            shutil.rmtree(self.folder, ignore_errors=True)
        return Told(
            seed=self.seed,
            events=self.happened,
            faults=dict(self.faults),
            counts=dict(self.counts),
            broken=tuple(self.invariants.broken),
            trace=tuple(self.trace),
            unknowns=self.unknowns,
            virtual_s=self.loop.time(),
            steps=self.loop.steps,
            root=self.invariants.root,
        )
