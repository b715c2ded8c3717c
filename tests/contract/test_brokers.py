"""What every broker owes the port. A new one joins ``TAKES_ORDERS`` and must pass unchanged."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.brokers.contract import AccountTerms, BrokerParts, MarketDriven, OpenBroker
from gateway.brokers.registry import BROKERS, open_broker
from gateway.domain.errors import UnavailableError, WritError
from gateway.domain.execution import (
    Accepted,
    BrokerUpdate,
    Execution,
    OutcomeUnknownError,
    Rejected,
    StatusChange,
)
from gateway.domain.order import BrokerOrder, OrderType, Side, TimeInForce
from gateway.domain.quantities import MICROS, format_scaled, notional_micros, value_micros
from gateway.domain.venue import VenueTerms
from gateway.market.closes import quote_us
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import AlpacaPeer
from signing.lifecycle import OPEN, State
from signing.records import check
from support.alpaca import FAST, RunningClock, real, until
from support.brokers import (
    CASH_MICROS,
    SESSIONS,
    ManualClock,
    ThreadRunner,
    broker_order,
    feed,
    limit_order,
)

ACCOUNTS = {"primary": AccountTerms(CASH_MICROS), "second": AccountTerms(CASH_MICROS // 2)}
SHORTS = {"primary": AccountTerms(CASH_MICROS), "shorts": AccountTerms(CASH_MICROS, True)}
CLOSES = {
    "AAPL": [1_000_000, 1_010_000, 990_000, 1_005_000, 1_020_000, 1_000_000],
    # A fall of a tenth on the second day, and of a little less on the fifth.
    "MSFT": [1_000_000, 900_000, 900_000, 900_000, 810_100, 810_100],
}


@dataclass
class Venue:
    """A broker under test, and the means to move its market by a day and to open it anew."""

    broker: OpenBroker
    reopen: Callable[[], Awaitable[OpenBroker]]
    clock: ManualClock
    peer: AlpacaPeer | None = None
    day: int = 0

    async def next_day(self) -> None:
        self.day += 1
        self.clock.market = quote_us(SESSIONS[self.day])
        if isinstance(self.broker, MarketDriven):
            await self.broker.on_market(self.clock.market)
        if self.peer is not None:
            closes = {symbol: Decimal(each[self.day]) / 10_000 for symbol, each in CLOSES.items()}
            self.peer.trade({symbol: (close, close) for symbol, close in closes.items()})
            self.peer.end_day()

    async def restart(self) -> None:
        await self.broker.close()
        self.broker = await self.reopen()

    async def updates(self) -> list[BrokerUpdate]:
        """Every update, read in pages of three."""
        read: list[BrokerUpdate] = []
        while page := await self.broker.updates(read[-1].cursor if read else 0, 3):
            assert len(page) <= 3
            read += page
        return read


TAKES_ORDERS: Mapping[str, bool] = {"alpaca": True, "null": False, "simulator": True}
"""Every broker of the registry, and whether it takes orders."""
TELLS_RULE_201 = ("simulator",)
"""Those that say on which days short sales are restricted; the others hold to it always."""


@asynccontextmanager
async def made(
    name: str, directory: Path, accounts: Mapping[str, AccountTerms] = ACCOUNTS
) -> AsyncIterator[Venue]:
    """A venue of a broker, with these accounts and its market open; closed at the end."""
    clock = ManualClock() if name != "alpaca" else RunningClock()
    with ExitStack() as stack:
        peer, settings = None, {}
        if name == "alpaca":
            peer, settings = stack.enter_context(alpaca_peer(clock.market_us)), FAST
            accounts = {alias: at_peer(peer, alias, terms) for alias, terms in accounts.items()}
        parts = BrokerParts(accounts, settings, directory, feed(CLOSES), clock, ThreadRunner())
        venue = Venue(await open_broker(name, parts), lambda: open_broker(name, parts), clock, peer)
        yield venue
        await venue.broker.close()


def at_peer(peer: AlpacaPeer, alias: str, terms: AccountTerms) -> AccountTerms:
    """An account with the same cash, at the peer."""
    account = peer.account(f"PA{alias}", format_scaled(terms.opening_cash_micros, MICROS))
    account.shorting = terms.short_allowed
    return replace(terms, real=real(peer, account))


@pytest.fixture(params=sorted(TAKES_ORDERS))
async def venue(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Venue]:
    async with made(request.param, tmp_path) as venue:
        yield venue


@pytest.fixture(params=sorted(name for name, takes in TAKES_ORDERS.items() if takes))
async def trading(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Venue]:
    async with made(request.param, tmp_path) as venue:
        yield venue


@pytest.mark.requirement("S0-20")
def test_every_broker_of_the_registry_is_under_contract() -> None:
    assert set(TAKES_ORDERS) == set(BROKERS)


async def test_a_new_broker_knows_its_accounts_and_nothing_else(venue: Venue) -> None:
    for alias, terms in ACCOUNTS.items():
        statement = await venue.broker.statement(alias)
        assert statement.account == alias
        assert statement.cash_micros == terms.opening_cash_micros
        assert statement.positions == {}
    assert await venue.updates() == []
    assert await venue.broker.order("wr-1") is None


async def test_an_account_it_does_not_have_is_an_error_with_a_code(venue: Venue) -> None:
    with pytest.raises(WritError) as unknown:
        await venue.broker.statement("nobody")
    assert unknown.value.code == "broker-account-unknown"


async def test_cancelling_what_it_does_not_know_is_no_error(venue: Venue) -> None:
    await venue.broker.cancel("wr-none")
    assert await venue.updates() == []


async def test_its_name_can_be_recorded(venue: Venue) -> None:
    check(
        "submission",
        {
            "at_us": 1,
            "decision_id": "dec_1",
            "order_id": "ord_1",
            "broker_client_id": "wr-1",
            "broker": venue.broker.name,
            "outcome": "unknown",
            "code": "none",
            "broker_order_id": "none",
        },
    )


async def test_an_order_that_was_not_taken_is_not_known(venue: Venue) -> None:
    if TAKES_ORDERS[venue.broker.name]:
        assert isinstance(await venue.broker.submit(limit_order(symbol="NOPE")), Rejected)
        state = await venue.broker.order("wr-1")
        assert state is None or (state.status, state.open) == ("REJECTED", False)
    else:
        with pytest.raises(WritError):
            await venue.broker.submit(limit_order())
        assert await venue.broker.order("wr-1") is None
    await venue.next_day()
    assert await venue.updates() == []


@pytest.mark.parametrize(
    "order",
    [
        broker_order(),
        limit_order(),
        broker_order(type=OrderType.STOP, stop_price=1_010_000),
        limit_order(type=OrderType.STOP_LIMIT, stop_price=990_000),
    ],
    ids=lambda order: order.type.value,
)
@pytest.mark.parametrize("tif", list(TimeInForce))
async def test_every_type_and_time_in_force_is_taken_and_open(
    trading: Venue, order: object, tif: TimeInForce
) -> None:
    terms = await stated(trading)
    sent = replace(order, time_in_force=tif, expires_us=end_of(tif))  # pyright: ignore[reportArgumentType,reportCallIssue]  the case names the fields
    answer = await trading.broker.submit(sent)
    if sent.type not in terms.types or tif not in terms.times_in_force:
        assert isinstance(answer, Rejected)
        return
    assert isinstance(answer, Accepted)
    state = await trading.broker.order("wr-1")
    assert state is not None
    assert state.broker_order_id == answer.broker_order_id
    assert (state.status, state.filled_qty, state.open) == ("ACKNOWLEDGED", 0, True)


async def test_the_same_order_again_is_the_same_order(trading: Venue) -> None:
    first = await trading.broker.submit(broker_order())
    assert await trading.broker.submit(broker_order()) == first
    await trading.next_day()
    assert await trading.broker.submit(broker_order()) == first  # filled by now
    fills = [u.event for u in await trading.updates() if isinstance(u.event, Execution)]
    assert sum(fill.qty for fill in fills) == 10


async def test_racing_repetitions_make_one_order(trading: Venue) -> None:
    answers = await asyncio.gather(*(trading.broker.submit(broker_order()) for _ in range(8)))
    assert len(set(answers)) == 1
    await trading.next_day()
    assert (await trading.broker.statement("primary")).positions == {"AAPL": (10, 0)}


async def test_another_order_under_a_used_id_is_rejected(trading: Venue) -> None:
    await trading.broker.submit(broker_order(qty=10))
    assert await trading.broker.submit(broker_order(qty=11)) == Rejected("ERR_DUPLICATE_ORDER")
    await trading.next_day()
    assert (await trading.broker.statement("primary")).positions == {"AAPL": (10, 0)}


async def test_a_cancel_arrives_as_one_update(trading: Venue) -> None:
    await trading.broker.submit(limit_order(limit_price=500_000))
    await trading.broker.cancel("wr-1")
    await trading.broker.cancel("wr-1")
    [update] = await trading.updates()
    assert update.event == StatusChange("wr-1", "CANCELED", "none")
    state = await trading.broker.order("wr-1")
    assert state is not None
    assert (state.status, state.open) == ("CANCELED", False)


async def busy_days(venue: Venue) -> None:
    """Buys and sells on both accounts, one left open, one cancelled, one expiring."""
    sells = {"side": Side.SELL, "protection_price": 1}
    await venue.broker.submit(broker_order("wr-1", 100))
    await venue.broker.submit(broker_order("wr-2", 40, account="second"))
    await venue.broker.submit(limit_order("wr-3", 5, limit_price=500_000))
    await venue.next_day()
    await venue.broker.submit(broker_order("wr-4", 60, **sells))
    gtc = TimeInForce.GTC
    await venue.broker.submit(limit_order("wr-5", 5, limit_price=500_000, time_in_force=gtc))
    await venue.broker.submit(limit_order("wr-6", 5, limit_price=400_000, time_in_force=gtc))
    await venue.next_day()
    await venue.broker.cancel("wr-6")
    await venue.next_day()


async def test_cursors_ascend_and_executions_are_unique_and_recordable(trading: Venue) -> None:
    await busy_days(trading)
    updates = await trading.updates()
    cursors = [update.cursor for update in updates]
    assert cursors == sorted(set(cursors))
    assert cursors[0] > 0
    fills = [u.event for u in updates if isinstance(u.event, Execution)]
    assert len(fills) >= 3
    ids = [(fill.broker_client_id, fill.execution_id) for fill in fills]
    assert len(ids) == len(set(ids))
    for fill in fills:
        check(
            "execution",
            {"at_us": 1, "order_id": "ord_1"}
            | {name: getattr(fill, name) for name in fill.__slots__},
        )
    ends = [u.event for u in updates if isinstance(u.event, StatusChange)]
    assert {State(end.status) for end in ends} == {State.CANCELED, State.EXPIRED}
    for end in ends:
        check(
            "status",
            {"at_us": 1, "order_id": "ord_1", "source": "broker"}
            | {name: getattr(end, name) for name in ("broker_client_id", "status", "code")},
        )


async def test_statements_are_what_the_executions_add_up_to(trading: Venue) -> None:
    await busy_days(trading)
    cash = {alias: terms.opening_cash_micros for alias, terms in ACCOUNTS.items()}
    held: dict[tuple[str, str], int] = {}
    filled: dict[str, int] = {}
    for update in await trading.updates():
        fill = update.event
        if isinstance(fill, StatusChange):
            continue
        scales = (fill.qty_decimals, fill.price, fill.price_decimals)
        key, buys = (fill.account, fill.symbol), fill.side is Side.BUY
        held[key] = held.get(key, 0) + (fill.qty if buys else -fill.qty)
        filled[fill.broker_client_id] = filled.get(fill.broker_client_id, 0) + fill.qty
        worth = -notional_micros(fill.qty, *scales) if buys else value_micros(fill.qty, *scales)
        cash[fill.account] += worth - fill.fee_micros
    for alias in ACCOUNTS:
        statement = await trading.broker.statement(alias)
        assert statement.cash_micros == cash[alias]
        expected = {s: (q, 0) for (a, s), q in held.items() if a == alias and q}
        assert statement.positions == expected
    for client_id, qty in filled.items():
        state = await trading.broker.order(client_id)
        assert state is not None
        assert state.filled_qty == qty


async def test_everything_is_still_there_after_a_restart(trading: Venue) -> None:
    await busy_days(trading)
    names = [f"wr-{n}" for n in range(1, 7)]

    async def seen() -> tuple[object, ...]:
        return (
            [await trading.broker.order(name) for name in names],
            [await trading.broker.statement(alias) for alias in ACCOUNTS],
            await trading.updates(),
        )

    before = await seen()
    await trading.restart()
    assert await seen() == before
    left = await trading.broker.order("wr-5")
    assert left is not None
    assert left.open


async def test_a_reader_may_ask_for_nothing(venue: Venue) -> None:
    assert await venue.broker.updates(0, 0) == []
    with suppress(UnavailableError):  # whoever keeps a file knows that it never gave this cursor
        assert await venue.broker.updates(10**9, 10) == []


def end_of(tif: TimeInForce) -> int | None:
    """An end where the time in force wants one."""
    return quote_us(SESSIONS[-1]) if tif is TimeInForce.GTD else None


async def working(venue: Venue) -> list[str]:
    """What the broker lists as open in the account, by our ids."""
    records = await venue.broker.open_orders("primary")
    for record in records:
        assert record.account == "primary"
        assert State(record.status) in OPEN
        assert record.filled_qty < record.qty
    return sorted(record.broker_client_id for record in records)


async def resting(venue: Venue, client_id: str = "wr-1") -> BrokerOrder:
    """An order that works and does not fill."""
    order = limit_order(client_id, limit_price=500_000, time_in_force=TimeInForce.GTC)
    assert await taken(venue, order)
    return order


async def replaced(venue: Venue, client_id: str = "wr-1") -> bool:
    """Whether the order's end by a replacement has been told."""
    events = [update.event for update in await venue.updates()]
    told = [each for each in events if isinstance(each, StatusChange)]
    return any((each.broker_client_id, each.status) == (client_id, "REPLACED") for each in told)


@pytest.mark.requirement("S1-06")
async def test_a_replacement_takes_the_place_of_an_order(trading: Venue) -> None:
    old = await resting(trading)
    new = replace(old, broker_client_id="wr-2", qty=7, limit_price=510_000)
    answer = await trading.broker.replace("wr-1", new, 0)
    assert isinstance(answer, Accepted)
    await eventually(lambda: replaced(trading))
    assert await working(trading) == ["wr-2"]
    before, after = await trading.broker.order("wr-1"), await trading.broker.order("wr-2")
    assert before is not None
    assert after is not None
    assert (before.status, before.open) == ("REPLACED", False)
    assert (after.broker_order_id, after.filled_qty, after.open) == (
        answer.broker_order_id,
        0,
        True,
    )


@pytest.mark.attack
@pytest.mark.requirement("S1-06")
async def test_a_replacement_never_leaves_two_live_orders(trading: Venue) -> None:
    """NautilusTrader#4288, #4564: not when it is sent again, nor when several race for a place."""
    old = await resting(trading)
    names = [f"wr-{number}" for number in range(2, 6)]
    rivals = [replace(old, broker_client_id=name, qty=7) for name in names]
    answers = await asyncio.gather(
        *(trading.broker.replace("wr-1", rival, 0) for rival in rivals), return_exceptions=True
    )
    taken = [answer for answer in answers if isinstance(answer, Accepted)]
    assert len(taken) == 1
    assert len(await working(trading)) == 1
    [left] = await working(trading)
    with suppress(OutcomeUnknownError):
        await trading.broker.replace("wr-1", replace(old, broker_client_id=left, qty=7), 0)
    assert await working(trading) == [left]


@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize("case", ["cancelled", "filled", "never known", "filled otherwise"])
async def test_a_replacement_that_comes_too_late_is_refused(trading: Venue, case: str) -> None:
    old = await resting(trading)
    name, filled_qty, left = "wr-1", 0, list[str]()
    if case == "cancelled":
        await trading.broker.cancel("wr-1")
    elif case == "filled":
        name = "wr-filled"
        assert await taken(trading, broker_order(name))
        await trading.next_day()
        left = ["wr-1"]
    elif case == "never known":
        name, left = "wr-none", ["wr-1"]
    else:
        filled_qty, left = 3, ["wr-1"]
    new = replace(old, broker_client_id="wr-2", qty=7)
    assert await trading.broker.replace(name, new, filled_qty) == Rejected("ERR_TOO_LATE")
    assert await working(trading) == left


@pytest.mark.requirement("S1-06")
async def test_a_replacement_that_is_refused_leaves_the_order_at_work(trading: Venue) -> None:
    old = await resting(trading)
    dear = replace(old, broker_client_id="wr-2", qty=1_000_000)
    refused = await trading.broker.replace("wr-1", dear, 0)
    assert isinstance(refused, Rejected)
    assert await working(trading) == ["wr-1"]
    for number, other in enumerate(({"symbol": "MSFT"}, {"side": Side.SELL})):
        new = replace(old, broker_client_id=f"wr-other-{number}", **other)
        assert isinstance(await trading.broker.replace("wr-1", new, 0), Rejected)
    assert await working(trading) == ["wr-1"]
    assert not await replaced(trading)


async def test_open_orders_are_those_of_the_account_that_may_still_fill(trading: Venue) -> None:
    assert await working(trading) == []
    await resting(trading, "wr-1")
    await resting(trading, "wr-2")
    other = replace(limit_order("wr-3", limit_price=500_000), account="second")
    assert await taken(trading, other)
    assert await working(trading) == ["wr-1", "wr-2"]
    [record] = await trading.broker.open_orders("second")
    known = await trading.broker.order("wr-3")
    assert known is not None
    assert record.broker_order_id == known.broker_order_id
    assert (record.symbol, record.side, record.limit_price) == ("AAPL", Side.BUY, 500_000)
    assert (record.qty, record.qty_decimals, record.price_decimals) == (10, 0, 4)
    await trading.broker.cancel("wr-1")
    assert await working(trading) == ["wr-2"]


@pytest.mark.requirement("W-07")
async def test_the_history_of_a_period_is_complete_both_ways(trading: Venue) -> None:
    await busy_days(trading)
    ever = 2**52
    for alias in ACCOUNTS:
        listed = await trading.broker.history(alias, 0, ever)
        names = [record.broker_client_id for record in listed.orders]
        assert sorted(names) == ["wr-2"] if alias == "second" else names != []
        told = [update.event for update in await trading.updates()]
        fills = [each for each in told if isinstance(each, Execution) and each.account == alias]
        assert {(each.broker_client_id, each.execution_id, each.qty) for each in fills} == {
            (each.broker_client_id, each.execution_id, each.qty) for each in listed.executions
        }
        for record in listed.orders:
            known = await trading.broker.order(record.broker_client_id)
            assert known is not None
            assert (record.broker_order_id, record.status, record.filled_qty) == (
                known.broker_order_id,
                known.status,
                known.filled_qty,
            )
        before = await trading.broker.history(alias, 0, 1)
        assert (before.orders, before.executions) == ((), ())
    first = await trading.broker.history("primary", 0, ever)
    assert sorted(record.broker_client_id for record in first.orders) == [
        *("wr-1", "wr-3", "wr-4", "wr-5", "wr-6"),
    ]


async def test_accounts_that_it_does_not_have_are_no_empty_lists(trading: Venue) -> None:
    """A failed report is never read as flat, nor as nothing being open."""
    with pytest.raises(WritError):
        await trading.broker.open_orders("nobody")
    with pytest.raises(WritError):
        await trading.broker.history("nobody", 0, 1)


async def eventually(holds: Callable[[], Awaitable[bool]], patience_s: int = 30) -> None:
    """Wait for what a broker tells in its own time, and not for ever."""
    async with asyncio.timeout(patience_s):
        while not await holds():  # noqa: ASYNC110  a question to it, not a wait for news
            await asyncio.sleep(0.005)


async def taken(venue: Venue, order: BrokerOrder) -> bool:
    return isinstance(await venue.broker.submit(order), Accepted)


async def stated(venue: Venue, account: str = "primary", symbol: str = "AAPL") -> VenueTerms:
    """What the venue says, which a real one has to be asked first."""
    await until(lambda: venue.broker.terms(account, symbol) is not None)
    terms = venue.broker.terms(account, symbol)
    assert terms is not None
    assert terms.symbol == symbol
    at_us = venue.clock.market
    assert terms.at_us == at_us if venue.peer is None else terms.at_us <= at_us
    return terms


async def test_terms_are_stated_for_what_it_trades_and_nothing_else(venue: Venue) -> None:
    for account, symbol in (("nobody", "AAPL"), ("primary", "NOPE")):
        assert venue.broker.terms(account, symbol) is None
    if not TAKES_ORDERS[venue.broker.name]:
        assert venue.broker.terms("primary", "AAPL") is None


@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize("kind", list(OrderType))
@pytest.mark.parametrize("tif", list(TimeInForce))
async def test_types_and_times_are_taken_as_stated(
    trading: Venue, kind: OrderType, tif: TimeInForce
) -> None:
    terms = await stated(trading)
    order = broker_order(
        type=kind,
        time_in_force=tif,
        expires_us=end_of(tif),
        limit_price=1_000_000 if kind.has_limit else None,
        stop_price=1_010_000 if kind.has_stop else None,
    )
    assert await taken(trading, order) is (kind in terms.types and tif in terms.times_in_force)


@pytest.mark.requirement("S4-06")
@pytest.mark.requirement("S4-07")
async def test_lots_ticks_and_scales_are_taken_as_stated(trading: Venue) -> None:
    terms = await stated(trading)
    assert terms.tradable
    decimals = 2 if terms.qty_decimals is None else terms.qty_decimals
    steps = {
        "qty_decimals": decimals,
        "price_decimals": terms.price_decimals,
        "limit_price": 10_000 * terms.tick,
    }
    assert await taken(trading, limit_order("wr-1", terms.lot, **steps))
    if terms.lot > 1:
        assert not await taken(trading, limit_order("wr-2", terms.lot + 1, **steps))
    off_tick = steps | {"limit_price": 10_000 * terms.tick + terms.tick // 2}
    assert await taken(trading, limit_order("wr-3", terms.lot, **off_tick)) is (terms.tick == 1)
    other = steps | {"price_decimals": terms.price_decimals + 1}
    assert not await taken(trading, limit_order("wr-4", terms.lot, **other))
    assert (await stated(trading)).qty_decimals == decimals
    assert not await taken(
        trading, limit_order("wr-5", 1, **(steps | {"qty_decimals": decimals + 1}))
    )
    await trading.restart()
    assert (await stated(trading)).qty_decimals == decimals


@pytest.mark.requirement("S1-06")
async def test_options_are_taken_as_stated(trading: Venue) -> None:
    terms = await stated(trading)
    extended = limit_order("wr-1", extended_hours=True)
    assert await taken(trading, extended) is terms.extended_hours
    assert terms.reduce_only, "a broker that does not keep to it needs other tests than these"
    selling: dict[str, object] = {"side": Side.SELL, "limit_price": 900_000, "reduce_only": True}
    assert not await taken(trading, limit_order("wr-2", 1, **selling))  # there is nothing to reduce
    assert await taken(trading, broker_order("wr-3", 10))
    await trading.next_day()
    assert not await taken(trading, limit_order("wr-4", 11, **selling))  # it would turn
    assert not await taken(trading, limit_order("wr-5", 1, reduce_only=True))  # it would grow
    assert await taken(trading, limit_order("wr-6", 10, **selling))
    await trading.next_day()
    assert (await trading.broker.statement("primary")).positions == {}


@pytest.mark.requirement("W-06")
@pytest.mark.parametrize("name", TELLS_RULE_201)
async def test_short_sales_are_taken_as_stated(name: str, tmp_path: Path) -> None:
    """Rule 201: after a fall of a tenth, for that day and the next, above the bid and no lower."""
    async with made(name, tmp_path, SHORTS) as venue:
        await short_sales(venue)


async def short_sales(venue: Venue) -> None:
    bids = (999_900, 899_900, 899_900, 899_900, 810_000)
    for day, restricted in enumerate((False, True, True, False, False)):
        terms = await stated(venue, "shorts", "MSFT")
        assert terms.short_restricted is restricted
        for at, sells in (("bid", not restricted), ("above", True), ("market", not restricted)):
            fields: dict[str, object] = {"account": "shorts", "symbol": "MSFT"}
            fields |= {"side": Side.SELL_SHORT, "time_in_force": TimeInForce.IOC}
            client_id, price = f"wr-{day}-{at}", bids[day] + (100 if at == "above" else 0)
            if at == "market":
                order = broker_order(client_id, 1, protection_price=price // 2, **fields)
            else:
                order = limit_order(client_id, 1, limit_price=price, **fields)
            assert await taken(venue, order) is sells
            cash = {"account": "primary"}
            never = replace(order, broker_client_id=f"{client_id}-cash", **cash)
            assert await taken(venue, never) is (await stated(venue, symbol="MSFT")).shortable
        await venue.next_day()
    assert (await stated(venue, "shorts", "MSFT")).shortable
