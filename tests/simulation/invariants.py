"""What must hold in every world: after each event as far as it can be told, at the end whole."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import apsw

from gateway.domain.halt import Scope
from gateway.domain.order import BrokerOrder, Side
from gateway.ledger.database import DATABASE
from signing.lifecycle import OPEN, State
from signing.verify import verify_log
from simulation.held import MICROS_OF_PRICE
from simulation.release import LIMITS

if TYPE_CHECKING:
    from simulation.world import World

KILL_S: Final = 0.1
"""How long after a kill was pulled an order may still leave."""
NOT_FOUND: Final = "NOT_FOUND"
"""Evidence of an order that the gateway by itself has settled as never arrived."""
DRIFT_PERCENT: Final = 104
"""Prices move between decision and fill, by a few percent at most in these worlds."""
_DECISION: Final = """
SELECT o.allow, o.strategy_id FROM orders o JOIN entries e ON e.decision_id = o.decision_id
WHERE e.kind = 'decision' AND o.broker_client_id = ?
"""


@dataclass(frozen=True, slots=True)
class Kill:
    """The kill switch, pulled at a virtual time."""

    scope: Scope
    since_s: float


class Broken(AssertionError):  # noqa: N818  it says what happened
    """An invariant does not hold; the world need not go on."""


class Invariants:
    """Watches one world."""

    def __init__(self, world: World) -> None:
        """Begin with nothing broken."""
        self._world = world
        self.broken: list[str] = []
        self.root = ""
        """Of the published log, once it is verified."""
        self._sent: set[str] = set()
        self._kills: list[Kill] = []
        """Kills that were pulled and that nobody has lifted."""
        self._exits: list[tuple[Scope, int]] = []
        self._database: apsw.Connection | None = None

    def break_(self, invariant: str, story: str) -> None:
        """Write down that an invariant does not hold."""
        self.broken.append(f"{invariant}: {story}")
        self._world.note(f"BROKEN {invariant}: {story}")

    # ---- at the broker's door

    def sending(self, order: BrokerOrder) -> None:
        """The first byte of an order leaves the gateway."""
        client_id = order.broker_client_id
        self._world.note(
            f"send {client_id} {order.account} {order.side} {order.qty} {order.symbol}"
        )
        if client_id in self._sent:
            self.break_("no order is sent twice", client_id)
        self._sent.add(client_id)
        found = self._decision(client_id)
        if found is None:
            self.break_("no order is sent without a durable allow", client_id)
        else:
            self._check_killed(order, found)

    def _decision(self, client_id: str) -> str | None:
        """The strategy of an order whose allow is durable; ``None`` if there is no such allow."""
        if self._database is None:
            path = self._world.machine.settings.data / DATABASE
            self._database = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        rows = list(self._database.execute(_DECISION, (client_id,)))
        return str(rows[0][1]) if len(rows) == 1 and rows[0][0] == 1 else None

    def close(self) -> None:
        """Let go of the log."""
        if self._database is not None:
            self._database.close()

    def traded(self, account: str) -> None:
        """An order came to the broker or was filled there."""
        worst = self._reach(account, Side.BUY)
        prices = self._world.venue.prices
        values = {symbol: qty * prices[symbol] * MICROS_OF_PRICE for symbol, qty in worst.items()}
        for symbol, value in values.items():
            if value * 100 > LIMITS["position_notional_max_micros"] * DRIFT_PERCENT:
                self.break_("no limit is exceeded", f"{account} may hold {worst[symbol]} {symbol}")
        if sum(values.values()) * 100 > LIMITS["gross_exposure_max_micros"] * DRIFT_PERCENT:
            self.break_("no limit is exceeded", f"{account} may hold {worst} in all")
        if len(+worst) > LIMITS["positions_max_count"]:
            self.break_("no limit is exceeded", f"{account} may hold {worst}: too many symbols")
        least = self._reach(account, Side.SELL)
        if min(least.values(), default=0) < 0:
            self.break_("no limit is exceeded", f"{account} may be short: {least}")

    def _reach(self, account: str, side: Side) -> Counter[str]:
        """What an account would hold if everything on one side were filled.

        Left out is what nobody could know: a symbol that somebody else trades there, and what
        a trade was changed by afterwards.
        """
        venue, own = self._world.venue, self._world.venue.accounts[account]
        sign = 1 if side is Side.BUY else -1
        reached = Counter(
            {
                symbol: qty - sign * max(0, sign * own.changed[symbol])
                for symbol, qty in own.positions.items()
                if symbol not in own.foreign
            }
        )
        for held in venue.orders.values():
            order = held.order
            of_side = order.account == account and order.side.executed is side
            if held.ours and held.open and of_side and order.symbol not in own.foreign:
                reached[order.symbol] += (order.qty - held.filled) * sign
        return reached

    # ---- kills

    @contextlib.contextmanager
    def killing(self, scope: Scope) -> Generator[None]:
        """The kill switch is pulled: from now on nothing in the scope may leave.

        If the gateway dies before it has answered, nobody was promised anything.
        """
        kill = Kill(scope, self._world.loop.time())
        self._kills.append(kill)
        try:
            yield
        except BaseException:
            if kill in self._kills:
                self._kills.remove(kill)
            raise

    def resuming(self) -> None:
        """Somebody lifts every halt, and is believed from the first moment."""
        self._kills.clear()

    def letting_out(self, scope: Scope, until_us: int) -> None:
        """Somebody lets orders through that only reduce."""
        self._exits.append((scope, until_us))

    def started(self) -> None:
        """A new life: kills that were answered for have to stand in it."""
        standing = {halt.scope for halt in self._world.life.app.journal.book.halts.values()}
        for kill in self._kills:
            if kill.scope not in standing:
                self.break_("a halt survives a restart", f"{kill.scope}")

    def _check_killed(self, order: BrokerOrder, strategy: str) -> None:
        """Nothing leaves past a standing kill, unless it takes risk off and may."""
        attributes = (order.account, order.symbol, strategy)
        now_s = self._world.loop.time()
        for kill in self._kills:
            late = now_s > kill.since_s + KILL_S
            if late and kill.scope.covers(*attributes) and not self._lets_out(order, strategy):
                self.break_(
                    "nothing leaves after a kill",
                    f"{order.broker_client_id}, {now_s - kill.since_s:.3f} s after {kill.scope}",
                )

    def _lets_out(self, order: BrokerOrder, strategy: str) -> bool:
        """Whether it only reduces, and an exit-only state may have let it through."""
        held = self._world.venue.accounts[order.account].positions.get(order.symbol, 0)
        if order.side is Side.BUY or order.qty > held:
            return False
        attributes = (order.account, order.symbol, strategy)
        return any(scope.covers(*attributes) for scope, _ in self._exits)

    # ---- as it goes

    def after_event(self) -> None:
        """What can be told at any instant."""
        life = self._world.life
        if not life.alive:
            return
        book = life.app.journal.book
        for account in book.accounts.values():
            reserved = {
                order.order_id
                for order in book.orders.values()
                if order.account == account.alias and order.reserves
            }
            # Within a turn more is held than is recorded yet; never less.
            if not reserved <= account.working.keys():
                self.break_("what is open is reserved", f"{reserved - account.working.keys()}")
        for order in book.orders.values():
            absent = order.status is State.CANCELED and order.code == NOT_FOUND
            if absent and order.broker_client_id in self._world.venue.orders:
                self.break_("not found is not absent", order.broker_client_id)
        self._check_failures(over=False)
        if self.broken:
            raise Broken

    def _check_failures(self, *, over: bool) -> None:
        for failure in self._world.life.process.unseen(over=over):
            self.break_("no task fails unseen", failure)

    def ending(self) -> None:
        """A gateway has ended in order."""
        self._check_failures(over=True)

    # ---- at the end

    async def at_end(self) -> None:
        """Everything, once the world is quiet."""
        world = self._world
        app = world.life.app
        await world.ask(app.journal.settled())
        self._check_orders()
        self._check_accounts()
        rebuilt = await world.ask(app.ledger.replay())
        if rebuilt != app.journal.book:
            self.break_("a rebuilt book is the running one", _difference(rebuilt, app.journal.book))
        await world.ask(app.ledger.publish_now())
        report = verify_log(world.machine.settings.data / "log", app.vkey)
        self.root = report.root
        if not report.ok:
            bad = [f"{step.number}: {step.detail}" for step in report.steps if not step.ok]
            self.break_("the log verifies", "; ".join(bad))
        self._check_failures(over=True)
        for failure in world.loop.failures:
            self.break_("no callback fails", failure)
        self._check_kills()

    def _check_kills(self) -> None:
        """What a kill covers does not work any more, once the broker answers again."""
        for held in self._world.venue.orders.values():
            order = held.order
            strategy = self._decision(order.broker_client_id) or "none"
            attributes = (order.account, order.symbol, strategy)
            killed = any(kill.scope.covers(*attributes) for kill in self._kills)
            if held.ours and held.open and killed and order.side is Side.BUY:
                self.break_("a kill ends what works", order.broker_client_id)

    def _check_orders(self) -> None:
        world = self._world
        book, venue = world.life.app.journal.book, world.venue
        for client_id, held in venue.orders.items():
            if not held.ours:
                continue
            order = book.orders.get(book.by_client_id.get(client_id, ""))
            if order is None:
                self.break_("the ledger equals the broker", f"{client_id} is not in the ledger")
                continue
            if held.open:
                same = order.filled_qty == held.filled and order.status in OPEN
            else:
                same = order.filled_qty == held.filled and (
                    held.corrected or order.status == held.status
                )
            if held.open and order.status is State.PENDING_REPLACE:
                self.break_("a replacement comes to an end", f"{client_id} waits for one")
            if not same:
                theirs = f"{held.status} {held.filled}"
                self.break_(
                    "the ledger equals the broker",
                    f"{client_id} {order.order_id[-6:]}: "
                    f"ledger {order.status} {order.filled_qty}, broker {theirs}",
                )
        for order in book.orders.values():
            world.counts[f"ended {order.status}"] += order.allow
            if order.reserves and order.broker_client_id not in venue.orders:
                self.break_(
                    "every order ends or is openly open",
                    f"{order.order_id[-6:]} {order.status}, the broker never had it",
                )

    def _check_accounts(self) -> None:
        world = self._world
        book = world.life.app.journal.book
        for alias, theirs in world.venue.accounts.items():
            ours = book.accounts[alias]
            positions = {symbol: qty for symbol, (qty, _) in ours.positions.items()}
            if positions != theirs.held() or ours.cash_micros != theirs.cash_micros:
                self.break_(
                    "the ledger equals the broker",
                    f"{alias}: ledger {positions} {ours.cash_micros}, "
                    f"broker {theirs.held()} {theirs.cash_micros}",
                )


def _difference(one: Any, other: Any) -> str:  # noqa: ANN401  anything
    return "; ".join(
        f"{f.name}: {getattr(one, f.name)!r:.200} / {getattr(other, f.name)!r:.200}"
        for f in fields(one)
        if f.compare and getattr(one, f.name) != getattr(other, f.name)
    )
