"""The release in force: one value that a turn reads as a whole, and the holder that it is in.

What changes with a release changes together: its rules, its data, its words, the engine that
decides by it and the bundle that a server fetches. The holder knows who uses it at the moment, so
that it is replaced between turns and never within one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from gateway.domain.decision import HaltTriggers
from gateway.domain.errors import UnavailableError
from gateway.domain.permission import RunningRelease
from gateway.policy.catalogue import Catalogue
from gateway.policy.opa_server.bundle import ServerBundle
from gateway.policy.release import Release
from gateway.ports import PolicyEngine

POLLERS_MAX: Final = 16
"""Servers that wait for the next bundle at once; one more is answered without waiting."""


@dataclass(frozen=True, slots=True)
class ReleaseInForce:
    """One release with all that is made of it; ``close`` ends the engine."""

    release: Release
    catalogue: Catalogue
    engine: PolicyEngine
    bundle: ServerBundle
    close: Callable[[], Awaitable[None]]

    @property
    def digest(self) -> str:
        """What its decisions name."""
        return self.release.digest

    @property
    def named(self) -> RunningRelease:
        """What a mode must suit."""
        return named(self.release)


class ReleaseHolder:
    """Holds the release in force; all of it belongs to one event loop.

    A door waits for :meth:`opened` before it shapes an order by the instruments of a release.
    Whoever asks the engine does so inside of :meth:`using`. A switch shuts the door, lets what is
    inside be decided, and then has the holder to itself. Each wait ends with the switch, which is
    bounded by itself.
    """

    def __init__(self, first: ReleaseInForce) -> None:
        """Begin with the release of the start."""
        self._current = first
        self._next: RunningRelease | None = None
        self._served = first.bundle
        self._news = asyncio.Event()
        self._pollers = 0
        self._closed = False
        self._users = 0
        self._unused = _event()
        self._door = _event()
        self._turns = _event()

    @property
    def current(self) -> ReleaseInForce:
        """The release in force as of now; read it once for all that belongs together."""
        return self._current

    @property
    def switching(self) -> bool:
        """Whether a switch has the holder to itself: orders are taken and wait."""
        return not self._turns.is_set()

    def named(self) -> tuple[RunningRelease, ...]:
        """What a mode must suit: the release in force, and one being recorded."""
        current = self._current.named
        return (current,) if self._next is None else (current, self._next)

    async def opened(self) -> None:
        """Wait, at a door, while a switch lets those inside be decided."""
        await self._door.wait()

    @asynccontextmanager
    async def using(self) -> AsyncGenerator[ReleaseInForce]:
        """The release in force, which stays so until the block ends; never nested."""
        while not self._turns.is_set():
            await self._turns.wait()
        self._users += 1
        self._unused.clear()
        try:
            yield self._current
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def triggered_halts(self, document: bytes) -> HaltTriggers:
        """Ask the release in force which halts are due."""
        async with self.using() as in_force:
            return await in_force.engine.triggered_halts(document)

    async def readiness(self) -> str | None:
        """Why orders cannot be decided; during a switch they wait, and are not denied."""
        return None if self.switching else await self._current.engine.readiness()

    @asynccontextmanager
    async def alone(
        self, drained: Callable[[], Awaitable[None]], timeout_ms: int
    ) -> AsyncGenerator[None]:
        """Have the holder to oneself: nothing is being decided, nothing allowed waits to be sent.

        ``drained`` returns when what is inside the spine has passed the gate.

        Raises:
            UnavailableError: ``switch-delayed``: it took too long; nobody is kept waiting any more.
        """
        try:
            await self._emptied(drained, timeout_ms)
            yield
        finally:
            self._next = None
            self._turns.set()
            self._door.set()

    async def _emptied(self, drained: Callable[[], Awaitable[None]], timeout_ms: int) -> None:
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                self._door.clear()
                await drained()
                self._turns.clear()
                await self._unused.wait()
        except TimeoutError as error:
            raise UnavailableError(
                "switch-delayed",
                "orders under way did not end in time; the release is unchanged",
                "see whether the disk and the engine answer, then try again",
            ) from error

    def announce(self, release: RunningRelease) -> None:
        """Say which release is about to be recorded."""
        self._next = release

    def put(self, in_force: ReleaseInForce) -> None:
        """Replace the release in force; whoever does so is :meth:`alone`."""
        assert self.switching
        self._current = in_force
        self.serve(in_force.bundle)

    @property
    def served(self) -> ServerBundle:
        """What an OPA server gets: the release in force, or the one that it is to change to."""
        return self._served

    def serve(self, bundle: ServerBundle) -> None:
        """Hand out another bundle from now on, and tell whoever waits for one."""
        self._served = bundle
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def changed(self, digest: str, timeout_s: int) -> bool:
        """Wait until another bundle than that is handed out, or for that long.

        ``False``: too many wait already, and this one has to come again later.
        """
        if self._closed or self._served.digest != digest:
            return True
        if self._pollers >= POLLERS_MAX:
            return False
        self._pollers += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._news.wait()
        finally:
            self._pollers -= 1
        return True

    async def close(self) -> None:
        """End the engine of the release in force."""
        await self._current.close()

    def stop_waiting(self) -> None:
        """Let nobody wait for a bundle any more: the gateway is about to end."""
        self._closed = True
        self._news.set()


def named(release: Release) -> RunningRelease:
    """A release as a mode must suit it."""
    return RunningRelease(release.label, release.digest, release.data_digest)


def _event() -> asyncio.Event:
    """An event that is set."""
    event = asyncio.Event()
    event.set()
    return event
