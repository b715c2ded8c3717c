"""A gateway in PAPER before the door of its HTTP application, and the officers who permit it.

Its broker is the simulator, which takes orders as ever; only its route says that it is a venue
outside, with a host of its own. What is tested is who may send an order there, not the sending.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.brokers.simulator.adapter import SimulatorBroker
from gateway.domain.mode import Mode
from gateway.domain.permission import Route
from gateway.host import SystemClock
from gateway.market.historical import shipped_feed
from gateway.policy.release import load_release
from support.doors import Door, opened, settings
from support.permitting import Officers, gateway_fields

HOST = "paper.example.com:443"
ORIGIN = "writ.local/log"
LOOKS_S = 60
"""How long a change may take to be seen; a slow machine needs some of it."""


class ShiftedClock(SystemClock):
    """The host's clock, ahead of it or behind."""

    def __init__(self) -> None:
        super().__init__(shipped_feed().tradable_sessions()[0][1])
        self.shift_us = 0

    def wall_us(self) -> int:
        return super().wall_us() + self.shift_us


def outside(monkeypatch: pytest.MonkeyPatch, mode: Mode = Mode.PAPER, host: str = HOST) -> None:
    """Let the simulator say that it is at a venue outside."""

    def route(_broker: SimulatorBroker, account: str) -> Route:
        return Route(account, "simulator", "none", mode, (host,))

    monkeypatch.setattr(SimulatorBroker, "route", route)


def permitting(folder: Path, **changes: Any) -> Officers:
    """Officers whose manifests are for the gateway of `folder` in PAPER, and for its release."""
    release = load_release(settings(folder).release or folder)
    now_us = time.time_ns() // 1_000
    account = {"broker": "simulator", "broker_account": "none", "hosts": [HOST]}
    given = gateway_fields(now_us, release, account)
    return Officers(folder / "trust", now_us, given | changes)


@asynccontextmanager
async def paper(folder: Path, officers: Officers, **changes: Any) -> AsyncGenerator[Door]:
    """Run that gateway and open its door; Omega 4 is lifted."""
    given = {
        "environment": "production",
        "trust": officers.folder,
        "trust_root": officers.pinned,
        "mode": "PAPER",
    }
    async with opened(folder, **(given | changes)) as door:
        yield door


async def shown(door: Door) -> Any:  # noqa: ANN401  a decoded body
    return (await door.call("GET", "/v1/manifests", scope="risk-reader")).json()


async def until(door: Door, holds: Callable[[Any], bool]) -> Any:  # noqa: ANN401  a decoded body
    """Wait until what is shown of the manifest is so."""
    door.keys.setdefault("risk-reader", door.new_key("risk-reader", "read", "risk"))
    for _ in range(LOOKS_S * 50):
        told = await shown(door)
        if holds(told):
            return told
        await asyncio.sleep(0.02)
    raise AssertionError(f"not so within {LOOKS_S} s: {await shown(door)}")


def lapsed(cause: str) -> Callable[[Any], bool]:
    """Whether the manifest has ended for this reason."""
    return lambda told: told["manifest"] is not None and told["manifest"]["lapsed"] == cause
