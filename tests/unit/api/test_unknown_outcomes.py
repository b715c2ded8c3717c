"""While nobody knows what became of an order, its account and symbol take no new risk."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from gateway.brokers.simulator.adapter import SimulatorBroker
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import Accepted, BrokerOrderState, OutcomeUnknownError, Rejected
from gateway.domain.order import BrokerOrder
from gateway.ports import Draft
from signing.lifecycle import State
from support.doors import Door, opened, problem

SALE: dict[str, Any] = {"side": "sell", "limit_price": "23.20"}
EXIT: dict[str, Any] = SALE | {"reduce_only": True}
TURNS = {"SHT-01", "SHT-02"}
HELD = 10
ABOVE = "24.50"
"""A price at which a sale meets no purchase of these tests."""
FILLED = "2015-01-05T15:30:00-05:00"


class Broker:
    """The simulator behind a line that can be cut: orders get lost, and no question is answered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cut = False
        submit, order = SimulatorBroker.submit, SimulatorBroker.order

        async def submitted(broker: SimulatorBroker, placed: BrokerOrder) -> Accepted | Rejected:
            if self.cut:
                raise OutcomeUnknownError("ERR_NETWORK")
            return await submit(broker, placed)

        async def asked(broker: SimulatorBroker, client_id: str) -> BrokerOrderState | None:
            if self.cut:
                raise UnavailableError("broker-unreachable", "no answer", "wait")
            return await order(broker, client_id)

        monkeypatch.setattr(SimulatorBroker, "submit", submitted)
        monkeypatch.setattr(SimulatorBroker, "order", asked)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    return Broker(monkeypatch)


@pytest.fixture
async def door(tmp_path: Path, broker: Broker) -> AsyncGenerator[Door]:
    """Ten shares of AAPL are held; two accounts trade at the broker."""
    one = {"broker": "simulator", "opening_cash": "100000"}
    async with opened(tmp_path, accounts={"primary": one, "second": one}) as door:
        assert (await door.propose(qty=str(HELD), limit_price="25.50")).status_code == 201
        await door.app.pipeline.quiesce()
        assert (await door.clock(FILLED)).status_code == 200
        yield door
        broker.cut = False


async def lost(door: Door, broker: Broker, **ticket: Any) -> str:
    """An order that was sent, and of which nobody knows whether it arrived."""
    broker.cut = True
    answer = await door.propose(headers={"Prefer": "wait=30"}, **ticket)
    assert answer.status_code == 201, answer.text
    order_id = answer.json()["order_id"]
    assert door.app.book().orders[order_id].status is State.UNKNOWN
    return order_id


async def denied_by(door: Door, **ticket: Any) -> set[str]:
    denial = problem(await door.propose(**ticket), 403, "order-denied")
    return {reason["control"] for reason in denial["reasons"]}


def symbol_halts(door: Door) -> None:
    """What halts besides is not looked at here: the doubt alone has to be enough."""
    door.app.book().halts.clear()


@pytest.mark.requirement("W-07")
@pytest.mark.requirement("S3-06")
async def test_an_order_in_doubt_blocks_new_risk_in_its_account_and_symbol_alone(
    door: Door, broker: Broker
) -> None:
    await lost(door, broker, qty="1", limit_price="24.00")
    symbol_halts(door)
    assert await denied_by(door, qty="1", limit_price="24.00") == {"UNK-01"}
    above: dict[str, Any] = SALE | {"limit_price": ABOVE}
    assert await denied_by(door, **above, qty="1") == {"UNK-01"}, "it does not say that it exits"
    broker.cut = False
    other_symbol: dict[str, Any] = {"symbol": "KO", "limit_price": "32.20"}
    other_account: dict[str, Any] = {"account": "second"}
    for elsewhere in (other_symbol, other_account):
        answer = await door.propose(qty="1", **elsewhere)
        assert answer.status_code == 201, answer.text


@pytest.mark.requirement("W-07")
@pytest.mark.requirement("W-10")
async def test_an_exit_beside_an_order_in_doubt_is_proven_against_the_worst_case(
    door: Door, broker: Broker
) -> None:
    """A sale of four that may have filled leaves six that can be sold, not seven."""
    await lost(door, broker, **SALE, qty="4")
    symbol_halts(door)
    assert await denied_by(door, **EXIT, qty="7") == {"UNK-01"} | TURNS
    broker.cut = False
    passed = await door.propose(**EXIT, qty="6")
    assert passed.status_code == 201, passed.text


@pytest.mark.requirement("W-07")
async def test_a_purchase_in_doubt_helps_no_exit(door: Door, broker: Broker) -> None:
    """It may never have filled: no more can be sold than is held without it."""
    await lost(door, broker, qty="5", limit_price="24.00")
    symbol_halts(door)
    above: dict[str, Any] = EXIT | {"limit_price": ABOVE}
    assert await denied_by(door, **above, qty="11") == {"UNK-01"} | TURNS
    broker.cut = False
    passed = await door.propose(**above, qty="10")
    assert passed.status_code == 201, passed.text


@pytest.mark.requirement("W-07")
async def test_beside_an_anomaly_not_even_an_exit_passes(door: Door) -> None:
    """Nobody knows what is held: a broker told a fill beyond what was ordered."""
    answer = await door.propose(qty="1", limit_price="24.00", headers={"Prefer": "wait=30"})
    order = door.app.book().orders[answer.json()["order_id"]]
    payload = {
        "order_id": order.order_id,
        "account": order.account,
        "broker": "simulator",
        "broker_client_id": order.broker_client_id,
        "code": "FILLED_BEYOND",
        "told": "execution",
        "state": order.status,
    }
    await door.app.journal.record([Draft("anomaly", payload)])
    above: dict[str, Any] = EXIT | {"limit_price": ABOVE}
    assert await denied_by(door, **above, qty="1") == {"UNK-01"}
