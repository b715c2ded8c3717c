"""PAPER at a venue over HTTP: a permitted gateway, the peer it trades at, and what both see."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.brokers.alpaca import client
from gateway.domain.book import OrderState
from gateway.policy.release import load_release
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import Account, AlpacaPeer
from signing.lifecycle import State
from support.alpaca import until
from support.doors import Door, opened, settings
from support.permitting import Officers, gateway_fields
from support.real_time import ChosenClock, at_us, hours_told, tell_all

OPEN = "2027-11-24T10:00"
ORIGIN = "writ.local/log"


@dataclass
class Paper:
    """The gateway, its venue, and the account that both speak of."""

    door: Door
    peer: AlpacaPeer
    account: Account

    async def buy(self, qty: str = "10") -> tuple[str, str]:
        """Propose an order that is allowed; our id of it, and the one that the venue sees."""
        answer = await self.door.propose(qty=qty)
        assert answer.status_code == 201, answer.text
        order_id = answer.json()["order_id"]
        return order_id, self.order(order_id).broker_client_id

    def order(self, order_id: str) -> OrderState:
        return self.door.app.book().orders[order_id]

    def causes(self) -> set[str]:
        return {halt.cause for halt in self.door.app.book().halts.values()}

    def held(self) -> dict[str, tuple[int, int]]:
        return dict(self.door.app.book().account("primary").positions)

    async def is_now(self, order_id: str, status: State) -> None:
        await until(lambda: self.order(order_id).status is status)


def officers(folder: Path, now_us: int, number: str, host: str) -> Officers:
    """Officers who permit PAPER with this one account at this one host."""
    release = load_release(settings(folder).release or folder)
    account = {"broker": "alpaca", "broker_account": number, "hosts": [host]}
    given = gateway_fields(now_us, release, account)
    return Officers(folder / "trust", now_us, given)


@dataclass
class Venue:
    """The peer, the account there, and the settings of a gateway that is permitted to trade it."""

    peer: AlpacaPeer
    account: Account
    clock: ChosenClock
    given: dict[str, Any]

    @asynccontextmanager
    async def gateway(self, folder: Path) -> AsyncGenerator[Paper]:
        async with opened(folder, clock=self.clock, **self.given) as door:
            yield Paper(door, self.peer, self.account)


@contextmanager
def venue(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Venue]:
    clock = ChosenClock(at_us(OPEN))
    with alpaca_peer(clock.wall_us) as peer:
        account = peer.account()
        monkeypatch.setenv("BROKER_KEY", account.key_id)
        monkeypatch.setenv("BROKER_SECRET", account.secret)
        monkeypatch.setattr(client, "READ_PAUSES_MS", (5, 10))
        host = peer.url.removeprefix("http://")
        permitting = officers(folder, clock.now_us, account.number, host)
        permitting.sign()
        at_alpaca = {
            "broker": "alpaca",
            "broker_account": account.number,
            "url_override": peer.url,
            "key_id": "env://BROKER_KEY",
            "secret": "env://BROKER_SECRET",
        }
        given: dict[str, Any] = {
            "mode": "PAPER",
            "market": "venue",
            "environment": "production",
            "trust": permitting.folder,
            "trust_root": permitting.pinned,
            "broker_timeout_ms": 2_000,
            "settle_ms": 1_000,
            "accounts": {"primary": at_alpaca},
        }
        yield Venue(peer, account, clock, given)


@asynccontextmanager
async def ready(there: Venue, folder: Path) -> AsyncGenerator[Paper]:
    """The gateway, once it knows all that an order needs."""
    async with there.gateway(folder) as made:
        await hours_told(made.door)
        await tell_all(made.door)
        broker = made.door.app.facts.venues["primary"]
        await until(lambda: broker.terms("primary", "AAPL") is not None)
        yield made
