"""A gateway in real time whose account is at a venue over HTTP: hours, terms and facts in one."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.bootstrap import market
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import AlpacaPeer, Fault
from support.doors import Door, opened
from support.ledgers import becomes
from support.real_time import PRICES, ChosenClock, at_us, denied_by, hours_told, push, tell_all


@asynccontextmanager
async def gateway(
    folder: Path, monkeypatch: pytest.MonkeyPatch, now: str, *faults: Fault, held: int = 0
) -> AsyncGenerator[tuple[Door, ChosenClock, AlpacaPeer]]:
    clock = ChosenClock(at_us(now))
    with alpaca_peer(clock.wall_us) as peer:
        peer.holidays = {date(2027, 11, 25)}
        peer.half_days = {date(2027, 11, 26)}
        peer.faults += faults
        account = peer.account()
        if held:
            account.positions["AAPL"] = Decimal(held)
        monkeypatch.setenv("BROKER_KEY", account.key_id)
        monkeypatch.setenv("BROKER_SECRET", account.secret)
        at_alpaca = {
            "broker": "alpaca",
            "broker_account": account.number,
            "url_override": peer.url,
            "key_id": "env://BROKER_KEY",
            "secret": "env://BROKER_SECRET",
        }
        given: dict[str, Any] = {"mode": "RESEARCH", "market": "venue"}
        given["accounts"] = {"primary": at_alpaca}
        async with opened(folder, lifted=False, clock=clock, **given) as door:
            yield door, clock, peer


@pytest.mark.requirement("S3-07")
@pytest.mark.parametrize(
    ("now", "closed", "denied"),
    [
        pytest.param("2027-11-24T10:00", "2027-11-23T16:00", set[str](), id="open"),
        pytest.param("2027-11-24T03:00", "2027-11-23T16:00", {"MKT-03"}, id="night"),
        pytest.param("2027-11-25T11:00", "2027-11-24T16:00", {"MKT-03"}, id="holiday"),
        pytest.param("2027-11-26T12:44", "2027-11-24T16:00", set[str](), id="short day"),
        pytest.param("2027-11-26T12:46", "2027-11-24T16:00", {"MKT-03"}, id="early close at hand"),
    ],
)
async def test_orders_are_decided_by_the_venues_own_calendar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str, closed: str, denied: set[str]
) -> None:
    async with gateway(tmp_path, monkeypatch, now) as (door, _, peer):
        await hours_told(door)
        await tell_all(door, closed=closed)
        assert await denied_by(door) == denied
        assert peer.orders_sent() == []


@pytest.mark.requirement("S3-07")
async def test_a_calendar_that_cannot_be_had_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market, "RETRY_FIRST_MS", 10)
    broken = Fault("GET", "/v2/calendar", b'[{"date": "2027-11-24", "open": "09:30"}]', times=2)
    async with gateway(tmp_path, monkeypatch, "2027-11-24T10:00", broken) as (door, _, peer):
        await hours_told(door)
        asked = [request for request in peer.asked if request.path == "/v2/calendar"]
        assert len(asked) >= 3
        assert asked[0].query == {"start": "2027-11-14", "end": "2027-12-04"}


@pytest.mark.requirement("S4-06")
async def test_the_venues_terms_are_in_the_document_once_they_were_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(tmp_path, monkeypatch, "2027-11-24T10:00") as (door, _, _):
        await hours_told(door)
        await tell_all(door)
        broker = door.app.facts.venues["primary"]
        await becomes(lambda: broker.terms("primary", "AAPL") is not None)
        answer = await door.propose()
        assert answer.status_code == 201, answer.text
        found = await door.app.ledger.entry(answer.json()["decision_id"])
        assert found is not None
        document = json.loads(await door.app.ledger.document(found[1]["input_digest"]) or b"")
        assert document["hours"] == {"open": True, "to_close_ms": 6 * 3_600_000}
        assert document["venue"]["tradable"] is True
        assert document["market"]["source"] == "secondary"


async def test_a_day_opens_with_the_first_worth_that_is_known_and_the_next_with_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(tmp_path, monkeypatch, "2027-11-24T19:00", held=10) as (door, clock, _):
        assert door.app.real_time is not None

        def opened_with() -> tuple[str, int | None]:
            account = door.app.book().accounts["primary"]
            return account.session, account.day_open_equity_micros

        await hours_told(door)
        await door.app.real_time.look()
        assert opened_with() == ("none", None)  # what is held has no price yet
        await push(door, "quote.AAPL", PRICES)
        await door.app.real_time.look()
        assert opened_with() == ("2027-11-24", 100_247_000_000)
        cheaper = {"bid": "23.70", "ask": "23.72", "last": "23.71"}
        clock.now_us += 1_000_000
        await push(door, "quote.AAPL", cheaper)
        await door.app.real_time.look()
        assert opened_with() == ("2027-11-24", 100_247_000_000)
        clock.now_us = at_us("2027-11-26T00:00")  # the quote has ended long ago
        await door.app.real_time.look()
        assert opened_with() == ("2027-11-26", 100_237_000_000)
