"""Replacements through the whole gateway: never two live orders, never none by mistake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from gateway.bootstrap import App, running
from gateway.brokers.gate import Gate
from gateway.brokers.simulator.adapter import SimulatorBroker as Simulator
from gateway.config import AccountSettings, Settings
from gateway.domain.book import OrderState
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import (
    Accepted,
    BrokerUpdate,
    OutcomeUnknownError,
    Rejected,
    StatusChange,
    Submission,
)
from gateway.domain.halt import GLOBAL
from gateway.domain.mode import Mode
from gateway.domain.order import BrokerOrder, OrderType
from gateway.intake.idempotency import CallerKey
from gateway.pipeline import Outcome
from gateway.ports import Batch, Committed
from signing.lifecycle import State
from signing.verify import verify_log
from support.dying_gate import dies_at_the_gate, forwards_nothing
from support.facts import order
from support.releases import write_release

NUMBERS = count(1)
RESTS = 240_000
"""A limit at which a purchase of AAPL does not fill on 2015-01-02."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path / "data",
        mode=Mode.SIMULATION,
        market="historical",
        release=write_release(tmp_path / "release"),
        accounts={"primary": AccountSettings(opening_cash="300000")},
    )


@asynccontextmanager
async def lifted(settings: Settings) -> AsyncGenerator[App]:
    async with running(settings) as app:
        if not app.book().omega4_lifted(app.clock.wall_us()):
            await app.modes.lift_omega4("ada", "test", None)
        yield app


@pytest.fixture
async def app(settings: Settings) -> AsyncGenerator[App]:
    async with lifted(settings) as running_app:
        yield running_app


async def propose(app: App, qty: int = 10, **changes: Any) -> Outcome:
    number = next(NUMBERS)
    fields: dict[str, Any] = {
        "type": OrderType.LIMIT, "limit_price": RESTS, "order_id": f"ord_{number}", **changes,
    }  # fmt: skip
    claim = CallerKey("idempotency", f"key-{number}", "0" * 64)
    return await app.pipeline.propose(order("AAPL", qty=qty, **fields), [claim])


async def resting(app: App, qty: int = 10) -> str:
    outcome = await propose(app, qty)
    answered = await app.pipeline.first_answer(outcome.order.order_id, 10_000)
    assert answered is not None
    assert answered.status is State.ACKNOWLEDGED
    return outcome.order.order_id


async def settled(app: App) -> None:
    """Everything sent is answered for, and what the broker has told is taken."""
    await app.pipeline.quiesce()
    await app.trackers["simulator"].pull()


def state(app: App, order_id: str) -> OrderState:
    return app.book().orders[order_id]


async def live(app: App) -> list[tuple[str, int]]:
    """What works at the broker: our id and what may still fill."""
    broker = app.trackers["simulator"]._broker
    found = await broker.open_orders("primary")
    return [
        (app.book().by_client_id[one.broker_client_id], one.qty - one.filled_qty) for one in found
    ]


async def proven(app: App) -> None:
    """The log verifies, and a book built from it is the one that runs."""
    await app.journal.settled()
    assert await app.ledger.replay() == app.book()
    await app.ledger.publish_now()
    report = verify_log(app.log_dir, app.vkey)
    assert report.ok, report


# NautilusTrader#4288 and #4564.
@pytest.mark.requirement("S1-06")
@pytest.mark.requirement("S3-20")
async def test_a_replace_never_leaves_two_live_orders(app: App) -> None:
    old = await resting(app)
    new = (await propose(app, 12, replaces=old)).order
    await settled(app)
    assert await live(app) == [(new.order_id, 12)]
    assert state(app, old).status is State.REPLACED
    assert state(app, old).replaced_by == new.order_id
    assert (state(app, new.order_id).status, new.replaces) == (State.ACKNOWLEDGED, old)
    assert set(app.book().account("primary").working) == {new.order_id}
    await proven(app)


# NautilusTrader#4288 and #4564.
@pytest.mark.requirement("S1-06")
async def test_replacements_that_race_for_an_order_leave_one_live_order(app: App) -> None:
    old = await resting(app)
    outcomes = await asyncio.gather(*(propose(app, 10 + i, replaces=old) for i in range(6)))
    await settled(app)
    [allowed] = [outcome.order for outcome in outcomes if outcome.order.allow]
    assert await live(app) == [(allowed.order_id, allowed.qty)]
    denied = [outcome.order for outcome in outcomes if not outcome.order.allow]
    assert all("RPL-01" in {reason.control for reason in one.reasons} for one in denied)
    await proven(app)


@pytest.mark.requirement("S3-20")
async def test_a_chain_of_replacements_leaves_the_last(app: App) -> None:
    newest = await resting(app)
    for qty in (11, 12, 13):
        newest = (await propose(app, qty, replaces=newest)).order.order_id
        await settled(app)
    assert await live(app) == [(newest, 13)]
    await proven(app)


async def rejects(*_: object) -> Rejected:
    return Rejected("ERR_TOO_LATE")


@pytest.mark.requirement("S1-06")
@pytest.mark.requirement("S3-20")
async def test_a_replace_that_the_broker_refuses_leaves_the_old_order_as_it_was(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await resting(app)
    monkeypatch.setattr(Simulator, "replace", rejects)
    new = (await propose(app, 12, replaces=old)).order
    await settled(app)
    assert (state(app, new.order_id).status, state(app, new.order_id).code) == (
        State.REJECTED,
        "ERR_TOO_LATE",
    )
    assert (state(app, old).status, state(app, old).code) == (State.ACKNOWLEDGED, "ERR_TOO_LATE")
    assert await live(app) == [(old, 10)]
    assert set(app.book().account("primary").working) == {old}
    monkeypatch.undo()
    again = (await propose(app, 12, replaces=old)).order
    await settled(app)
    assert await live(app) == [(again.order_id, 12)]
    await proven(app)


def then(before: Callable[[App], Any], app: App) -> Callable[..., Any]:
    """The gate, after something has happened."""
    real = Gate.forward

    async def forward(self: Gate, permit: bytes, approved_ns: int) -> Submission:
        await before(app)
        return await real(self, permit, approved_ns)

    return forward


@pytest.mark.requirement("S1-06")
async def test_a_cancel_between_decision_and_gate_stops_the_replacement(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await resting(app)

    async def cancel(app: App) -> None:
        await app.cancels.cancel(old, "ada")

    monkeypatch.setattr(Gate, "forward", then(cancel, app))
    new = (await propose(app, 12, replaces=old)).order
    await settled(app)
    assert state(app, new.order_id).status is State.DENIED
    assert state(app, new.order_id).code == "GATE_REPLACED"
    assert state(app, old).status is State.CANCELED
    assert await live(app) == []
    await proven(app)


@pytest.mark.requirement("S1-06")
@pytest.mark.requirement("S2-03")
@pytest.mark.parametrize("how", ["cancel", "kill"])
async def test_whoever_withdraws_an_order_withdraws_what_takes_its_place(
    app: App, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    old, real = await resting(app), Simulator.replace

    async def withdrawn(
        self: Simulator, broker_client_id: str, placed: BrokerOrder, filled_qty: int
    ) -> Accepted | Rejected:
        answer = await real(self, broker_client_id, placed, filled_qty)
        # The broker has replaced it; we do not know that yet.
        if how == "cancel":
            await app.cancels.cancel(old, "ada")
        else:
            await app.halting.halt(
                cause="OMEGA2_MANUAL", scope=GLOBAL, by="ada", clear_by="admin", cancels=True
            )
        return answer

    monkeypatch.setattr(Simulator, "replace", withdrawn)
    new = (await propose(app, 12, replaces=old)).order
    await settled(app)
    async with asyncio.timeout(60):
        while await live(app):  # noqa: ASYNC110  the cancel is asked for again by itself
            await asyncio.sleep(0.05)
    await settled(app)
    assert state(app, new.order_id).status is State.CANCELED
    assert not app.book().open_orders()
    assert app.cancels.outstanding() == []
    await proven(app)


@pytest.mark.requirement("S3-20")
@pytest.mark.requirement("S3-21")
@pytest.mark.parametrize("arrived", [True, False])
async def test_an_unknown_replacement_is_settled_for_both_orders(
    app: App, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    old, real, calls = await resting(app), Simulator.replace, 0

    async def silent(
        self: Simulator, broker_client_id: str, placed: BrokerOrder, filled_qty: int
    ) -> Accepted:
        nonlocal calls
        calls += 1
        if arrived:
            await real(self, broker_client_id, placed, filled_qty)
        raise OutcomeUnknownError("ERR_NETWORK")

    monkeypatch.setattr(Simulator, "replace", silent)
    new = (await propose(app, 12, replaces=old)).order
    await settled(app)
    assert calls == 1
    if arrived:
        assert state(app, old).status is State.REPLACED
        assert state(app, new.order_id).status is State.ACKNOWLEDGED
        assert await live(app) == [(new.order_id, 12)]
    else:
        assert state(app, old).status is State.ACKNOWLEDGED
        assert state(app, new.order_id).status is State.CANCELED
        assert await live(app) == [(old, 10)]
    await proven(app)


@pytest.mark.requirement("S3-06")
@pytest.mark.requirement("S3-20")
@pytest.mark.parametrize("arrived", [True, False])
async def test_a_crash_during_a_replace_is_settled_at_the_next_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    async with lifted(settings) as app:
        old = await resting(app)
        dies_at_the_gate(monkeypatch, arrived=arrived)
        new = (await propose(app, 12, replaces=old)).order
        await app.pipeline.quiesce()
        assert state(app, new.order_id).status is State.CREATED

    forwards_nothing(monkeypatch)
    async with running(settings) as app:
        await settled(app)
        expected = [(new.order_id, 12)] if arrived else [(old, 10)]
        assert await live(app) == expected
        assert state(app, old).status is (State.REPLACED if arrived else State.ACKNOWLEDGED)
        after = State.ACKNOWLEDGED if arrived else State.CANCELED
        assert state(app, new.order_id).status is after
        assert set(app.book().account("primary").working) == {expected[0][0]}
        await proven(app)


@pytest.mark.requirement("S1-06")
async def test_a_replacement_that_cannot_be_proven_leaves_the_old_order_as_it_was(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await resting(app)

    async def no_receipt(_index: int) -> bytes:
        raise RuntimeError("the log does not prove it")

    with monkeypatch.context() as patched:
        patched.setattr(app.ledger, "receipt", no_receipt)
        new = (await propose(app, 12, replaces=old)).order
        await settled(app)
    assert state(app, new.order_id).status is State.FATAL_ERROR
    assert state(app, old).status is State.ACKNOWLEDGED
    assert await live(app) == [(old, 10)]
    await proven(app)


@pytest.mark.requirement("S1-06")
@pytest.mark.requirement("S3-20")
async def test_a_cancel_that_the_broker_refuses_leaves_the_order_working(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await resting(app)
    client_id, real = state(app, order_id).broker_client_id, Simulator.updates

    async def nothing(_self: Simulator, _broker_client_id: str) -> None:
        """The broker takes the request and will refuse it."""

    async def refused(self: Simulator, after: int, limit: int) -> list[BrokerUpdate]:
        told = await real(self, after, limit)
        if told or state(app, order_id).status is not State.PENDING_CANCEL:
            return told
        return [BrokerUpdate(after + 1, StatusChange(client_id, "ACKNOWLEDGED", "ERR_TOO_LATE"))]

    with monkeypatch.context() as patched:
        patched.setattr(Simulator, "cancel", nothing)
        patched.setattr(Simulator, "updates", refused)
        asked = await app.cancels.cancel(order_id, "ada")
        assert asked.status is State.PENDING_CANCEL
        await settled(app)
        again = state(app, order_id)
        assert (again.status, again.code) == (State.ACKNOWLEDGED, "ERR_TOO_LATE")
        assert app.cancels.outstanding() == []
        assert set(app.book().account("primary").working) == {order_id}
    assert await live(app) == [(order_id, 10)]
    await proven(app)


@pytest.mark.attack
@pytest.mark.requirement("S1-06")
async def test_a_replacement_whose_record_failed_leaves_the_old_order_as_it_was(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await resting(app)

    async def full(_batch: object) -> None:
        raise UnavailableError("ledger-full", "no room", "make room")

    with monkeypatch.context() as patched:
        patched.setattr(app.ledger, "commit", full)
        with pytest.raises(UnavailableError, match="ledger-full"):
            await propose(app, 12, replaces=old)
    new = (await propose(app, 13, replaces=old)).order
    await settled(app)
    assert new.allow, "what never became durable replaces nothing"
    assert await live(app) == [(new.order_id, 13)]
    assert state(app, old).replaced_by == new.order_id
    await proven(app)


@pytest.mark.requirement("S1-06")
@pytest.mark.requirement("S3-20")
async def test_a_refused_replacement_that_cannot_be_recorded_yet_is_entered_for_both_orders(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, commit, away = await resting(app), app.ledger.commit, False

    async def failing(batch: Batch) -> Committed:
        if away:
            raise UnavailableError("ledger-full", "no room", "make room")
        return await commit(batch)

    async def rejects_in_an_outage(*_: object) -> Rejected:
        nonlocal away
        away = True
        return Rejected("ERR_TOO_LATE")

    with monkeypatch.context() as patched:
        patched.setattr(app.ledger, "commit", failing)
        patched.setattr(Simulator, "replace", rejects_in_an_outage)
        new = (await propose(app, 12, replaces=old)).order
        await app.pipeline.quiesce()
        away = False
        await app.journal.repair()
        await app.journal.settled()
    assert state(app, new.order_id).status is State.REJECTED
    assert (state(app, old).status, state(app, old).code) == (State.ACKNOWLEDGED, "ERR_TOO_LATE")
    assert set(app.book().account("primary").working) == {old}
    await proven(app)
