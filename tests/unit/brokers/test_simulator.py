"""The simulator as a broker: what it keeps, what it tells, and when."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import apsw
import pytest

from gateway.brokers.contract import AccountTerms, BrokerParts, MarketDriven
from gateway.brokers.simulator import listing
from gateway.brokers.simulator.adapter import SimulatorBroker, open_simulator
from gateway.brokers.simulator.store import SCHEMA_VERSION
from gateway.domain.errors import InvalidInputError, UnavailableError
from gateway.domain.execution import (
    Accepted,
    BrokerUpdate,
    Execution,
    OutcomeUnknownError,
    Rejected,
    StatusChange,
    TradeCorrection,
)
from gateway.domain.order import Side, TimeInForce
from gateway.market.closes import quote_us
from gateway.market.historical import HistoricalFeed
from support.brokers import (
    CASH_MICROS,
    ManualClock,
    ThreadRunner,
    broker_order,
    feed,
    limit_order,
    simulator,
)

T = TypeVar("T")

MON, TUE, WED, THU = (quote_us(f"2015-01-0{day}") for day in (5, 6, 7, 8))
DATED = ("expires_us", "placed_us")
"""What books of the third version did not have."""
FREE = {
    "slippage_bps": 0,
    "impact_e4": 0,
    "fee_per_unit_micros": 0,
    "fee_minimum_micros": 0,
}


def still() -> HistoricalFeed:
    """A price of 100.00 for eight sessions, 1,000,000 a day, 10,000 a minute."""
    return feed({"AAPL": [1_000_000] * 8, "MSFT": [500_000] * 8}, turnover_units=390_000_000)


async def events(broker: SimulatorBroker) -> list[Execution | StatusChange | TradeCorrection]:
    return [update.event for update in await broker.updates(0, 1_000)]


@pytest.mark.requirement("S2-06")
async def test_an_order_fills_at_the_next_session_s_quote_and_moves_cash_and_position(
    tmp_path: Path,
) -> None:
    broker = await simulator(tmp_path, still(), ManualClock())
    assert await broker.submit(broker_order(qty=100)) == Accepted("sim-00000001")
    assert await broker.on_market(MON) == 0  # the quote that was known when the order came
    assert await broker.on_market(TUE) == 1
    # ask 100.01, 1 bp slippage and impact, rounded up: 100.03
    assert await broker.updates(0, 10) == [
        BrokerUpdate(
            1,
            Execution(
                broker_client_id="wr-1",
                execution_id="sim-00000001-1",
                account="primary",
                symbol="AAPL",
                side=Side.BUY,
                qty=100,
                qty_decimals=0,
                price=1_000_300,
                price_decimals=4,
                fee_micros=1_000_000,
                market_us=TUE,
                session="2015-01-06",
            ),
        )
    ]
    statement = await broker.statement("primary")
    assert statement.cash_micros == CASH_MICROS - 10_003_000_000 - 1_000_000
    assert statement.positions == {"AAPL": (100, 0)}
    state = await broker.order("wr-1")
    assert state is not None
    assert (state.status, state.filled_qty, state.open) == ("FILLED", 100, False)
    await broker.close()


async def test_a_flat_position_is_no_position(tmp_path: Path) -> None:
    clock = ManualClock()
    broker = await simulator(tmp_path, still(), clock, FREE)
    await broker.submit(broker_order("wr-1"))
    await broker.on_market(TUE)
    clock.market = TUE
    await broker.submit(broker_order("wr-2", side=Side.SELL, protection_price=1))
    await broker.on_market(WED)
    statement = await broker.statement("primary")
    assert statement.positions == {}
    assert statement.cash_micros == CASH_MICROS - 10 * 20_000  # bought at 100.01, sold at 99.99
    await broker.close()


async def test_a_day_order_lives_through_the_first_session_in_which_it_could_fill(
    tmp_path: Path,
) -> None:
    broker = await simulator(tmp_path, still(), ManualClock(), FREE)
    await broker.submit(limit_order(limit_price=900_000))
    assert await broker.on_market(TUE) == 0
    assert await broker.on_market(TUE + 8 * 3_600_000_000) == 0  # Tuesday, 23:30 in New York
    assert await broker.on_market(TUE + 9 * 3_600_000_000) == 1  # Wednesday has begun
    assert await events(broker) == [StatusChange("wr-1", "EXPIRED", "TIF_DAY")]
    state = await broker.order("wr-1")
    assert state is not None
    assert not state.open
    await broker.close()


async def test_the_rest_of_a_partly_filled_day_order_expires(tmp_path: Path) -> None:
    broker = await simulator(tmp_path, still(), ManualClock(), FREE)
    await broker.submit(broker_order(qty=300))  # 2.5 % of 10,000 are 250
    assert await broker.on_market(TUE) == 1
    assert await broker.on_market(WED) == 1
    fill, end = await events(broker)
    assert isinstance(fill, Execution)
    assert fill.qty == 250
    assert end == StatusChange("wr-1", "EXPIRED", "TIF_DAY")
    state = await broker.order("wr-1")
    assert state is not None
    assert (state.status, state.filled_qty) == ("EXPIRED", 250)
    await broker.close()


async def test_a_good_till_cancelled_order_goes_on_filling_day_after_day(tmp_path: Path) -> None:
    broker = await simulator(tmp_path, still(), ManualClock(), FREE)
    await broker.submit(broker_order(qty=600, time_in_force=TimeInForce.GTC))
    await broker.on_market(THU)
    fills = [event for event in await events(broker) if isinstance(event, Execution)]
    assert [(f.qty, f.session, f.execution_id) for f in fills] == [
        (250, "2015-01-06", "sim-00000001-1"),
        (250, "2015-01-07", "sim-00000001-2"),
        (100, "2015-01-08", "sim-00000001-3"),
    ]
    await broker.close()


async def test_an_immediate_order_is_over_after_its_first_quote(tmp_path: Path) -> None:
    broker = await simulator(tmp_path, still(), ManualClock(), FREE)
    await broker.submit(broker_order(qty=300, time_in_force=TimeInForce.IOC))
    assert await broker.on_market(TUE) == 2
    fill, end = await events(broker)
    assert isinstance(fill, Execution)
    assert end == StatusChange("wr-1", "EXPIRED", "TIF_IOC")
    await broker.close()


async def test_each_quote_is_traded_once_and_the_market_never_goes_back(tmp_path: Path) -> None:
    clock = ManualClock()
    broker = await simulator(tmp_path, still(), clock, FREE)
    await broker.submit(broker_order(qty=600, time_in_force=TimeInForce.GTC))
    assert await broker.on_market(TUE) == 1
    assert await broker.on_market(TUE) == 0
    assert await broker.on_market(MON) == 0
    clock.market = MON - 1  # a clock that went back does not let an order see Tuesday again
    assert isinstance(await broker.submit(broker_order("wr-2", qty=1)), Accepted)
    assert await broker.on_market(TUE) == 0
    await broker.close()


async def test_an_order_under_way_when_the_quote_comes_misses_it(tmp_path: Path) -> None:
    clock = ManualClock(market=TUE - 100_000)
    late = {"latency_min_ms": 100, "latency_max_ms": 100}
    broker = await simulator(tmp_path, still(), clock, FREE | late)
    await broker.submit(broker_order("wr-late"))
    clock.market = TUE - 100_001
    await broker.submit(broker_order("wr-just"))
    await broker.on_market(TUE)
    filled = [e.broker_client_id for e in await events(broker) if isinstance(e, Execution)]
    assert filled == ["wr-just"]
    await broker.close()


async def test_a_cancel_ends_what_is_left_at_once_and_once(tmp_path: Path) -> None:
    broker = await simulator(tmp_path, still(), ManualClock(), FREE)
    await broker.submit(broker_order(qty=300, time_in_force=TimeInForce.GTC))
    await broker.on_market(TUE)
    await broker.cancel("wr-1")
    await broker.cancel("wr-1")
    await broker.cancel("wr-none")
    assert await broker.on_market(THU) == 0
    fill, end = await events(broker)
    assert isinstance(fill, Execution)
    assert end == StatusChange("wr-1", "CANCELED", "none")
    state = await broker.order("wr-1")
    assert state is not None
    assert (state.status, state.filled_qty, state.open) == ("CANCELED", 250, False)
    await broker.close()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NOPE"}, "ERR_INVALID_TICKER"),
        ({"account": "nobody"}, "ERR_AUTH"),
        ({"qty": 0}, "ERR_INVALID_ORDER"),
        ({"qty": 1_001}, "ERR_INSUFFICIENT_FUNDS"),
        ({"side": Side.SELL}, "ERR_INSUFFICIENT_QTY"),
    ],
)
async def test_a_refusal_is_answered_and_kept(
    tmp_path: Path, changes: dict[str, object], code: str
) -> None:
    broker = await simulator(tmp_path, still(), ManualClock())
    order = replace(limit_order(), **changes)  # pyright: ignore[reportArgumentType]  the case names the fields
    assert await broker.submit(order) == Rejected(code)
    assert await broker.submit(order) == Rejected(code)
    state = await broker.order("wr-1")
    assert state is not None
    assert (state.status, state.open, state.filled_qty) == ("REJECTED", False, 0)
    await broker.on_market(THU)
    assert await broker.updates(0, 10) == []
    assert (await broker.statement("primary")).cash_micros == CASH_MICROS
    await broker.close()


async def test_a_refused_symbol_does_not_fix_its_scale(tmp_path: Path) -> None:
    broker = await simulator(tmp_path, still(), ManualClock())
    await broker.submit(limit_order("wr-1", qty=10_000_000, qty_decimals=2))  # cannot be paid
    assert isinstance(await broker.submit(limit_order("wr-2")), Accepted)
    assert await broker.submit(limit_order("wr-3", qty_decimals=2)) == Rejected("ERR_INVALID_ORDER")
    await broker.close()


async def test_accounts_are_apart(tmp_path: Path) -> None:
    accounts = {"primary": AccountTerms(CASH_MICROS), "second": AccountTerms(5_000_000_000)}
    broker = await simulator(tmp_path, still(), ManualClock(), FREE, accounts)
    await broker.submit(broker_order("wr-1", account="second", protection_price=1_000_100))
    await broker.on_market(TUE)
    assert (await broker.statement("second")).positions == {"AAPL": (10, 0)}
    assert (await broker.statement("primary")).positions == {}
    assert await broker.submit(
        broker_order("wr-2", side=Side.SELL, protection_price=1)
    ) == Rejected("ERR_INSUFFICIENT_QTY")
    await broker.close()


async def test_a_short_sale_where_it_is_allowed(tmp_path: Path) -> None:
    accounts = {"primary": AccountTerms(CASH_MICROS, short_allowed=True)}
    broker = await simulator(tmp_path, still(), ManualClock(), FREE, accounts)
    await broker.submit(broker_order(side=Side.SELL, protection_price=1))
    await broker.on_market(TUE)
    statement = await broker.statement("primary")
    assert statement.positions == {"AAPL": (-10, 0)}
    assert statement.cash_micros == CASH_MICROS + 10 * 99_990_000
    await broker.close()


async def test_a_short_sale_is_executed_as_a_sale(tmp_path: Path) -> None:
    accounts = {"primary": AccountTerms(CASH_MICROS, short_allowed=True)}
    broker = await simulator(tmp_path, still(), ManualClock(), FREE, accounts)
    await broker.submit(broker_order(side=Side.SELL_SHORT, protection_price=1))
    await broker.on_market(TUE)
    [fill] = await events(broker)
    assert isinstance(fill, Execution)
    assert fill.side is Side.SELL
    assert (await broker.statement("primary")).positions == {"AAPL": (-10, 0)}
    await broker.close()


async def test_no_short_sale_where_none_is_allowed_whatever_is_held(tmp_path: Path) -> None:
    broker = await simulator(tmp_path, still(), ManualClock(), FREE)
    await broker.submit(broker_order("wr-1", qty=10))
    await broker.on_market(TUE)
    short = broker_order("wr-2", qty=5, side=Side.SELL_SHORT, protection_price=1)
    assert await broker.submit(short) == Rejected("ERR_INSUFFICIENT_QTY")
    await broker.close()


@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize(
    ("side", "qty", "taken"),
    [(Side.SELL, 10, True), (Side.SELL, 11, False), (Side.BUY, 1, False)],
)
async def test_a_reduce_only_order_is_taken_where_it_reduces(
    tmp_path: Path, side: Side, qty: int, taken: bool
) -> None:
    accounts = {"primary": AccountTerms(CASH_MICROS, short_allowed=True)}
    broker = await simulator(tmp_path, still(), ManualClock(), FREE, accounts)
    await broker.submit(broker_order("wr-1", qty=10))
    await broker.on_market(TUE)
    price = 1 if side is Side.SELL else 1_500_000
    exiting = broker_order("wr-2", qty, side=side, protection_price=price, reduce_only=True)
    answer = await broker.submit(exiting)
    assert answer == (Accepted("sim-00000002") if taken else Rejected("ERR_REDUCE_ONLY"))
    await broker.close()


@pytest.mark.requirement("S1-06")
async def test_what_works_already_counts_against_a_reduce_only_order(tmp_path: Path) -> None:
    broker = await simulator(tmp_path, still(), ManualClock(), FREE)
    await broker.submit(broker_order("wr-1", qty=10))
    await broker.on_market(TUE)
    asking = {"side": Side.SELL, "limit_price": 1_100_000, "time_in_force": TimeInForce.GTC}
    await broker.submit(limit_order("wr-2", 6, **asking))
    fits = limit_order("wr-3", 4, reduce_only=True, **asking)
    beyond = limit_order("wr-4", 1, reduce_only=True, **asking)
    assert isinstance(await broker.submit(fits), Accepted)
    assert await broker.submit(beyond) == Rejected("ERR_REDUCE_ONLY")
    await broker.close()


@pytest.mark.requirement("S1-06")
async def test_a_reduce_only_order_ends_when_another_sale_has_closed_the_position(
    tmp_path: Path,
) -> None:
    """It was taken while there was something to reduce; it never opens the other way."""
    accounts = {"primary": AccountTerms(CASH_MICROS, short_allowed=True)}
    rising = feed({"AAPL": [1_000_000] * 3 + [1_050_000] * 5}, turnover_units=390_000_000)
    broker = await simulator(tmp_path, rising, ManualClock(), FREE, accounts)
    await broker.submit(broker_order("wr-1", qty=10))
    await broker.on_market(TUE)
    asking = {"side": Side.SELL, "limit_price": 1_020_000, "time_in_force": TimeInForce.GTC}
    await broker.submit(limit_order("wr-2", 10, reduce_only=True, **asking))
    await broker.submit(broker_order("wr-3", 4, side=Side.SELL, protection_price=1))
    await broker.on_market(WED)
    await broker.on_market(THU)
    _, other, reduced, ended = await events(broker)
    assert isinstance(other, Execution)
    assert isinstance(reduced, Execution)
    assert (other.qty, reduced.qty) == (4, 6)
    assert ended == StatusChange("wr-2", "EXPIRED", "REDUCE_ONLY")
    assert (await broker.statement("primary")).positions == {}
    await broker.close()


class HeldRunner(ThreadRunner):
    """Threads, of which one begins only when it is let go: the next after ``hold`` is set."""

    def __init__(self) -> None:
        self.hold = False
        self.let_go = threading.Event()

    def run(self, work: Callable[[], T]) -> Awaitable[T]:
        if not self.hold:
            return super().run(work)
        self.hold = False

        def held() -> T:
            assert self.let_go.wait(10)
            return work()

        return super().run(held)


async def test_after_a_submission_timed_out_the_broker_is_asked_only_once_it_has_landed(
    tmp_path: Path,
) -> None:
    runner = HeldRunner()
    terms = {"primary": AccountTerms(CASH_MICROS)}
    broker = await open_simulator(BrokerParts(terms, {}, tmp_path, still(), ManualClock(), runner))
    runner.hold = True
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(broker.submit(broker_order()), 0.02)
    question = asyncio.create_task(broker.order("wr-1"))
    await asyncio.sleep(0.02)
    assert not question.done()
    runner.let_go.set()
    state = await question
    assert state is not None
    assert state.open
    await broker.close()


async def test_new_updates_are_announced(tmp_path: Path) -> None:
    broker = await simulator(tmp_path, still(), ManualClock(), FREE)
    assert isinstance(broker, MarketDriven)
    announced: list[int] = []
    broker.on_update = lambda: announced.append(1)
    await broker.submit(broker_order("wr-1"))
    await broker.submit(broker_order("wr-2"))
    await broker.on_market(MON)
    assert announced == []
    await broker.cancel("wr-2")
    assert announced == [1]
    await broker.on_market(TUE)
    assert announced == [1, 1]
    await broker.close()


async def test_a_book_goes_on_where_it_was_left(tmp_path: Path) -> None:
    clock = ManualClock()
    first = await simulator(tmp_path, still(), clock)
    await first.submit(broker_order(qty=600, time_in_force=TimeInForce.GTC))
    await first.on_market(TUE)
    before = (await first.statement("primary"), await first.updates(0, 10))
    await first.close()
    again = await simulator(
        tmp_path, still(), clock, None, {"primary": AccountTerms(1), "new": AccountTerms(7)}
    )
    assert (await again.statement("primary"), await again.updates(0, 10)) == before
    assert (await again.statement("new")).cash_micros == 7
    assert await again.submit(broker_order(qty=600, time_in_force=TimeInForce.GTC)) == Accepted(
        "sim-00000001"
    )
    await again.on_market(WED)
    assert len(await again.updates(1, 10)) == 1
    await again.close()


async def test_a_closed_book_answers_nothing_and_closing_twice_is_fine(tmp_path: Path) -> None:
    broker = await simulator(tmp_path, still(), ManualClock())
    await broker.close()
    await broker.close()
    with pytest.raises(OutcomeUnknownError):
        await broker.submit(broker_order())
    with pytest.raises(UnavailableError):
        await broker.statement("primary")


async def test_a_book_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "simulator.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(UnavailableError):
        await simulator(tmp_path, still(), ManualClock())


async def test_a_book_of_another_version_is_refused(tmp_path: Path) -> None:
    broker = await simulator(tmp_path, still(), ManualClock())
    await broker.close()
    data = bytearray((tmp_path / "simulator.db").read_bytes())
    data[60:64] = (SCHEMA_VERSION + 1).to_bytes(4, "big")  # SQLite's user version
    (tmp_path / "simulator.db").write_bytes(data)
    with pytest.raises(InvalidInputError) as refused:
        await simulator(tmp_path, still(), ManualClock())
    assert refused.value.code == "simulator-book-version"


@pytest.mark.parametrize(
    ("version", "newer"),
    [
        (1, ("reduce_only", "extended_hours", "multiplier", "rate_e8", *DATED)),
        (2, ("multiplier", "rate_e8", *DATED)),
        (3, DATED),
    ],
)
async def test_a_book_of_an_earlier_version_is_taken_over(
    tmp_path: Path, version: int, newer: tuple[str, ...]
) -> None:
    """Its orders could not be reduce-only, and were counted one to a unit: so they stay.

    Nobody noted when they came: they are in the history of every period.
    """
    broker = await simulator(tmp_path, still(), ManualClock())
    order = limit_order("wr-old", limit_price=1_010_000, time_in_force=TimeInForce.GTC)
    await broker.submit(order)
    await broker.close()
    old = apsw.Connection(str(tmp_path / "simulator.db"))
    for column in newer:
        old.execute(f"ALTER TABLE orders DROP COLUMN {column}")
    old.execute("ALTER TABLE updates DROP COLUMN told_us")
    old.execute(f"PRAGMA user_version={version}")
    old.close()
    broker = await simulator(tmp_path, still(), ManualClock())
    assert await broker.submit(order) == Accepted("sim-00000001")  # it is the same order
    listed = (await broker.history("primary", 1, 2)).orders
    assert [(record.broker_client_id, record.placed_us) for record in listed] == [("wr-old", 0)]
    new = limit_order("wr-new", limit_price=1_010_000)
    assert await broker.submit(new) == Accepted("sim-00000002")
    await broker.on_market(quote_us("2015-01-06"))
    fills = [event for event in await events(broker) if isinstance(event, Execution)]
    assert [fill.broker_client_id for fill in fills] == ["wr-old", "wr-new"]
    await broker.close()


async def test_the_simulator_needs_a_market(tmp_path: Path) -> None:
    parts = BrokerParts({}, {}, tmp_path, None, ManualClock(), ThreadRunner())
    with pytest.raises(InvalidInputError) as refused:
        await open_simulator(parts)
    assert refused.value.code == "simulator-needs-market"


async def test_jumping_over_months_trades_every_session_in_between(tmp_path: Path) -> None:
    """More sessions than are asked for at first."""
    sessions = [f"2015-{month:02d}-{day:02d}" for month in (1, 2, 3) for day in range(1, 21)]
    at_us = tuple(quote_us(session) for session in sessions)
    base = still()
    column = replace(
        base._closes["AAPL"],
        sessions=tuple(sessions),
        at_us=at_us,
        values_e4=(1_000_000,) * len(sessions),
    )
    market = HistoricalFeed(
        {"AAPL": column}, replace(column, values_e4=(150_000,) * 60), base._model
    )
    broker = await simulator(tmp_path, market, ManualClock(market=at_us[0]), FREE)
    await broker.submit(
        broker_order(qty=990, time_in_force=TimeInForce.GTC, protection_price=1_000_100)
    )
    await broker.close()
    slow = FREE | {"participation_bps": 25}  # 25 a session
    broker = await simulator(tmp_path, market, ManualClock(), slow)
    await broker.on_market(at_us[-1])
    sizes = [event.qty for event in await events(broker) if isinstance(event, Execution)]
    assert sizes == [25] * 39 + [15]
    await broker.close()


@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize(("known", "taken"), [(250, True), (0, False), (249, False)])
async def test_a_partly_filled_order_is_replaced_only_by_who_knows_what_was_filled(
    tmp_path: Path, known: int, *, taken: bool
) -> None:
    """Whoever counted another quantity as filled would hold more than was decided."""
    broker = await simulator(tmp_path, still(), ManualClock(), FREE)
    old = broker_order(qty=300, time_in_force=TimeInForce.GTC)  # 2.5 % of 10,000 are 250
    await broker.submit(old)
    await broker.on_market(TUE)
    new = replace(old, broker_client_id="wr-2", qty=30)
    answer = await broker.replace("wr-1", new, known)
    assert answer == (Accepted("sim-00000002") if taken else Rejected("ERR_TOO_LATE"))
    await broker.close()
    broker = await simulator(tmp_path, still(), ManualClock(), FREE)  # and so it stays
    assert await broker.replace("wr-1", new, known) == answer
    [record] = await broker.open_orders("primary")
    assert record.broker_client_id == ("wr-2" if taken else "wr-1")
    await broker.on_market(WED)
    assert (await broker.statement("primary")).positions == {"AAPL": (280 if taken else 300, 0)}
    await broker.close()


@pytest.mark.requirement("S1-06")
async def test_a_replacement_may_spend_what_the_order_before_it_had_claimed(
    tmp_path: Path,
) -> None:
    broker = await simulator(tmp_path, still(), ManualClock(), FREE)
    old = limit_order(qty=900, limit_price=1_000_000, time_in_force=TimeInForce.GTC)
    assert isinstance(await broker.submit(old), Accepted)  # 90,000 of 100,000
    beside = replace(old, broker_client_id="wr-2", qty=950)
    assert await broker.submit(beside) == Rejected("ERR_INSUFFICIENT_FUNDS")
    instead = replace(old, broker_client_id="wr-3", qty=950)
    assert isinstance(await broker.replace("wr-1", instead, 0), Accepted)
    too_much = replace(old, broker_client_id="wr-4", qty=1_001)
    assert await broker.replace("wr-3", too_much, 0) == Rejected("ERR_INSUFFICIENT_FUNDS")
    [record] = await broker.open_orders("primary")
    assert (record.broker_client_id, record.qty) == ("wr-3", 950)
    await broker.close()


@pytest.mark.requirement("W-07")
async def test_the_history_is_by_the_clock_on_the_wall_and_holds_refusals(tmp_path: Path) -> None:
    clock = ManualClock(wall=1_000)
    broker = await simulator(tmp_path, still(), clock, FREE)
    await broker.submit(broker_order("wr-1"))
    clock.wall = 2_000
    await broker.submit(broker_order("wr-2", symbol="NOPE"))
    clock.wall = 3_000
    await broker.on_market(TUE)

    async def listed(from_us: int, to_us: int) -> tuple[list[str], list[str]]:
        found = await broker.history("primary", from_us, to_us)
        orders = [record.broker_client_id for record in found.orders]
        return orders, [fill.broker_client_id for fill in found.executions]

    assert await listed(0, 1_000) == ([], [])
    assert await listed(1_000, 1_001) == (["wr-1"], [])
    assert await listed(1_001, 3_000) == (["wr-2"], [])
    assert await listed(3_000, 3_001) == ([], ["wr-1"])
    [refused] = (await broker.history("primary", 2_000, 2_001)).orders
    assert (refused.status, refused.placed_us) == ("REJECTED", 2_000)
    await broker.close()


async def test_a_history_that_would_be_cut_off_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "HISTORY_MAX", 1)
    broker = await simulator(tmp_path, still(), ManualClock(), FREE)
    await broker.submit(broker_order("wr-1"))
    assert len(await broker.open_orders("primary")) == 1
    await broker.submit(broker_order("wr-2"))
    for asked in (broker.open_orders("primary"), broker.history("primary", 0, 2**52)):
        with pytest.raises(UnavailableError) as error:
            await asked
        assert error.value.code == "simulator-history-too-long"
    await broker.close()
