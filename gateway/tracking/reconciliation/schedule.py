"""When accounts are reconciled: on what happened, and by the clock; one run at a time for each.

Orders on their way are asked for one by one once they have been for a while, and less and less
often; open orders, positions and everything are compared at their own pace each. What is due
together is done by the one run that reaches furthest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.domain.book import AccountBook, Book, OrderState
from gateway.domain.errors import NotFoundError, UnavailableError
from gateway.domain.execution import BrokerHistory
from gateway.domain.halt import Scope
from gateway.ports import Clock, Stops
from gateway.tracking.reconciliation.job import BY, Reconciler
from gateway.tracking.reconciliation.reports import ReportFailedError, Reports
from gateway.tracking.reconciliation.rows import Reach, Result
from gateway.tracking.reconciliation.under_way import IN_DOUBT, UNDER_WAY

FAILED: Final = "RECONCILIATION_FAILED"
"""Cause of the halt of an account that could not be compared with its broker at the start."""
UNKNOWN_EXECUTION: Final = "UNKNOWN_EXECUTION"
"""Cause of the halt after word of an order that is nobody's, until the account is reconciled."""
OLD_MS: Final = 5_000
"""How long an order may be on its way before it is asked for."""
ASKED_AT_A_TIME: Final = 5
"""Orders on their way that one round asks for."""
ASKED_AGAIN_MAX_MS: Final = 300_000
"""The longest pause between two questions for one order; each question doubles it."""
GAP_MS: Final = 1_000
"""The shortest pause between two runs: what happens meanwhile is one reason for the next."""
PAUSE_MIN_MS: Final = 50
AGAIN_MS: Final = 1_000
"""After a run that corrected something: until the one that should agree. What drifted counts as a
drift until then."""
_NS_PER_MS: Final = 1_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Paces:
    """How often each thing is compared, in milliseconds."""

    in_flight_ms: int
    orders_ms: int
    positions_ms: int
    full_ms: int

    def of(self, reach: Reach) -> int:
        """The pace of a comparison."""
        return {
            Reach.ORDERS: self.orders_ms,
            Reach.POSITIONS: self.positions_ms,
            Reach.FULL: self.full_ms,
        }[reach]


@dataclass(slots=True)
class _Asked:
    """An order that is on its way: since when, and when it is asked for next."""

    since_ns: int
    next_ns: int
    pause_ms: int = OLD_MS


@dataclass(slots=True)
class _Account:
    """One account's schedule."""

    reconciler: Reconciler
    reports: Reports
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    cause: str = ""
    """Why everything is to be compared soon; empty where nothing has happened."""
    due: dict[Reach, int] = field(default_factory=dict[Reach, int])
    """Monotonic time at which each comparison is due; empty while nothing is followed."""
    ran_ns: int = 0
    """Monotonic time of the last run's end."""
    asked: dict[str, _Asked] = field(default_factory=dict[str, _Asked])


class Reconciliations:
    """Every account's reconciliation."""

    def __init__(
        self,
        reconcilers: Mapping[str, Reconciler],
        pulls: Mapping[str, Callable[[], Awaitable[object]]],
        book: Callable[[], Book],
        stops: Stops,
        clock: Clock,
        paces: Paces,
    ) -> None:
        """Wire the accounts.

        Args:
            reconcilers: account alias -> its reconciler.
            pulls: account alias -> what records its broker's updates.
            book: the state as of now.
            stops: who halts an account that cannot be compared, and lets it go on.
            clock: all time.
            paces: how often what is compared.
        """
        self._accounts = {
            alias: _Account(one, Reports(alias, one.broker, pulls[alias]))
            for alias, one in reconcilers.items()
        }
        self._book = book
        self._stops = stops
        self._clock = clock
        self._paces = paces

    def last(self, account: str) -> Result | None:
        """The newest result that looked at everything, or found something."""
        return self._accounts[account].reconciler.last

    def positions_us(self, account: str) -> int | None:
        """Wall time at which the broker stated the positions that were compared last."""
        known = self._accounts.get(account)
        return None if known is None else known.reconciler.positions_us

    def accounts(self) -> Iterator[str]:
        """Every alias."""
        return iter(self._accounts)

    def on_drift(self, account: str) -> None:
        """Something was told that does not fit: compare soon. Returns at once."""
        self._wake(account, "event")

    def _wake(self, account: str, cause: str) -> None:
        known = self._accounts.get(account)
        if known is not None:
            known.cause = cause
            known.woken.set()

    async def on_reconnect(self, account: str) -> None:
        """A broker answers again: compare everything now.

        Raises:
            UnavailableError: the record takes no entries.
            ReportFailedError: the broker could not be asked after all.
        """
        result = await self.run(account, "reconnect")
        if result.failed:
            raise ReportFailedError(result.code)

    async def run(self, account: str, cause: str, by: str = BY) -> Result:
        """Compare everything of an account now; waits for a run that is under way.

        Raises:
            NotFoundError: ``account-unknown``.
            UnavailableError: the record takes no entries.
        """
        known = self._accounts.get(account)
        if known is None:
            raise NotFoundError(
                "account-unknown",
                "this gateway serves no account of that name",
                "name a configured account",
            )
        result = await known.reconciler.run(cause, by)
        self._ran(known, result)
        await self._let_go_on(result)
        return result

    def _ran(self, known: _Account, result: Result) -> None:
        known.ran_ns = self._now_ns()
        if result.corrections or result.outcome == "corrected":
            known.due[Reach.FULL] = known.ran_ns + AGAIN_MS * _NS_PER_MS
            known.woken.set()

    async def history(self, account: str, from_us: int, to_us: int) -> BrokerHistory:
        """The broker's own list of a period (wall time).

        Raises:
            ReportFailedError: it could not be had, whole.
        """
        return await self._accounts[account].reports.history(from_us, to_us)

    def broker(self, account: str) -> str:
        """The name of the broker that holds the account."""
        return self._accounts[account].reconciler.broker.name

    async def _let_go_on(self, result: Result) -> None:
        """Lift what stood until the account was compared."""
        scope, reason = Scope("account", result.account), f"reconciled: {result.reconciliation_id}"
        if result.failed:
            return
        await self._stops.recover(cause=FAILED, scope=scope, by=BY, reason=reason)
        if result.outcome not in ("agreed", "corrected"):
            return
        # What was told while the account was compared is for the next run.
        if not self._accounts[result.account].cause:
            await self._stops.recover(cause=UNKNOWN_EXECUTION, scope=scope, by=BY, reason=reason)

    async def at_start(self) -> None:
        """Compare every account, before the first order is taken.

        One that cannot be compared is halted, and the others go on: the halt ends by itself with
        the first run that succeeds.
        """
        await asyncio.gather(*(self._at_start(alias) for alias in self._accounts))

    async def _at_start(self, alias: str) -> None:
        try:
            result = await self.run(alias, "start")
            code = result.code if result.failed else None
        except UnavailableError as error:  # the record takes nothing, and no order either
            code = error.code
        if code is not None:
            await self._stops.halt(
                cause=FAILED,
                scope=Scope("account", alias),
                by=BY,
                clear_by="probe",
                reduce_allowed=True,
                reason=f"the account could not be compared with its broker: {code}",
            )

    async def follow(self, account: str) -> None:
        """Reconcile one account for as long as the gateway runs; whatever fails is tried again."""
        known = self._accounts[account]
        for reach in Reach:  # the start may have made one due before
            known.due.setdefault(reach, self._now_ns() + self._paces.of(reach) * _NS_PER_MS)
        while True:
            await self._next(known)
            try:
                await self._step(known)
            except Exception:  # noqa: BLE001  the next step is a moment away
                _log.exception("account %s could not be reconciled", account)

    async def _next(self, known: _Account) -> None:
        """Wait until something happened or is due, and the last run is a moment ago."""
        rest_ms = GAP_MS - (self._now_ns() - known.ran_ns) // _NS_PER_MS
        if known.cause and rest_ms > 0:
            await self._clock.sleep_ms(rest_ms)
        until_ms = (min(known.due.values()) - self._now_ns()) // _NS_PER_MS
        pause_ms = max(PAUSE_MIN_MS, min(until_ms, self._paces.in_flight_ms))
        waits = (
            asyncio.ensure_future(known.woken.wait()),
            asyncio.ensure_future(self._clock.sleep_ms(pause_ms)),
        )
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        known.woken.clear()

    async def _step(self, known: _Account) -> None:
        now_ns, due = self._now_ns(), known.due
        reach = max((r for r in Reach if due[r] <= now_ns), key=_RANK.__getitem__, default=None)
        cause = "periodic"
        if known.cause:
            cause, reach, known.cause = known.cause, Reach.FULL, ""
        elif reach is None:
            if not await self._in_flight(known):
                return
            reach = Reach.ORDERS
        # Before the run: one that fails is not repeated at once.
        for done in Reach:
            if _RANK[done] <= _RANK[reach]:
                due[done] = now_ns + self._paces.of(done) * _NS_PER_MS
        result = await known.reconciler.run(cause, reach=reach)
        self._ran(known, result)
        if reach is Reach.FULL:
            await self._let_go_on(result)

    async def _in_flight(self, known: _Account) -> bool:
        """Ask for orders that are on their way for long; whether the broker knows more of one."""
        account = self._book().accounts.get(known.reconciler.account)
        if account is None:
            return False
        for order in self._wanted(known, account):
            try:
                found = await known.reconciler.broker.order(order.broker_client_id)
                if found is None:
                    continue  # not listed is not absent: the run that compares everything says so
                await known.reports.pull()
            except Exception as error:  # noqa: BLE001  asked again after a longer pause
                _log.warning("asking for %s failed: %s", order.order_id, type(error).__name__)
                return False
            account = self._book().account(account.alias)  # it may be another one by now
            now = account.working.get(order.order_id)
            if now is not None and (not found.open or found.filled_qty != now.filled_qty):
                return True
        return False

    def _wanted(self, known: _Account, account: AccountBook) -> list[OrderState]:
        """The next few orders to ask for; one that is in doubt is settlement's."""
        now_ns = self._now_ns()
        under_way = {
            order.order_id: order
            for order in account.working.values()
            if order.status in UNDER_WAY - IN_DOUBT
        }
        for gone in known.asked.keys() - under_way.keys():
            del known.asked[gone]
        wanted: list[OrderState] = []
        for order_id, order in under_way.items():
            asked = known.asked.setdefault(order_id, _Asked(now_ns, now_ns + OLD_MS * _NS_PER_MS))
            if asked.next_ns <= now_ns and len(wanted) < ASKED_AT_A_TIME:
                asked.pause_ms = min(asked.pause_ms * 2, ASKED_AGAIN_MAX_MS)
                asked.next_ns = now_ns + asked.pause_ms * _NS_PER_MS
                wanted.append(order)
        return wanted

    def _now_ns(self) -> int:
        return self._clock.monotonic_ns()


_RANK: Final = {Reach.ORDERS: 0, Reach.POSITIONS: 1, Reach.FULL: 2}
