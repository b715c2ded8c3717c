"""A real broker client at its peer: what its requests tell metrics, and its clock the start."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from gateway.bootstrap import quotes
from gateway.domain.errors import WritError
from gateway.domain.market import QuoteSource
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import AlpacaPeer, Fault
from support.doors import Door, opened
from support.real_time import ChosenClock, at_us

PATIENCE_S = 60


@asynccontextmanager
async def gateway(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, skew_s: int = 0, **changes: Any
) -> AsyncGenerator[tuple[Door, AlpacaPeer]]:
    clock = ChosenClock(at_us("2027-11-24T10:00"))
    with alpaca_peer(clock.wall_us) as peer:
        peer.skew_s = skew_s
        account = peer.account()
        monkeypatch.setenv("BROKER_KEY", account.key_id)
        monkeypatch.setenv("BROKER_SECRET", account.secret)
        at_alpaca = {
            "broker": "alpaca",
            "broker_account": account.number,
            "url_override": peer.url,
            "key_id": "env://BROKER_KEY",
            "secret": "env://BROKER_SECRET",
        }
        given: dict[str, Any] = {"mode": "RESEARCH", "market": "venue"} | changes
        given["accounts"] = {"primary": at_alpaca}
        async with opened(folder, lifted=False, clock=clock, **given) as door:
            yield door, peer


async def shown(door: Door, line: str) -> None:
    """Wait until the metrics hold a line that begins so."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            text = (await door.call("GET", "/metrics")).text
            if any(one.startswith(line) for one in text.splitlines()):
                return
            await asyncio.sleep(0.05)


@pytest.mark.requirement("S3-12")
async def test_every_request_to_the_broker_is_counted_by_how_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(tmp_path, monkeypatch) as (door, peer):
        await shown(door, 'writ_broker_requests_total{broker="alpaca",outcome="ok"}')
        await shown(door, 'broker_api_error_rate{broker="alpaca"} 0.0')
        await shown(door, 'writ_broker_answer_age_ms{broker="alpaca"}')
        account = next(iter(peer.accounts.values()))
        text = (await door.call("GET", "/metrics")).text
        assert account.number not in text
        peer.faults += [Fault("GET", path, 503, times=3) for path in ("/v2/orders", "/v2/clock")]
        await shown(door, 'writ_broker_requests_total{broker="alpaca",outcome="failed"}')
        assert door.app.observer.metrics.broker_errors["alpaca"].counts()[0] >= 1


@pytest.mark.requirement("S3-18")
async def test_the_brokers_own_market_data_is_the_primary_feed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotes, "QUOTES_EVERY_MS", 20)
    async with gateway(tmp_path, monkeypatch, alpaca_quotes="iex") as (door, peer):
        peer.prices["AAPL"] = ("24.70", "24.72", "24.713")
        decimals = door.app.release.instruments["AAPL"].price_decimals
        async with asyncio.timeout(PATIENCE_S):
            while True:
                sourced = door.app.facts.market().sourced("AAPL", decimals)
                if sourced is not None:
                    break
                await asyncio.sleep(0.02)
        assert sourced.source is QuoteSource.PRIMARY
        await shown(door, 'writ_market_data_latency_ms_count{source="broker"}')


@pytest.mark.requirement("S3-22")
@pytest.mark.parametrize(("skew_s", "code"), [(0, ""), (60, "clock-skew"), (-60, "clock-skew")])
async def test_a_brokers_date_can_vouch_for_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skew_s: int, code: str
) -> None:
    found = ""
    try:
        async with gateway(tmp_path, monkeypatch, skew_s=skew_s, clock_source="broker") as (
            door,
            _,
        ):
            watch = door.app.clock_watch
            assert abs(watch.skew_ms or 0) <= 1_000
            teller = watch._teller
            assert teller is not None
            assert abs((await teller.told()).skew_ms) <= 1_000, "the broker that was opened to stay"
    except WritError as error:
        found = error.code
        written = {path.name for path in (tmp_path / "data").iterdir()}
        assert not written & {"writ.db", "log", "keys", "alpaca.db"}, "nothing was dated"
    assert found == code


@pytest.mark.requirement("S3-22")
async def test_a_start_that_the_brokers_date_refuses_adds_nothing_to_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(tmp_path, monkeypatch, clock_source="broker"):
        pass
    before = recorded(tmp_path)
    with pytest.raises(WritError):
        async with gateway(tmp_path, monkeypatch, skew_s=60, clock_source="broker"):
            pass
    assert recorded(tmp_path) == before


def recorded(folder: Path) -> tuple[int, bytes]:
    """How many entries the log of a stopped gateway has, and what it published of them."""
    with closing(sqlite3.connect(folder / "data" / "writ.db")) as log:
        [count] = log.execute("SELECT count(*) FROM entries").fetchone()
    return count, (folder / "data" / "log" / "checkpoint").read_bytes()
