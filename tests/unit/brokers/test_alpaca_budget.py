"""What comparing a large account asks of Alpaca, and that orders and cancels do not wait for it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.brokers.alpaca import client, listing
from gateway.brokers.alpaca.adapter import AlpacaBroker
from gateway.domain.execution import Accepted
from gateway.tracking.reconciliation.reports import Reports
from peers.alpaca_venue import Account, AlpacaPeer
from support.alpaca import opened, real, until
from support.brokers import ManualClock, limit_order

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.requirement("S3-08")]


async def look(broker: AlpacaBroker) -> tuple[int, int]:
    """What one look of a reconciliation asks for; how many orders and positions there are."""

    async def pull() -> object:
        return await broker.updates(0, 256)

    reports = Reports("primary", broker, pull)
    await reports.pull()
    listed = await reports.open_orders()
    statement = await reports.statement()
    await reports.pull()
    return len(listed), len(statement.positions)


def crowd(peer: AlpacaPeer, account: Account, orders: int, positions: int) -> None:
    """Open orders of others, and positions."""
    body: dict[str, Any] = {
        "symbol": "MSFT", "qty": "1", "side": "buy", "type": "limit", "time_in_force": "gtc",
        "limit_price": "1",
    }  # fmt: skip
    for number in range(orders):
        order = peer._order(body | {"client_order_id": f"theirs-{number}"})
        account.orders[order["id"]] = order | {"status": "new"}
    account.positions |= {f"S{number}": Decimal(number + 1) for number in range(positions)}


async def test_ten_thousand_orders_and_a_thousand_positions_take_some_two_dozen_calls(
    peer: AlpacaPeer, account: Account, broker: AlpacaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "REQUEST_TIMEOUT_S", 60)  # the peer is slow over so many
    crowd(peer, account, 10_000, 1_000)
    asked = len(peer.asked)
    assert await look(broker) == (10_000, 1_000)
    calls = [request.path for request in peer.asked[asked:]]
    # 500 orders to a page, and one that comes short; positions come in one piece.
    assert calls.count("/v2/orders") == 21
    assert calls.count("/v2/positions") == 1
    assert len(calls) <= 27


async def test_a_comparison_waits_for_requests_and_leaves_those_of_orders_and_cancels(
    peer: AlpacaPeer, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "ORDERS_PAGE", 2)
    crowd(peer, account, 60, 1)
    clock = ManualClock()  # nothing flows into the bucket before a minute has passed
    few = {"poll_ms": 60_000, "requests_per_minute": 60}  # twelve of them are kept for orders
    broker = await opened(tmp_path, {"primary": real(peer, account)}, clock, few)
    try:
        assert isinstance(await broker.submit(limit_order("wr-1", 1)), Accepted)
        made = len(peer.asked)
        looks = asyncio.create_task(looked(broker, 2))
        await until(lambda: len(peer.asked) == 48, 60)
        assert isinstance(await broker.submit(limit_order("wr-2", 1)), Accepted)
        await broker.cancel("wr-1")
        assert not looks.done()
        assert [request.method for request in peer.asked[48:]] == ["POST", "DELETE"]
        clock.monotonic += 60_000_000_000
        assert await looks == [(61, 1), (61, 1)]  # it waited, and it did not fail
        assert made < 48 < len(peer.asked) - 20
    finally:
        await broker.close()


async def looked(broker: AlpacaBroker, times: int) -> list[tuple[int, int]]:
    return [await look(broker) for _ in range(times)]
