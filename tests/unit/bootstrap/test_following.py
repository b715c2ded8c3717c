"""Brokers are asked for news as long as the gateway runs, whatever fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from gateway.bootstrap import following
from gateway.bootstrap.following import follow
from gateway.brokers.alpaca import client
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import BrokerUpdate, Submission
from gateway.domain.halt import Halt, Scope
from gateway.ports import Broker
from gateway.tracking.health import BACK_REASON, FAILURES_MAX, Asked, Health
from gateway.tracking.updates import Tracker
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import Fault
from support.alpaca import FAST, opened, real, until
from support.brokers import ManualClock, feed, limit_order, simulator

PATIENCE_S = 60
DAY_US = 86_400_000_000


class Reading(Tracker):
    """Pulls as the tracker does, and keeps what it was told instead of a record."""

    def __init__(self, broker: Broker) -> None:
        self._from = broker
        self.told: list[BrokerUpdate] = []
        self.fails = 0
        self.pulls = 0
        self.code = "broker-unavailable"

    async def pull(self) -> int:
        self.pulls += 1
        if self.fails:
            self.fails -= 1
            raise UnavailableError(self.code, "no answer")
        after = self.told[-1].cursor if self.told else 0
        page = await self._from.updates(after, 100)
        self.told += page
        return len(page)


class Halted:
    """Keeps what it was asked to stop; refuses at first, as a ledger in trouble would."""

    def __init__(self, refusals: int = 0) -> None:
        self.asked: list[tuple[str, Scope]] = []
        self.lifted: list[tuple[str, Scope]] = []
        self._refusals = refusals

    async def halt(
        self,
        *,
        cause: str,
        scope: Scope,
        by: str,
        clear_by: str,
        cancels: bool = False,
        observed: int | None = None,
        limit: int | None = None,
        reduce_allowed: bool = False,
        reason: str | None = None,
    ) -> Halt:
        self.asked.append((cause, scope))
        if len(self.asked) <= self._refusals:
            raise UnavailableError("ledger-unavailable", "no disk")
        return Halt("hlt_1", scope, cause, cancels, reduce_allowed, clear_by, by)

    async def recover(self, *, cause: str, scope: Scope, by: str, reason: str) -> Halt | None:
        assert (by, reason) == ("probe", BACK_REASON)
        self.lifted.append((cause, scope))
        return None


class Pauses(ManualClock):
    """Keeps how long it was asked to wait, and waits a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    async def sleep_ms(self, duration_ms: int) -> None:
        self.asked.append(duration_ms)
        await asyncio.sleep(0.001)


def healthy(halted: Halted, clock: ManualClock, *answers: bool) -> Health:
    """Answers its probes as it is told, and from then on always."""
    told = list(answers)

    async def probe(_account: str) -> None:
        if told and not told.pop(0):
            raise UnavailableError("broker-unavailable", "no answer")

    return Health("alpaca", ["primary"], probe, halted, clock)


@asynccontextmanager
async def bounded() -> AsyncIterator[AsyncExitStack]:
    async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as stack:
        yield stack


@pytest.mark.requirement("S3-08")
async def test_a_broker_that_tells_nothing_is_asked_at_its_pace_and_after_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "READ_PAUSES_MS", (1, 1))
    with alpaca_peer() as peer:
        broker = await opened(tmp_path, {"primary": real(peer, peer.account())})
        reading, clock, halted = Reading(broker), Pauses(), Halted()
        async with bounded() as stack:
            stack.push_async_callback(broker.close)
            follow(broker, reading, healthy(halted, Pauses()), clock, stack)
            for n in range(3):
                await broker.submit(limit_order(f"wr-{n}", 1))
                peer.faults.append(Fault("GET", "/v2/account/activities", 500, times=3))
                reading.fails = 2
                peer.fill(f"wr-{n}", "1", "100")
                await until(lambda: len(reading.told) == n + 1)  # noqa: B023  waited for here
        assert min(clock.asked) == FAST["poll_ms"]
        assert halted.asked == []


@pytest.mark.requirement("S3-17")
async def test_pauses_grow_to_a_bound_and_a_broker_that_goes_on_failing_halts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BACK_OFF_MAX_MS", 100)
    with alpaca_peer() as peer:
        broker = await opened(tmp_path, {"primary": real(peer, peer.account())})
        reading, clock, halted = Reading(broker), Pauses(), Halted(refusals=1)
        reading.fails = 40
        async with bounded() as stack:
            stack.push_async_callback(broker.close)
            follow(broker, reading, healthy(halted, Pauses()), clock, stack)
            await until(lambda: reading.pulls >= 43)
        assert clock.asked[:5] == [20, 40, 80, 100, 100]
        assert set(clock.asked[5:40]) == {100}
        assert clock.asked[41:43] == [20, 20]
        assert set(halted.asked) == {("BROKER_DOWN", Scope("account", "primary"))}


@pytest.mark.requirement("S3-17")
async def test_a_probe_that_is_answered_twice_in_a_row_lifts_the_halt_after_reconciling() -> None:
    halted, clock = Halted(), Pauses()
    health = healthy(halted, clock, False, True, False, True, True)
    reconciled: list[int] = []

    async def reconcile(_account: str) -> None:
        reconciled.append(len(halted.lifted))
        if len(reconciled) == 1:
            raise UnavailableError("broker-unavailable", "gone again")

    health.reconciled = reconcile
    for _ in range(FAILURES_MAX):
        await health.failed(Asked.QUESTION)
    assert health.down
    watching = asyncio.create_task(health.watch())
    async with asyncio.timeout(PATIENCE_S):
        while not halted.lifted:  # noqa: ASYNC110  a question to it, not a wait for news
            await asyncio.sleep(0.001)
    watching.cancel()
    assert reconciled == [0, 0]
    assert halted.lifted == [("BROKER_DOWN", Scope("account", "primary"))]
    assert clock.asked[:5] == [1_000, 2_000, 1_000, 2_000, 1_000]


@pytest.mark.requirement("S3-17")
async def test_failures_of_our_own_ledger_are_no_broker_that_is_down(tmp_path: Path) -> None:
    broker = await simulator(tmp_path, feed({"AAPL": [1_000_000]}), ManualClock())
    reading, clock, halted = Reading(broker), Pauses(), Halted()
    reading.fails, reading.code = FAILURES_MAX + 3, "ledger-full"
    async with bounded() as stack:
        stack.push_async_callback(broker.close)
        health = healthy(halted, clock)
        follow(broker, reading, health, clock, stack)
        assert broker.on_update is not None
        broker.on_update()
        await until(lambda: reading.pulls > FAILURES_MAX + 3)
    assert halted.asked == []
    assert not health.down


@pytest.mark.requirement("S3-17")
@pytest.mark.parametrize(
    ("outcome", "code", "down"),
    [
        ("unknown", "GATE_TIMEOUT", True),
        ("refused", "ERR_NETWORK", True),
        ("refused", "GATE_HALTED", False),
        ("rejected", "ERR_INSUFFICIENT_FUNDS", False),
    ],
)
async def test_orders_that_cannot_be_sent_are_a_broker_that_is_down(
    outcome: str, code: str, down: bool
) -> None:
    halted, clock = Halted(), Pauses()
    health = healthy(halted, clock)
    for n in range(FAILURES_MAX):
        health.answered(Asked.QUESTION)  # questions may be answered all the while
        await health.heard(
            Submission(f"dec_{n}", f"ord_{n}", f"wr-{n}", "alpaca", outcome, code, "none")
        )
    assert health.down is down
    assert bool(halted.asked) is down


async def test_a_broker_that_tells_of_news_is_asked_then(tmp_path: Path) -> None:
    clock = ManualClock()
    broker = await simulator(tmp_path, feed({"AAPL": [1_000_000, 1_000_000]}), clock)
    reading, halted = Reading(broker), Halted()
    async with bounded() as stack:
        stack.push_async_callback(broker.close)
        follow(broker, reading, healthy(halted, Pauses()), clock, stack)
        reading.fails = 1
        await broker.submit(limit_order("wr-1", limit_price=500_000))
        await broker.submit(limit_order("wr-2", limit_price=500_000))
        await broker.cancel("wr-1")
        await until(lambda: not reading.fails)
        await broker.cancel("wr-2")
        await until(lambda: len(reading.told) == 2)


async def test_nothing_is_asked_once_the_gateway_has_ended(tmp_path: Path) -> None:
    with alpaca_peer() as peer:
        broker = await opened(tmp_path, {"primary": real(peer, peer.account())})
        reading = Reading(broker)
        async with bounded() as stack:
            clock = Pauses()
            follow(broker, reading, healthy(Halted(), clock), clock, stack)
            await until(lambda: reading.pulls >= 2)
        await asyncio.sleep(0)
        asked = reading.pulls
        await asyncio.sleep(0.1)
        assert reading.pulls == asked
        await broker.close()
