"""Whatever is ordered on whatever market: limits, caps, time and money hold in the simulator."""

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.brokers.contract import AccountTerms
from gateway.brokers.simulator.arrivals import Arrival, Replacing
from gateway.brokers.simulator.book import SimulatorBook
from gateway.brokers.simulator.config import SimulatorConfig
from gateway.brokers.simulator.pricing import commission_micros, latency_us
from gateway.domain.execution import Accepted, BrokerUpdate, Execution, StatusChange
from gateway.domain.order import BrokerOrder, OrderType, Side, TimeInForce
from gateway.domain.quantities import BPS, notional_micros, value_micros
from gateway.market.closes import quote_us
from gateway.market.historical import HistoricalFeed
from gateway.market.spread import Liquidity, QuoteModel
from support.brokers import SESSIONS, series

DAYS = len(SESSIONS)
HOUR_US = 3_600_000_000
OPENING_MICROS = 1_000_000_000_000
CONFIG = SimulatorConfig(seed=3, participation_bps=1_000, impact_e4=2_000, slippage_bps=3)
TERMS = {
    "cash": AccountTerms(OPENING_MICROS),
    "margin": AccountTerms(OPENING_MICROS, short_allowed=True, margin_multiple_bps=20_000),
}
EXAMPLES = settings(max_examples=40)
MEMORY = Path("/dev/shm")
"""These runs are about rules, not about durability: where there is a disk in memory, it will do."""


@dataclass(frozen=True)
class Sent:
    """An order and the session after whose quote it is sent."""

    day: int
    order: BrokerOrder
    replaces: str = ""


@dataclass(frozen=True)
class Run:
    """What came of a run: the orders that were taken, every update, and the accounts."""

    taken: dict[str, Sent]
    updates: list[BrokerUpdate]
    cash: dict[str, int]
    positions: dict[str, dict[str, tuple[int, int]]]

    @property
    def fills(self) -> list[Execution]:
        return [u.event for u in self.updates if isinstance(u.event, Execution)]


@st.composite
def orders(draw: st.DrawFn) -> list[Sent]:
    sent: list[Sent] = []
    for number in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(OrderType))
        cents = st.integers(5_000, 15_000)
        bound = draw(cents) * 100
        day, tif = draw(st.integers(0, DAYS - 2)), draw(st.sampled_from(TimeInForce))
        hours = draw(st.integers(1, 24 * (DAYS - day)))
        order = BrokerOrder(
            broker_client_id=f"wr-{number}",
            account=draw(st.sampled_from(sorted(TERMS))),
            symbol=draw(st.sampled_from(["AAPL", "MSFT"])),
            side=draw(st.sampled_from(Side)),
            type=kind,
            time_in_force=tif,
            qty=draw(st.integers(1, 4_000)),
            qty_decimals=0,
            price_decimals=4,
            limit_price=bound if kind.has_limit else None,
            stop_price=draw(cents) * 100 if kind.has_stop else None,
            protection_price=None if kind.has_limit else bound,
            expires_us=quote_us(SESSIONS[day]) + hours * HOUR_US
            if tif is TimeInForce.GTD
            else None,
        )
        sent.append(Sent(day, order))
    return sorted(sent, key=lambda s: s.day)


prices = st.lists(st.integers(7_000, 13_000).map(lambda c: c * 100), min_size=DAYS, max_size=DAYS)
markets = st.fixed_dictionaries({"AAPL": prices, "MSFT": prices})


def feed_of(closes: dict[str, list[int]]) -> HistoricalFeed:
    """About 10,000 shares a minute."""
    return HistoricalFeed(
        {symbol: series(values) for symbol, values in closes.items()},
        series([150_000] * DAYS),
        QuoteModel({}, Liquidity(2, 390_000_000), 200_000),
    )


def run(
    sent: Sequence[Sent],
    closes: dict[str, list[int]],
    *,
    days: int = DAYS,
    steps: Sequence[int] | None = None,
    config: SimulatorConfig = CONFIG,
    reopen: bool = False,
) -> Run:
    """Send each order after its session's quote and move the market to each of ``steps``."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        path, feed = Path(folder) / "simulator.db", feed_of(closes)
        book = SimulatorBook(path, TERMS, config, feed)
        taken: dict[str, Sent] = {}
        for day in range(days):
            at_us = quote_us(SESSIONS[day])
            if steps is None or day in steps:
                book.trade(at_us, at_us)
            for each in sent:
                if each.day == day and _taken(book, each, at_us):
                    taken[each.order.broker_client_id] = each
            if reopen:
                book.close()
                book = SimulatorBook(path, TERMS, config, feed)
        statements = {alias: book.statement(alias) for alias in TERMS}
        result = Run(
            taken,
            book.updates(0, 1_000),
            {alias: statement.cash_micros for alias, statement in statements.items()},
            {alias: statement.positions for alias, statement in statements.items()},
        )
        book.close()
        return result


def _taken(book: SimulatorBook, each: Sent, at_us: int) -> bool:
    replaced = book.order(each.replaces) if each.replaces else None
    replacing = Replacing(each.replaces, replaced.filled_qty) if replaced is not None else None
    return isinstance(book.accept(each.order, Arrival(at_us, at_us), replacing), Accepted)


@EXAMPLES
@given(orders(), markets)
def test_no_fill_is_worse_than_its_limit_or_protection(
    sent: list[Sent], closes: dict[str, list[int]]
) -> None:
    result = run(sent, closes)
    for fill in result.fills:
        order = result.taken[fill.broker_client_id].order
        bound = order.limit_price or order.protection_price
        assert bound is not None
        assert fill.price <= bound if fill.side is Side.BUY else fill.price >= bound
        assert fill.price % 100 == 0


@EXAMPLES
@given(orders(), markets)
def test_every_fill_pays_the_spread(sent: list[Sent], closes: dict[str, list[int]]) -> None:
    feed = feed_of(closes)
    for fill in run(sent, closes).fills:
        quote = feed.quote(fill.symbol, fill.market_us)
        assert quote is not None
        assert quote.at_us == fill.market_us
        assert fill.price >= quote.ask if fill.side is Side.BUY else fill.price <= quote.bid


@EXAMPLES
@given(orders(), markets)
def test_a_fill_comes_from_a_quote_after_the_order_had_arrived(
    sent: list[Sent], closes: dict[str, list[int]]
) -> None:
    result = run(sent, closes)
    for fill in result.fills:
        sent_us = quote_us(SESSIONS[result.taken[fill.broker_client_id].day])
        assert fill.market_us > sent_us + latency_us(fill.broker_client_id, CONFIG)


@EXAMPLES
@given(orders(), markets, markets, st.integers(1, DAYS - 1))
def test_changing_the_future_changes_no_past_fill(
    sent: list[Sent], closes: dict[str, list[int]], other: dict[str, list[int]], known: int
) -> None:
    changed = {symbol: closes[symbol][:known] + other[symbol][known:] for symbol in closes}
    one, two = run(sent, closes, days=known), run(sent, changed, days=known)
    assert one == two
    whole = run(sent, changed)
    assert whole.updates[: len(one.updates)] == one.updates


@EXAMPLES
@given(orders(), markets)
def test_all_orders_together_stay_within_the_participation_cap(
    sent: list[Sent], closes: dict[str, list[int]]
) -> None:
    feed, traded = feed_of(closes), defaultdict[tuple[str, int], int](int)
    for fill in run(sent, closes).fills:
        traded[fill.symbol, fill.market_us] += fill.qty
    for (symbol, at_us), qty in traded.items():
        [bar] = feed.bars(symbol, at_us, 1)
        assert bar.at_us == at_us
        assert qty * CONFIG.session_minutes * BPS <= bar.volume * CONFIG.participation_bps


@EXAMPLES
@given(orders(), markets)
def test_cash_and_positions_are_what_the_fills_add_up_to(
    sent: list[Sent], closes: dict[str, list[int]]
) -> None:
    result = run(sent, closes)
    cash = dict.fromkeys(TERMS, OPENING_MICROS)
    held = {alias: defaultdict[str, int](int) for alias in TERMS}
    for fill in result.fills:
        scales = (fill.qty_decimals, fill.price, fill.price_decimals)
        if fill.side is Side.BUY:
            cash[fill.account] -= notional_micros(fill.qty, *scales) + fill.fee_micros
            held[fill.account][fill.symbol] += fill.qty
        else:
            cash[fill.account] += value_micros(fill.qty, *scales) - fill.fee_micros
            held[fill.account][fill.symbol] -= fill.qty
    assert result.cash == cash
    for alias in TERMS:
        expected = {symbol: (qty, 0) for symbol, qty in held[alias].items() if qty}
        assert result.positions[alias] == expected


@EXAMPLES
@given(orders(), markets)
def test_a_cash_account_never_owes_money_or_shares(
    sent: list[Sent], closes: dict[str, list[int]]
) -> None:
    cash_only = [
        Sent(each.day, each.order) for each in sent if each.order.account == "cash"
    ] or sent
    result = run(cash_only, closes)
    assert result.cash["cash"] >= 0
    assert all(qty > 0 for qty, _decimals in result.positions["cash"].values())


@EXAMPLES
@given(orders(), markets)
def test_no_order_fills_beyond_itself_and_each_pays_its_commission_once(
    sent: list[Sent], closes: dict[str, list[int]]
) -> None:
    result = run(sent, closes)
    filled, fees = defaultdict[str, int](int), defaultdict[str, int](int)
    for fill in result.fills:
        assert fill.qty > 0
        assert fill.fee_micros >= 0
        filled[fill.broker_client_id] += fill.qty
        fees[fill.broker_client_id] += fill.fee_micros
    for client_id, qty in filled.items():
        assert qty <= result.taken[client_id].order.qty
        assert fees[client_id] == commission_micros(qty, 0, CONFIG)
    ids = [(fill.broker_client_id, fill.execution_id) for fill in result.fills]
    assert len(set(ids)) == len(ids)


@EXAMPLES
@given(orders(), markets)
def test_each_time_in_force_keeps_its_promise(
    sent: list[Sent], closes: dict[str, list[int]]
) -> None:
    result = run(sent, closes)
    fills, ends = defaultdict[str, list[Execution]](list), dict[str, StatusChange]()
    for update in result.updates:
        event = update.event
        assert event.broker_client_id not in ends, "nothing follows an order's end"
        if isinstance(event, Execution):
            fills[event.broker_client_id].append(event)
        else:
            assert isinstance(event, StatusChange)
            ends[event.broker_client_id] = event
    for client_id, each in result.taken.items():
        order, own = each.order, fills[client_id]
        whole = sum(fill.qty for fill in own) == order.qty
        next_session = SESSIONS[each.day + 1]
        if order.time_in_force is TimeInForce.GTC:
            assert client_id not in ends
        elif order.time_in_force is TimeInForce.FOK:
            assert whole or not own
            assert whole or ends[client_id].code == "TIF_FOK"
        elif order.time_in_force is TimeInForce.IOC:
            assert whole or ends[client_id].code == "TIF_IOC"
        elif order.time_in_force is TimeInForce.GTD:
            assert order.expires_us is not None
            assert all(fill.market_us < order.expires_us for fill in own)
            over = order.expires_us <= quote_us(SESSIONS[-1])
            assert whole or (client_id in ends) is over
            assert whole or not over or ends[client_id].code == "TIF_GTD"
        if order.time_in_force not in (TimeInForce.GTC, TimeInForce.GTD):
            assert {fill.session for fill in own} <= {next_session}


@st.composite
def replacing_orders(draw: st.DrawFn) -> list[Sent]:
    """Orders of which many would take the place of an earlier one."""
    sent: list[Sent] = []
    for number, each in enumerate(draw(orders())):
        earlier = draw(st.sampled_from(sent)) if sent and draw(st.booleans()) else None
        order, old = each.order, earlier and earlier.order
        if old is not None:
            order = replace(order, account=old.account, symbol=old.symbol, side=old.side)
        replaces = f"wr-{number}" if old is None else old.broker_client_id
        sent.append(Sent(each.day, order, replaces if old is not None else ""))
    return sent


@EXAMPLES
@given(replacing_orders(), markets)
def test_of_an_order_and_its_replacement_never_both_work(
    sent: list[Sent], closes: dict[str, list[int]]
) -> None:
    result = run(sent, closes)
    taken_over = {each.replaces: each for each in result.taken.values() if each.replaces}
    ends = [u.event for u in result.updates if isinstance(u.event, StatusChange)]
    assert {end.broker_client_id for end in ends if end.status == "REPLACED"} == set(taken_over)
    for old, new in taken_over.items():
        sent_us = quote_us(SESSIONS[new.day])
        for fill in result.fills:
            if fill.broker_client_id == old:
                assert fill.market_us <= sent_us
            elif fill.broker_client_id == new.order.broker_client_id:
                assert fill.market_us > sent_us
    assert result.cash["cash"] >= 0
    assert all(qty > 0 for qty, _decimals in result.positions["cash"].values())


@EXAMPLES
@given(orders(), markets, st.booleans())
def test_the_same_seed_gives_the_same_run_with_and_without_restarts(
    sent: list[Sent], closes: dict[str, list[int]], reopen: bool
) -> None:
    assert run(sent, closes) == run(sent, closes, reopen=reopen)


@EXAMPLES
@given(orders(), markets, st.sets(st.integers(0, DAYS - 2)))
def test_a_jump_of_the_clock_trades_what_single_days_would_have(
    sent: list[Sent], closes: dict[str, list[int]], steps: set[int]
) -> None:
    """All orders are sent on the first day; the market is told of every day, or of a few."""
    first_day = [Sent(0, each.order) for each in sent]
    single = run(first_day, closes)
    jumping = run(first_day, closes, steps=sorted({0, DAYS - 1} | steps))
    assert single == jumping


def test_the_runs_are_not_empty() -> None:
    """The properties above would hold for a simulator that fills nothing."""
    closes = {"AAPL": [1_000_000, 1_010_000] * 4, "MSFT": [900_000] * 8}
    order = BrokerOrder(
        "wr-0",
        "cash",
        "AAPL",
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        3_000,
        0,
        4,
        1_020_000,
        None,
        None,
    )
    result = run([Sent(0, order)], closes)
    assert [fill.qty for fill in result.fills] == [990, 1_000, 990, 20]
    assert result.positions["cash"] == {"AAPL": (3_000, 0)}


@pytest.mark.parametrize("seed", [1, 2])
def test_only_the_seed_moves_the_latency(seed: int) -> None:
    config = SimulatorConfig(seed=seed)
    assert latency_us("wr-0", config) == latency_us("wr-0", SimulatorConfig(seed=seed))
    assert latency_us("wr-0", config) != latency_us("wr-0", SimulatorConfig(seed=seed + 10))
