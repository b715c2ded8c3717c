"""Whatever comes between, every fill and end at Alpaca is told once, and ends come last."""

import asyncio
import contextlib
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.brokers.alpaca.adapter import AlpacaBroker
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import BrokerUpdate, Execution, StatusChange
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import Account, AlpacaPeer, Fault
from support.alpaca import opened, real
from support.brokers import limit_order

QTY = 5
STEPS = ("submit", "fill", "hidden fill", "end", "list late", "read", "restart", "fault", "ask")
FAILING = ("/v2/account/activities", "/v2/orders", "/v2/orders/")


@dataclass
class Story:
    """A venue, a broker that may be opened anew at any time, and all that it has told so far."""

    peer: AlpacaPeer
    account: Account
    folder: Path
    broker: AlpacaBroker
    told: list[BrokerUpdate] = field(default_factory=list[BrokerUpdate])
    working: list[str] = field(default_factory=list[str])
    ended: dict[str, str] = field(default_factory=dict[str, str])
    filled: Counter[str] = field(default_factory=Counter[str])
    sent: int = 0

    async def step(self, name: str, draw: int) -> None:
        order = self.working[draw % len(self.working)] if self.working else ""
        match name:
            case "submit":
                await self.submit()
            case "fill" | "hidden fill" if order:
                self.fill(order, listed=name == "fill")
            case "end" if order:
                self.end(order, ("canceled", "expired", "replaced")[draw % 3])
            case "list late":
                self.peer.list_late_fills()
            case "read":
                with contextlib.suppress(UnavailableError):
                    await self.read(1 + draw % 3)
            case "restart":
                await self.broker.close()
                self.broker = await opened(self.folder, {"primary": real(self.peer, self.account)})
            case "fault":
                self.peer.faults.append(Fault("GET", FAILING[draw % 3], b"[]x"))
            case "ask" if order:
                with contextlib.suppress(UnavailableError):
                    await self.broker.order(order)
            case _:
                await asyncio.sleep(0)

    async def submit(self) -> None:
        self.sent += 1
        name = f"wr-{self.sent}"
        await self.broker.submit(limit_order(name, QTY, limit_price=10_000))
        self.working.append(name)

    def fill(self, order: str, *, listed: bool) -> None:
        self.peer.fill(order, "1", "1", listed=listed)
        self.filled[order] += 1
        if self.filled[order] == QTY:
            self.working.remove(order)

    def end(self, order: str, status: str) -> None:
        self.peer.end(order, status)
        self.working.remove(order)
        self.ended[order] = status.upper()

    async def read(self, limit: int) -> int:
        page = await self.broker.updates(self.told[-1].cursor if self.told else 0, limit)
        self.told += page
        return len(page)


@pytest.mark.requirement("S1-03")
@settings(max_examples=15)
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 11)), max_size=25))
def test_every_fill_and_end_is_told_once(steps: list[tuple[str, int]]) -> None:
    asyncio.run(tell(steps))


async def tell(steps: list[tuple[str, int]]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        alpaca_peer(lambda: 1_700_000_000_000_000) as peer,
    ):
        account = peer.account(cash="1000000")
        broker = await opened(Path(folder), {"primary": real(peer, account)})
        story = Story(peer, account, Path(folder), broker)
        await story.submit()
        for name, draw in steps:
            await story.step(name, draw)
        peer.list_late_fills()
        peer.faults.clear()
        rounds = 0
        while await story.read(100) or rounds < 3:  # a round asks for some orders only
            rounds += 1
        await story.broker.close()
    check(story)


def check(story: Story) -> None:
    cursors = [update.cursor for update in story.told]
    assert cursors == sorted(set(cursors))
    events = [update.event for update in story.told]
    fills = [event for event in events if isinstance(event, Execution)]
    assert Counter(fill.broker_client_id for fill in fills) == +story.filled
    assert len({fill.execution_id for fill in fills}) == len(fills)
    ends = [event for event in events if isinstance(event, StatusChange)]
    assert {end.broker_client_id: end.status for end in ends} == story.ended
    assert len(ends) == len(story.ended)
    over: set[str] = set()
    for event in events:
        assert event.broker_client_id not in over, "told after its end"
        if isinstance(event, StatusChange):
            over.add(event.broker_client_id)
