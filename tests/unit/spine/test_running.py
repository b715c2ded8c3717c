"""The whole gateway in one process, on the real engine, ledger, gate and simulator."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from gateway.bootstrap import App, running
from gateway.brokers.gate import Gate
from gateway.brokers.simulator.adapter import SimulatorBroker as Simulator
from gateway.config import AccountSettings, Settings
from gateway.control.resuming import resume
from gateway.domain.errors import (
    InvalidInputError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from gateway.domain.execution import Accepted, OutcomeUnknownError, Submission
from gateway.domain.halt import GLOBAL, Halt, Scope
from gateway.domain.mode import Mode
from gateway.domain.order import BrokerOrder, OrderType, Side
from gateway.intake.idempotency import CallerKey
from gateway.pipeline import Outcome
from signing.lifecycle import State
from signing.verify import Report, verify_log
from support.dying_gate import dies_at_the_gate, forwards_nothing
from support.facts import order
from support.releases import write_release

NUMBERS = count(1)
SESSION_BEFORE_OMEGA2 = "2015-08-21"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path / "data",
        mode=Mode.SIMULATION,
        market="historical",
        release=write_release(tmp_path / "release"),
        accounts={"primary": AccountSettings(opening_cash="300000")},
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncGenerator[App]:
    async with lifted(settings) as running_app:
        yield running_app


@asynccontextmanager
async def lifted(settings: Settings) -> AsyncGenerator[App]:
    """A gateway with Ω4 lifted."""
    async with running(settings) as app:
        if not app.book().omega4_lifted(app.clock.wall_us()):
            await app.modes.lift_omega4("ada", "test", None)
        yield app


async def propose(app: App, symbol: str = "AAPL", qty: int = 100, **changes: Any) -> Outcome:
    number = next(NUMBERS)
    changes.setdefault("order_id", f"ord_{number}")
    claim = CallerKey("idempotency", f"key-{number}", "0" * 64)
    return await app.pipeline.propose(order(symbol, qty=qty, **changes), [claim])


async def forward_days(app: App, days: int) -> None:
    assert app.feed is not None
    assert app.market_clock is not None
    later = [us for _, us in app.feed.sessions() if us > app.clock.market_us()]
    for us in later[:days]:
        await app.market_clock.advance(us)


async def forward_to(app: App, session: str) -> None:
    assert app.feed is not None
    assert app.market_clock is not None
    await app.market_clock.advance(dict(app.feed.sessions())[session])


def report(app: App) -> Report:
    return verify_log(app.log_dir, app.vkey)


async def sent(app: App, outcome: Outcome) -> State:
    answered = await app.pipeline.first_answer(outcome.order.order_id, 10_000)
    assert answered is not None
    return answered.status


def kill(app: App, scope: Scope = GLOBAL) -> Awaitable[Halt]:
    return app.halting.halt(
        cause="MANUAL", scope=scope, by="ada", clear_by="admin", cancels=True, reason="test"
    )


@pytest.mark.requirement("W-01")
async def test_an_order_is_decided_sent_filled_and_on_the_record(app: App) -> None:
    outcome = await propose(app)
    assert outcome.order.allow
    assert await sent(app, outcome) is State.ACKNOWLEDGED
    await forward_days(app, 1)
    filled = app.book().orders[outcome.order.order_id]
    assert filled.status is State.FILLED
    assert app.book().account("primary").positions == {"AAPL": (100, 0)}
    await app.ledger.publish_now()
    assert report(app).ok


async def test_64_racing_orders_never_exceed_a_limit_together(app: App) -> None:
    # 60,000 dollars may be held in one symbol; each order is worth about 5,150 at its collar.
    outcomes = await asyncio.gather(*(propose(app, qty=200) for _ in range(64)))
    allowed = [outcome.order for outcome in outcomes if outcome.order.allow]
    assert 0 < len(allowed) < 64
    assert sum(o.qty * (o.worst_price or 0) * 100 for o in allowed) <= 60_000_000_000
    denials = Counter(r.control for o in outcomes for r in o.order.reasons)
    assert denials["POS-02"] == 64 - len(allowed)


@pytest.mark.requirement("S2-03")
async def test_a_kill_denies_cancels_and_lasts_until_a_named_person_resumes(
    app: App, settings: Settings
) -> None:
    working = await propose(app, type=OrderType.LIMIT, limit_price=250_000, side=Side.BUY)
    assert await sent(app, working) is State.ACKNOWLEDGED
    halt = await kill(app)
    denied = await propose(app)
    assert [r.control for r in denied.order.reasons] == ["OMEGA-2"]
    await _until(lambda: app.book().orders[working.order.order_id].status is State.CANCELED)
    with pytest.raises(RefusedError, match="halt-not-yours"):
        await resume(
            app.journal, halt.halt_id, by="bob", scopes=frozenset({"operate"}), reason="please"
        )
    await resume(app.journal, halt.halt_id, by="ada", scopes=frozenset({"admin"}), reason="over")
    assert (await propose(app)).order.allow
    with pytest.raises(NotFoundError):
        await resume(
            app.journal, halt.halt_id, by="ada", scopes=frozenset({"admin"}), reason="again"
        )


async def test_a_kill_survives_a_restart_and_so_does_the_lift(settings: Settings) -> None:
    async with lifted(settings) as app:
        await kill(app)
    async with running(settings) as app:
        assert len(app.book().halts) == 1
        assert app.book().omega4_lifted(app.clock.wall_us())
        assert not (await propose(app)).order.allow


async def test_a_kill_of_one_symbol_leaves_the_others(app: App) -> None:
    await kill(app, Scope("symbol", "AAPL"))
    assert not (await propose(app)).order.allow
    assert (await propose(app, "MSFT")).order.allow


@pytest.mark.requirement("S1-08")
async def test_the_volatility_index_trips_omega2(app: App) -> None:
    await forward_to(app, SESSION_BEFORE_OMEGA2)
    assert app.feed is not None
    quote = app.feed.quote("AAPL", app.clock.market_us())
    assert quote is not None
    below = quote.bid * 96 // 100 // 100 * 100
    working = await propose(app, qty=10, type=OrderType.LIMIT, limit_price=below)
    assert working.order.allow
    assert await sent(app, working) is State.ACKNOWLEDGED
    await forward_days(app, 1)
    [halt] = app.book().halts.values()
    assert (halt.cause, halt.observed, halt.limit) == ("OMEGA2_VOLATILITY", 407_400, 400_000)
    await _until(lambda: not app.book().open_orders())
    denied = await propose(app)
    assert "OMEGA-2" in {r.control for r in denied.order.reasons}


async def test_a_cancel_takes_a_working_order_off(app: App) -> None:
    outcome = await propose(app, type=OrderType.LIMIT, limit_price=250_000)
    await sent(app, outcome)
    await app.cancels.cancel(outcome.order.order_id, "ada")
    await _until(lambda: app.book().orders[outcome.order.order_id].status is State.CANCELED)
    with pytest.raises(RefusedError, match="order-closed"):
        await app.cancels.cancel(outcome.order.order_id, "ada")
    with pytest.raises(NotFoundError):
        await app.cancels.cancel("ord_none", "ada")


@pytest.mark.requirement("W-07")
@pytest.mark.requirement("S3-06")
@pytest.mark.requirement("S3-21")
async def test_an_unknown_outcome_is_settled_by_asking(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Simulator.submit

    async def silent(self: Simulator, placed: BrokerOrder) -> Accepted:
        await real(self, placed)
        raise OutcomeUnknownError("ERR_NETWORK")

    monkeypatch.setattr(Simulator, "submit", silent)
    outcome = await propose(app)
    await app.pipeline.quiesce()
    assert app.book().orders[outcome.order.order_id].status is State.ACKNOWLEDGED
    await forward_days(app, 1)
    assert app.book().account("primary").positions == {"AAPL": (100, 0)}
    await app.ledger.publish_now()
    assert report(app).ok


@pytest.mark.requirement("W-07")
@pytest.mark.requirement("S3-05")
@pytest.mark.requirement("S3-21")
async def test_an_order_that_never_arrived_is_absent_and_not_sent_again(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    async def lost(self: Simulator, placed: BrokerOrder) -> Accepted:
        nonlocal calls
        calls += 1
        raise OutcomeUnknownError("ERR_NETWORK")

    monkeypatch.setattr(Simulator, "submit", lost)
    outcome = await propose(app)
    await app.pipeline.quiesce()
    assert app.book().orders[outcome.order.order_id].status is State.CANCELED
    assert app.book().account("primary").working == {}
    assert calls == 1


@pytest.mark.requirement("W-07")
@pytest.mark.requirement("S3-06")
@pytest.mark.parametrize("arrived", [True, False])
async def test_what_is_in_doubt_at_a_restart_is_settled_and_never_forwarded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    dies_at_the_gate(monkeypatch, arrived=arrived)
    async with lifted(settings) as app:
        outcome = await propose(app)
        await app.pipeline.quiesce()
        assert app.book().orders[outcome.order.order_id].status is State.CREATED

    forwards_nothing(monkeypatch)
    async with running(settings) as app:
        settled = app.book().orders[outcome.order.order_id]
        assert settled.status is (State.ACKNOWLEDGED if arrived else State.CANCELED)
        assert bool(app.book().account("primary").working) is arrived
        await forward_days(app, 1)
        assert app.book().account("primary").positions == ({"AAPL": (100, 0)} if arrived else {})
        await app.ledger.publish_now()
        assert report(app).ok


@pytest.mark.requirement("W-07")
@pytest.mark.parametrize("arrived", [True, False])
async def test_a_gate_that_fails_leaves_an_unknown_outcome_that_is_settled_at_once(
    app: App, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    real, calls = Gate.forward, 0

    async def fails(self: Gate, permit: bytes, approved_ns: int) -> Submission:
        nonlocal calls
        calls += 1
        if arrived:
            await real(self, permit, approved_ns)
        raise ZeroDivisionError("a defect of the gate")

    monkeypatch.setattr(Gate, "forward", fails)
    outcome = await propose(app)
    await app.pipeline.quiesce()
    settled = app.book().orders[outcome.order.order_id]
    assert settled.status is (State.ACKNOWLEDGED if arrived else State.CANCELED)
    assert settled.broker == "simulator"
    assert bool(app.book().account("primary").working) is arrived
    assert calls == 1
    await app.ledger.publish_now()
    assert report(app).ok


@pytest.mark.requirement("S2-03")
async def test_a_kill_that_died_before_its_cancels_is_finished_at_the_next_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        raise ConnectionAbortedError("the process dies here, before the broker is asked")

    async with lifted(settings) as app:
        working = await propose(app, type=OrderType.LIMIT, limit_price=250_000)
        other = await propose(app, "MSFT", 10, type=OrderType.LIMIT, limit_price=400_000)
        assert await sent(app, working) is State.ACKNOWLEDGED
        assert await sent(app, other) is State.ACKNOWLEDGED
        with monkeypatch.context() as patched:
            patched.setattr(Gate, "cancel", dies)
            with pytest.raises(UnavailableError, match="cancel-untaken"):
                await app.cancels.cancel(other.order.order_id, "ada")
            await kill(app, Scope("symbol", "AAPL"))
        assert len(app.book().open_orders()) == 2
    async with running(settings) as app:
        await _until(lambda: not app.book().open_orders())
        assert {o.status for o in app.book().orders.values()} == {State.CANCELED}


async def test_a_used_key_fails_its_caller_alone(app: App) -> None:
    claim = [CallerKey("idempotency", "the-same", "0" * 64)]
    answers = await asyncio.gather(
        *(app.pipeline.propose(order(qty=10, order_id=f"ord_race_{i}"), claim) for i in range(4)),
        propose(app, "MSFT", 10),
        return_exceptions=True,
    )
    refused = [a for a in answers[:4] if isinstance(a, Exception)]
    assert len(refused) == 3
    assert isinstance(answers[4], Outcome)
    await app.pipeline.quiesce()
    # The refused ones were never durable: after the repair nothing of them is held.
    await propose(app, "MSFT", 10)
    assert set(app.book().account("primary").working) <= set(app.book().orders)
    assert sum(o.symbol == "AAPL" for o in app.book().open_orders()) == 1


async def test_when_the_disk_fails_nothing_moves_but_cancels(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lifted(settings) as app:
        working = await propose(app, type=OrderType.LIMIT, limit_price=250_000)
        assert await sent(app, working) is State.ACKNOWLEDGED
        cancelled: list[str] = []
        real = Simulator.cancel

        async def seen(self: Simulator, broker_client_id: str) -> None:
            cancelled.append(broker_client_id)
            await real(self, broker_client_id)

        monkeypatch.setattr(Simulator, "cancel", seen)

        async def failing(*_: object) -> None:
            raise UnavailableError("ledger-latched", "fsync failed", "restart")

        monkeypatch.setattr(app.ledger, "commit", failing)
        with pytest.raises(UnavailableError):
            await propose(app)
        await kill(app)
        assert working.order.broker_client_id in cancelled
        with pytest.raises(UnavailableError):
            await propose(app)
        monkeypatch.undo()
        # The ledger takes entries again: what was owed is entered before anything is decided.
        denied = await propose(app)
        assert [r.control for r in denied.order.reasons] == ["OMEGA-2"]
        await app.journal.settled()
    async with running(settings) as app:
        assert len(app.book().halts) == 1


@pytest.mark.requirement("S0-01")
@pytest.mark.requirement("S1-01")
@pytest.mark.parametrize("mode", [Mode.PAPER, Mode.LIVE])
async def test_paper_and_live_are_refused(app: App, settings: Settings, mode: Mode) -> None:
    with pytest.raises(RefusedError, match="mode-unavailable"):
        await app.modes.set_mode(mode, "ada")
    assert app.book().mode is Mode.SIMULATION
    with pytest.raises(RefusedError, match="mode-unavailable"):
        async with running(settings.model_copy(update={"mode": mode})):
            pytest.fail("it started")


async def test_a_demonstration_release_runs_in_simulation_only(
    app: App, settings: Settings
) -> None:
    with pytest.raises(RefusedError, match="release-not-for-mode"):
        await app.modes.set_mode(Mode.RESEARCH, "ada")
    with pytest.raises(RefusedError, match="release-not-for-mode"):
        async with running(settings.model_copy(update={"mode": Mode.RESEARCH})):
            pytest.fail("it started")


async def test_the_market_clock_never_goes_back(app: App) -> None:
    assert app.market_clock is not None
    with pytest.raises(InvalidInputError, match="market-clock-backwards"):
        await app.market_clock.advance(app.clock.market_us() - 1)


@pytest.mark.requirement("S2-02")
async def test_the_shipped_release_allows_nothing(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", mode=Mode.SIMULATION, market="historical")
    async with lifted(settings) as app:
        outcome = await propose(app, qty=1)
        assert not outcome.order.allow


async def test_a_second_gateway_on_the_same_folder_is_refused(app: App, settings: Settings) -> None:
    with pytest.raises(RefusedError, match="ledger-locked"):
        async with running(settings):
            pytest.fail("it started")


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  the state has no event to wait for
            await asyncio.sleep(0.01)
