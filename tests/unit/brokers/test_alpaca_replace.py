"""Replacing at Alpaca: sent once, of an order that is as was decided; one of the two is over."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.brokers.alpaca.adapter import AlpacaBroker
from gateway.domain.execution import (
    Accepted,
    BrokerUpdate,
    Execution,
    NotSentError,
    OutcomeUnknownError,
    Rejected,
    StatusChange,
)
from gateway.domain.order import OrderType, Side, TimeInForce
from peers.alpaca_venue import Account, AlpacaPeer, Asked, Fault
from support.alpaca import opened, real
from support.brokers import limit_order

pytestmark = pytest.mark.usefixtures("quick")

ORDERS, LOOKUP = "/v2/orders", "/v2/orders:by_client_order_id"
LATE, CANNOT = Rejected("ERR_TOO_LATE"), Rejected("ERR_REPLACE_UNSUPPORTED")


def patched(peer: AlpacaPeer) -> list[Asked]:
    return [asked for asked in peer.asked if asked.method == "PATCH"]


async def told(broker: AlpacaBroker, after: int = 0) -> list[BrokerUpdate]:
    read: list[BrokerUpdate] = []
    while page := await broker.updates(read[-1].cursor if read else after, 10):
        read += page
    return read


def words(updates: list[BrokerUpdate]) -> list[tuple[str, str, str]]:
    events = [update.event for update in updates]
    return [
        (each.broker_client_id, each.status, each.code)
        if isinstance(each, StatusChange)
        else (each.broker_client_id, "fill", str(each.qty))
        for each in events
        if isinstance(each, StatusChange | Execution)
    ]


@pytest.mark.requirement("S1-06")
async def test_a_replacement_is_a_new_order_in_the_place_of_the_old_one(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    gtc = TimeInForce.GTC
    order = limit_order("wr-2", 4, limit_price=990_000, time_in_force=gtc)
    answer = await broker.replace("wr-1", order, 0)
    assert isinstance(answer, Accepted)
    [sent] = patched(peer)
    assert json.loads(sent.body) == {
        "qty": "4",
        "time_in_force": "gtc",
        "limit_price": "99",
        "client_order_id": "wr-2",
    }
    assert words(await told(broker)) == [("wr-1", "REPLACED", "none")]
    [working] = await broker.open_orders("primary")
    assert (working.broker_client_id, working.broker_order_id) == ("wr-2", answer.broker_order_id)
    peer.fill("wr-2", "4", "99")
    assert words(await told(broker))[1:] == [("wr-2", "fill", "4")]
    assert await broker.replace("wr-1", order, 0) == answer  # it was sent before, and is there
    assert len(patched(peer)) == 1


@pytest.mark.requirement("S3-05")
async def test_fills_of_the_old_order_are_told_before_its_end(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    peer.decides = False
    await broker.replace("wr-1", limit_order("wr-2", 10, limit_price=990_000), 0)
    peer.fill("wr-1", "3", "100")
    peer.end("wr-1", "pending_replace")
    peer.decide("wr-1", done=True)
    assert words(await told(broker)) == [("wr-1", "fill", "3"), ("wr-1", "REPLACED", "none")]


def filled(peer: AlpacaPeer) -> None:
    peer.fill("wr-1", "10", "100")


def partly(peer: AlpacaPeer) -> None:
    peer.fill("wr-1", "1", "100")


def over(peer: AlpacaPeer) -> None:
    peer.end("wr-1", "canceled")


@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize(
    ("change", "filled_qty", "answer"),
    [
        (filled, 0, LATE),
        (partly, 0, LATE),
        (partly, 1, CANNOT),
        (over, 0, LATE),
        (lambda peer: peer.end("wr-1", "accepted"), 0, CANNOT),
        (lambda peer: peer.end("wr-1", "pending_cancel"), 0, CANNOT),
    ],
    ids=["filled", "filled partly", "known to be partly filled", "over", "queued", "cancelling"],
)
async def test_an_order_that_is_not_as_was_decided_is_not_replaced(
    peer: AlpacaPeer,
    broker: AlpacaBroker,
    change: Callable[[AlpacaPeer], None],
    filled_qty: int,
    answer: Rejected,
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    change(peer)
    assert await broker.replace("wr-1", limit_order("wr-2", 5), filled_qty) == answer
    assert await broker.replace("wr-none", limit_order("wr-2", 5), 0) == LATE
    assert patched(peer) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "MSFT"}, "ERR_REPLACE_UNSUPPORTED"),
        ({"side": Side.SELL}, "ERR_REPLACE_UNSUPPORTED"),
        ({"extended_hours": True}, "ERR_REPLACE_UNSUPPORTED"),
        ({"reduce_only": True}, "ERR_REPLACE_UNSUPPORTED"),
        ({"type": OrderType.STOP_LIMIT, "stop_price": 1_010_000}, "ERR_REPLACE_UNSUPPORTED"),
        ({"time_in_force": TimeInForce.IOC}, "ERR_INVALID_ORDER"),
        ({"limit_price": 1_000_050}, "ERR_INVALID_ORDER"),
        ({"account": "nobody"}, "ERR_INVALID_ORDER"),
    ],
    ids=["symbol", "side", "hours", "intent", "type", "time", "tick", "account"],
)
async def test_what_the_venue_cannot_change_is_not_sent(
    peer: AlpacaPeer, broker: AlpacaBroker, changes: dict[str, object], code: str
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    order = limit_order("wr-2", 10, **changes)  # pyright: ignore[reportArgumentType]  named fields
    assert await broker.replace("wr-1", order, 0) == Rejected(code)
    assert patched(peer) == []


@pytest.mark.attack
@pytest.mark.requirement("S3-06")
@pytest.mark.parametrize("kind", [500, 504, "hang", "reset", "html", "cut", b"{}"], ids=str)
@pytest.mark.parametrize("after", [False, True], ids=["not taken", "taken"])
async def test_a_replacement_is_sent_once_and_doubt_is_unknown(
    peer: AlpacaPeer, broker: AlpacaBroker, kind: int | str | bytes, *, after: bool
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    peer.faults.append(Fault("PATCH", ORDERS, kind, after=after))
    with pytest.raises(OutcomeUnknownError) as unknown:
        await broker.replace("wr-1", limit_order("wr-2", 5), 0)
    assert not isinstance(unknown.value, NotSentError)
    assert len(patched(peer)) == 1
    found = await broker.order("wr-2")
    assert (found is not None) is after
    old = await broker.order("wr-1")
    assert old is not None
    assert old.status == ("REPLACED" if after else "ACKNOWLEDGED")


async def test_where_only_questions_were_asked_nothing_was_sent(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    peer.faults.append(Fault("GET", LOOKUP, 500, times=3))
    with pytest.raises(NotSentError, match="ERR_NETWORK"):
        await broker.replace("wr-1", limit_order("wr-2", 5), 0)
    peer.faults.append(Fault("GET", LOOKUP, b'{"client_order_id": "wr-1"}'))
    with pytest.raises(NotSentError, match="ERR_UNREADABLE"):
        await broker.replace("wr-1", limit_order("wr-2", 5), 0)
    assert patched(peer) == []


@pytest.mark.requirement("S3-19")
async def test_a_replacement_that_is_one_request_too_many_is_over(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    peer.faults.append(Fault("PATCH", ORDERS, 429))
    answer = await broker.replace("wr-1", limit_order("wr-2", 5), 0)
    assert answer == Rejected("ERR_RATE_LIMIT")
    assert len(patched(peer)) == 1


async def test_a_used_id_is_compared(peer: AlpacaPeer, broker: AlpacaBroker) -> None:
    await broker.submit(limit_order("wr-1", 10))
    await broker.submit(limit_order("wr-2", 5))
    answer = await broker.replace("wr-1", limit_order("wr-2", 5), 0)
    assert answer == Rejected("ERR_DUPLICATE_ORDER")  # the same order, and not in its place
    assert len(patched(peer)) == 1


@pytest.mark.attack
async def test_an_answer_about_another_order_is_unknown(
    peer: AlpacaPeer, account: Account, broker: AlpacaBroker
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    await broker.submit(limit_order("wr-2", 5))
    other = account.by_client_id("wr-2")
    peer.faults.append(Fault("PATCH", ORDERS, json.dumps(other).encode()))
    with pytest.raises(OutcomeUnknownError, match="ERR_UNREADABLE"):
        await broker.replace("wr-1", limit_order("wr-2", 5), 0)


@pytest.mark.requirement("S3-05")
@pytest.mark.parametrize("seen", [False, True], ids=["at once", "after it was seen pending"])
async def test_a_replacement_that_is_rejected_later_leaves_the_old_order_working(
    peer: AlpacaPeer, broker: AlpacaBroker, *, seen: bool
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    peer.decides = False
    assert isinstance(await broker.replace("wr-1", limit_order("wr-2", 5), 0), Accepted)
    if seen:
        assert words(await told(broker)) == []
    peer.decide("wr-1", done=False)
    updates = await told(broker)
    while len(updates) < 2:  # what it leads to is looked at in the round after
        updates += await told(broker, updates[-1].cursor)
    assert set(words(updates)) == {
        ("wr-2", "REJECTED", "none"),
        ("wr-1", "ACKNOWLEDGED", "ERR_REPLACE_REJECTED"),
    }
    assert await told(broker, updates[-1].cursor) == []


async def test_a_cancel_while_a_replacement_is_pending_is_refused_and_said_so(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    peer.decides = False
    await broker.replace("wr-1", limit_order("wr-2", 5), 0)
    with pytest.raises(OutcomeUnknownError, match="ERR_CANCEL_REJECTED"):
        await broker.cancel("wr-1")
    peer.decide("wr-1", done=True)
    await broker.cancel("wr-1")  # it is over


@pytest.mark.requirement("S1-06")
async def test_an_exit_may_not_grow_beyond_what_is_held(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    broker = await opened(tmp_path, {"primary": real(peer, account)})
    await broker.submit(limit_order("wr-1", 10))
    peer.fill("wr-1", "10", "100")
    sells: dict[str, object] = {"side": Side.SELL, "reduce_only": True}
    await broker.submit(limit_order("wr-2", 6, limit_price=1_100_000, **sells))
    grown = limit_order("wr-3", 11, limit_price=1_100_000, **sells)
    assert await broker.replace("wr-2", grown, 0) == Rejected("ERR_INSUFFICIENT_QTY")
    whole = limit_order("wr-4", 10, limit_price=1_100_000, **sells)
    assert isinstance(await broker.replace("wr-2", whole, 0), Accepted)
    await broker.close()
