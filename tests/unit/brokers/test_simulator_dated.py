"""Orders with an end of their own in the simulator: they end by the market's clock."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.brokers.simulator.adapter import SimulatorBroker
from gateway.domain.execution import Accepted, Execution, Rejected, StatusChange
from gateway.domain.order import BrokerOrder, TimeInForce
from gateway.market.closes import quote_us
from support.brokers import ManualClock, broker_order, feed, limit_order, simulator

MON, TUE, WED, THU = (quote_us(f"2015-01-0{day}") for day in (5, 6, 7, 8))
MARKET = {"AAPL": [1_000_000] * 8}


def until(expires_us: int, **changes: object) -> BrokerOrder:
    """A limit order that nobody fills, good till an instant."""
    fields = {"limit_price": 500_000, "time_in_force": TimeInForce.GTD} | changes
    return replace(limit_order(), expires_us=expires_us, **fields)


async def events(broker: SimulatorBroker) -> list[object]:
    return [update.event for update in await broker.updates(0, 1_000)]


@pytest.mark.requirement("S1-06")
async def test_a_dated_order_survives_the_end_of_days_and_restarts_and_ends_at_its_instant(
    tmp_path: Path,
) -> None:
    broker = await simulator(tmp_path, feed(MARKET), ManualClock())
    assert await broker.submit(until(WED + 60_000_000)) == Accepted("sim-00000001")
    assert await broker.on_market(WED) == 0
    await broker.close()
    broker = await simulator(tmp_path, feed(MARKET), ManualClock())
    assert await broker.on_market(WED + 59_999_999) == 0
    [record] = await broker.open_orders("primary")
    assert (record.broker_client_id, record.status) == ("wr-1", "ACKNOWLEDGED")
    assert await broker.on_market(WED + 60_000_000) == 1
    assert await events(broker) == [StatusChange("wr-1", "EXPIRED", "TIF_GTD")]
    assert await broker.open_orders("primary") == []
    await broker.close()


@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize(("early_us", "fills"), [(0, False), (-1, True)])
async def test_a_quote_at_the_very_end_comes_too_late(
    tmp_path: Path, early_us: int, fills: bool
) -> None:
    broker = await simulator(tmp_path, feed(MARKET), ManualClock())
    order = broker_order(time_in_force=TimeInForce.GTD, expires_us=TUE - early_us)
    assert isinstance(await broker.submit(order), Accepted)
    await broker.on_market(THU)
    [event] = await events(broker)
    assert isinstance(event, Execution) is fills
    await broker.close()


@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize(
    "order",
    [
        pytest.param(until(MON), id="over by now"),
        pytest.param(broker_order(time_in_force=TimeInForce.GTD), id="without its end"),
        pytest.param(broker_order(expires_us=THU), id="an end of a day order"),
    ],
)
async def test_an_end_that_does_not_fit_is_refused(tmp_path: Path, order: BrokerOrder) -> None:
    broker = await simulator(tmp_path, feed(MARKET), ManualClock())
    assert await broker.submit(order) == Rejected("ERR_INVALID_ORDER")
    await broker.close()


async def test_what_ends_on_one_day_ends_in_its_order_however_far_the_clock_jumps(
    tmp_path: Path,
) -> None:
    ends: list[list[object]] = []
    for name, stops in (("days", (TUE, TUE + 30_000_000_000, WED, THU)), ("jump", (THU,))):
        (tmp_path / name).mkdir()
        broker = await simulator(tmp_path / name, feed(MARKET), ManualClock())
        later, sooner = until(THU - 1), until(TUE + 60_000_000)
        await broker.submit(_named("wr-thursday", later))
        await broker.submit(limit_order("wr-day", limit_price=500_000))
        await broker.submit(_named("wr-tuesday", sooner))
        for stop in stops:
            await broker.on_market(stop)
        ends.append(await events(broker))
        await broker.close()
    assert ends[0] == ends[1]
    names = [event.broker_client_id for event in ends[0] if isinstance(event, StatusChange)]
    assert names == ["wr-tuesday", "wr-day", "wr-thursday"]


def _named(client_id: str, order: BrokerOrder) -> BrokerOrder:
    assert order.expires_us is not None
    return until(order.expires_us, broker_client_id=client_id)
