"""The job: compares one account with its broker, and puts right what stands.

Updates are pulled first, so that what the broker has told of is no difference. What differs then is
looked at again after the settling window: a broker may disagree with itself for some seconds, and
a list may be older than the fill that the record has already. Only what is the same in both looks
counts, and of a symbol that has orders on their way nothing does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.domain.book import AccountBook, Book, BookError
from gateway.domain.execution import BrokerHistory
from gateway.domain.ids import new_id
from gateway.ports import Broker, Draft
from gateway.tracking.reconciliation.compare import compare_orders, look_at, overtaken, unlisted
from gateway.tracking.reconciliation.corrections import (
    correction_drafts,
    corrections,
    external_draft,
    late_rows,
    missing_fills,
    order_drafts,
    others_symbols,
    still_held,
)
from gateway.tracking.reconciliation.on_record import OnRecord, run_draft
from gateway.tracking.reconciliation.outcome import drift_bps, outcome_of
from gateway.tracking.reconciliation.parts import Parts
from gateway.tracking.reconciliation.reports import ReportFailedError, Reports
from gateway.tracking.reconciliation.rows import (
    Correction,
    Difference,
    Finding,
    Look,
    OrderRow,
    PositionRow,
    Reach,
    Result,
)
from gateway.tracking.reconciliation.under_way import UnderWay

LOOKS_MAX: Final = 3
"""How often a difference that will not stand still is looked at."""
ROUNDS_MAX: Final = 3
"""Fills that were missing move positions, which are compared anew until none is missing."""
ROWS_AT_ONCE: Final = 250
"""Rows that are compared before others have their turn."""
RECORDED_AT_ONCE: Final = 200
"""Entries of one batch."""
HISTORY_US: Final = 24 * 3_600 * 1_000_000
"""How far back the broker's own list is read for what explains a difference."""
BY: Final = "reconciliation"
_log = logging.getLogger(__name__)


class Reconciler:
    """Reconciles one account; one run at a time."""

    def __init__(self, account: str, broker: Broker, parts: Parts) -> None:
        """``broker`` holds the account."""
        self.last: Result | None = None
        """The newest result that looked at everything, or that found something."""
        self.positions_us: int | None = None
        """Wall time at which positions were asked for that were compared last."""
        self.account = account
        self.broker = broker
        self._parts = parts
        now_ns = parts.clock.monotonic_ns
        self._seen = _Seen(OnRecord(now_ns), UnderWay(now_ns))
        self._turn = asyncio.Lock()

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._turn.locked()

    async def run(self, cause: str, by: str = BY, reach: Reach = Reach.FULL) -> Result:
        """Compare, and put right what stands; never raises for what the broker does.

        Args:
            cause: start, reconnect, event, periodic or requested.
            by: who asked for it.
            reach: how much is compared.

        Raises:
            UnavailableError: the record takes no entries, or cannot be read.
        """
        async with self._turn:
            run = _Run(self.account, self.broker, self._parts, self._seen, cause, by, reach)
            result = await run.whole()
            if reach is Reach.FULL or result.outcome == "drifted":
                self._parts.ended(self.account, result.outcome)
            if reach is Reach.FULL or result.differences:
                self.last = result
            if result.statement_us is not None and not result.failed:
                self.positions_us = result.statement_us
            return result


@dataclass(frozen=True, slots=True)
class _Seen:
    """What runs leave to those after them."""

    on_record: OnRecord
    under_way: UnderWay


class _Run:
    """One run: its looks, and what they lead to."""

    def __init__(
        self,
        account: str,
        broker: Broker,
        parts: Parts,
        seen: _Seen,
        cause: str,
        by: str,
        reach: Reach,
    ) -> None:
        self._account = account
        self._broker = broker.name
        self._reports = Reports(account, broker, parts.pull)
        self._parts = parts
        self._seen = seen
        self._cause = cause
        self._by = by
        self._reach = reach
        self._id = new_id("rec", parts.clock.wall_us(), parts.entropy.token(10))
        self._statement_us: int | None = None
        self._explained = 0
        """Differences of orders that the broker's own word has explained."""
        self._questioned = 0
        """Those that were put before a person."""

    @property
    def _book(self) -> Book:
        return self._parts.journal.book

    @property
    def _ours(self) -> AccountBook:
        return self._book.account(self._account)

    async def whole(self) -> Result:
        try:
            return await self._compared()
        except ReportFailedError as error:
            _log.warning("%s could not be reconciled: %s", self._account, error.code)
            result = self._result("failed", error.code, self._explained, None)
            return await self._enter(result, ())
        except BookError:
            # The book has moved on between the look and the entry; it is mended, and the next run
            # compares anew.
            _log.exception("%s: a correction does not fit the record", self._account)
            return self._result("failed", "CONTRADICTS_RECORD", self._explained, None)

    async def _compared(self) -> Result:
        for left in reversed(range(ROUNDS_MAX)):
            look, standing, history = await self._round()
            moved = await self._settle_orders(standing, history)
            if not moved:
                return await self._conclude(look, standing, history)
            if not left:  # no position is corrected before its fills have had their look
                return await self._conclude(look, frozenset(), None)
        raise AssertionError("the last round returns")

    async def _round(self) -> tuple[Look, frozenset[Difference], BrokerHistory | None]:
        look, standing = await self._standing()
        known = [row for row in standing if not _is_unsure(row, look)]
        return look, standing, await self._history(known)

    async def _standing(self) -> tuple[Look, frozenset[Difference]]:
        """Look until what differs has stood over the window, or will not stand still."""
        look = await self._look(None)
        before: frozenset[Difference] = frozenset()
        for _ in range(LOOKS_MAX - 1):
            if look.differing <= before:
                break
            before = look.differing
            await self._parts.clock.sleep_ms(self._parts.settle_ms)
            look = await self._look(look)
        return look, look.differing & before

    async def _look(self, before: Look | None) -> Look:
        """What is alike and what is not; positions and cash are compared as of one moment.

        Where a position differed before, the fills are asked for that were inferred of orders that
        are over.
        """
        await self._reports.pull()
        listed = await self._reports.open_orders()
        asked = unlisted(self._ours, listed)
        if before is not None:
            rows = [row for row in before.differing if isinstance(row, PositionRow)]
            moved = [row for row in rows if not _is_unsure(row, before)]
            asked += overtaken(self._book, self._account, moved)
        known = await self._reports.known(asked)
        statement = None
        if self._reach is not Reach.ORDERS:
            self._statement_us = self._parts.clock.wall_us()
            statement = await self._reports.statement()
        await self._reports.pull()
        # A commit that failed has left a book that knows more than the log.
        await self._parts.journal.repair()
        orders: list[OrderRow] = []
        for row in compare_orders(self._book, self._ours, tuple(listed), known):
            orders.append(row)
            if len(orders) % ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)  # orders and kills do not wait for thousands of rows
        under_way = self._seen.under_way.look(self._ours.working.values())
        tolerance_micros = self._parts.cash_tolerance_micros
        look = look_at(self._ours, orders, statement, tolerance_micros, under_way)
        await self._adopt(look.orders)
        return look

    async def _adopt(self, rows: Iterable[OrderRow]) -> None:
        """Enter others' orders as they are now: they take up limits from the first moment on."""
        found = [row for row in rows if row.finding is Finding.EXTERNAL]
        drafts = [self._external(row) for row in found]
        if drafts:
            _log.warning("%s: %d orders of others, new or changed", self._account, len(drafts))
        await self._record(drafts)

    def _external(self, row: OrderRow) -> Draft:
        return external_draft(self._broker, self._ours, row, self._parts.worth(row.symbol))

    async def _history(self, standing: Iterable[Difference]) -> BrokerHistory | None:
        """The broker's own list, where a difference wants an explanation or a price."""
        positions = any(isinstance(row, PositionRow) for row in standing)
        fills = any(
            isinstance(row, OrderRow) and row.finding is Finding.FILLED_MORE for row in standing
        )
        if not positions and not fills:
            return None
        now_us = self._parts.clock.wall_us()
        try:
            return await self._reports.history(now_us - HISTORY_US, now_us)
        except ReportFailedError:
            if positions:  # what nothing explains may be a fill of ours: it is not written off
                raise
            return None

    async def _settle_orders(
        self, standing: Iterable[Difference], history: BrokerHistory | None
    ) -> bool:
        """Enter what the orders' differences lead to; returns whether positions moved by it."""
        found = (row for row in standing if isinstance(row, OrderRow))
        rows = sorted(found, key=lambda row: (row.order_id, row.broker_order_id))
        missing = missing_fills(self._book, self._account, history) if history else {}
        rows += late_rows(self._book, missing, {row.order_id for row in rows})
        drafts: list[Draft] = []
        for row in rows:
            if row.finding is Finding.EXTERNAL_GONE:
                drafts.append(self._external(row))
            else:
                drafts += self._about(row, missing.get(row.order_id))
        await self._record(drafts)
        for row in rows:
            if row.finding is Finding.OPEN_AFTER_END:
                self._questioned += 1
                await self._parts.alive(row.order_id)
        return any(draft.kind in ("execution", "trade-correction") for draft in drafts)

    def _about(self, row: OrderRow, missing: tuple[int, int] | None) -> list[Draft]:
        """The entries about one of our orders."""
        price = None
        if missing is not None and row.theirs_filled == (row.ours_filled or 0) + missing[0]:
            price = missing[1]
        market_us = self._parts.clock.market_us()
        session = self._parts.session(market_us)
        drafts = order_drafts(self._book, self._broker, row, price, market_us, session)
        questioned = any(draft.kind == "anomaly" for draft in drafts)
        self._questioned += questioned
        self._explained += bool(drafts) and not questioned
        return drafts

    async def _conclude(
        self, look: Look, standing: frozenset[Difference], history: BrokerHistory | None
    ) -> Result:
        """Correct what is left, and enter the run: in one batch, or not at all."""
        rows = [row for row in look.positions if row in standing and still_held(self._ours, row)]
        cash = look.cash
        if cash is not None:
            stands = cash.key in standing and cash.ours_micros == self._ours.cash_micros
            cash = cash if stands else None
        others = others_symbols(self._book, history.executions if history else ())
        known = [row for row in rows if not _is_unsure(row, look)]
        unsure = [row for row in rows if _is_unsure(row, look)]
        found = corrections(known, None if look.unsure else cash, others)
        held_back = corrections(unsure, cash if look.unsure else None, frozenset())
        differing = (*found, *held_back)
        drift = None
        if self._reach is not Reach.ORDERS:
            drift = drift_bps(differing, self._ours, self._parts)
        outcome, code = outcome_of(
            found,
            drift,
            explained=self._explained,
            questioned=self._questioned + look.questioned,
            held_back=held_back,
            loose=len(look.differing - standing) + look.unsettled,
        )
        differences = len(differing) + self._explained + self._questioned
        result = self._result(outcome, code, differences, drift)
        result = replace(result, look=look, corrections=found, held_back=held_back)
        return await self._enter(result, self._corrected(found))

    def _corrected(self, found: Sequence[Correction]) -> Iterable[Draft]:
        return correction_drafts(self._account, self._broker, self._id, found, self._by)

    def _result(self, outcome: str, code: str, differences: int, drift: int | None) -> Result:
        return Result(
            reconciliation_id=self._id,
            account=self._account,
            broker=self._broker,
            cause=self._cause,
            by=self._by,
            reach=self._reach,
            at_us=self._parts.clock.wall_us(),
            outcome=outcome,
            code=code,
            differences=differences,
            drift_bps=drift,
            look=None,
            statement_us=self._statement_us,
        )

    async def _enter(self, result: Result, corrected: Iterable[Draft]) -> Result:
        """Enter the run with its table, if it is news, and its corrections behind it."""
        if self._seen.on_record.wants(result):
            await self._record([run_draft(result), *corrected])
            self._seen.on_record.entered(result)
        return result

    async def _record(self, drafts: Sequence[Draft]) -> None:
        """Apply everything now, before anything else can move the book; then wait for the disk."""
        made = [
            self._parts.journal.record(drafts[start : start + RECORDED_AT_ONCE])
            for start in range(0, len(drafts), RECORDED_AT_ONCE)
        ]
        for durable in made:
            await durable


def _is_unsure(row: Difference, look: Look) -> bool:
    """Whether it is a position that an order of unknown truth may explain."""
    return isinstance(row, PositionRow) and row.symbol in look.unsure
