"""The adapter of a hostile broker, one for each life of a gateway.

What it asks travels to the venue, and the answer travels back, or does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Final

from gateway.domain.execution import (
    Accepted,
    BrokerHistory,
    BrokerOrderRecord,
    BrokerOrderState,
    BrokerStatement,
    BrokerUpdate,
    OutcomeUnknownError,
    Rejected,
)
from gateway.domain.market import Hours
from gateway.domain.mode import Mode
from gateway.domain.order import BrokerOrder, OrderType, TimeInForce
from gateway.domain.permission import Route, Validated
from gateway.domain.venue import VenueTerms
from simulation.held import OPEN, PRICE_DECIMALS, TICK
from simulation.venue import Answer, Venue

NAME: Final = "hostile"
BAD_GATEWAY: Final = "ERR_BAD_GATEWAY"
SENDS_S: Final = 0.001
"""How long handing over a cancel takes."""


class HostileBroker:
    """Implements ``gateway.brokers.contract.OpenBroker``."""

    settle_ms = 15_000
    """Longer than anything travels, and than an order takes to show up."""

    def __init__(self, venue: Venue) -> None:
        """Talk to ``venue``."""
        self._venue = venue
        self.poll_ms = venue.poll_ms

    @property
    def name(self) -> str:
        """``hostile``."""
        return NAME

    def route(self, account: str) -> Route:
        """Nowhere outside."""
        return Route(account, NAME, "none", Mode.SIMULATION)

    async def validate(self, account: str) -> Validated:
        """There are no credentials to show."""
        return Validated("CREDENTIALS_NONE", "none", None, None)

    def terms(self, account: str, symbol: str) -> VenueTerms | None:
        """Whole shares, in cents."""
        return VenueTerms(
            symbol=symbol,
            lot=1,
            qty_decimals=0,
            tick=TICK,
            price_decimals=PRICE_DECIMALS,
            min_notional_micros=0,
            tradable=True,
            shortable=True,
            short_restricted=False,
            types=frozenset(OrderType),
            times_in_force=frozenset(TimeInForce),
            reduce_only=False,
            extended_hours=False,
            at_us=self._venue.wall_us(),
        )

    async def submit(self, order: BrokerOrder) -> Accepted | Rejected:
        """Send an order."""
        venue, answer = self._venue, self._sent(order)
        if self._arrives():
            venue.later(venue.pause_s("slow request"), venue.arrive, order, answer)
        return await answer

    async def replace(
        self, broker_client_id: str, order: BrokerOrder, filled_qty: int
    ) -> Accepted | Rejected:
        """Send an order that takes the place of another one."""
        venue, answer = self._venue, self._sent(order)
        if self._arrives():
            given = (broker_client_id, order, filled_qty, answer)
            venue.later(venue.pause_s("slow request"), venue.arrive_instead, *given)
        return await answer

    def _sent(self, order: BrokerOrder) -> Answer:
        self._venue.watch.sending(order)
        return self._venue.loop.create_future()

    def _arrives(self) -> bool:
        return not self._venue.down and not self._venue.strikes("lost request")

    async def cancel(self, broker_client_id: str) -> None:
        """Send a cancel; one that is lost, nobody hears of."""
        venue = self._venue
        await asyncio.sleep(SENDS_S)
        if venue.down:
            raise OutcomeUnknownError(BAD_GATEWAY)
        if not venue.strikes("lost cancel"):
            venue.later(venue.pause_s("slow request"), venue.cancel, broker_client_id)

    async def order(self, broker_client_id: str) -> BrokerOrderState | None:
        """Ask for one order."""
        await self._asked()
        return self._venue.order(broker_client_id)

    async def open_orders(self, account: str) -> list[BrokerOrderRecord]:
        """Ask for what works."""
        await self._asked()
        return [record for record in self._venue.records(account) if record.status in OPEN]

    async def history(self, account: str, from_us: int, to_us: int) -> BrokerHistory:
        """Ask for a period."""
        await self._asked()
        orders = [r for r in self._venue.records(account) if from_us <= r.placed_us < to_us]
        trades = [e for e in self._venue.executions(account) if from_us <= e.market_us < to_us]
        return BrokerHistory(tuple(orders), tuple(trades))

    async def statement(self, account: str) -> BrokerStatement:
        """Ask for cash and positions."""
        await self._asked()
        return self._venue.statement(account)

    async def updates(self, after: int, limit: int) -> list[BrokerUpdate]:
        """Ask for what is new."""
        await self._asked()
        return self._venue.stream[after : after + limit]

    async def hours_between(self, first: date, last: date) -> Sequence[Hours]:
        """Every working day."""
        return self._venue.calendar.sessions(first, last)

    async def close(self) -> None:
        """Hold nothing, release nothing."""

    async def _asked(self) -> None:
        await asyncio.sleep(self._venue.pause_s("slow answer"))
        if self._venue.down or self._venue.strikes("failed report"):
            raise OutcomeUnknownError(BAD_GATEWAY)
