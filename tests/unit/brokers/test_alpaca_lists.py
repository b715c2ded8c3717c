"""What the venue has of an account, listed: all of it, whoever placed it, or an error."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.brokers.alpaca import listing
from gateway.brokers.alpaca.adapter import AlpacaBroker
from gateway.domain.errors import NotFoundError, UnavailableError
from gateway.domain.execution import BrokerOrderRecord
from gateway.domain.order import Side
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import Account, AlpacaPeer, Fault
from support.alpaca import opened, real
from support.brokers import limit_order

pytestmark = pytest.mark.usefixtures("quick")

ORDERS, FILLS = "/v2/orders", "/v2/account/activities/FILL"
START_US = 1_700_000_000_000_000
SECOND_US = 1_000_000


class Instants:
    """A clock of the venue's own: each look at it is a second later."""

    def __init__(self) -> None:
        self.now_us = START_US

    def __call__(self) -> int:
        self.now_us += SECOND_US
        return self.now_us


@pytest.fixture
def peer() -> Iterator[AlpacaPeer]:
    with alpaca_peer(Instants()) as made:
        yield made


@pytest.mark.requirement("S3-08")
async def test_open_orders_are_listed_whoever_placed_them(
    peer: AlpacaPeer, account: Account, broker: AlpacaBroker
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    await broker.submit(limit_order("wr-2", 3))
    peer.fill("wr-1", "4", "100")
    peer.end("wr-2", "canceled")
    theirs = peer.placed_by_hand(account, "MSFT", "0.5", "10")
    placed = account.by_client_id(theirs)
    assert placed is not None
    placed["limit_price"] = "10.123456"
    ours, foreign = await broker.open_orders("primary")
    assert ours == BrokerOrderRecord(
        account="primary",
        broker_order_id=ours.broker_order_id,
        broker_client_id="wr-1",
        symbol="AAPL",
        side=Side.BUY,
        status="PARTIALLY_FILLED",
        qty=10,
        filled_qty=4,
        qty_decimals=0,
        limit_price=1_000_000,
        price_decimals=4,
        placed_us=ours.placed_us,
    )
    assert START_US < ours.placed_us < foreign.placed_us
    assert (foreign.broker_client_id, foreign.status) == (theirs, "ACKNOWLEDGED")
    assert (foreign.qty, foreign.filled_qty, foreign.qty_decimals) == (5, 0, 1)
    assert (foreign.limit_price, foreign.price_decimals) == (10_123_456, 6)
    with pytest.raises(NotFoundError, match="broker-account-unknown"):
        await broker.open_orders("nobody")


@pytest.mark.requirement("S3-08")
@pytest.mark.parametrize("count", [5, 6], ids=["a page begun", "whole pages"])
async def test_every_page_is_read(
    peer: AlpacaPeer, broker: AlpacaBroker, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(listing, "ORDERS_PAGE", 3)
    monkeypatch.setattr(listing, "PAGE", 3)
    names = [f"wr-{n}" for n in range(count)]
    for name in names:
        await broker.submit(limit_order(name, 1))
    assert [each.broker_client_id for each in await broker.open_orders("primary")] == names
    for name in names:
        peer.fill(name, "1", "100")
    assert await broker.open_orders("primary") == []
    whole = await broker.history("primary", START_US, START_US + 10**12)
    assert [each.broker_client_id for each in whole.orders] == names
    assert [each.broker_client_id for each in whole.executions] == names


@pytest.mark.requirement("W-09")
async def test_a_history_is_of_its_period_and_complete(
    peer: AlpacaPeer, account: Account, broker: AlpacaBroker
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    peer.fill("wr-1", "4", "100")
    peer.by_hand(account, "MSFT", "5", "10")
    await broker.submit(limit_order("wr-2", 1))
    peer.end("wr-2", "rejected")
    whole = await broker.history("primary", START_US, START_US + 10**12)
    assert [each.status for each in whole.orders] == ["PARTIALLY_FILLED", "FILLED", "REJECTED"]
    assert [each.qty for each in whole.executions] == [4, 5]
    told = [update.event for update in await broker.updates(0, 100)]
    assert whole.executions[0] in told
    moments = [each.placed_us for each in whole.orders]
    fills = [each.market_us for each in whole.executions]
    part = await broker.history("primary", moments[0], moments[2])
    assert [each.placed_us for each in part.orders] == moments[:2]  # the end is not within
    assert [each.market_us for each in part.executions] == fills
    late = await broker.history("primary", moments[0] + 1, moments[2] + 1)
    assert [each.placed_us for each in late.orders] == moments[1:]
    none = await broker.history("primary", fills[0] + 1, fills[0] + 2)
    assert (none.orders, none.executions) == ((), ())


async def test_an_order_for_an_amount_is_listed_once_it_is_over(
    peer: AlpacaPeer, account: Account, broker: AlpacaBroker
) -> None:
    client_id = peer.placed_by_hand(account, "MSFT", "0.5", "10")
    found = account.by_client_id(client_id)
    assert found is not None
    peer.fill(client_id, "0.5", "10")
    found |= {"qty": None, "notional": "5"}
    period = (START_US, START_US + 10**12)
    [order] = (await broker.history("primary", *period)).orders
    assert (order.qty, order.filled_qty, order.qty_decimals) == (5, 5, 1)
    found |= {"status": "new"}
    with pytest.raises(UnavailableError, match="broker-unavailable"):
        await broker.open_orders("primary")


async def test_a_status_that_nobody_knows_is_listed_as_unknown(
    peer: AlpacaPeer, account: Account, broker: AlpacaBroker
) -> None:
    await broker.submit(limit_order("wr-1", 1))
    order = account.by_client_id("wr-1")
    peer.faults.append(Fault("GET", ORDERS, str([order]).encode()))
    with pytest.raises(UnavailableError, match="broker-unavailable"):
        await broker.open_orders("primary")
    peer.end("wr-1", "frozen")
    peer.flaws.clear()
    [listed] = (await broker.history("primary", START_US, START_US + 10**12)).orders
    assert listed.status == "UNKNOWN"
    peer.flaws.clear()  # the word is none of Alpaca's


@pytest.mark.attack
@pytest.mark.parametrize("kind", [500, "html", "cut", b"{}", b'[{"id":1}]'], ids=str)
@pytest.mark.parametrize("path", [ORDERS, FILLS], ids=["orders", "fills"])
async def test_a_list_that_fails_is_never_an_empty_one(
    peer: AlpacaPeer, broker: AlpacaBroker, kind: int | str | bytes, path: str
) -> None:
    await broker.submit(limit_order("wr-1", 1))
    peer.fill("wr-1", "1", "100")
    times = 3 if kind in (500, "cut") else 1
    peer.faults.append(Fault("GET", path, kind, times=times))
    with pytest.raises(UnavailableError, match="broker-unavailable"):
        await broker.history("primary", START_US, START_US + 10**12)
    if path == ORDERS:
        peer.faults.append(Fault("GET", path, kind, times=times))
        with pytest.raises(UnavailableError, match="broker-unavailable"):
            await broker.open_orders("primary")


@pytest.mark.attack
async def test_a_list_without_an_end_or_that_repeats_itself_is_an_error(
    peer: AlpacaPeer, broker: AlpacaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "ORDERS_PAGE", 1)
    monkeypatch.setattr(listing, "PAGES_MAX", 3)
    for n in range(3):
        await broker.submit(limit_order(f"wr-{n}", 1))
    with pytest.raises(UnavailableError, match="alpaca-list-too-long"):
        await broker.open_orders("primary")
    peer.end("wr-2", "canceled")
    assert len(await broker.open_orders("primary")) == 2
    order = next(iter(peer.accounts.values())).by_client_id("wr-0")
    assert order is not None
    page = f'[{{"id": "{order["id"]}"}}]'.encode()
    peer.faults.append(Fault("GET", ORDERS, page, times=2))
    with pytest.raises(UnavailableError, match="broker-unavailable"):
        await broker.open_orders("primary")


@pytest.mark.attack
async def test_lists_of_another_account_are_refused(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    other = await opened(tmp_path, {"primary": real(peer, account, number="PA999")})
    with pytest.raises(UnavailableError, match="alpaca-account-mismatch"):
        await other.open_orders("primary")
    with pytest.raises(UnavailableError, match="alpaca-account-mismatch"):
        await other.history("primary", START_US, START_US + 1)
    await other.close()
