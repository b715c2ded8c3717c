"""PAPER from the door to a venue over HTTP and back: orders sent, filled, lost and found."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from gateway.bootstrap import following
from gateway.domain.errors import UnavailableError
from gateway.domain.market import QuoteSource
from gateway.tracking import health
from peers.alpaca_venue import Fault
from signing.lifecycle import State
from support.alpaca import until
from support.paper_venue import Paper, ready, venue


@pytest.fixture
async def at_alpaca(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Paper]:
    with venue(tmp_path, monkeypatch) as there:
        async with ready(there, tmp_path) as made:
            yield made


@pytest.mark.requirement("S1-03")
@pytest.mark.requirement("S3-08")
async def test_an_order_is_sent_once_and_its_fills_come_back(at_alpaca: Paper) -> None:
    order_id, client_id = await at_alpaca.buy()
    await at_alpaca.is_now(order_id, State.ACKNOWLEDGED)
    at_alpaca.peer.fill(client_id, "4", "24.7123")
    await at_alpaca.is_now(order_id, State.PARTIALLY_FILLED)
    at_alpaca.peer.fill(client_id, "6", "24.70")
    await at_alpaca.is_now(order_id, State.FILLED)
    assert at_alpaca.held() == {"AAPL": (10, 0)}
    assert at_alpaca.causes() == set()
    assert len(at_alpaca.peer.orders_sent()) == 1
    cash = at_alpaca.door.app.book().account("primary").cash_micros
    assert cash == 100_000_000_000 - 4 * 24_712_300 - 6 * 24_700_000


@pytest.mark.requirement("S1-06")
async def test_a_cancel_takes_it_off(at_alpaca: Paper) -> None:
    order_id, _ = await at_alpaca.buy()
    await at_alpaca.is_now(order_id, State.ACKNOWLEDGED)
    answer = await at_alpaca.door.call("DELETE", f"/v1/orders/{order_id}", scope="cancel")
    assert answer.status_code in (200, 202), answer.text
    await at_alpaca.is_now(order_id, State.CANCELED)


@pytest.mark.requirement("S3-06")
@pytest.mark.requirement("S3-21")
@pytest.mark.parametrize("kind", ["hang", "reset", 504, "html"], ids=str)
async def test_an_order_that_was_taken_without_an_answer_is_found(
    at_alpaca: Paper, kind: int | str
) -> None:
    at_alpaca.peer.faults.append(Fault("POST", "/v2/orders", kind, after=True))
    order_id, client_id = await at_alpaca.buy()
    await at_alpaca.is_now(order_id, State.ACKNOWLEDGED)
    at_alpaca.peer.fill(client_id, "10", "24.70")
    await at_alpaca.is_now(order_id, State.FILLED)
    assert len(at_alpaca.peer.orders_sent()) == 1


@pytest.mark.requirement("S3-06")
async def test_an_order_that_never_arrived_ends_and_is_not_sent_again(at_alpaca: Paper) -> None:
    at_alpaca.peer.faults.append(Fault("POST", "/v2/orders", "reset"))
    order_id, _ = await at_alpaca.buy()
    await at_alpaca.is_now(order_id, State.CANCELED)
    assert at_alpaca.order(order_id).code == "NOT_FOUND"
    assert len(at_alpaca.peer.orders_sent()) == 1
    assert at_alpaca.causes() == set()


@pytest.mark.requirement("S3-06")
async def test_what_nobody_can_tell_stays_unknown_and_calls_a_person(at_alpaca: Paper) -> None:
    """The order is not found, and the positions that would prove its absence cannot be had."""
    at_alpaca.peer.faults.append(Fault("POST", "/v2/orders", "reset"))
    at_alpaca.peer.faults.append(Fault("GET", "/v2/positions", 500, times=1_000))
    order_id, _ = await at_alpaca.buy()
    await until(lambda: at_alpaca.causes() == {"UNSETTLED_ORDER"})
    assert at_alpaca.order(order_id).status is State.UNKNOWN


@pytest.mark.requirement("S3-04")
async def test_a_refusal_and_a_late_one_are_recorded(at_alpaca: Paper) -> None:
    at_alpaca.account.blocked = True
    order_id, _ = await at_alpaca.buy()
    await at_alpaca.is_now(order_id, State.REJECTED)
    assert at_alpaca.order(order_id).code == "ERR_INVALID_ORDER"
    at_alpaca.account.blocked = False
    late, client_id = await at_alpaca.buy("11")
    await at_alpaca.is_now(late, State.ACKNOWLEDGED)
    at_alpaca.peer.end(client_id, "rejected")
    await at_alpaca.is_now(late, State.REJECTED)
    order_id, _ = await at_alpaca.buy("12")
    await at_alpaca.is_now(order_id, State.ACKNOWLEDGED)


@pytest.mark.attack
@pytest.mark.requirement("S3-08")
async def test_somebody_else_who_trades_on_the_account_halts_it_and_stops_no_update(
    at_alpaca: Paper,
) -> None:
    order_id, client_id = await at_alpaca.buy()
    await at_alpaca.is_now(order_id, State.ACKNOWLEDGED)
    at_alpaca.peer.by_hand(at_alpaca.account, "MSFT", "5", "10")
    at_alpaca.peer.fill(client_id, "10", "24.70")
    await at_alpaca.is_now(order_id, State.FILLED)
    await until(lambda: "UNKNOWN_EXECUTION" in at_alpaca.causes())
    answer = await at_alpaca.door.propose(qty="10")
    assert answer.status_code == 403


async def test_a_venue_that_is_away_for_a_while_loses_nothing(at_alpaca: Paper) -> None:
    order_id, client_id = await at_alpaca.buy()
    await at_alpaca.is_now(order_id, State.ACKNOWLEDGED)
    asked = len(at_alpaca.peer.asked)
    away = Fault("GET", "/v2/account/activities", 503, times=10**6)
    at_alpaca.peer.faults.append(away)
    at_alpaca.peer.fill(client_id, "10", "24.70")
    await until(lambda: len(at_alpaca.peer.asked) > asked + 3)
    assert at_alpaca.order(order_id).status is State.ACKNOWLEDGED
    away.times = 0
    await at_alpaca.is_now(order_id, State.FILLED)


@pytest.mark.requirement("S3-17")
async def test_a_venue_that_stays_away_halts_its_accounts(
    at_alpaca: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "FAILURES_MAX", 1)
    monkeypatch.setattr(health, "PROBE_MS", 10)
    away = [
        Fault("GET", "/v2/account/activities", 503, times=10**6),
        Fault("GET", "/v2/positions", 503, times=10**6),
        Fault("GET", "/v2/clock", 503, times=10**6),
    ]
    at_alpaca.peer.faults.extend(away)
    await until(lambda: "BROKER_DOWN" in at_alpaca.causes())
    [halt] = at_alpaca.door.app.book().halts.values()
    assert (halt.clear_by, halt.scope.name) == ("probe", "primary")
    assert halt.reason == (
        "Broker API unreachable. Trading sequence halted to prevent duplicate execution."
    )
    assert (await at_alpaca.door.propose()).status_code == 403
    for fault in away:
        fault.times = 0
    await until(lambda: "BROKER_DOWN" not in at_alpaca.causes())
    await until(lambda: not at_alpaca.door.app.tracking.health["alpaca"].down)
    order_id, _ = await at_alpaca.buy()
    await at_alpaca.is_now(order_id, State.ACKNOWLEDGED)


@pytest.mark.requirement("S3-08")
async def test_what_was_filled_while_the_gateway_was_away_comes_in_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with venue(tmp_path, monkeypatch) as there:
        async with ready(there, tmp_path) as before:
            order_id, client_id = await before.buy()
            await before.is_now(order_id, State.ACKNOWLEDGED)
        there.peer.fill(client_id, "10", "24.70")
        async with there.gateway(tmp_path) as after:
            assert after.order(order_id).status is State.FILLED
            assert after.held() == {"AAPL": (10, 0)}
        assert len(there.peer.orders_sent()) == 1


async def test_a_gateway_whose_venue_is_away_says_so_and_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with venue(tmp_path, monkeypatch) as there:
        there.peer.faults.append(Fault("GET", "/v2/account", 503, times=10**6))
        with pytest.raises(UnavailableError, match="broker-unavailable"):
            async with there.gateway(tmp_path):
                raise AssertionError
        assert there.peer.orders_sent() == []


@pytest.mark.attack
async def test_credentials_of_another_account_do_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with venue(tmp_path, monkeypatch) as there:
        other = there.peer.account("PA9OTHER")
        monkeypatch.setenv("BROKER_KEY", other.key_id)
        monkeypatch.setenv("BROKER_SECRET", other.secret)
        with pytest.raises(UnavailableError, match="alpaca-account-mismatch"):
            async with there.gateway(tmp_path):
                raise AssertionError


@pytest.mark.requirement("S3-08")
async def test_the_stream_brings_a_fill_where_nobody_polls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "Polled", type("Nobody", (), {}))
    rarely = {f"reconcile_{what}_ms": 3_600_000 for what in ("in_flight", "orders", "positions")}
    with venue(tmp_path, monkeypatch) as there:
        there.given.update(rarely, reconcile_full_ms=3_600_000)
        async with ready(there, tmp_path) as made:
            await until(lambda: any(each.listens for each in there.peer.listeners))
            order_id, client_id = await made.buy()
            await made.is_now(order_id, State.ACKNOWLEDGED)
            there.peer.fill(client_id, "10", "24.70")
            await made.is_now(order_id, State.FILLED)
            before = compared(made)
            there.peer.listeners[-1].close()
            await until(lambda: compared(made) > before)  # it is back: everything is compared
            assert made.causes() == set()


def compared(paper: Paper) -> int:
    """How often the venue was asked for its positions, which nobody here does by the clock."""
    return sum(asked.path == "/v2/positions" for asked in paper.peer.asked)


@pytest.mark.requirement("S1-06")
@pytest.mark.requirement("S3-20")
async def test_a_replacement_takes_the_place_of_the_order_at_the_venue(at_alpaca: Paper) -> None:
    old, old_client_id = await at_alpaca.buy()
    await at_alpaca.is_now(old, State.ACKNOWLEDGED)
    body, headers = {"qty": "6"}, {"Idempotency-Key": "replaces"}
    answer = await at_alpaca.door.call(
        "PATCH", f"/v1/orders/{old}", scope="propose", json=body, headers=headers
    )
    assert answer.status_code == 201, answer.text
    new = answer.json()["order_id"]
    await at_alpaca.is_now(new, State.ACKNOWLEDGED)
    await at_alpaca.is_now(old, State.REPLACED)
    peer = at_alpaca.peer
    assert sum(asked.method == "PATCH" for asked in peer.asked) == 1
    assert (len(peer.orders_sent()), at_alpaca.causes()) == (1, set())
    works = {o["client_order_id"]: o["status"] for o in at_alpaca.account.orders.values()}
    assert works == {old_client_id: "replaced", at_alpaca.order(new).broker_client_id: "new"}
    peer.fill(at_alpaca.order(new).broker_client_id, "6", "24.70")
    await at_alpaca.is_now(new, State.FILLED)
    assert at_alpaca.held() == {"AAPL": (6, 0)}


@pytest.mark.requirement("S3-08")
async def test_a_lost_file_of_updates_loses_no_fill_and_counts_none_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with venue(tmp_path, monkeypatch) as there:
        async with ready(there, tmp_path) as before:
            order_id, client_id = await before.buy()
            await before.is_now(order_id, State.ACKNOWLEDGED)
            there.peer.fill(client_id, "4", "24.71")
            await before.is_now(order_id, State.PARTIALLY_FILLED)
            other, other_client_id = await before.buy("1")
            await before.is_now(other, State.ACKNOWLEDGED)
        (tmp_path / "data" / "alpaca.db").unlink()
        there.peer.fill(client_id, "2", "24.70")
        there.peer.end(other_client_id, "canceled")
        async with there.gateway(tmp_path) as after:
            await until(lambda: after.held() == {"AAPL": (6, 0)})
            await after.is_now(other, State.CANCELED)
            there.peer.fill(client_id, "4", "24.70")
            await after.is_now(order_id, State.FILLED)
            assert after.held() == {"AAPL": (10, 0)}
            assert after.causes() == set()
            assert after.door.app.book().doubtful == {}


@pytest.mark.requirement("S3-18")
async def test_quotes_of_the_venues_market_data_are_the_primary_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with venue(tmp_path, monkeypatch) as there:
        there.peer.prices = {"AAPL": ("24.68", "24.72", "24.70")}
        there.given["alpaca_quotes"] = "iex"
        async with ready(there, tmp_path) as made:
            market = made.door.app.facts.market
            await until(
                lambda: (
                    (found := market().sourced("AAPL", 4)) is not None
                    and found.source is QuoteSource.PRIMARY
                )
            )
            quote = market().quote("AAPL", 4)
            assert quote is not None
            assert (quote.bid, quote.ask, quote.last) == (246_800, 247_200, 247_000)
            await made.buy()


@pytest.mark.requirement("S3-08")
async def test_the_halt_over_a_strange_execution_ends_with_the_reconciliation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with venue(tmp_path, monkeypatch) as there:
        there.given.update(reconcile_settle_ms=1_000)
        async with ready(there, tmp_path) as made:
            there.peer.by_hand(made.account, "MSFT", "5", "10")
            await until(lambda: made.held() == {"MSFT": (5, 0)}, 60)
            await until(lambda: "UNKNOWN_EXECUTION" not in made.causes(), 60)
