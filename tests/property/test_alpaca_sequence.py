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

from gateway.brokers.alpaca.adapter import FILE_NAME, AlpacaBroker
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import (
    Accepted,
    BrokerUpdate,
    Execution,
    NotSentError,
    StatusChange,
)
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import Account, AlpacaPeer, Fault
from signing.lifecycle import TERMINAL, State
from support.alpaca import opened, real
from support.brokers import limit_order

QTY = 5
STEPS = ("submit", "fill", "hidden fill", "end", "list late", "read", "restart", "fault", "ask")
STEPS += ("lose the file", "replace", "refuse")
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
    steps: set[str] = field(default_factory=set[str])

    async def step(self, name: str, draw: int) -> None:
        self.steps.add(name)
        order = self.working[draw % len(self.working)] if self.working else ""
        match name:
            case "fill" | "hidden fill" if order:
                self.fill(order, listed=name == "fill")
            case "end" if order:
                self.end(order, ("canceled", "expired", "replaced")[draw % 3])
            case "list late":
                self.peer.list_late_fills()
            case "fault":
                self.peer.faults.append(Fault("GET", FAILING[draw % 3], b"[]x"))
            case "refuse" if order:
                self.peer.end(order, "pending_cancel")
                await self.read_if_answered()
                self.peer.decide(order, done=False)
            case _:
                await self.our_step(name, order, draw)

    async def our_step(self, name: str, order: str, draw: int) -> None:
        match name:
            case "submit":
                await self.submit()
            case "read":
                await self.read_if_answered(1 + draw % 3)
            case "restart":
                await self.broker.close()
                self.broker = await opened(self.folder, {"primary": real(self.peer, self.account)})
            case "lose the file":
                await self.lose()
            case "replace" if order:
                await self.replace(order)
            case "ask" if order:
                with contextlib.suppress(UnavailableError):
                    await self.broker.order(order)
            case _:
                await asyncio.sleep(0)

    async def submit(self) -> None:
        self.sent += 1
        name = f"wr-{self.sent}"
        with contextlib.suppress(NotSentError):
            await self.broker.submit(limit_order(name, QTY, limit_price=10_000))
            self.working.append(name)

    async def replace(self, order: str) -> None:
        """In the place of one that is not filled; any other one is not replaced."""
        self.sent += 1
        name = f"wr-{self.sent}"
        with contextlib.suppress(NotSentError):
            answer = await self.broker.replace(
                order, limit_order(name, QTY, limit_price=20_000), self.filled[order]
            )
            if isinstance(answer, Accepted):
                self.end(order, "replaced", told=True)
                self.working.append(name)

    async def lose(self) -> None:
        """The file is gone; at a start the record asks for every order that is open in it."""
        await self.broker.close()
        (self.folder / FILE_NAME).unlink()
        self.broker = await opened(self.folder, {"primary": real(self.peer, self.account)})
        for name in self.open_in_record():
            asked = True
            while asked:
                with contextlib.suppress(UnavailableError):
                    await self.broker.order(name)
                    asked = False

    def open_in_record(self) -> list[str]:
        fills, ends = heard(self.told)
        filled: Counter[str] = Counter()
        for fill in fills:
            filled[fill.broker_client_id] += fill.qty
        over = {end.broker_client_id for end in ends} | {n for n in filled if filled[n] == QTY}
        return [name for n in range(1, self.sent + 1) if (name := f"wr-{n}") not in over]

    async def read_if_answered(self, limit: int = 3) -> None:
        with contextlib.suppress(UnavailableError):
            await self.read(limit)

    def fill(self, order: str, *, listed: bool) -> None:
        self.peer.fill(order, "1", "1", listed=listed)
        self.filled[order] += 1
        if self.filled[order] == QTY:
            self.working.remove(order)

    def end(self, order: str, status: str, *, told: bool = False) -> None:
        if not told:
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


def heard(told: list[BrokerUpdate]) -> tuple[list[Execution], list[StatusChange]]:
    """What a record makes of it: each fill and end once, by what identifies it."""
    events = [update.event for update in told]
    fills = {
        (each.broker_client_id, each.execution_id): each
        for each in events
        if isinstance(each, Execution)
    }
    ends = {
        (each.broker_client_id, each.status): each
        for each in events
        if isinstance(each, StatusChange) and State(each.status) in TERMINAL
    }
    return list(fills.values()), list(ends.values())


def check(story: Story) -> None:
    cursors = [update.cursor for update in story.told]
    assert cursors == sorted(set(cursors))
    fills, ends = heard(story.told)
    assert Counter(fill.broker_client_id for fill in fills) == +story.filled
    assert {end.broker_client_id: end.status for end in ends} == story.ended
    assert len(ends) == len(story.ended)
    if "lose the file" not in story.steps:  # then what was told may be told again
        assert len(fills) + len(ends) == sum(not restores(each) for each in story.told)
    over: set[str] = set()
    seen: set[str] = set()
    for update in story.told:
        event = update.event
        if isinstance(event, Execution) and event.execution_id not in seen:
            assert event.broker_client_id not in over, "told after its end"
            seen.add(event.execution_id)
        if isinstance(event, StatusChange) and not restores(update):
            over.add(event.broker_client_id)


def restores(update: BrokerUpdate) -> bool:
    """Whether it says that an order goes on."""
    event = update.event
    return isinstance(event, StatusChange) and event.code == "ERR_CANCEL_REJECTED"
