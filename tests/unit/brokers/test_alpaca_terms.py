"""What Alpaca is known to take, and how many requests it is asked with."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.brokers.alpaca import assets
from gateway.brokers.alpaca.adapter import AlpacaBroker
from gateway.brokers.budget import Budget, BudgetSpentError
from gateway.brokers.contract import Credentials
from gateway.domain.execution import Accepted, Rejected
from gateway.domain.order import OrderType, Side, TimeInForce
from gateway.domain.venue import VenueTerms
from peers.alpaca_venue import Account, AlpacaPeer, Fault
from support.alpaca import RunningClock, opened, real, until
from support.brokers import ManualClock, limit_order
from support.secrets_made import secret

MS = 1_000_000


@pytest.fixture
def clock() -> RunningClock:
    return RunningClock()


@pytest.fixture
async def broker(
    peer: AlpacaPeer, account: Account, tmp_path: Path, clock: RunningClock
) -> AsyncIterator[AlpacaBroker]:
    made = await opened(tmp_path, {"primary": real(peer, account)}, clock)
    yield made
    await made.close()


async def known(broker: AlpacaBroker, symbol: str) -> VenueTerms:
    await until(lambda: broker.terms("primary", symbol) is not None)
    terms = broker.terms("primary", symbol)
    assert terms is not None
    return terms


def asked_for(peer: AlpacaPeer, symbol: str) -> int:
    return sum(asked.path == f"/v2/assets/{symbol}" for asked in peer.asked)


@pytest.mark.requirement("S1-06")
async def test_terms_are_known_a_moment_after_they_were_wanted(
    peer: AlpacaPeer, broker: AlpacaBroker, clock: RunningClock
) -> None:
    assert broker.terms("primary", "AAPL") is None
    assert await known(broker, "AAPL") == VenueTerms(
        symbol="AAPL",
        lot=1,
        qty_decimals=0,
        tick=100,
        price_decimals=4,
        min_notional_micros=0,
        tradable=True,
        shortable=True,
        short_restricted=True,
        types=frozenset(OrderType),
        times_in_force=frozenset({TimeInForce.DAY, TimeInForce.GTC}),
        reduce_only=True,
        extended_hours=True,
        at_us=clock.market,
    )
    assert asked_for(peer, "AAPL") == 1


async def test_what_is_not_there_or_no_symbol_stays_unknown(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    for symbol in ("NOPE", "../account", "aapl", "A B", "AAPL?x=1", ""):
        assert broker.terms("primary", symbol) is None
    await known(broker, "AAPL")
    assert asked_for(peer, "NOPE") == 1
    assert broker.terms("primary", "NOPE") is None
    assert {asked.path for asked in peer.asked} <= {
        "/v2/account",
        "/v2/assets/NOPE",
        "/v2/assets/AAPL",
    }


async def test_an_account_that_may_not_short_is_not_told_that_it_may(
    account: Account, broker: AlpacaBroker
) -> None:
    account.shorting = False
    assert not (await known(broker, "AAPL")).shortable


async def test_old_terms_are_fetched_anew_and_at_last_forgotten(
    peer: AlpacaPeer, broker: AlpacaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "FRESH_MS", 50)
    monkeypatch.setattr(assets, "LOOK_MS", 5)
    monkeypatch.setattr(assets, "FAILED_PAUSE_MS", 5)
    await known(broker, "AAPL")
    await until(lambda: asked_for(peer, "AAPL") >= 3)
    monkeypatch.setattr(assets, "KEPT_MS", 200)
    peer.faults.append(Fault("GET", "/v2/assets", b"{}", times=10**6))
    await until(lambda: broker.terms("primary", "AAPL") is None)
    peer.faults.clear()
    await known(broker, "AAPL")


async def test_of_too_many_symbols_the_least_asked_for_is_let_go(
    peer: AlpacaPeer, broker: AlpacaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "SYMBOLS_MAX", 2)
    monkeypatch.setattr(assets, "PACE_MS", 1)
    await known(broker, "AAPL")
    await known(broker, "MSFT")
    await known(broker, "AAPL")
    await known(broker, "XOM")
    assert broker.terms("primary", "AAPL") is not None
    assert broker.terms("primary", "MSFT") is None  # and is wanted again, in the place of XOM
    await known(broker, "MSFT")
    assert asked_for(peer, "MSFT") == 2


async def test_many_symbols_are_asked_for_one_by_one_and_new_ones_first(
    peer: AlpacaPeer, broker: AlpacaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "FRESH_MS", 0)
    monkeypatch.setattr(assets, "PACE_MS", 20)
    await known(broker, "AAPL")
    for symbol in ("MSFT", "XOM", "KO"):
        await known(broker, symbol)
    assert asked_for(peer, "KO") >= 1


async def test_a_lost_secret_leaves_terms_unknown_and_comes_back(
    peer: AlpacaPeer, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "FAILED_PAUSE_MS", 5)
    shown = Credentials(lambda: secret(account.key_id), lambda: secret("wrong"))
    right = real(peer, account)
    wrong = replace(right, credentials=shown)
    broker = await opened(tmp_path, {"primary": wrong})
    broker.terms("primary", "AAPL")
    await until(lambda: len(peer.asked) >= 3)
    assert broker.terms("primary", "AAPL") is None
    account.secret = "wrong"
    await known(broker, "AAPL")
    await broker.close()


@pytest.mark.requirement("S1-06")
async def test_short_sales_and_reductions_say_what_they_are(
    account: Account, broker: AlpacaBroker, peer: AlpacaPeer
) -> None:
    short: dict[str, object] = {"side": Side.SELL_SHORT}
    assert isinstance(await broker.submit(limit_order("wr-1", 5, **short)), Accepted)
    peer.fill("wr-1", "5", "100")
    assert (await broker.statement("primary")).positions == {"AAPL": (-5, 0)}
    cover: dict[str, object] = {"reduce_only": True}
    assert await broker.submit(limit_order("wr-2", 6, **cover)) == Rejected("ERR_INSUFFICIENT_QTY")
    assert isinstance(await broker.submit(limit_order("wr-3", 5, **cover)), Accepted)
    assert await broker.submit(limit_order("wr-4", 1, **cover)) == Rejected("ERR_INSUFFICIENT_QTY")
    both = short | cover
    assert await broker.submit(limit_order("wr-5", 1, **both)) == Rejected("ERR_INVALID_ORDER")


@pytest.mark.attack
async def test_a_sale_of_what_is_held_never_turns_into_a_short_sale(
    account: Account, broker: AlpacaBroker, peer: AlpacaPeer
) -> None:
    """Even where what was held is gone between our look and the venue's."""
    await broker.submit(limit_order("wr-1", 5))
    peer.fill("wr-1", "5", "100")
    sell: dict[str, object] = {"side": Side.SELL, "limit_price": 900_000, "reduce_only": True}
    held = b'[{"symbol": "AAPL", "qty_available": "5"}]'
    account.positions.clear()
    peer.faults.append(Fault("GET", "/v2/positions", held))
    assert await broker.submit(limit_order("wr-2", 5, **sell)) == Rejected("ERR_INSUFFICIENT_QTY")
    assert len(peer.orders_sent()) == 2
    assert await broker.submit(limit_order("wr-3", 5, **sell)) == Rejected("ERR_INSUFFICIENT_QTY")
    assert len(peer.orders_sent()) == 2


class Ticking(ManualClock):
    """A clock that waits by going on."""

    async def sleep_ms(self, duration_ms: int) -> None:
        self.monotonic += duration_ms * MS


@pytest.mark.requirement("S3-19")
async def test_a_bucket_delays_reads_first_then_orders_and_never_cancels() -> None:
    clock = Ticking()
    budget = Budget(clock, per_minute=60)  # one a second, twelve kept for orders
    for _ in range(48):
        await budget.take_for_read(0)
    with pytest.raises(BudgetSpentError):
        await budget.take_for_read(0)
    for _ in range(12):
        await budget.take_for_order(0)
    with pytest.raises(BudgetSpentError):
        await budget.take_for_order(0)
    for _ in range(3):
        budget.take_for_cancel()
    before = clock.monotonic
    await budget.take_for_order(10_000)
    assert clock.monotonic - before == 4_000 * MS  # the cancels are paid back
    with pytest.raises(BudgetSpentError):
        await budget.take_for_read(12_000)
    await budget.take_for_read(2_000)


async def test_a_bucket_holds_no_more_than_a_minutes_worth() -> None:
    clock = Ticking()
    budget = Budget(clock, per_minute=10)
    clock.monotonic += 10**15
    for _ in range(10):
        await budget.take_for_order(0)
    with pytest.raises(BudgetSpentError):
        await budget.take_for_order(0)
    for _ in range(1_000):
        budget.take_for_cancel()
    await budget.take_for_order(120_000)  # a debt ends, too
