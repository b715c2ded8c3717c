"""The simulator as a broker: the port over the durable book, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from gateway.brokers.contract import BrokerParts
from gateway.brokers.simulator.arrivals import Arrival, Replacing
from gateway.brokers.simulator.book import SimulatorBook
from gateway.brokers.simulator.config import parse_config
from gateway.domain.errors import InvalidInputError, UnavailableError
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
from gateway.domain.mode import Mode
from gateway.domain.order import BrokerOrder
from gateway.domain.permission import Route, Validated
from gateway.domain.venue import VenueTerms
from gateway.ports import BlockingRunner, Clock

NAME: Final = "simulator"
FILE_NAME: Final = "simulator.db"
SETTLE_MS: Final = 2_000
"""For how long an order must go on being unknown here before it counts as absent."""
T = TypeVar("T")


class SimulatorBroker:
    """Implements :class:`gateway.ports.Broker`; :func:`open_simulator` makes one."""

    def __init__(self, book: SimulatorBook, clock: Clock, runner: BlockingRunner) -> None:
        """Wrap an open book; ``clock`` tells when an order arrives, ``runner`` does the work."""
        self.on_update: Callable[[], None] | None = None
        self.settle_ms = SETTLE_MS
        self._book = book
        self._clock = clock
        self._runner = runner
        # One call at a time, so that waiting for the book holds no worker thread.
        self._turn = asyncio.Lock()

    @property
    def name(self) -> str:
        """``simulator``."""
        return NAME

    def terms(self, account: str, symbol: str) -> VenueTerms | None:
        """Which orders it takes, as of the present market time; the file is not read for it."""
        return self._book.terms(account, symbol, self._clock.market_us())

    def route(self, account: str) -> Route:
        """Into its own book, in this process."""
        return Route(account, NAME, "none", Mode.SIMULATION)

    async def validate(self, account: str) -> Validated:  # noqa: ARG002  the port
        """There are no credentials to show."""
        return Validated("CREDENTIALS_NONE", "none", None, None)

    async def submit(self, order: BrokerOrder) -> Accepted | Rejected:
        """Take or refuse an order, durably; a repetition gets the first answer.

        Raises:
            OutcomeUnknownError: ``ERR_UNKNOWN_OUTCOME``: the book could not be written.
        """
        return await self._accept(order)

    async def replace(
        self, broker_client_id: str, order: BrokerOrder, filled_qty: int
    ) -> Accepted | Rejected:
        """Put an order in the place of a working one, or refuse it and leave that at work.

        Raises:
            OutcomeUnknownError: ``ERR_UNKNOWN_OUTCOME``: the book could not be written.
        """
        answer = await self._accept(order, Replacing(broker_client_id, filled_qty))
        if isinstance(answer, Accepted):
            self._tell()
        return answer

    async def _accept(
        self, order: BrokerOrder, replacing: Replacing | None = None
    ) -> Accepted | Rejected:
        at = Arrival(self._clock.market_us(), self._clock.wall_us())
        try:
            return await self._run(lambda: self._book.accept(order, at, replacing))
        except UnavailableError as error:
            raise OutcomeUnknownError("ERR_UNKNOWN_OUTCOME") from error

    async def cancel(self, broker_client_id: str) -> None:
        """Cancel what is left of an order at once; the update follows."""
        wall_us = self._clock.wall_us()
        if await self._run(lambda: self._book.cancel(broker_client_id, wall_us)):
            self._tell()

    async def open_orders(self, account: str) -> list[BrokerOrderRecord]:
        """Every order of an account that may still fill.

        Raises:
            NotFoundError: ``broker-account-unknown``.
        """
        return await self._run(lambda: self._book.open_orders(account))

    async def history(self, account: str, from_us: int, to_us: int) -> BrokerHistory:
        """Orders placed, refused ones too, and executions made from an instant to before another.

        Both are wall time.

        Raises:
            NotFoundError: ``broker-account-unknown``.
            UnavailableError: ``simulator-history-too-long``.
        """
        return await self._run(lambda: self._book.history(account, from_us, to_us))

    async def order(self, broker_client_id: str) -> BrokerOrderState | None:
        """What has become of an order."""
        return await self._run(lambda: self._book.order(broker_client_id))

    async def statement(self, account: str) -> BrokerStatement:
        """Cash and positions of an account.

        Raises:
            NotFoundError: ``broker-account-unknown``.
        """
        return await self._run(lambda: self._book.statement(account))

    async def updates(self, after: int, limit: int) -> list[BrokerUpdate]:
        """Fills and ends of orders after a cursor, oldest first."""
        return await self._run(lambda: self._book.updates(after, limit))

    async def on_market(self, now_us: int) -> int:
        """Trade every quote up to ``now_us`` (market time); returns how many updates it made.

        An order fills only on a quote later than its acceptance and latency, and each quote is
        traded once, so calling it twice for the same time changes nothing.
        """
        wall_us = self._clock.wall_us()
        made = await self._run(lambda: self._book.trade(now_us, wall_us))
        if made:
            self._tell()
        return made

    async def close(self) -> None:
        """Close the book; what it holds stays in its file."""
        await self._run(self._book.close)

    async def _run(self, work: Callable[[], T]) -> T:
        """Do the work in its turn, to the end, even if whoever asked stops waiting.

        A thread cannot be called back. If a submission that timed out let go of its turn, a
        question that follows could be answered "no such order" just before the order arrives.
        """
        task = asyncio.ensure_future(self._in_turn(work))
        task.add_done_callback(_seen)
        return await asyncio.shield(task)

    async def _in_turn(self, work: Callable[[], T]) -> T:
        async with self._turn:
            return await self._runner.run(work)

    def _tell(self) -> None:
        if self.on_update is not None:
            self.on_update()


def _seen(task: asyncio.Task[T]) -> None:
    """Take the exception of work that nobody waits for any more."""
    if not task.cancelled():
        task.exception()


async def open_simulator(parts: BrokerParts) -> SimulatorBroker:
    """Open the simulator's book in ``parts.directory``, where it goes on as it was left.

    Raises:
        InvalidInputError: ``simulator-needs-market``, ``simulator-config-invalid`` or
            ``simulator-book-version``.
        UnavailableError: ``simulator-unavailable``.
    """
    feed, config = parts.feed, parse_config(parts.settings)
    if feed is None:
        raise InvalidInputError(
            "simulator-needs-market",
            "the simulator fills on quotes and there is no market feed",
            "configure a market feed, or the null broker",
        )
    path = parts.directory / FILE_NAME
    book = await parts.runner.run(
        lambda: SimulatorBook(path, parts.accounts, config, feed, parts.worth)
    )
    return SimulatorBroker(book, parts.clock, parts.runner)
