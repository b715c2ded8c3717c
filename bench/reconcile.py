"""What it takes to compare an account with its broker: thousands of orders, a thousand positions.

A gateway in this process, and a broker in its memory that counts what it is asked: a real one adds
what its network and its pages of answers take.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench.measure import BenchError, Figure, Findings, Scale, Table
from bench.releases import bench_release
from gateway.bootstrap import App, running
from gateway.brokers import registry
from gateway.brokers.contract import BrokerParts
from gateway.brokers.null.adapter import NullBroker
from gateway.config import Settings
from gateway.domain.book import OrderState
from gateway.domain.execution import BrokerOrderRecord, BrokerStatement, BrokerUpdate
from gateway.domain.order import Side
from gateway.tracking.reconciliation.rows import Result
from signing.lifecycle import State

ACCOUNT: Final = "primary"
SETTLE_MS: Final = 10
"""How long a difference has to stand here; it is taken off what correcting took."""
CASH_MICROS: Final = 1_000_000_000_000
_LARGE: Final = (10_000, 1_000)
_SMALL: Final = (500, 50)
_NS_PER_MS: Final = 1_000_000
_QUIET_MS: Final = "3600000"


class CountingBroker(NullBroker):
    """Lists what the record has, and counts the questions."""

    def __init__(self, parts: BrokerParts) -> None:
        """Hold nothing at first."""
        super().__init__(parts.accounts)
        self.calls: Counter[str] = Counter()
        self.listed: list[BrokerOrderRecord] = []
        self.positions: dict[str, tuple[int, int]] = {}

    async def open_orders(self, account: str) -> list[BrokerOrderRecord]:  # noqa: ARG002  the port
        """Every order, as the record has it."""
        self.calls["open orders"] += 1
        return list(self.listed)

    async def statement(self, account: str) -> BrokerStatement:
        """Cash and positions."""
        self.calls["statement"] += 1
        return BrokerStatement(account, CASH_MICROS, dict(self.positions))

    async def updates(self, after: int, limit: int) -> list[BrokerUpdate]:  # noqa: ARG002  the port
        """Nothing is new."""
        self.calls["updates"] += 1
        return []


def measure(folder: Path, scale: Scale) -> Findings:
    """Compare where all agrees, and correct every position where none does."""
    orders, positions = _LARGE if scale.rounds > 1 else _SMALL
    return asyncio.run(_measured(folder, scale, orders, positions))


async def _measured(folder: Path, scale: Scale, orders: int, positions: int) -> Findings:
    made: list[CountingBroker] = []

    async def open_counting(parts: BrokerParts) -> CountingBroker:
        made.append(CountingBroker(parts))
        return made[-1]

    before = registry.BROKERS
    registry.BROKERS = {**before, "null": open_counting}
    try:
        async with running(_settings(folder)) as app:
            [broker] = made
            _fill(app, broker, orders, positions)
            broker.calls.clear()
            agreed = [await _timed(app, "agreed") for _ in range(scale.rounds)]
            calls = dict(broker.calls)
            corrected = [await _corrected(app, broker) for _ in range(scale.rounds)]
    finally:
        registry.BROKERS = before
    asked = sum(calls.values()) / scale.rounds
    table = Table(
        f"Reconciling {orders:,} open orders and {positions:,} positions",
        ("run", "ms", "calls to the broker"),
        (
            ("all agrees", str(Figure.of(agreed, "ms")), _calls(calls, scale.rounds)),
            ("every position corrected", str(Figure.of(corrected, "ms")), "twice as many, and 1"),
        ),
    )
    figures = {
        "reconcile_ms": Figure.of(agreed, "ms"),
        "reconcile_corrected_ms": Figure.of(corrected, "ms"),
        "reconcile_calls": Figure.of([asked] * scale.rounds, "calls"),
    }
    return Findings(figures, [table])


def _settings(folder: Path) -> Settings:
    given: Mapping[str, Any] = {
        "data": folder / "data",
        "release": bench_release(folder / "release"),
        "accounts": {ACCOUNT: {"broker": "null", "opening_cash": "1000000"}},
        "reconcile_settle_ms": str(SETTLE_MS),
        **{f"reconcile_{what}_ms": _QUIET_MS for what in ("orders", "positions", "full")},
    }
    return Settings(**given)


def _fill(app: App, broker: CountingBroker, orders: int, positions: int) -> None:
    """Put the same orders and positions on both sides; the log is not what is measured."""
    for number in range(orders):
        state = _order(number, f"S{number % positions}")
        app.book().keep(state)
        broker.listed.append(_record(state))
    held = {f"S{number}": (100 + number, 0) for number in range(positions)}
    app.book().account(ACCOUNT).positions.update(held)
    broker.positions.update(held)


def _order(number: int, symbol: str) -> OrderState:
    return OrderState(
        order_id=f"ord_{number}",
        decision_id=f"dec_{number}",
        broker_client_id=f"wr-{number}",
        account=ACCOUNT,
        principal="bench",
        client_order_id="none",
        strategy_id="none",
        symbol=symbol,
        side="buy",
        type="limit",
        time_in_force="gtc",
        qty=10,
        qty_decimals=0,
        price_decimals=4,
        limit_price=1_000_000,
        stop_price=None,
        worst_price=1_000_000,
        mode="SIMULATION",
        label="unsigned",
        allow=True,
        failure="none",
        reasons=(),
        input_digest="00" * 32,
        release_digest="00" * 32,
        market_us=0,
        status=State.ACKNOWLEDGED,
        broker="null",
        broker_order_id=f"b{number}",
    )


def _record(state: OrderState) -> BrokerOrderRecord:
    return BrokerOrderRecord(
        account=ACCOUNT,
        broker_order_id=state.broker_order_id,
        broker_client_id=state.broker_client_id,
        symbol=state.symbol,
        side=Side.BUY,
        status=state.status.value,
        qty=state.qty,
        filled_qty=0,
        qty_decimals=0,
        limit_price=state.limit_price,
        price_decimals=4,
        placed_us=0,
    )


async def _timed(app: App, expected: str) -> float:
    began = time.perf_counter_ns()
    result: Result = await app.reconciliations.run(ACCOUNT, "requested", "bench")
    took = (time.perf_counter_ns() - began) / _NS_PER_MS
    if result.outcome != expected:
        raise BenchError(f"the comparison is {result.outcome}, not {expected}: {result.code}")
    return took


async def _corrected(app: App, broker: CountingBroker) -> float:
    broker.positions = {name: (qty + 1, 0) for name, (qty, _) in broker.positions.items()}
    took = await _timed(app, "drifted")
    held = app.book().account(ACCOUNT).positions
    if held != broker.positions:
        raise BenchError("the record does not hold what the broker does")
    return took - SETTLE_MS


def _calls(calls: Mapping[str, int], rounds: int) -> str:
    return ", ".join(f"{count // rounds} {name}" for name, count in sorted(calls.items()))
