"""The venue's stream is news: it says that there is something to ask for, and nothing else."""

import asyncio
import logging
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gateway.brokers.alpaca import stream
from gateway.brokers.alpaca.adapter import AlpacaBroker
from gateway.brokers.contract import Credentials, Streaming
from gateway.domain.execution import Execution, StatusChange
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import Account, AlpacaPeer, Fault
from support.alpaca import opened, real, until
from support.brokers import limit_order
from support.secrets_made import secret
from support.vault_server import make_certificate

pytestmark = pytest.mark.usefixtures("quick", "soon")

STREAM = "/stream"


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules with shorter waits."""
    monkeypatch.setattr(stream, "GAP_MS", 20)
    monkeypatch.setattr(stream, "BACK_OFF_MS", (10, 100))
    monkeypatch.setattr(stream, "REQUEST_TIMEOUT_S", 2)


@dataclass
class Told:
    """What the broker says by itself."""

    news: int = 0
    reconnected: list[str] = field(default_factory=list[str])

    def on_news(self) -> None:
        self.news += 1


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def listening(peer: AlpacaPeer, broker: AlpacaBroker, told: Told) -> AlpacaBroker:
    broker.listen(told.on_news, told.reconnected.append)
    await until(lambda: told.news == 1)
    assert peer.listeners[-1].listens
    return broker


@pytest.mark.requirement("S3-08")
async def test_a_fill_is_news_at_once_and_is_told_by_the_lists(
    peer: AlpacaPeer, listening: AlpacaBroker, told: Told
) -> None:
    assert isinstance(listening, Streaming)
    await listening.submit(limit_order("wr-1", 10))
    await until(lambda: told.news == 2)
    peer.fill("wr-1", "4", "100")
    await until(lambda: told.news == 3)
    [update] = await listening.updates(0, 10)
    assert isinstance(update.event, Execution)
    assert told.reconnected == []


@pytest.mark.requirement("S3-05")
@pytest.mark.parametrize("pending", ["cancel", "replace"])
async def test_a_refusal_that_no_poll_has_seen_pending_is_told(
    peer: AlpacaPeer, listening: AlpacaBroker, told: Told, pending: str
) -> None:
    await listening.submit(limit_order("wr-1", 10))
    peer.decides = False
    if pending == "cancel":
        await listening.cancel("wr-1")
    else:
        await listening.replace("wr-1", limit_order("wr-2", 5), 0)
    peer.decide("wr-1", done=False)
    heard: list[tuple[str, str]] = []
    async with asyncio.timeout(30):
        while not heard:
            updates = await listening.updates(0, 10)
            words = [each.event for each in updates if isinstance(each.event, StatusChange)]
            heard = [(word.status, word.code) for word in words if word.broker_client_id == "wr-1"]
    assert heard == [("ACKNOWLEDGED", f"ERR_{pending.upper()}_REJECTED")]
    assert told.news >= 2


@pytest.mark.attack
@pytest.mark.parametrize(
    "message",
    [
        {"stream": "trade_updates", "data": {"event": "order_cancel_rejected"}},
        {"stream": "trade_updates", "data": {"event": "order_cancel_rejected", "order": {}}},
        {"stream": "trade_updates", "data": {"event": ["x"], "order": {"id": "../x"}}},
        {"stream": "trade_updates", "data": []},
        {"stream": "elsewhere"},
        {},
    ],
    ids=["no order", "no id", "no event", "no data", "another stream", "nothing"],
)
async def test_what_cannot_be_read_is_news_and_breaks_nothing(
    peer: AlpacaPeer, listening: AlpacaBroker, told: Told, message: dict[str, object]
) -> None:
    peer.listeners[-1].send(message)
    await until(lambda: told.news == 2)
    assert (told.reconnected, len(peer.listeners)) == ([], 1)
    assert await listening.updates(0, 10) == []


async def test_nothing_is_sent_before_somebody_listens(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    await broker.probe("primary")
    assert peer.listeners == []


@pytest.mark.requirement("S3-08")
async def test_a_break_is_said_once_it_is_over(
    peer: AlpacaPeer, listening: AlpacaBroker, told: Told
) -> None:
    peer.faults.append(Fault("GET", STREAM, 503, times=2))
    peer.listeners[-1].close()
    await until(lambda: told.reconnected == ["primary"])
    assert told.news >= 2  # what happened in between is asked for
    assert len(peer.listeners) == 2
    peer.end((await resting(listening, "wr-1")), "canceled")
    before = told.news
    await until(lambda: told.news > before)


async def test_fills_are_not_lost_over_a_disconnect(
    peer: AlpacaPeer, listening: AlpacaBroker, told: Told
) -> None:
    """The stream replays nothing: what was filled meanwhile comes from the lists, once each."""
    await listening.submit(limit_order("wr-1", 10))
    fault = Fault("GET", STREAM, 503, times=10**6)
    peer.faults.append(fault)
    peer.listeners[-1].close()
    peer.fill("wr-1", "4", "100")
    peer.fill("wr-1", "6", "100")
    await until(lambda: fault.times < 10**6 - 2)
    fault.times = 0
    before = told.news
    await until(lambda: told.reconnected == ["primary"] and told.news > before)
    updates = await listening.updates(0, 10)
    assert [each.event.qty for each in updates if isinstance(each.event, Execution)] == [4, 6]


async def resting(broker: AlpacaBroker, name: str) -> str:
    await broker.submit(limit_order(name, 10))
    return name


async def test_a_venue_that_shows_no_sign_of_life_is_left(
    peer: AlpacaPeer, listening: AlpacaBroker, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.2)
    peer.listeners[-1].close()
    await until(lambda: told.reconnected == ["primary"])
    peer.silent = True
    await until(lambda: len(told.reconnected) >= 2)


async def test_one_that_breaks_off_again_and_again_is_tried_ever_less_often(
    peer: AlpacaPeer, listening: AlpacaBroker, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BACK_OFF_MS", (10, 10_000))
    began = time.monotonic_ns()
    for n in range(1, 7):
        peer.listeners[-1].close()
        await until(lambda: len(told.reconnected) == n)  # noqa: B023  waited for here
    assert time.monotonic_ns() - began >= (10 + 20 + 40 + 80 + 160 + 320) * 1_000_000


async def test_a_connection_outlives_the_time_that_its_beginning_may_take(
    peer: AlpacaPeer, listening: AlpacaBroker, told: Told
) -> None:
    await asyncio.sleep(2.5)  # longer than any request may take
    await listening.submit(limit_order("wr-1", 10))
    await until(lambda: told.news == 2)
    assert told.reconnected == []
    assert len(peer.listeners) == 1


@pytest.mark.attack
@pytest.mark.parametrize("kind", [404, "hang", "reset", "html", "huge", "cut", b"{}"], ids=str)
async def test_whatever_answers_instead_is_left_and_tried_again(
    peer: AlpacaPeer, broker: AlpacaBroker, told: Told, kind: int | str | bytes
) -> None:
    peer.faults.append(Fault("GET", STREAM, kind))
    broker.listen(told.on_news, told.reconnected.append)
    await until(lambda: told.news == 1)
    assert len(peer.listeners) == 1


@pytest.mark.attack
@pytest.mark.requirement("S3-14")
async def test_the_credentials_do_not_follow_a_redirect(
    peer: AlpacaPeer, account: Account, tmp_path: Path, told: Told
) -> None:
    with alpaca_peer() as elsewhere:
        elsewhere.accounts = peer.accounts
        asked, peer.url = real(peer, account), elsewhere.url  # where its redirects lead
        broker = await opened(tmp_path, {"primary": asked})
        peer.faults.append(Fault("GET", STREAM, "redirect", times=3))
        broker.listen(told.on_news, told.reconnected.append)
        await until(lambda: told.news == 1)
        assert peer.faults[-1].times == 0
        assert len(peer.listeners) == 1
        assert (elsewhere.listeners, elsewhere.asked) == ([], [])
        await broker.close()


@pytest.mark.attack
@pytest.mark.requirement("S3-11")
async def test_no_log_remembers_the_credentials_that_were_refused(
    peer: AlpacaPeer,
    account: Account,
    tmp_path: Path,
    told: Told,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = Credentials(lambda: secret(account.key_id), lambda: secret("can-ary-value"))
    wrong = replace(real(peer, account), credentials=shown)
    broker = await opened(tmp_path, {"primary": wrong})
    broker.listen(told.on_news, told.reconnected.append)
    await until(lambda: len(peer.listeners) >= 3)
    assert told.news == 0
    assert "the stream broke off" in caplog.text
    assert "can-ary-value" not in caplog.text
    assert account.key_id not in caplog.text
    account.secret = "can-ary-value"
    await until(lambda: told.news == 1)
    await broker.close()


@pytest.mark.attack
async def test_only_a_venue_whose_certificate_holds_is_listened_to(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    authority = make_certificate(tmp_path)
    with alpaca_peer(tls=tmp_path) as peer:
        broker = await opened(tmp_path, {"primary": real(peer, peer.account())})
        broker.listen(told.on_news, told.reconnected.append)
        await until(lambda: "ClientConnectorCertificateError" in caplog.text)
        assert (peer.listeners, told.news) == ([], 0)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        await until(lambda: told.news == 1)
        await broker.close()


@pytest.mark.requirement("S3-19")
async def test_a_burst_is_told_at_a_pace(
    peer: AlpacaPeer, listening: AlpacaBroker, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "GAP_MS", 200)
    await listening.submit(limit_order("wr-1", 100))
    await until(lambda: told.news == 2)
    for _ in range(50):
        peer.fill("wr-1", "1", "100")
    await until(lambda: told.news >= 3)
    assert told.news <= 5
