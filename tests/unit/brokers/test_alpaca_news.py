"""What became of orders at Alpaca: fills and ends, once each, in one sequence that survives."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import httpx2
import pytest

from gateway.brokers.alpaca import following
from gateway.brokers.alpaca.adapter import FILE_NAME, AlpacaBroker
from gateway.brokers.contract import HoursSource, Polled
from gateway.domain.errors import InvalidInputError, UnavailableError
from gateway.domain.execution import (
    BrokerUpdate,
    Execution,
    NotSentError,
    OutcomeUnknownError,
    StatusChange,
)
from gateway.domain.market import Hours
from gateway.domain.order import Side
from gateway.domain.permission import Validated
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import Account, AlpacaPeer, Fault
from support.alpaca import RunningClock, opened, real
from support.brokers import limit_order

pytestmark = pytest.mark.usefixtures("quick")

FILLS = "/v2/account/activities/FILL"


@pytest.fixture
def peer() -> Iterator[AlpacaPeer]:
    with alpaca_peer(lambda: 1_700_000_000_000_000) as made:
        yield made


async def told(broker: AlpacaBroker, after: int = 0) -> list[BrokerUpdate]:
    """Everything after a cursor."""
    read: list[BrokerUpdate] = []
    while page := await broker.updates(read[-1].cursor if read else after, 2):
        read += page
    return read


def shares(updates: list[BrokerUpdate]) -> list[tuple[str, int]]:
    return [
        (u.event.broker_client_id, u.event.qty) for u in updates if isinstance(u.event, Execution)
    ]


def ends(updates: list[BrokerUpdate]) -> list[tuple[str, str]]:
    return [
        (u.event.broker_client_id, u.event.status)
        for u in updates
        if isinstance(u.event, StatusChange)
    ]


def test_it_is_polled_and_knows_the_hours(broker: AlpacaBroker) -> None:
    assert isinstance(broker, Polled)
    assert isinstance(broker, HoursSource)


@pytest.mark.requirement("S1-03")
async def test_a_fill_is_told_exactly(peer: AlpacaPeer, broker: AlpacaBroker) -> None:
    await broker.submit(limit_order("wr-1", 10))
    peer.fill("wr-1", "4", "99.1234")
    [update] = await told(broker)
    fill = update.event
    assert isinstance(fill, Execution)
    assert fill == Execution(
        broker_client_id="wr-1",
        execution_id=fill.execution_id,
        account="primary",
        symbol="AAPL",
        side=Side.BUY,
        qty=4,
        qty_decimals=0,
        price=991_234,
        price_decimals=4,
        fee_micros=0,
        market_us=1_700_000_000_000_000,
        session="2023-11-14",
    )


@pytest.mark.requirement("S3-05")
@pytest.mark.parametrize("end", ["canceled", "expired", "rejected", "replaced"])
async def test_an_end_is_told_once_after_its_fills(
    peer: AlpacaPeer, broker: AlpacaBroker, end: str
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    peer.fill("wr-1", "3", "100")
    peer.fill("wr-1", "2", "100")
    peer.end("wr-1", end)
    updates = await told(broker)
    assert shares(updates) == [("wr-1", 3), ("wr-1", 2)]
    assert ends(updates) == [("wr-1", end.upper())]
    assert isinstance(updates[-1].event, StatusChange)
    assert await told(broker) == updates
    assert await told(broker, updates[-1].cursor) == []


async def test_an_end_waits_for_fills_that_are_not_listed_yet(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    """One that is listed late, and behind the mark, is found by its order."""
    await broker.submit(limit_order("wr-1", 10))
    await broker.submit(limit_order("wr-2", 10))
    peer.fill("wr-1", "4", "100", listed=False)
    peer.end("wr-1", "canceled")
    peer.fill("wr-2", "10", "100")
    first = await told(broker)
    assert (shares(first), ends(first)) == ([("wr-2", 10)], [])
    peer.list_late_fills()
    later = await told(broker, first[-1].cursor)
    assert (shares(later), ends(later)) == ([("wr-1", 4)], [("wr-1", "CANCELED")])


async def test_a_fill_that_is_listed_late_is_missed_while_its_order_still_works(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    peer.fill("wr-1", "4", "100", listed=False)
    peer.fill("wr-1", "1", "100")
    first = await told(broker)
    assert shares(first) == [("wr-1", 1)]
    peer.list_late_fills()
    assert shares(await told(broker, first[-1].cursor)) == [("wr-1", 4)]


async def test_an_order_that_the_venue_has_and_the_file_could_not_keep_is_unknown(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    broker = await opened(tmp_path, {"primary": real(peer, account)})
    await broker.submit(limit_order("wr-1"))
    with sqlite3.connect(tmp_path / FILE_NAME) as file:
        file.execute("ALTER TABLE orders RENAME TO away")
    file.close()
    with pytest.raises(OutcomeUnknownError, match="ERR_UNKNOWN_OUTCOME") as unknown:
        await broker.submit(limit_order("wr-2"))
    assert not isinstance(unknown.value, NotSentError)
    with sqlite3.connect(tmp_path / FILE_NAME) as file:
        file.execute("ALTER TABLE away RENAME TO orders")
    file.close()
    peer.fill("wr-2", "10", "100")
    state = await broker.order("wr-2")
    assert state is not None
    assert (state.status, state.filled_qty) == ("FILLED", 10)
    assert shares(await told(broker)) == [("wr-2", 10)]
    await broker.close()


@pytest.mark.requirement("S3-05")
async def test_a_status_that_nobody_knows_is_told_as_unknown_and_never_guessed(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    await broker.submit(limit_order("wr-1"))
    await broker.submit(limit_order("wr-2"))
    order = (await broker.order("wr-1"), peer.orders_sent())[0]
    assert order is not None
    unheard_of = b'{"id":"%s","client_order_id":"wr-1","status":"frozen","filled_qty":"0"}'
    path = f"/v2/orders/{order.broker_order_id}"
    peer.end("wr-1", "canceled")
    peer.end("wr-2", "canceled")
    answer = unheard_of % order.broker_order_id.encode()
    peer.faults += [Fault("GET", each, answer) for each in (path, "/v2/orders:by_client_order_id")]
    with pytest.raises(UnavailableError, match="broker-unavailable"):
        await broker.order("wr-1")  # to whoever asks it is no answer
    first = await broker.updates(0, 10)
    assert ends(first) == [("wr-1", "UNKNOWN"), ("wr-2", "CANCELED")]
    assert first[0].event == StatusChange("wr-1", "UNKNOWN", "ERR_UNKNOWN_STATUS")
    assert ends(await told(broker)) == [*ends(first), ("wr-1", "CANCELED")]


async def test_an_end_that_cannot_be_read_is_an_error_not_silence(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    await broker.submit(limit_order("wr-1"))
    peer.end("wr-1", "canceled")
    peer.faults.append(Fault("GET", "/v2/orders/", b"[]", times=1))
    with pytest.raises(UnavailableError, match="broker-unavailable"):
        await broker.updates(0, 10)
    assert ends(await told(broker)) == [("wr-1", "CANCELED")]


@pytest.mark.parametrize("kind", [500, "html", "cut", b"{}", b'[{"id":1}]'], ids=str)
async def test_what_fails_is_told_the_next_time(
    peer: AlpacaPeer, broker: AlpacaBroker, kind: int | str | bytes
) -> None:
    await broker.submit(limit_order("wr-1"))
    peer.fill("wr-1", "10", "100")
    peer.faults.append(Fault("GET", FILLS, kind, times=3 if kind in (500, "cut") else 1))
    with pytest.raises(UnavailableError, match="broker-unavailable"):
        await broker.updates(0, 10)
    assert shares(await told(broker)) == [("wr-1", 10)]


async def test_fills_beyond_a_page_are_all_told(
    peer: AlpacaPeer, broker: AlpacaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PAGE", 3)
    monkeypatch.setattr(following, "PAGES_MAX", 2)
    await broker.submit(limit_order("wr-1", 10))
    for _ in range(10):
        peer.fill("wr-1", "1", "100")
    assert shares(await told(broker)) == [("wr-1", 1)] * 10


async def test_more_ends_than_one_round_asks_for_are_all_told(
    peer: AlpacaPeer, broker: AlpacaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LOOKED_UP_MAX", 2)
    names = [f"wr-{n}" for n in range(5)]
    for name in names:
        await broker.submit(limit_order(name, 1))
        peer.end(name, "canceled")
    assert sorted(ends(await told(broker))) == [(name, "CANCELED") for name in names]


async def test_orders_that_work_on_are_listed_by_the_page_and_not_asked_for_one_by_one(
    peer: AlpacaPeer, broker: AlpacaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "ORDERS_PAGE", 2)
    for number in range(5):
        await broker.submit(limit_order(f"wr-{number}", 1))
    asked = len(peer.asked)
    assert await told(broker) == []
    assert [one.path for one in peer.asked[asked:]].count("/v2/orders") == 3
    assert not [one.path for one in peer.asked[asked:] if one.path.startswith("/v2/orders/")]


@pytest.mark.requirement("S3-08")
async def test_what_was_there_before_us_is_not_told_and_what_others_do_is(
    peer: AlpacaPeer, account: Account, broker: AlpacaBroker
) -> None:
    peer.by_hand(account, "MSFT", "5", "10")
    statement = await broker.statement("primary")
    assert statement.positions == {"MSFT": (5, 0)}
    assert statement.cash_micros == 99_950_000_000
    assert await told(broker) == []
    peer.by_hand(account, "MSFT", "0.5", "10", filled_at="9.123456789")
    [update] = await told(broker)
    fill = update.event
    assert isinstance(fill, Execution)
    assert not fill.broker_client_id.startswith("wr-")
    assert (fill.qty, fill.qty_decimals, fill.price_decimals) == (5, 1, 9)
    assert (await broker.statement("primary")).positions == {"MSFT": (55, 1)}


async def test_the_sequence_goes_on_after_a_restart_and_tells_nothing_twice(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    accounts = {"primary": real(peer, account)}
    broker = await opened(tmp_path, accounts)
    await broker.submit(limit_order("wr-1", 10))
    peer.fill("wr-1", "4", "100")
    before = await told(broker)
    await broker.close()
    peer.fill("wr-1", "1", "100")
    peer.end("wr-1", "canceled")
    broker = await opened(tmp_path, accounts)
    after = await told(broker)
    assert after[:1] == before
    assert (shares(after[1:]), ends(after)) == ([("wr-1", 1)], [("wr-1", "CANCELED")])
    await broker.close()


@pytest.mark.requirement("S3-08")
@pytest.mark.parametrize("asks", ["order", "list"])
async def test_a_lost_file_loses_no_fill_and_no_end(
    peer: AlpacaPeer, account: Account, tmp_path: Path, asks: str
) -> None:
    """The record asks for its open orders at a start; what it has heard before has its old id."""
    accounts = {"primary": real(peer, account)}
    broker = await opened(tmp_path, accounts)
    await broker.submit(limit_order("wr-1", 10))
    peer.fill("wr-1", "4", "100")
    [before] = await told(broker)
    await broker.close()
    (tmp_path / FILE_NAME).unlink()
    peer.fill("wr-1", "1", "100")
    broker = await opened(tmp_path, accounts)
    assert await told(broker, before.cursor) == []
    await (broker.order("wr-1") if asks == "order" else broker.open_orders("primary"))
    after = await told(broker, before.cursor)
    assert [update.cursor for update in after] == [before.cursor + 1, before.cursor + 2]
    assert after[0].event == before.event
    assert shares(after) == [("wr-1", 4), ("wr-1", 1)]
    peer.end("wr-1", "canceled")
    assert ends(await told(broker, after[-1].cursor)) == [("wr-1", "CANCELED")]
    await broker.close()


async def test_an_older_file_numbers_above_the_record(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    accounts = {"primary": real(peer, account)}
    broker = await opened(tmp_path, accounts)
    await broker.submit(limit_order("wr-1", 10))
    assert await told(broker) == []
    older = (tmp_path / FILE_NAME).read_bytes()
    peer.fill("wr-1", "4", "100")
    peer.fill("wr-1", "1", "100")
    before = await told(broker)
    await broker.close()
    (tmp_path / FILE_NAME).write_bytes(older)
    broker = await opened(tmp_path, accounts)
    after = await told(broker, before[-1].cursor)
    assert [update.event for update in after] == [update.event for update in before]
    assert after[0].cursor > before[-1].cursor
    await broker.close()


async def test_a_file_of_the_version_before_is_taken_over(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    accounts = {"primary": real(peer, account)}
    broker = await opened(tmp_path, accounts)
    await broker.submit(limit_order("wr-1", 10))
    await broker.close()
    with sqlite3.connect(tmp_path / FILE_NAME) as file:
        file.execute("ALTER TABLE orders DROP COLUMN pending")
        file.execute("PRAGMA user_version = 1")
    file.close()
    broker = await opened(tmp_path, accounts)
    peer.end("wr-1", "canceled")
    assert ends(await told(broker)) == [("wr-1", "CANCELED")]
    await broker.close()


@pytest.mark.requirement("S3-05")
@pytest.mark.parametrize("filled", [False, True], ids=["unfilled", "partly filled"])
async def test_a_refused_cancel_is_told_as_the_state_before_each_time(
    peer: AlpacaPeer, broker: AlpacaBroker, filled: bool
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    if filled:
        peer.fill("wr-1", "4", "100")
    works = "PARTIALLY_FILLED" if filled else "ACKNOWLEDGED"
    again = StatusChange("wr-1", works, "ERR_CANCEL_REJECTED")
    peer.decides, seen = False, await told(broker)
    for _ in range(2):
        await broker.cancel("wr-1")
        assert await told(broker, seen[-1].cursor if seen else 0) == []
        peer.decide("wr-1", done=False)
        [update] = await told(broker, seen[-1].cursor if seen else 0)
        assert update.event == again
        seen.append(update)
    await broker.cancel("wr-1")
    await told(broker, seen[-1].cursor)
    peer.decide("wr-1", done=True)
    assert ends(await told(broker, seen[-1].cursor)) == [("wr-1", "CANCELED")]


async def test_a_fill_that_does_not_fit_our_prices_is_told_and_keeps_no_other_from_being_told(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    await broker.submit(limit_order("wr-1", 10))
    peer.fill("wr-1", "4", "99.123456")
    peer.fill("wr-1", "6", "99")
    odd, plain = [update.event for update in await told(broker)]
    assert isinstance(odd, Execution)
    assert isinstance(plain, Execution)
    assert (odd.price, odd.price_decimals) == (99_123_456, 6)
    assert (plain.price, plain.price_decimals) == (990_000, 4)


@pytest.mark.attack
async def test_a_file_of_another_account_is_refused(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    broker = await opened(tmp_path, {"primary": real(peer, account, number="none")})
    assert await told(broker) == []
    await broker.close()
    other = await opened(tmp_path, {"primary": real(peer, peer.account("PA2"), number="none")})
    with pytest.raises(UnavailableError, match="alpaca-account-mismatch"):
        await other.updates(0, 10)
    await other.close()


async def test_a_file_that_is_none_is_refused(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database at all" * 100)
    with pytest.raises((UnavailableError, InvalidInputError)):
        await opened(tmp_path, {"primary": real(peer, account)})


async def test_one_account_that_fails_does_not_keep_the_others_silent(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    second = peer.account("PA2")
    broker = await opened(
        tmp_path, {"primary": real(peer, account), "second": real(peer, second, number="PA9")}
    )
    await broker.submit(limit_order("wr-1"))
    peer.fill("wr-1", "10", "100")
    updates = await broker.updates(0, 10)
    assert shares(updates) == [("wr-1", 10)]
    with pytest.raises(UnavailableError, match="alpaca-account-mismatch"):
        await broker.updates(updates[-1].cursor, 10)
    await broker.close()


@pytest.mark.requirement("S1-03")
async def test_statements_are_exact_or_errors(
    peer: AlpacaPeer, account: Account, broker: AlpacaBroker
) -> None:
    await broker.statement("primary")
    positions = {"LONG": ("3", "long"), "SHORT": ("-2", "short")}
    sound = [{"symbol": s, "qty": qty, "side": side} for s, (qty, side) in positions.items()]
    for broken in ('{"a":1}', "", "null", '[{"symbol":"AAPL"}]', str(sound).replace("'", '"')):
        wrong = broken.replace('"-2"', '"2"').encode()
        peer.faults.append(Fault("GET", "/v2/positions", wrong))
        with pytest.raises(UnavailableError, match="broker-unavailable"):
            await broker.statement("primary")
    peer.faults.append(Fault("GET", "/v2/positions", str(sound).replace("'", '"').encode()))
    statement = await broker.statement("primary")
    assert statement.positions == {"LONG": (3, 0), "SHORT": (-2, 0)}


@pytest.mark.requirement("S3-15")
async def test_credentials_are_validated_by_the_venue(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    clock = RunningClock()
    broker = await opened(tmp_path, {"primary": real(peer, account)}, clock)
    assert await broker.validate("primary") == Validated("none", "PA1TEST", None, 0)
    for skew_s, least_ms, most_ms in ((-10, -10_000, -9_000), (10, 9_000, 10_000)):
        peer.skew_s = skew_s
        skew_ms = (await broker.validate("primary")).skew_ms
        assert skew_ms is not None
        assert least_ms <= skew_ms <= most_ms
    account.blocked = True
    assert (await broker.validate("primary")).problem == "ACCOUNT_BLOCKED"
    account.status = "ACCOUNT_UPDATED"
    assert (await broker.validate("primary")).problem == "ACCOUNT_NOT_ACTIVE"
    account.key_id = "another"
    refused = await broker.validate("primary")
    assert (refused.problem, refused.broker_account) == ("CREDENTIALS_REFUSED", "none")
    await broker.close()


async def test_hours_are_the_venues_own(peer: AlpacaPeer, broker: AlpacaBroker) -> None:
    """The clocks of New York change on 2026-03-08; 2026-11-27 is a half-day after a holiday."""
    peer.holidays.add(date(2026, 11, 26))
    peer.half_days.add(date(2026, 11, 27))

    def at(month: int, day: int, hour: int, minute: int = 0) -> int:
        return int(datetime(2026, month, day, hour, minute, tzinfo=UTC).timestamp()) * 1_000_000

    assert await broker.hours_between(date(2026, 3, 6), date(2026, 3, 9)) == [
        Hours(at(3, 6, 14, 30), at(3, 6, 21)),
        Hours(at(3, 9, 13, 30), at(3, 9, 20)),
    ]
    assert await broker.hours_between(date(2026, 11, 25), date(2026, 11, 28)) == [
        Hours(at(11, 25, 14, 30), at(11, 25, 21)),
        Hours(at(11, 27, 14, 30), at(11, 27, 18)),
    ]
    assert await broker.hours_between(date(2026, 11, 28), date(2026, 11, 29)) == []


@pytest.mark.parametrize(
    "answer",
    [
        '{"date": "2026-03-06", "open": "09:30", "close": "16:00"}',
        '[{"date": "2026-03-05", "open": "09:30", "close": "16:00"}]',
        '[{"date": "2026-03-06", "open": "16:00", "close": "09:30"}]',
        '[{"date": "2026-03-06", "open": "9:30", "close": "16:00"}]',
        '[{"date": "20260306", "open": "09:30", "close": "16:00"}]',
        '[{"date": "2026-03-06", "open": "09:30"}]',
        "[" + ", ".join(['{"date": "2026-03-06", "open": "09:30", "close": "16:00"}'] * 2) + "]",
    ],
)
async def test_a_calendar_that_is_none_is_refused_whole(
    peer: AlpacaPeer, broker: AlpacaBroker, answer: str
) -> None:
    peer.faults.append(Fault("GET", "/v2/calendar", answer.encode()))
    with pytest.raises(OutcomeUnknownError):
        await broker.hours_between(date(2026, 3, 6), date(2026, 3, 9))


async def test_too_many_days_are_not_asked_for(broker: AlpacaBroker) -> None:
    for first, last in (("2026-01-02", "2026-01-01"), ("2026-01-01", "2028-01-01")):
        with pytest.raises(OutcomeUnknownError):
            await broker.hours_between(date.fromisoformat(first), date.fromisoformat(last))


async def test_a_rejection_that_somebody_asked_for_is_not_told_again(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    """Settlement has recorded it by then; the same status twice would not fit the record."""
    await broker.submit(limit_order("wr-1"))
    peer.end("wr-1", "rejected")
    state = await broker.order("wr-1")
    assert state is not None
    assert (state.status, state.open) == ("REJECTED", False)
    assert await told(broker) == []


async def test_a_peer_that_does_not_speak_as_alpaca_describes_is_found_out() -> None:
    async def ask() -> None:
        with alpaca_peer() as peer:
            account = peer.account()
            account.status = "NONSENSE"
            headers = {"APCA-API-KEY-ID": account.key_id, "APCA-API-SECRET-KEY": account.secret}
            async with httpx2.AsyncClient(base_url=peer.url, headers=headers) as http:
                await http.get("/v2/account")

    with pytest.raises(AssertionError, match="NONSENSE"):
        await ask()
