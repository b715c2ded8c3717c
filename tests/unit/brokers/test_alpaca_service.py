"""The venue as a service: its clock, its market data, what it allows, and how it answers."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.brokers.alpaca.adapter import AlpacaBroker, open_alpaca
from gateway.brokers.alpaca.address import Address, address, data_address
from gateway.brokers.budget import Budget, BudgetSpentError
from gateway.brokers.contract import AccountTerms, BrokerParts, Probing, QuoteSource, TimeSource
from gateway.domain.errors import NotFoundError
from gateway.domain.execution import Accepted, NotSentError, OutcomeUnknownError, Rejected
from gateway.domain.market import Quote
from gateway.domain.mode import Mode
from peers.alpaca_venue import Account, AlpacaPeer, Asked, Fault
from support.alpaca import FAST, RunningClock, opened, real
from support.brokers import ThreadRunner, limit_order

pytestmark = pytest.mark.usefixtures("quick")

SNAPSHOTS, CLOCK = "/v2/stocks/snapshots", "/v2/clock"


@pytest.fixture
async def quoting(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> AsyncIterator[AlpacaBroker]:
    settings = dict(FAST) | {"quotes_feed": "iex"}
    made = await opened(tmp_path, {"primary": real(peer, account)}, settings=settings)
    yield made
    await made.close()


def asked_for(peer: AlpacaPeer, path: str) -> list[Asked]:
    return [asked for asked in peer.asked if asked.path == path]


@pytest.mark.requirement("S3-22")
async def test_the_venues_time_is_the_middle_of_the_second_that_it_names(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    assert isinstance(broker, TimeSource)
    peer.now_us = lambda: 1_700_000_000_999_999
    found = await broker.server_time("primary")
    assert found.at_us == 1_700_000_000_500_000
    assert found.asked_us <= found.heard_us
    peer.skew_s = 90
    assert (await broker.server_time("primary")).at_us == 1_700_000_090_500_000
    for kind in (500, "html", "reset"):
        peer.faults.append(Fault("GET", CLOCK, kind, times=3 if kind != "html" else 1))
        with pytest.raises(OutcomeUnknownError):
            await broker.server_time("primary")
    with pytest.raises(NotFoundError, match="broker-account-unknown"):
        await broker.server_time("nobody")


@pytest.mark.requirement("S3-17")
async def test_a_probe_is_one_question(
    peer: AlpacaPeer, account: Account, broker: AlpacaBroker
) -> None:
    assert isinstance(broker, Probing)
    await broker.probe("primary")
    for kind in (429, 500, "reset", "html", "redirect"):
        peer.faults.append(Fault("GET", CLOCK, kind))
        with pytest.raises(OutcomeUnknownError):
            await broker.probe("primary")
    account.key_id = "another"
    with pytest.raises(OutcomeUnknownError, match="ERR_AUTH"):
        await broker.probe("primary")
    assert len(asked_for(peer, CLOCK)) == 7


@pytest.mark.requirement("S3-18")
async def test_quotes_are_exactly_as_the_market_data_states_them(
    peer: AlpacaPeer, quoting: AlpacaBroker
) -> None:
    assert isinstance(quoting, QuoteSource)
    peer.now_us = lambda: 1_700_000_000_123_456
    peer.prices = {"AAPL": ("172.6", "172.7", "172.61555"), "MSFT": ("400", "401", "1e2")}
    found = await quoting.quotes(["AAPL", "NOPE", "MSFT", "AAPL", "no symbol", "../v2"])
    assert found == [
        Quote("AAPL", 1_726_000, 1_727_000, 1_726_155, 4, 1_700_000_000_123_456),
        Quote("MSFT", 4_000_000, 4_010_000, 1_000_000, 4, 1_700_000_000_123_456),
    ]
    [asked] = asked_for(peer, SNAPSHOTS)
    assert asked.query == {"symbols": "AAPL,NOPE,MSFT", "feed": "iex"}


@pytest.mark.attack
@pytest.mark.parametrize(
    "quote",
    [
        "{}",
        "null",
        '{"t": "yesterday", "bp": 1, "ap": 2}',
        '{"t": "2022-08-17T10:18:27Z", "bp": "1", "ap": 2}',
        '{"t": "2022-08-17T10:18:27Z", "bp": true, "ap": 2}',
        '{"t": "2022-08-17T10:18:27Z", "bp": 1.00001, "ap": 2}',
        '{"t": "2022-08-17T10:18:27Z", "bp": 1e999999, "ap": 2}',
        '{"t": "2022-08-17T10:18:27Z", "bp": 1e-999999, "ap": 2}',
        '{"t": "2022-08-17T10:18:27Z", "bp": 1, "ap": 999999999999999999}',
    ],
)
async def test_a_quote_that_cannot_be_held_is_left_out_alone(
    peer: AlpacaPeer, quoting: AlpacaBroker, quote: str
) -> None:
    good = '{"t": "2022-08-17T10:18:27Z", "bp": 1, "ap": 2.5}'
    last = '"latestTrade": {"p": 1.5}'
    answer = (
        f'{{"AAPL": {{"latestQuote": {quote}, {last}}}, "MSFT": {{"latestQuote": {good}, {last}}}}}'
    )
    peer.faults.append(Fault("GET", SNAPSHOTS, answer.encode()))
    [told] = await quoting.quotes(["AAPL", "MSFT"])
    assert (told.symbol, told.bid, told.ask, told.last) == ("MSFT", 10_000, 25_000, 15_000)


async def test_quotes_that_are_not_answered_are_an_error(
    peer: AlpacaPeer, quoting: AlpacaBroker
) -> None:
    for kind in (b"[]", "html", b'{"AAPL": NaN}'):
        peer.faults.append(Fault("GET", SNAPSHOTS, kind))
        with pytest.raises(OutcomeUnknownError):
            await quoting.quotes(["AAPL"])


async def test_many_symbols_are_asked_for_in_batches_and_too_many_are_not(
    peer: AlpacaPeer, quoting: AlpacaBroker
) -> None:
    await quoting.quotes([f"S{n}" for n in range(1_000)])
    batches = [len(asked.query["symbols"].split(",")) for asked in asked_for(peer, SNAPSHOTS)]
    assert batches == [100] * 4


@pytest.mark.requirement("S3-14")
async def test_the_host_of_the_market_data_is_in_the_route_only_if_it_is_spoken_to(
    peer: AlpacaPeer, account: Account, broker: AlpacaBroker, tmp_path: Path
) -> None:
    assert await broker.quotes(["AAPL"]) == []
    assert asked_for(peer, SNAPSHOTS) == []
    venue = address("primary", Mode.PAPER, None)
    assert data_address(venue) == Address(tls=True, host="data.alpaca.markets", port=443)
    at_alpaca = real(peer, account)
    at_alpaca = type(at_alpaca)(at_alpaca.mode, "none", at_alpaca.credentials)
    for feed, more in (("none", ()), ("sip", ("data.alpaca.markets:443",))):
        settings = dict(FAST) | {"quotes_feed": feed}
        made = await opened(tmp_path, {"primary": at_alpaca}, settings=settings)
        hosts = (*more, "paper-api.alpaca.markets:443")
        assert made.route("primary").hosts == hosts
        await made.close()


@pytest.mark.requirement("S3-19")
async def test_an_order_that_is_one_request_too_many_is_over(
    peer: AlpacaPeer, broker: AlpacaBroker
) -> None:
    """The venue counts before it looks: it has not taken the order, and nobody sends it again."""
    peer.faults.append(Fault("POST", "/v2/orders", 429))
    assert await broker.submit(limit_order("wr-1")) == Rejected("ERR_RATE_LIMIT")
    assert len(peer.orders_sent()) == 1
    assert await broker.order("wr-1") is None


@pytest.mark.requirement("S3-19")
@pytest.mark.parametrize("header", ["Retry-After", "X-RateLimit-Reset"])
async def test_what_the_venue_says_of_its_count_goes_before_ours(
    peer: AlpacaPeer, account: Account, tmp_path: Path, header: str
) -> None:
    clock = RunningClock()
    seconds = 1 if header == "Retry-After" else clock.wall_us() // 1_000_000 + 1
    peer.retry_headers = {header: str(seconds)}
    broker = await opened(tmp_path, {"primary": real(peer, account)}, clock)
    assert await broker.order("wr-1") is None
    peer.faults.append(Fault("GET", "/v2/orders:by_client_order_id", 429))
    before = time.monotonic_ns()
    assert await broker.order("wr-1") is None
    assert time.monotonic_ns() - before >= 900_000_000
    # Longer than anybody waits: nothing is sent, and a cancel goes out all the same.
    assert isinstance(await broker.submit(limit_order("wr-1")), Accepted)
    peer.retry_headers = {"Retry-After": "99999"}
    peer.faults.append(Fault("GET", CLOCK, 429))
    with pytest.raises(OutcomeUnknownError, match="ERR_RATE_LIMIT"):
        await broker.probe("primary")
    with pytest.raises(NotSentError, match="ERR_RATE_LIMIT"):
        await broker.submit(limit_order("wr-2"))
    await broker.cancel("wr-1")
    assert sum(asked.method == "DELETE" for asked in peer.asked) == 1
    await broker.close()


@pytest.mark.requirement("S3-19")
async def test_a_bucket_that_is_held_off_opens_again() -> None:
    clock = RunningClock()
    budget = Budget(clock, per_minute=100)
    budget.hold_off(300)
    budget.hold_off(100)  # the longer one stands
    with pytest.raises(BudgetSpentError):
        await budget.take_for_order(100)
    await budget.take_for_order(5_000)
    await budget.take_for_read(0)


@pytest.mark.requirement("S3-12")
async def test_how_each_request_ended_is_told(
    peer: AlpacaPeer, account: Account, tmp_path: Path
) -> None:
    heard: list[str] = []
    terms = {"primary": AccountTerms(0, real=real(peer, account))}
    parts = BrokerParts(
        terms, FAST, tmp_path, None, RunningClock(), ThreadRunner(), heard=heard.append
    )
    broker = await open_alpaca(parts)
    kinds = (None, 404, 429, 503, "reset", "huge")
    for kind in kinds:
        if kind is not None:
            peer.faults.append(Fault("GET", CLOCK, kind))
        try:
            await broker.probe("primary")
        except OutcomeUnknownError:
            continue
    assert heard == ["ok", "ok", "limited", "failed", "unreachable", "unreadable"]
    await broker.close()
