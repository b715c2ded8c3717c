"""Channels are told what stands: once, the most severe first, and none holds up another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gateway.host import LooseRunner
from gateway.telemetry import delivery
from gateway.telemetry.alerts import Alerts
from gateway.telemetry.channels import send
from gateway.telemetry.delivery import Channel, Delivery
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.rules import Alert, Severity
from peers.alert_channels import ChannelsPeer
from support.alert_channels import addresses

pytestmark = [pytest.mark.requirement("S3-13")]

PATIENCE_S = 60
KILL = Alert("halt:OMEGA2_MANUAL:everything", Severity.CRITICAL, "Halt", "It is halted.")
LATE = Alert("market-latency", Severity.MEDIUM, "Late", "It is late.")


class FastClock:
    """Real time, but for pauses, which are a hundredth."""

    def wall_us(self) -> int:
        return time.time_ns() // 1_000

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 100_000)


@dataclass
class World:
    """Alerts that stand as the test says, and the channels that are told."""

    peer: ChannelsPeer
    kinds: tuple[str, ...]
    alerts: Alerts = field(
        default_factory=lambda: Alerts(time.monotonic_ns, lambda: 0, clear_after_ms=0)
    )
    metrics: Metrics = field(default_factory=lambda: Metrics(time.monotonic_ns, []))
    told: Delivery = field(init=False)

    def __post_init__(self) -> None:
        found = addresses(self.peer)
        channels = [Channel(kind, lambda kind=kind: found[kind]) for kind in self.kinds]
        self.told = Delivery(
            channels,
            self.alerts,
            self.metrics,
            FastClock(),
            LooseRunner().run,
            send,
            "writ.test/log",
        )

    def stand(self, *due: Alert) -> None:
        self.alerts.look(due)

    def keys(self, path: str) -> list[str]:
        """What each request to a path was about: the dedup key or title's end."""
        return [
            f"{one.body['event']} {one.body['key'].partition(':')[2]}"
            for one in self.peer.got
            if one.path.startswith(path)
        ]

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0


@asynccontextmanager
async def world(peer: ChannelsPeer, *kinds: str) -> AsyncGenerator[World]:
    made = World(peer, kinds)
    tasks = made.told.tasks()
    yield made
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110  a question to threads, not a wait for news
            await asyncio.sleep(0.01)


async def test_an_alert_is_told_once_and_its_end_once(peer: ChannelsPeer) -> None:
    async with world(peer, "hook") as made:
        for _ in range(20):
            made.stand(KILL)
            await asyncio.sleep(0.01)
        await until(lambda: len(peer.got) >= 1)
        await asyncio.sleep(0.1)
        made.stand()
        await until(lambda: len(peer.got) >= 2)
        await asyncio.sleep(0.1)
        assert made.keys("/hook") == [f"raised {KILL.key}", f"resolved {KILL.key}"]
        assert made.count("writ_alerts_sent_total", channel="hook", what="raised") == 1


async def test_the_most_severe_is_told_first(peer: ChannelsPeer) -> None:
    peer.fault = 503
    async with world(peer, "hook") as made:
        made.stand(LATE)
        await until(lambda: made.count("writ_alerts_failed_total", channel="hook") >= 1)
        made.stand(LATE, KILL)
        peer.fault = None
        await until(lambda: len(peer.got) == 2)
        assert made.keys("/hook") == [f"raised {KILL.key}", f"raised {LATE.key}"]


async def test_an_alert_that_grows_more_severe_is_told_again(peer: ChannelsPeer) -> None:
    async with world(peer, "hook") as made:
        made.stand(LATE)
        await until(lambda: len(peer.got) == 1)
        worse = Alert(LATE.key, Severity.CRITICAL, LATE.title, LATE.text)
        made.stand(worse)
        await until(lambda: len(peer.got) == 2)
        made.stand(LATE)
        await asyncio.sleep(0.1)
        assert [one.body["severity"] for one in peer.got] == ["medium", "critical"]


@pytest.mark.parametrize("fault", [500, 302, "hang", "drip"])
async def test_a_channel_that_fails_holds_up_no_other_and_is_seen(
    peer: ChannelsPeer, fault: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead channel is one that nobody would notice but for this."""
    monkeypatch.setattr(delivery, "ATTEMPT_TIMEOUT_S", 1)
    async with world(peer, "hook") as made:
        peer.fault = fault
        made.stand(KILL)
        await until(lambda: made.told.reports()[0].failing is not None)
        assert made.count("writ_alerts_failed_total", channel="hook") >= 1
        async with asyncio.timeout(0.5):  # the loop goes on meanwhile
            await asyncio.sleep(0.05)
        peer.over.set()  # whoever hangs or drips is let go
        peer.fault = None
        await until(lambda: made.told.reports()[0].failing is None)
        assert made.keys("/hook") == [f"raised {KILL.key}"]


async def test_a_channel_keeps_one_thread_however_long_it_hangs(
    peer: ChannelsPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "ATTEMPT_TIMEOUT_S", 0)
    started = 0
    never = asyncio.Event()

    async def run(_work: Callable[[], None]) -> None:
        nonlocal started
        started += 1
        await never.wait()

    made = World(peer, ("hook",))
    hung = Delivery(made.told._channels, made.alerts, made.metrics, FastClock(), run, send, "o")
    made.stand(KILL)
    tasks = hung.tasks()
    await until(lambda: made.count("writ_alerts_failed_total", channel="hook") >= 10)
    for task in tasks:
        task.cancel()
    never.set()
    assert started == 1


async def test_that_a_channel_is_dead_the_others_hear(peer: ChannelsPeer) -> None:
    dead = Alert("channel:hook", Severity.HIGH, "Dead", "It takes no notices.")
    made = World(peer, ("hook", "pager"))
    made.stand(dead)
    tasks = made.told.tasks()
    await until(lambda: len(peer.got) >= 1)
    await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    assert [one.path for one in peer.got] == ["/v2/enqueue"]


async def test_a_defect_leaves_no_channel_silent(
    peer: ChannelsPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(peer, "hook") as made:
        with monkeypatch.context() as broken:
            broken.setattr(made.alerts, "standing", lambda: 1 // 0)
            await asyncio.sleep(0.05)
        made.stand(KILL)
        await until(lambda: len(peer.got) == 1)


async def test_every_retry_has_an_end(peer: ChannelsPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "ATTEMPTS_MAX", 3)
    peer.fault = 503
    async with world(peer, "hook") as made:
        made.stand(KILL)
        await until(lambda: made.count("writ_alerts_lost_total", channel="hook") == 1)
        failed = made.count("writ_alerts_failed_total", channel="hook")
        await asyncio.sleep(0.2)
        assert made.count("writ_alerts_failed_total", channel="hook") == failed == 3
        assert made.told.reports()[0].failing == "not-taken"


async def test_an_address_that_is_not_in_hand_is_a_channel_that_fails(peer: ChannelsPeer) -> None:
    made = World(peer, ("hook",))

    def lost() -> str:
        raise KeyError("a secret word")

    untold = Delivery(
        [Channel("hook", lost)],
        made.alerts,
        made.metrics,
        FastClock(),
        LooseRunner().run,
        send,
        "o",
    )
    assert await untold.test() == {"hook": "KeyError"}
    assert untold.reports()[0].failing == "KeyError"


async def test_a_test_goes_to_each_channel_and_says_which_failed(peer: ChannelsPeer) -> None:
    made = World(peer, ("chat", "pager", "hook"))
    assert await made.told.test() == dict.fromkeys(("chat", "pager", "hook"))
    assert {one.path for one in peer.got} >= {"/v2/enqueue", "/hook/secret-path"}
    assert peer.flaws == []
    peer.fault = 500
    assert await made.told.test() == dict.fromkeys(("chat", "pager", "hook"), "not-taken")
