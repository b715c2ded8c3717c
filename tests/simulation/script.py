"""What people, programs and machines do in a world, one event after the other, by its seed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from gateway.api.access import Principal
from gateway.api.proposals import decide
from gateway.api.roles import KeyScope
from gateway.api.times import written
from gateway.control.halting import MANUAL
from gateway.domain.book import NONE, OrderState
from gateway.domain.errors import WritError
from gateway.domain.halt import GLOBAL, Scope
from gateway.domain.quantities import format_scaled
from gateway.intake.idempotency import caller_keys
from gateway.intake.ticket import OrderBody
from simulation.held import PRICE_DECIMALS, TICK
from simulation.life import ALIASES
from simulation.loop import DiedError
from simulation.release import SYMBOLS

if TYPE_CHECKING:
    from simulation.world import World

PRINCIPALS: Final = ("desk", "robot", "quant")
STRATEGIES: Final = (None, "momentum", "pairs")
TOGETHER_MAX: Final = 4
"""Orders that are proposed at the same instant."""
ALL_SCOPES: Final = frozenset({"operate", "admin"})
AWAY_TICKS: Final = (-20, -10, 0, 10, 20, 60)


class Script:
    """The events of one world."""

    def __init__(self, world: World) -> None:
        """Begin with nothing under way."""
        self._world = world
        self._random = world.random
        self._under_way: set[asyncio.Task[None]] = set()
        self._orders = 0
        self._restarting = False
        self._weights: dict[Callable[[], Awaitable[None]], int] = {
            self._propose: 34,
            self._cancel: 12,
            self._replace: 6,
            self._market: 28,
            self._kill: 2,
            self._resume: 12,
            self._cancel_all: 2,
            self._exit_only: 2,
            self._reconcile: 1,
            self._volatility: 1,
            self._restart: 1,
            self._nothing: 13,
        }

    async def event(self) -> None:
        """Let one thing happen, and perhaps wait until it is over."""
        world = self._world
        if world.strikes("crash"):
            world.die_soon(300)
        if world.strikes("clock jump"):
            world.machine.clock.start_us += self._random.choice((-3, -1, 1, 3)) * 1_000_000
        self._strange()
        [chosen] = self._random.choices(tuple(self._weights), tuple(self._weights.values()))
        world.counts[chosen.__name__.strip("_")] += 1
        task = asyncio.create_task(self._guarded(chosen))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        if self._random.randrange(2) or chosen == self._restart:
            await asyncio.wait((task,), timeout=5)

    def _strange(self) -> None:
        """What the broker comes up with by itself."""
        world, venue = self._world, self._world.venue
        if world.strikes("order of somebody else"):
            venue.intrude()
        if venue.told_trades():
            if world.strikes("trade busted"):
                venue.correct(bust=True)
            elif world.strikes("trade corrected"):
                venue.correct(bust=False)
        if world.strikes("broker down"):
            venue.down_until_s = world.loop.time() + self._random.choice((2, 8, 20))

    async def finished(self) -> None:
        """Wait until everything that was begun has ended."""
        while self._under_way:
            await asyncio.wait(tuple(self._under_way))

    async def _guarded(self, event: Callable[[], Awaitable[None]]) -> None:
        world = self._world
        try:
            await event()
        except DiedError:
            world.counts["without an answer"] += 1
        except WritError as error:
            world.counts[f"refused: {error.code}"] += 1
        except Exception as error:  # noqa: BLE001  a defect, of the gateway or of this script
            world.invariants.break_("requests are answered", f"{event.__name__}: {error!r}")

    # ---- callers

    async def _propose(self) -> None:
        count = self._random.choice((1, 1, 1, 1, 2, TOGETHER_MAX))
        await asyncio.gather(*[asyncio.create_task(self._order()) for _ in range(count)])

    async def _order(self) -> None:
        world, random = self._world, self._random
        symbol, account = random.choice(SYMBOLS), random.choice(ALIASES)
        held = world.venue.accounts[account].positions.get(symbol, 0)
        sells = held > 0 and random.randrange(3) == 0
        price = world.venue.prices[symbol]
        away = random.choice(AWAY_TICKS) * TICK
        price += -away if sells else away
        kind = random.choice(("limit", "limit", "limit", "market"))
        stands = random.choice(("day", "day", "gtc", "ioc", "fok", "gtd"))
        body = OrderBody.model_validate(
            {
                "account": account,
                "symbol": symbol,
                "side": "sell" if sells else "buy",
                "type": kind,
                "time_in_force": stands,
                "expires_at": self._end() if stands == "gtd" else None,
                "qty": str(random.randint(1, max(held, 1) if sells else 250)),
                "limit_price": None if kind == "market" else format_scaled(price, PRICE_DECIMALS),
                "strategy_id": random.choice(STRATEGIES),
            }
        )
        self._orders += 1
        keys = caller_keys(f"key-{self._orders}", None, body.canonical())
        services = world.life.services
        answered = await world.ask(decide(services, _caller(random.choice(PRINCIPALS)), body, keys))
        self._decided(answered.state, "")

    def _end(self) -> str:
        """When an order of a caller's own time ends, as the caller says it."""
        lasts_us = self._random.choice((2, 10, 60, 3_600)) * 1_000_000
        return written(self._world.machine.clock.market_us() + lasts_us)

    def _decided(self, order: OrderState, what: str) -> None:
        word = "allowed" if order.allow else "denied"
        self._world.counts[word + what] += 1
        self._world.note(
            f"{order.order_id[-6:]} {order.account} {order.side} {order.qty} {order.symbol} "
            f"{order.broker_client_id[-6:]} {word}{what} {[r.control for r in order.reasons]}"
        )
        for reason in order.reasons:
            self._world.counts[f"denied by {reason.control}"] += 1

    async def _replace(self) -> None:
        """Somebody asks for another quantity or price of an order that works."""
        world, random = self._world, self._random
        working = [
            order
            for order in world.life.app.journal.book.open_orders()
            if order.type == "limit" and order.status in ("ACKNOWLEDGED", "PARTIALLY_FILLED")
        ]
        if not working:
            return
        old = random.choice(working)
        assert old.limit_price is not None
        price = old.limit_price + random.choice((-2, 0, 2)) * TICK
        self._orders += 1
        body = OrderBody.model_validate(
            {
                "account": old.account,
                "symbol": old.symbol,
                "side": old.side,
                "type": old.type,
                "time_in_force": old.time_in_force,
                "expires_at": self._end() if old.time_in_force == "gtd" else None,
                "qty": str(max(1, old.qty + random.choice((-20, 0, 10)))),
                "limit_price": format_scaled(price, PRICE_DECIMALS),
                "strategy_id": None if old.strategy_id == NONE else old.strategy_id,
                "replaces": old.order_id,
            }
        )
        keys = caller_keys(f"key-{self._orders}", None, body.canonical())
        world.note(f"replace {old.order_id[-6:]}")
        answered = await world.ask(decide(world.life.services, _caller(old.principal), body, keys))
        self._decided(answered.state, " in place of another")

    async def _cancel(self) -> None:
        world, app = self._world, self._world.life.app
        orders = app.journal.book.open_orders()
        if orders:
            order = self._random.choice(orders)
            world.note(f"cancel {order.order_id[-6:]} {order.status}")
            await world.ask(app.cancels.cancel(order.order_id, self._random.choice(PRINCIPALS)))

    async def _cancel_all(self) -> None:
        world, app = self._world, self._world.life.app
        scope = self._scope()
        world.note(f"cancel all {scope.kind} {scope.name}")
        await world.ask(app.cancels.cancel_all("operator", "REQUESTED_ALL", scope))

    # ---- people

    async def _kill(self) -> None:
        world, app = self._world, self._world.life.app
        scope = GLOBAL if self._random.randrange(2) else self._scope()
        world.note(f"kill {scope.kind} {scope.name}")
        kill = app.halting.halt(
            cause=MANUAL,
            scope=scope,
            by="operator",
            clear_by="admin",
            cancels=True,
            reason="simulation",
            insists=True,
        )
        with world.invariants.killing(scope):
            await world.ask(kill)
        world.note("killed")

    async def _resume(self) -> None:
        world, app = self._world, self._world.life.app
        if app.journal.book.halts:
            world.note(f"resume {[halt.cause for halt in app.journal.book.halts.values()]}")
            world.invariants.resuming()
            await world.ask(
                app.halting.resume_all(by="admin", scopes=ALL_SCOPES, reason="simulation")
            )

    async def _exit_only(self) -> None:
        world, app = self._world, self._world.life.app
        until_us = world.machine.clock.wall_us() + self._random.choice((2, 10, 60)) * 1_000_000
        scope = self._scope()
        world.note(f"exit only {scope.kind} {scope.name}")
        world.invariants.letting_out(scope, until_us)
        await world.ask(
            app.exit_only.open(scope, by="officer", reason="simulation", until_us=until_us)
        )

    def _scope(self) -> Scope:
        kind = self._random.choice(("account", "symbol", "strategy", "global"))
        names = {"account": ALIASES, "symbol": SYMBOLS, "strategy": STRATEGIES[1:], "global": "*"}
        return Scope(kind, self._random.choice(names[kind]))

    async def _reconcile(self) -> None:
        """An operator has an account compared with its broker."""
        world, account = self._world, self._random.choice(ALIASES)
        run = world.life.app.reconciliations.run(account, "requested", "operator")
        world.note(f"reconciled {account}: {(await world.ask(run)).outcome}")

    # ---- market and machine

    async def _market(self) -> None:
        world = self._world
        world.venue.trade()
        world.life.quote(world.venue.prices)
        if not self._random.randrange(4):
            await world.ask(world.life.app.triggers.evaluate(known_only=True))

    async def _volatility(self) -> None:
        """The market panics, for a moment: a halt of everything is due."""
        world = self._world
        world.note("panic")
        world.life.panic(calm=False)
        await world.ask(world.life.app.triggers.evaluate())
        await asyncio.sleep(self._random.random())
        world.life.panic(calm=True)

    async def _restart(self) -> None:
        """An operator ends the gateway in order and starts it again."""
        if self._restarting:
            return
        self._restarting = True
        try:
            self._world.note("restart")
            await self._world.stop()
            await self._world.boot()
        finally:
            self._restarting = False

    async def _nothing(self) -> None:
        """Some time passes."""
        await asyncio.sleep(self._random.random() * 2)


def _caller(name: str) -> Principal:
    return Principal(name, name, frozenset({KeyScope.PROPOSE, KeyScope.CANCEL}))
