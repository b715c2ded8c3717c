"""The simulator's money: a fill is worth price, multiplier and rate, as when it was taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.brokers.contract import WorthAt
from gateway.domain.execution import Accepted, Execution, Rejected
from gateway.domain.order import Side, TimeInForce
from gateway.domain.quantities import PLAIN, Worth
from gateway.market.closes import quote_us
from support.brokers import ManualClock, feed, limit_order, simulator

CLOSES = {"AAPL": [1_000_000] * 8, "MSFT": [500_000] * 8}
OPENING_MICROS = 100_000_000_000
TEN_EUROS = Worth(10, 110_000_000)
"""Ten to a unit, in a currency of which one unit is 1.10 of the account's."""


class Told:
    """What units are worth now; a symbol that is not here is not known."""

    def __init__(self, **worths: Worth) -> None:
        self.worths: dict[str, Worth] = worths

    def __call__(self, symbol: str, at_us: int) -> Worth | None:
        return self.worths.get(symbol)


async def opened(folder: Path, worth: WorthAt):  # noqa: ANN201  as support.brokers.simulator
    clock = ManualClock(market=quote_us("2015-01-05"))
    return await simulator(folder, feed(CLOSES), clock, worth=worth)


def buy(client_id: str = "wr-1", qty: int = 10, **changes: object):  # noqa: ANN201  as limit_order
    good = {"limit_price": 1_010_000, "time_in_force": TimeInForce.GTC}
    return limit_order(client_id, qty, **(good | changes))


@pytest.mark.requirement("S4-02")
async def test_a_fill_costs_what_a_unit_was_worth_when_the_order_was_taken(tmp_path: Path) -> None:
    told = Told(AAPL=TEN_EUROS)
    broker = await opened(tmp_path, told)
    assert await broker.submit(buy()) == Accepted("sim-00000001")
    await broker.close()
    told.worths["AAPL"] = Worth(10, 250_000_000)  # later, and after a restart: not this order's
    broker = await opened(tmp_path, told)
    await broker.on_market(quote_us("2015-01-06"))
    [fill] = [u.event for u in await broker.updates(0, 10) if isinstance(u.event, Execution)]
    statement = await broker.statement("primary")
    cost = fill.qty * fill.price * 100 * 10 * 110 // 100 + fill.fee_micros
    assert statement.cash_micros == OPENING_MICROS - cost
    await broker.close()


@pytest.mark.requirement("S4-02")
@pytest.mark.parametrize(("qty", "taken"), [(90, True), (91, False)])
async def test_an_order_needs_cash_for_what_it_is_worth(
    tmp_path: Path, qty: int, taken: bool
) -> None:
    broker = await opened(tmp_path, Told(AAPL=TEN_EUROS))  # a unit at 101.00 comes to 1,111
    answer = await broker.submit(buy(qty=qty))
    assert isinstance(answer, Accepted) is taken
    assert taken or answer == Rejected("ERR_INSUFFICIENT_FUNDS")
    await broker.close()


async def test_what_others_claim_counts_at_what_it_was_worth_when_it_was_taken(
    tmp_path: Path,
) -> None:
    told = Told(AAPL=TEN_EUROS)
    broker = await opened(tmp_path, told)
    assert isinstance(await broker.submit(buy("wr-1", 80)), Accepted)  # claims 88,880
    told.worths["AAPL"] = PLAIN
    assert isinstance(await broker.submit(buy("wr-2", 100)), Accepted)  # and 10,100
    assert await broker.submit(buy("wr-3", 20)) == Rejected("ERR_INSUFFICIENT_FUNDS")
    await broker.close()


async def test_an_order_without_a_rate_is_refused_and_stays_so(tmp_path: Path) -> None:
    told = Told()
    broker = await opened(tmp_path, told)
    assert await broker.submit(buy()) == Rejected("ERR_NO_RATE")
    told.worths["AAPL"] = PLAIN
    assert await broker.submit(buy()) == Rejected("ERR_NO_RATE"), "the first answer counts"
    assert isinstance(await broker.submit(buy("wr-2")), Accepted)
    await broker.close()


async def test_a_holding_without_a_rate_proves_no_equity_and_may_be_left(tmp_path: Path) -> None:
    told = Told(AAPL=TEN_EUROS, MSFT=PLAIN)
    broker = await opened(tmp_path, told)
    assert isinstance(await broker.submit(buy()), Accepted)
    await broker.on_market(quote_us("2015-01-06"))
    del told.worths["AAPL"]
    other = buy("wr-2", 1, symbol="MSFT", limit_price=510_000)
    assert await broker.submit(other) == Rejected("ERR_INSUFFICIENT_FUNDS")
    told.worths["AAPL"] = TEN_EUROS
    leaving = buy("wr-3", side=Side.SELL, limit_price=990_000)
    assert isinstance(await broker.submit(leaving), Accepted)
    await broker.on_market(quote_us("2015-01-07"))
    assert (await broker.statement("primary")).positions == {}
    await broker.close()
