"""The clock, held against a real time server over UDP: at the start, and while it runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.bootstrap import running
from gateway.bootstrap.clock import ask_broker
from gateway.brokers.contract import ServerTime
from gateway.config import Settings
from gateway.control import clock_skew
from gateway.control.clock_skew import (
    ASKED_EVERY_MS,
    MESSAGE,
    SILENT_MAX_NS,
    SKEW_MAX_MS,
    ClockWatch,
    NoTimeError,
    Told,
)
from gateway.control.ntp import NtpTeller, _us
from gateway.domain.errors import InvalidInputError, RefusedError, UnavailableError, WritError
from gateway.domain.execution import OutcomeUnknownError
from gateway.host import OsEntropy, SystemClock, ThreadRunner
from peers.ntp import FROM_1900_S, NtpPeer, ntp_peer
from support.doors import opened, settings

pytestmark = [pytest.mark.requirement("S3-22")]

NOW_US = 1_790_000_000_000_000
CLOCK_NS = 1_000_000_000


@pytest.fixture
def peer() -> Iterator[NtpPeer]:
    with ntp_peer() as peer:
        yield peer


@pytest.fixture
def teller(peer: NtpPeer) -> Iterator[NtpTeller]:
    runner = ThreadRunner()
    yield NtpTeller(peer.host, peer.port, SystemClock(), OsEntropy(), runner)
    runner.close()


class Steps:
    """A clock whose monotonic time moves with each sleep, and by hand."""

    def __init__(self) -> None:
        self.ns = CLOCK_NS

    def wall_us(self) -> int:
        return NOW_US

    def market_us(self) -> int:
        return NOW_US

    def monotonic_ns(self) -> int:
        return self.ns

    async def sleep_ms(self, duration_ms: int) -> None:
        self.ns += duration_ms * 1_000_000
        await asyncio.sleep(0)


class Said:
    """A teller that says what it is told to say, one after the other; the last again and again."""

    name = "the test"

    def __init__(self, *answers: int | str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def told(self) -> Told:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, str):
            raise NoTimeError(answer)
        return Told(NOW_US + answer * 1_000, NOW_US, NOW_US)


def watching(*answers: int | str) -> tuple[ClockWatch, Said, Steps]:
    said, clock = Said(*answers), Steps()
    return ClockWatch(said, clock), said, clock


@pytest.mark.parametrize("skew_ms", [0, 1_500, -1_500, 7_200_000, -86_400_000])
async def test_a_time_server_tells_how_far_we_are_off(
    peer: NtpPeer, teller: NtpTeller, skew_ms: int
) -> None:
    peer.skew_ms = skew_ms
    told = await teller.told()
    # However busy the machine: the server's instant lies between the question and the answer.
    assert abs(told.skew_ms - skew_ms) <= told.delay_ms // 2 + 2
    assert told.delay_ms >= 0


@pytest.mark.attack
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("garbage", "ntp-unreadable"),
        ("short", "ntp-unreadable"),
        ("unasked", "ntp-unreadable"),
        ("broadcast", "ntp-unreadable"),
        ("kiss-of-death", "ntp-refused"),
        ("unsynchronized", "ntp-unsynchronized"),
    ],
)
async def test_an_answer_that_proves_nothing_is_none(
    peer: NtpPeer, teller: NtpTeller, fault: str, code: str
) -> None:
    peer.fault = fault
    with pytest.raises(NoTimeError) as caught:
        await teller.told()
    assert caught.value.code == code


async def test_a_silent_server_is_waited_for_a_few_seconds_and_no_longer(
    peer: NtpPeer, teller: NtpTeller
) -> None:
    peer.fault = "silent"
    begun = time.monotonic()
    with pytest.raises(NoTimeError) as caught:
        await teller.told()
    assert caught.value.code == "ntp-silent"
    assert time.monotonic() - begun < 30


async def test_no_two_questions_are_alike_and_none_tells_our_clock(
    peer: NtpPeer, teller: NtpTeller
) -> None:
    await teller.told()
    await teller.told()
    stamps = {question[40:48] for question in peer.questions}
    assert len(stamps) == 2
    assert all(question[0] == 0o43 for question in peer.questions)  # version 4, client


@pytest.mark.parametrize("year_s", [1_790_000_000, 2_085_978_495, 2_085_978_497, 2_300_000_000])
def test_the_seconds_of_ntp_begin_anew_in_2036(year_s: int) -> None:
    stamp = ((year_s + FROM_1900_S) % 2**32).to_bytes(4, "big") + (2**31).to_bytes(4, "big")
    assert _us(stamp, year_s * 1_000_000 + 5_000_000) == year_s * 1_000_000 + 500_000
    assert _us(stamp, year_s * 1_000_000 - 5_000_000) == year_s * 1_000_000 + 500_000


@pytest.mark.parametrize("skew_ms", [0, SKEW_MAX_MS, -SKEW_MAX_MS])
async def test_a_clock_within_the_bound_starts(skew_ms: int) -> None:
    watch, _, _ = watching(skew_ms)
    await watch.check_start()
    assert (watch.skew_ms, watch.trouble()) == (skew_ms, None)


@pytest.mark.parametrize(
    ("skew_ms", "where"), [(SKEW_MAX_MS + 1, "behind"), (-SKEW_MAX_MS - 1, "ahead of")]
)
async def test_a_clock_that_is_off_at_the_start_is_fatal(skew_ms: int, where: str) -> None:
    watch, _, _ = watching(skew_ms)
    with pytest.raises(RefusedError) as caught:
        await watch.check_start()
    assert caught.value.code == "clock-skew"
    assert caught.value.detail.startswith(MESSAGE)
    assert where in caught.value.detail


async def test_a_source_without_an_answer_at_the_start_is_fatal() -> None:
    watch, said, _ = watching("ntp-silent")
    with pytest.raises(UnavailableError) as caught:
        await watch.check_start()
    assert caught.value.code == "clock-unknown"
    assert "ntp-silent" in caught.value.detail
    assert said.asked == 3


async def test_one_lost_packet_at_the_start_is_asked_again() -> None:
    watch, said, _ = watching("ntp-silent", 3)
    await watch.check_start()
    assert (watch.skew_ms, said.asked) == (3, 2)


async def test_an_answer_that_took_too_long_tells_nothing() -> None:
    told = Told(NOW_US, NOW_US, NOW_US + 5_000_000)
    teller: Any = SimpleNamespace(name="slow", told=lambda: asyncio.sleep(0, told))
    with pytest.raises(UnavailableError) as caught:
        await ClockWatch(teller, Steps()).check_start()
    assert "too-slow" in caught.value.detail


async def test_later_drift_and_silence_are_trouble_and_end_by_themselves() -> None:
    watch, said, clock = watching(0, 5_000, 10, "ntp-silent")
    await watch.check_start()
    seen = dict[int, str | None]()

    async def look() -> None:
        while said.asked < 20:
            seen[said.asked] = watch.trouble()
            await asyncio.sleep(0)

    task = asyncio.create_task(watch.run())
    async with asyncio.timeout(30):
        await look()
    task.cancel()
    assert seen[1] is None
    assert seen[2] is not None
    assert "5000 ms" in seen[2]
    assert seen[3] is None  # mended
    minutes = SILENT_MAX_NS // (ASKED_EVERY_MS * 1_000_000)
    assert seen[3 + minutes - 1] is None  # the last answer counts for a while
    assert seen[19] is not None
    assert clock.ns > CLOCK_NS


async def test_without_a_source_nothing_is_claimed() -> None:
    watch = ClockWatch(None, Steps())
    await watch.check_start()
    await watch.run()
    assert (watch.skew_ms, watch.trouble()) == (None, None)


async def test_a_gateway_with_a_wrong_clock_does_not_start_and_dates_nothing(
    peer: NtpPeer, tmp_path: Path
) -> None:
    peer.skew_ms = 10_000
    chosen = settings(tmp_path, clock_source=f"ntp:{peer.host}:{peer.port}")
    with pytest.raises(WritError) as caught:
        async with running(chosen):
            pass
    assert caught.value.code == "clock-skew"
    assert not (chosen.data / "writ.db").exists()


async def test_a_gateway_with_a_right_clock_starts_and_shows_the_skew(
    peer: NtpPeer, tmp_path: Path
) -> None:
    async with opened(tmp_path, clock_source=f"ntp:{peer.host}:{peer.port}") as door:
        text = (await door.call("GET", "/metrics")).text
    assert "writ_clock_skew_ms" in text
    assert "writ_clock_trouble 0.0" in text


async def test_later_drift_is_told_of_and_stops_nothing_but_live(
    peer: NtpPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_skew, "ASKED_EVERY_MS", 20)
    async with opened(tmp_path, clock_source=f"ntp:{peer.host}:{peer.port}") as door:
        peer.skew_ms = 10_000
        async with asyncio.timeout(60):
            while True:
                alerts = (await door.call("GET", "/v1/alerts")).json()["alerts"]
                if found := [one for one in alerts if one["key"] == "clock"]:
                    break
                await asyncio.sleep(0.05)
        assert found[0]["severity"] == "critical"
        assert "behind its time source" in found[0]["text"]
        assert (await door.propose()).status_code == 201
        assert door.app.book().halts == {}


class Timed:
    """A broker that tells its time, or does not."""

    def __init__(self, skew_ms: int | None) -> None:
        self.skew_ms = skew_ms

    async def server_time(self, account: str) -> ServerTime:
        assert account == "primary"
        if self.skew_ms is None:
            raise OutcomeUnknownError("ERR_NETWORK")
        return ServerTime(NOW_US + self.skew_ms * 1_000, NOW_US, NOW_US)


async def by_broker(broker: object, tmp_path: Path) -> ClockWatch:
    runner = ThreadRunner()
    host: Any = SimpleNamespace(clock=Steps(), runner=runner)
    chosen = settings(tmp_path, clock_source="broker")
    folders: list[Path] = []

    async def opening(given: Settings, ends: AsyncExitStack) -> dict[str, Any]:
        folders.append(given.data)
        assert given.data.is_dir()
        assert given.data != chosen.data, "it may be another gateway's"
        ends.callback(folders.append, given.data)
        return {"primary": broker}

    try:
        return await ask_broker(chosen, host, opening)
    finally:
        runner.close()
        assert len(folders) == 2, "opened once, and closed"
        assert not folders[0].exists()


async def test_a_brokers_own_time_can_be_the_source(tmp_path: Path) -> None:
    assert (await by_broker(Timed(700), tmp_path)).skew_ms == 700
    with pytest.raises(RefusedError):
        await by_broker(Timed(-2_001), tmp_path)
    with pytest.raises(UnavailableError) as caught:
        await by_broker(Timed(None), tmp_path)
    assert "ERR_NETWORK" in caught.value.detail
    with pytest.raises(InvalidInputError) as refused:
        await by_broker(object(), tmp_path)
    assert refused.value.code == "clock-source-missing"


class SetBack(SystemClock):
    """A host whose clock is behind."""

    def __init__(self, by_ms: int) -> None:
        super().__init__()
        self.by_ms = by_ms

    def wall_us(self) -> int:
        return super().wall_us() - self.by_ms * 1_000


async def test_a_clock_set_back_while_the_gateway_was_down_is_refused(tmp_path: Path) -> None:
    chosen = settings(tmp_path, market="none", accounts={"primary": {"broker": "null"}})
    async with running(chosen) as app:
        await app.journal.settled()
        size = app.ledger.size
    with pytest.raises(WritError) as caught:
        async with running(chosen, SetBack(60_000)):
            pass
    assert caught.value.code == "clock-behind-log"
    async with running(chosen, SetBack(1_000)) as app:  # what a time server mends
        assert app.ledger.size > size


@pytest.mark.parametrize(
    "source", ["ntp", "ntp:", "ntp:host:0x1", "ntp:host:99999999", "gps", "ntp:a b", "NONE"]
)
def test_a_source_that_is_none_is_refused(source: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="clock_source"):
        settings(tmp_path, clock_source=source)
