"""A broker that tells what a test has it tell, followed by a tracker into a real record."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.bootstrap import App, running
from gateway.brokers.contract import AccountTerms
from gateway.brokers.null.adapter import NullBroker
from gateway.config import AccountSettings, Settings
from gateway.domain.book import OrderState
from gateway.domain.errors import UnavailableError
from gateway.domain.execution import (
    BrokerOrderState,
    BrokerStatement,
    BrokerUpdate,
    Execution,
    StatusChange,
    TradeCorrection,
)
from gateway.domain.mode import Mode
from gateway.domain.order import OrderType, Side
from gateway.intake.idempotency import CallerKey
from gateway.ports import Draft
from gateway.tracking.updates import Heard, Tracker
from signing.envelope import open_envelope
from signing.lifecycle import State
from signing.verify import verify_log
from support.facts import order as new_order
from support.releases import write_release

SESSION = "2015-08-24"
BELOW = 240_000
"""A limit at which nothing is sold on the first day."""


class Telling(NullBroker):
    """Tells events in the order in which it was given them; fails when it is told to."""

    def __init__(self) -> None:
        super().__init__({"primary": AccountTerms(0)})
        self.events: list[Execution | StatusChange | TradeCorrection] = []
        self.known: dict[str, BrokerOrderState] = {}
        """What it says of an order when it is asked."""
        self.asked = 0
        self.found_at = 0
        """The question from which on it knows what it knows."""
        self.silent_at: set[int] = set()
        self.positions: dict[str, tuple[int, int]] = {}
        self.fails = 0
        self.page = 256

    @property
    def name(self) -> str:
        return "telling"

    async def updates(self, after: int, limit: int) -> list[BrokerUpdate]:
        if self.fails:
            self.fails -= 1
            raise UnavailableError("broker-unavailable", "the connection is lost")
        numbered = list(enumerate(self.events, start=1))
        return [BrokerUpdate(n, event) for n, event in numbered[after : after + self.page]]

    async def order(self, broker_client_id: str) -> BrokerOrderState | None:
        self.asked += 1
        if self.asked in self.silent_at:
            raise UnavailableError("broker-unavailable", "no answer")
        if self.asked >= self.found_at:
            return self.known.get(broker_client_id)
        return None

    async def statement(self, account: str) -> BrokerStatement:
        return BrokerStatement(account, 0, dict(self.positions))


@dataclass
class Told:
    """A running gateway, and a second broker of its account that says what it is given."""

    app: App
    broker: Telling = field(default_factory=Telling)
    drifted: list[str] = field(default_factory=list[str])
    withdrawn: list[str] = field(default_factory=list[str])
    rejected: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    later_ms: int = 0
    """How much later it is for the tracker."""

    def __post_init__(self) -> None:
        async def withdraw(order_id: str) -> None:
            self.withdrawn.append(order_id)

        async def rejected(order_id: str, code: str) -> None:
            self.rejected.append((order_id, code))

        app = self.app
        heard = Heard(app.pipeline.first_answer, self.drifted.append, withdraw, rejected)
        self.tracker = Tracker(
            self.broker, ["primary"], app.journal, app.ledger, app.halting, heard, self.now_ns
        )

    def now_ns(self) -> int:
        """The tracker's time."""
        return self.app.clock.monotonic_ns() + self.later_ms * 1_000_000

    async def tell(self, *events: Execution | StatusChange | TradeCorrection) -> None:
        """Have the broker tell something, and record it."""
        self.broker.events += events
        await self.tracker.pull()

    def order(self, order: OrderState) -> OrderState:
        """As it stands now."""
        return self.app.book().orders[order.order_id]

    async def entries(self, kind: str) -> list[dict[str, Any]]:
        """The payloads of one kind, oldest first."""
        return [payload for found, payload in await recorded(self.app) if found == kind]

    async def kinds(self) -> list[str]:
        """The kind of each entry, oldest first."""
        return [kind for kind, _ in await recorded(self.app)]

    async def codes(self) -> list[str]:
        """The codes of all anomalies."""
        return [payload["code"] for payload in await self.entries("anomaly")]


async def recorded(app: App) -> list[tuple[str, dict[str, Any]]]:
    """The kind and payload of each entry of the log, oldest first."""
    await app.journal.settled()
    reader = app.ledger._opened.reader  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
    envelopes: list[bytes] = reader.envelopes(0, app.ledger.size)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    opened = [open_envelope(envelope) for envelope in envelopes]
    return [(entry.kind, dict(entry.payload)) for entry in opened]


@asynccontextmanager
async def telling(folder: Path) -> AsyncGenerator[Told]:
    """A gateway, begun in ``folder`` or gone on with; at the end log and book must be sound."""
    release = folder / "release"
    if not release.exists():
        write_release(release)
    settings = Settings(
        data=folder / "data",
        mode=Mode.SIMULATION,
        market="historical",
        release=release,
        accounts={"primary": AccountSettings(opening_cash="300000")},
        reconcile_settle_ms=200,  # a start that differs from its broker is not waited for
    )
    async with running(settings) as app:
        await app.modes.lift_omega4("ada", "test", None)
        yield Told(app)
        await sound(app)


async def sound(app: App) -> None:
    """Whatever was told: the log verifies, and the book built from it is the running one."""
    await app.journal.settled()
    assert await app.ledger.replay() == app.book()
    await app.ledger.publish_now()
    found = verify_log(app.log_dir, app.vkey)
    assert found.ok, found


async def proposed(told: Told, **changes: Any) -> OrderState:
    """An order of 100 that was allowed, as of the first answer to it."""
    order = await decided(told, **changes)
    assert order.allow, order.reasons
    await told.app.pipeline.first_answer(order.order_id, 10_000)
    return told.order(order)


async def decided(told: Told, **changes: Any) -> OrderState:
    """An order of 100 as it was decided."""
    number = told.app.ledger.size
    claim = CallerKey("idempotency", f"key-{number}", "0" * 64)
    given: dict[str, Any] = {"qty": 100, "type": OrderType.LIMIT, "limit_price": BELOW}
    order = new_order("AAPL", order_id=f"ord_{number}", **(given | changes))
    return (await told.app.pipeline.propose(order, [claim])).order


async def working(told: Told, **changes: Any) -> OrderState:
    """An order of 100 that works at the broker."""
    found = await proposed(told, **changes)
    assert found.status is State.ACKNOWLEDGED
    return found


async def unknown(told: Told, **changes: Any) -> OrderState:
    """An order of which nobody knows whether it arrived."""
    found = await working(told, **changes)
    payload = {
        "order_id": found.order_id,
        "broker_client_id": found.broker_client_id,
        "status": "UNKNOWN",
        "code": "TEST",
        "source": "broker",
    }
    await told.app.journal.record([Draft("status", payload)])
    return told.order(found)


def fill(order: OrderState, execution_id: str, qty: int, **changes: Any) -> Execution:
    """A fill of an order at 24.00 unless changed."""
    fields: dict[str, Any] = {
        "broker_client_id": order.broker_client_id,
        "execution_id": execution_id,
        "account": order.account,
        "symbol": order.symbol,
        "side": Side(order.side),
        "qty": qty,
        "qty_decimals": order.qty_decimals,
        "price": 24 * 10**order.price_decimals,
        "price_decimals": order.price_decimals,
        "fee_micros": 0,
        "market_us": order.market_us + 1,
        "session": SESSION,
    }
    return Execution(**(fields | changes))


def corrected(
    order: OrderState, execution_id: str, of_execution_id: str, qty: int, **changes: Any
) -> TradeCorrection:
    """The bust (``qty`` 0) or correction of a trade."""
    trade = fill(order, execution_id, qty)
    fields: dict[str, Any] = {name: getattr(trade, name) for name in Execution.__slots__}
    fields["of_execution_id"] = of_execution_id
    return TradeCorrection(**(fields | changes))


def said(order: OrderState, status: str, code: str = "none") -> StatusChange:
    """A status as a broker tells it."""
    return StatusChange(order.broker_client_id, status, code)
