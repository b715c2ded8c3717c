"""Orders to Alpaca: what the venue's answers prove, and that nothing is ever sent twice."""

import asyncio
import json
import logging
import sqlite3
import traceback
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.brokers.alpaca import client
from gateway.brokers.alpaca.adapter import FILE_NAME, AlpacaBroker
from gateway.brokers.alpaca.address import address
from gateway.brokers.budget import Budget
from gateway.brokers.contract import Credentials, RealAccount
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import (
    Accepted,
    BrokerOrderState,
    NotSentError,
    OutcomeUnknownError,
    Rejected,
)
from gateway.domain.mode import Mode
from gateway.domain.order import OrderType, Side, TimeInForce
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import Account, AlpacaPeer, Fault
from support.alpaca import RunningClock, opened, real
from support.brokers import broker_order, limit_order
from support.secrets_made import secret
from support.vault_server import make_certificate
from vault.errors import ProviderError
from vault.secret import Secret

pytestmark = pytest.mark.usefixtures("quick")

ORDERS, LOOKUP = "/v2/orders", "/v2/orders:by_client_order_id"
TAKEN_OR_NOT = [False, True]
CANARY = "can-ary-value"


@pytest.mark.requirement("S1-03")
async def test_an_order_goes_out_as_decimal_strings_with_the_credentials(
    peer: AlpacaPeer, account: Account, broker: AlpacaBroker
) -> None:
    answer = await broker.submit(limit_order("wr-1", 3, limit_price=1_234_500))
    [sent] = peer.orders_sent()
    assert json.loads(sent.body) == {
        "symbol": "AAPL",
        "qty": "3",
        "side": "buy",
        "type": "limit",
        "time_in_force": "day",
        "limit_price": "123.45",
        "extended_hours": False,
        "client_order_id": "wr-1",
    }
    assert sent.headers["apca-api-key-id"] == account.key_id
    assert sent.headers["apca-api-secret-key"] == account.secret
    assert isinstance(answer, Accepted)
    assert await broker.order("wr-1") == BrokerOrderState(
        "wr-1", answer.broker_order_id, "ACKNOWLEDGED", 0, open=True
    )


@pytest.mark.requirement("S1-06")
async def test_what_has_no_limit_is_bounded_by_its_protection_price(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    """Never beyond the price at which it was counted: on the cent that is better for us."""
    sells: dict[str, object] = {"side": Side.SELL_SHORT, "protection_price": 900_001}
    await broker.submit(broker_order("wr-1", 1, protection_price=1_500_099))
    await broker.submit(broker_order("wr-2", 1, **sells))
    await broker.submit(broker_order("wr-3", 1, type=OrderType.STOP, stop_price=1_010_000))
    sent = [json.loads(asked.body) for asked in peer.orders_sent()]
    assert [(body["type"], body["limit_price"]) for body in sent] == [
        ("limit", "150"),
        ("limit", "90.01"),
        ("stop_limit", "150"),
    ]
    assert [body.get("position_intent") for body in sent] == [None, "sell_to_open", None]
    assert sent[2]["stop_price"] == "101"


@pytest.mark.requirement("S3-04")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NOPE"}, "ERR_INVALID_TICKER"),
        ({"qty": 1_000_000}, "ERR_INSUFFICIENT_FUNDS"),
        ({"side": Side.SELL}, "ERR_INSUFFICIENT_QTY"),
        ({"time_in_force": TimeInForce.IOC}, "ERR_INVALID_ORDER"),
        ({"limit_price": 1_000_050}, "ERR_INVALID_ORDER"),
        ({"account": "nobody"}, "ERR_INVALID_ORDER"),
        ({"extended_hours": True, "type": OrderType.STOP_LIMIT, "stop_price": 990_000}, None),
    ],
    ids=["ticker", "funds", "quantity", "time", "tick", "account", "extended"],
)
async def test_refusals_have_their_codes(
    broker: AlpacaBroker, changes: dict[str, object], code: str | None
) -> None:
    order = limit_order("wr-1", **changes)  # pyright: ignore[reportArgumentType]  named fields
    assert await broker.submit(order) == Rejected(code or "ERR_INVALID_ORDER")
    assert await broker.order("wr-1") is None


async def test_a_blocked_account_and_wrong_credentials_are_refusals(
    peer: AlpacaPeer, account: Account, broker: AlpacaBroker
) -> None:
    assert await broker.updates(0, 10) == []
    account.blocked = True
    assert await broker.submit(limit_order("wr-1")) == Rejected("ERR_INVALID_ORDER")
    key_id, account.secret = account.key_id, "right"
    account.key_id = "somebody-else"
    assert await broker.submit(limit_order("wr-2")) == Rejected("ERR_AUTH")
    account.key_id = key_id
    assert [asked.path for asked in peer.orders_sent()] == [ORDERS, ORDERS]


@pytest.mark.requirement("S3-19")
async def test_too_many_requests_is_a_refusal_and_is_not_sent_again(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    peer.faults.append(Fault("POST", ORDERS, 429))
    assert await broker.submit(limit_order("wr-1")) == Rejected("ERR_RATE_LIMIT")
    assert len(peer.orders_sent()) == 1
    assert await broker.order("wr-1") is None


@pytest.mark.requirement("S3-06")
@pytest.mark.requirement("S3-21")
@pytest.mark.parametrize("after", TAKEN_OR_NOT, ids=["not-taken", "taken"])
@pytest.mark.parametrize(
    "kind",
    [
        500,
        502,
        504,
        404,
        409,
        "hang",
        "reset",
        "html",
        "redirect",
        "huge",
        "cut",
        "packed",
        b"{",
        b"[]",
    ],
    ids=str,
)
async def test_what_is_not_clear_is_unknown_and_never_sent_again(
    peer: AlpacaPeer, broker: AlpacaBroker, kind: int | str | bytes, after: bool
) -> None:
    peer.faults.append(Fault("POST", ORDERS, kind, after=after))
    with pytest.raises(OutcomeUnknownError) as unknown:
        await broker.submit(limit_order("wr-1"))
    assert not isinstance(unknown.value, NotSentError)
    assert len(peer.orders_sent()) == 1
    found = await broker.order("wr-1")
    assert (found is not None) is after
    assert not any(asked.path == "/v2/elsewhere" for asked in peer.asked)


@pytest.mark.parametrize(
    "answer",
    [
        {"client_order_id": "wr-2"},
        {"qty": "11"},
        {"limit_price": "100.01"},
        {"side": "sell"},
        {"id": "../account"},
        {"status": "brand_new"},
        {"filled_qty": "0.5"},
        {"filled_qty": None},
    ],
    ids=str,
)
async def test_an_answer_about_another_order_is_no_answer(
    peer: AlpacaPeer, broker: AlpacaBroker, answer: dict[str, object]
) -> None:
    await broker.submit(limit_order("wr-0"))
    known = await broker.order("wr-0")
    assert known is not None
    order: dict[str, object] = {
        "id": known.broker_order_id,
        "client_order_id": "wr-1",
        "symbol": "AAPL",
        "qty": "10",
    }
    order |= {"side": "buy", "type": "limit", "time_in_force": "day", "limit_price": "100"}
    sound: dict[str, object] = order | {"status": "new", "filled_qty": "0", "extended_hours": False}
    peer.faults.append(Fault("POST", ORDERS, json.dumps(sound | answer).encode()))
    with pytest.raises(OutcomeUnknownError, match="ERR_UNREADABLE"):
        await broker.submit(limit_order("wr-1"))
    peer.faults.append(Fault("POST", ORDERS, json.dumps(sound).encode()))
    assert await broker.submit(limit_order("wr-1")) == Accepted(known.broker_order_id)


@pytest.mark.requirement("S3-06")
async def test_a_duplicate_is_adopted_if_it_is_the_same_and_can_be_read(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    first = await broker.submit(limit_order("wr-1"))
    peer.faults.append(Fault("GET", LOOKUP, 500, times=3))
    with pytest.raises(OutcomeUnknownError):
        await broker.submit(limit_order("wr-1"))
    assert await broker.submit(limit_order("wr-1")) == first
    assert await broker.submit(limit_order("wr-1", 9)) == Rejected("ERR_DUPLICATE_ORDER")


@pytest.mark.requirement("S3-15")
async def test_a_lost_secret_sends_nothing_and_a_rotated_one_is_used_at_once(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    lost = False

    def held() -> Secret:
        if lost:
            raise ProviderError("secret-lost", "it is gone", "wait")
        return secret(account.secret)

    shown = Credentials(lambda: secret(account.key_id), held)
    broker = await opened(
        tmp_path, {"primary": RealAccount(Mode.PAPER, account.number, shown, peer.url)}
    )
    assert isinstance(await broker.submit(limit_order("wr-1")), Accepted)
    peer.rotate(account, "another-secret")
    assert isinstance(await broker.submit(limit_order("wr-2")), Accepted)
    lost = True
    with pytest.raises(NotSentError, match="ERR_CREDENTIALS"):
        await broker.submit(limit_order("wr-3"))
    with pytest.raises(UnavailableError, match="ERR_CREDENTIALS"):
        await broker.order("wr-3")
    assert len(peer.orders_sent()) == 2
    await broker.close()


@pytest.mark.requirement("S3-06")
async def test_a_secret_that_is_lost_after_the_order_went_out_does_not_unsend_it(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    def held() -> Secret:
        if len(peer.orders_sent()) == 2:
            raise ProviderError("secret-lost", "it is gone", "wait")
        return secret(account.secret)

    shown = Credentials(lambda: secret(account.key_id), held)
    broker = await opened(
        tmp_path, {"primary": RealAccount(Mode.PAPER, account.number, shown, peer.url)}
    )
    assert isinstance(await broker.submit(limit_order("wr-1")), Accepted)
    with pytest.raises(OutcomeUnknownError, match="ERR_CREDENTIALS") as unknown:
        await broker.submit(limit_order("wr-1"))
    assert not isinstance(unknown.value, NotSentError)
    await broker.close()


@pytest.mark.attack
@pytest.mark.requirement("S3-11")
@pytest.mark.parametrize("tail", ["\r\nX-Other: 1", "\n", " ", "é", "\x7f"], ids=ascii)
async def test_a_secret_that_is_no_header_is_neither_sent_nor_told(
    peer: AlpacaPeer, account: Account, tmp_path: Path, caplog: pytest.LogCaptureFixture, tail: str
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = Credentials(lambda: secret(account.key_id), lambda: secret(CANARY + tail))
    broker = await opened(
        tmp_path, {"primary": RealAccount(Mode.PAPER, account.number, shown, peer.url)}
    )
    with pytest.raises(NotSentError) as refused:
        await broker.submit(limit_order("wr-1"))
    assert CANARY not in "".join(traceback.format_exception(refused.value))
    assert refused.value.__cause__ is None
    await broker.close()
    assert peer.asked == []
    assert CANARY not in caplog.text


async def test_no_connection_is_not_sent(tmp_path: Path) -> None:
    with alpaca_peer() as peer:
        account = peer.account()
        gone = real(peer, account)
    broker = await opened(tmp_path, {"primary": gone})
    with pytest.raises(NotSentError, match="ERR_NETWORK"):
        await broker.submit(limit_order("wr-1"))
    await broker.close()
    clock = RunningClock()
    there = address("primary", gone.mode, gone.url_override)
    connection = client.AlpacaClient(there, gone.credentials, Budget(clock, 200), clock)
    with pytest.raises(NotSentError, match="ERR_NETWORK"):
        await connection.post_order({})
    await connection.close()


@pytest.mark.attack
async def test_credentials_of_another_account_send_nothing(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    other = await opened(tmp_path, {"primary": real(peer, account, number="PA999")})
    with pytest.raises(NotSentError, match="ERR_ACCOUNT"):
        await other.submit(limit_order("wr-1"))
    with pytest.raises(UnavailableError, match="lead to another account"):
        await other.updates(0, 10)
    assert (await other.validate("primary")).problem == "ACCOUNT_MISMATCH"
    assert peer.orders_sent() == []
    await other.close()


@pytest.mark.parametrize("kind", [429, 500, "reset"], ids=str)
async def test_a_read_is_tried_three_times_and_no_more(
    peer: AlpacaPeer, broker: AlpacaBroker, kind: int | str
) -> None:
    peer.faults.append(Fault("GET", LOOKUP, kind, times=2))
    assert await broker.order("wr-1") is None
    peer.faults.append(Fault("GET", LOOKUP, kind, times=3))
    with pytest.raises(UnavailableError, match="broker-unavailable"):
        await broker.order("wr-1")
    assert sum(asked.path == LOOKUP for asked in peer.asked) == 6


@pytest.mark.parametrize(
    "kind", [401, 403, 404, "html", "redirect", b"[]", b'{"a":1,"a":2}'], ids=str
)
async def test_an_order_is_unknown_only_if_the_venue_says_so(
    peer: AlpacaPeer, broker: AlpacaBroker, kind: int | str | bytes
) -> None:
    peer.faults.append(Fault("GET", LOOKUP, kind))
    if kind == 404:
        assert await broker.order("wr-1") is None
    else:
        with pytest.raises(UnavailableError, match="broker-unavailable"):
            await broker.order("wr-1")


async def test_cancels_ask_once_and_say_when_nobody_answered(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    await broker.submit(limit_order("wr-1"))
    peer.faults.append(Fault("DELETE", ORDERS, 500))
    with pytest.raises(OutcomeUnknownError):
        await broker.cancel("wr-1")
    assert sum(asked.method == "DELETE" for asked in peer.asked) == 1
    await broker.cancel("wr-1")
    await broker.cancel("wr-1")  # it is over: 422, and no error
    state = await broker.order("wr-1")
    assert state is not None
    assert (state.status, state.open) == ("CANCELED", False)


async def test_cancels_go_out_without_the_file_and_past_an_account_that_is_silent(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    """Taking risk off waits for no disk."""
    refused = peer.account("PA0")
    accounts = {"first": real(peer, refused), "second": real(peer, account)}
    broker = await opened(tmp_path, accounts)
    await broker.submit(limit_order("wr-1", account="second"))
    refused.key_id = "somebody-else"
    with sqlite3.connect(tmp_path / FILE_NAME) as file:
        file.execute("DROP TABLE orders")
    file.close()
    await broker.cancel("wr-1")
    assert sum(asked.method == "DELETE" for asked in peer.asked) == 1
    with pytest.raises(OutcomeUnknownError, match="ERR_AUTH"):
        await broker.cancel("wr-2")
    refused.key_id = next(key for key, each in peer.accounts.items() if each is refused)
    await broker.cancel("wr-2")
    await broker.close()


async def test_cancels_go_out_where_the_budget_is_spent(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    settings = {"poll_ms": 20, "requests_per_minute": 10}
    broker = await opened(tmp_path, {"primary": real(peer, account)}, settings=settings)
    taken: list[str] = []

    async def spend() -> None:
        for n in range(12):
            await broker.submit(limit_order(f"wr-{n}", 1))
            taken.append(f"wr-{n}")

    with pytest.raises(NotSentError, match="ERR_RATE_LIMIT"):
        await spend()
    assert 5 <= len(taken) <= 10
    for client_id in taken:
        await broker.cancel(client_id)
    assert sum(asked.method == "DELETE" for asked in peer.asked) == len(taken)
    await broker.close()


async def test_an_answer_that_never_ends_is_left_in_time(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    peer.faults.append(Fault("GET", LOOKUP, "huge", times=3))
    async with asyncio.timeout(60):
        with pytest.raises(UnavailableError, match="broker-unavailable"):
            await broker.order("wr-1")


@pytest.mark.attack
async def test_no_proxy_is_taken_from_the_environment(
    peer: AlpacaPeer, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    broker = await opened(tmp_path, {"primary": real(peer, account)})
    assert isinstance(await broker.submit(limit_order("wr-1")), Accepted)
    await broker.close()


@pytest.mark.attack
@pytest.mark.requirement("S3-11")
@pytest.mark.parametrize("kind", ["hang", "reset", "cut", "huge", "packed", 500, None], ids=str)
async def test_no_log_and_no_error_remembers_the_credentials(
    peer: AlpacaPeer,
    account: Account,
    broker: AlpacaBroker,
    caplog: pytest.LogCaptureFixture,
    kind: int | str | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    if kind is None:
        await broker.submit(limit_order("wr-1"))
    else:
        peer.faults.append(Fault("POST", ORDERS, kind))
        with pytest.raises(OutcomeUnknownError) as unknown:
            await broker.submit(limit_order("wr-1"))
        assert held_by(unknown.value, account.secret) == []
        assert held_by(unknown.value, account.key_id) == []
    assert account.secret not in caplog.text
    assert account.key_id not in caplog.text
    assert caplog.text


def held_by(error: BaseException, value: str) -> list[str]:
    """The frames of an error, and of those that it came from, whose variables show a value."""
    found: list[str] = []
    chain: BaseException | None = error
    while chain is not None:
        for frame, line in traceback.walk_tb(chain.__traceback__):
            ours = frame.f_code.co_filename != __file__
            if ours and value in repr(frame.f_locals) + repr(getattr(chain, "request", "")):
                found.append(f"{frame.f_code.co_qualname}:{line}")
        chain = chain.__context__
    return found


@pytest.mark.attack
async def test_only_a_venue_whose_certificate_holds_is_shown_the_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = make_certificate(tmp_path)
    with alpaca_peer(tls=tmp_path) as peer:
        account = real(peer, peer.account())
        broker = await opened(tmp_path, {"primary": account})
        with pytest.raises(NotSentError, match="ERR_NETWORK"):
            await broker.submit(limit_order("wr-1"))
        await broker.close()
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        elsewhere = replace(account, url_override=peer.url.replace("127.0.0.1", "localhost"))
        broker = await opened(tmp_path, {"primary": elsewhere})
        with pytest.raises(NotSentError, match="ERR_NETWORK"):
            await broker.submit(limit_order("wr-1"))
        await broker.close()
        assert peer.asked == []
        broker = await opened(tmp_path, {"primary": account})
        assert isinstance(await broker.submit(limit_order("wr-1")), Accepted)
        await broker.close()
