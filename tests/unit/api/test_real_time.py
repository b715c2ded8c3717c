"""A gateway in real time: hours of the venue's calendar, and prices that services push."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.bootstrap import market
from gateway.control import real_time
from gateway.domain.errors import InvalidInputError
from support.doors import Door, opened, problem
from support.ledgers import becomes
from support.real_time import (
    MODEL,
    PRICES,
    WEEK_MS,
    ChosenClock,
    at_us,
    denied_by,
    hours_told,
    in_real_time,
    push,
    session,
    tell_all,
)

DAYS = [
    session("2027-11-23"),
    session("2027-11-24"),
    session("2027-11-26", closes="13:00"),  # the day after Thanksgiving closes early
    session("2027-11-29"),
]
"""Summer time ended on the 7th; the 25th is a holiday."""


@pytest.mark.requirement("S3-07")
async def test_an_order_in_open_hours_with_fresh_facts_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with in_real_time(tmp_path, monkeypatch, "2027-11-24T10:00", DAYS) as (door, _, _):
        await hours_told(door)
        await tell_all(door)
        assert await denied_by(door) == set()
        known = await door.call("GET", "/v1/market/clock")
        assert known.json()["session"] == "2027-11-24"
        assert known.json()["movable"] is False
        problem(await door.clock("2027-11-24T11:00:00-05:00"), 409, "market-clock-real")
        quote = await door.call("GET", "/v1/market/quotes?symbol=AAPL")
        assert quote.json()["bid"] == "24.7"


@pytest.mark.requirement("S3-07")
async def test_without_a_market_hours_collars_and_the_days_loss_stay_unproven(
    tmp_path: Path,
) -> None:
    accounts = {"primary": {"broker": "null", "opening_cash": "100000"}}
    clock = ChosenClock(at_us("2027-11-24T10:00"))
    given: dict[str, Any] = {"mode": "RESEARCH", "market": "none", "accounts": accounts}
    async with opened(tmp_path, lifted=False, clock=clock, **given) as door:
        await tell_all(door)
        assert await denied_by(door) == {"MKT-03", "ORD-05", "ACC-02", "ACC-04"}


@pytest.mark.requirement("S3-07")
@pytest.mark.parametrize(
    ("now", "closed"),
    [
        pytest.param("2027-11-24T03:00", "2027-11-23T16:00", id="night"),
        pytest.param("2027-11-24T09:29", "2027-11-23T16:00", id="before the opening"),
        pytest.param("2027-11-24T15:46", "2027-11-23T16:00", id="close at hand"),
        pytest.param("2027-11-24T16:00", "2027-11-23T16:00", id="evening"),
        pytest.param("2027-11-25T11:00", "2027-11-24T16:00", id="holiday"),
        pytest.param("2027-11-26T13:00", "2027-11-24T16:00", id="after an early close"),
        pytest.param("2027-11-27T11:00", "2027-11-26T13:00", id="weekend"),
    ],
)
async def test_an_order_outside_of_the_venues_hours_is_denied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str, closed: str
) -> None:
    async with in_real_time(tmp_path, monkeypatch, now, DAYS) as (door, _, _):
        await hours_told(door)
        await tell_all(door, closed=closed)
        assert await denied_by(door) == {"MKT-03"}


@pytest.mark.requirement("S3-18")
async def test_a_stale_quote_is_denied_and_a_silent_source_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"quote_age_max_ms": 15_000}
    async with in_real_time(tmp_path, monkeypatch, "2027-11-24T10:00", DAYS, limits=limits) as (
        door,
        clock,
        _,
    ):
        await hours_told(door)
        await tell_all(door)
        clock.now_us += 15_000_000
        assert await denied_by(door) == set()
        clock.now_us += 1
        assert await denied_by(door) == {"MKT-01"}
        clock.now_us += 45_000_000
        assert {"MKT-01", "ORD-03"} <= await denied_by(door)


@pytest.mark.requirement("S3-07")
async def test_before_the_calendar_is_known_every_order_is_denied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market, "RETRY_FIRST_MS", 10)
    async with in_real_time(tmp_path, monkeypatch, "2027-11-24T10:00", DAYS, failing=True) as (
        door,
        _,
        venue,
    ):
        await tell_all(door)
        await becomes(lambda: len(venue.asked) >= 3)  # it goes on asking
        # No day is opened either, while nobody knows whether this is one.
        assert {"ACC-02", "ACC-04", "MKT-03", "ORD-05"} == await denied_by(door)
        [warning] = (await door.call("GET", "/readyz")).json()["warnings"]
        assert "hours are not known" in warning
        venue.failing = False
        await hours_told(door)
        assert "warnings" not in (await door.call("GET", "/readyz")).json()
        assert await denied_by(door) == set()


async def test_the_previous_close_is_of_the_session_before_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with in_real_time(tmp_path, monkeypatch, "2027-11-29T10:00", DAYS) as (door, _, _):
        await hours_told(door)
        await tell_all(door, closed="2027-11-24T16:00")
        assert await denied_by(door) == {"ORD-05"}
        await push(door, "close.AAPL", "24.60", at="2027-11-26T13:00:00-05:00", ttl_ms=WEEK_MS)
        assert await denied_by(door) == set()


async def test_quotes_prove_the_short_collar_only_once_they_have_a_past(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with in_real_time(tmp_path, monkeypatch, "2027-11-24T10:00", DAYS) as (door, clock, _):
        await hours_told(door)
        for name, value in MODEL.items():
            await push(door, name, value, ttl_ms=WEEK_MS)
        await push(door, "close.AAPL", "24.60", at="2027-11-23T16:00:00-05:00", ttl_ms=WEEK_MS)
        for _ in range(10):
            await push(door, "quote.AAPL", PRICES)
            assert await denied_by(door) == {"ORD-04"}
            clock.now_us += 30_000_000
        await push(door, "quote.AAPL", PRICES)
        assert await denied_by(door) == set()


@pytest.mark.requirement("S2-06")
async def test_a_day_is_opened_with_what_the_account_was_worth_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days are the exchange's: a holiday belongs to the session before it."""
    async with in_real_time(tmp_path, monkeypatch, "2027-11-24T23:59", DAYS) as (door, clock, _):
        assert door.app.real_time is not None
        await hours_told(door)
        account = door.app.book().accounts["primary"]
        assert (account.session, account.day_open_equity_micros) == ("2027-11-24", 10**11)
        before = await door.entries()
        await door.app.real_time.look()
        assert await door.entries() == before
        clock.now_us += 60_000_000
        await door.app.real_time.look()
        assert await door.entries() == before
        clock.now_us = at_us("2027-11-26T00:00")
        await door.app.real_time.look()
        account = door.app.book().accounts["primary"]
        assert (account.session, account.day_open_equity_micros) == ("2027-11-26", 10**11)
        assert [(day.session, day.profit_micros) for day in account.days] == [("2027-11-24", 0)]


async def halts(door: Door) -> list[tuple[str, int | None]]:
    """The causes of the halts that stand, with what was observed."""
    found = (await door.call("GET", "/v1/halts")).json()["halts"]
    return [(halt["cause"], halt["observed"]) for halt in found]


@pytest.mark.requirement("S2-03")
async def test_a_start_that_knows_nothing_is_no_halt_and_silence_after_a_word_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with in_real_time(tmp_path, monkeypatch, "2027-11-24T10:00", DAYS, mode="SIMULATION") as (
        door,
        clock,
        _,
    ):
        assert door.app.real_time is not None
        await door.app.real_time.look()
        assert await halts(door) == []
        assert "MOD-01" in await denied_by(door)
        await push(door, "model.volatility", "12.5")
        await door.app.real_time.look()
        assert await halts(door) == []
        clock.now_us += 60_000_001
        await door.app.real_time.look()
        assert await halts(door) == [("OMEGA2_VOLATILITY", None)]


@pytest.mark.requirement("S2-03")
async def test_halts_are_looked_for_though_nobody_pushes_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real_time, "LOOK_EVERY_MS", 20)
    async with in_real_time(tmp_path, monkeypatch, "2027-11-24T10:00", DAYS, mode="SIMULATION") as (
        door,
        clock,
        _,
    ):
        await push(door, "model.volatility", "12.5")
        assert await halts(door) == []
        clock.now_us += 60_000_001
        await becomes(lambda: bool(door.app.book().halts))


async def test_a_market_in_real_time_needs_somebody_who_tells_its_hours(tmp_path: Path) -> None:
    accounts = {"primary": {"broker": "null"}}
    with pytest.raises(InvalidInputError) as error:
        async with opened(tmp_path, mode="RESEARCH", market="venue", accounts=accounts):
            pass
    assert error.value.code == "market-hours-missing"
