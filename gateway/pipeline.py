"""The spine, on one screen: intake → facts → policy → ledger → brokers → tracking.

Every order from every door takes this path: :meth:`Pipeline.propose` queues it, a turn decides
it (``gateway.turns``: facts and policy), the journal records it, and only when the record is on
disk is the caller answered and the permit handed to the gate (``gateway.forwarding``). There is no
second way to a broker.

If we crash before the commit, the caller has no answer and nothing was sent. If we crash after
it and before the submission is recorded, the order is in doubt: at the next start it is settled
by asking the broker, never sent again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from gateway.domain.book import BookError, OrderState
from gateway.domain.errors import UnavailableError, WritError
from gateway.domain.execution import Submission
from gateway.domain.halt import HaltTrigger
from gateway.domain.order import Order
from gateway.facts.document import Facts
from gateway.forwarding import Forwarding
from gateway.intake.idempotency import CallerKey
from gateway.ledger.journal import Journal
from gateway.policy.in_force import ReleaseHolder, ReleaseInForce
from gateway.ports import Clock, Committed, Door, Entropy, KeyClaim, Ledger, Stops
from gateway.turns import BATCH_MAX, Decided, Preview, Turns

QUEUE_MAX: Final = 1_024
SENDING_MAX: Final = 4_096
"""Orders decided and not yet answered for by disk and broker; beyond it new ones are refused."""

DENIED_AT_ONCE: Final = 4
"""Orders denied in one step of the event loop when a halt comes."""

DRAIN_LOOK_MS: Final = 1
"""How often a switch of releases looks whether the spine has run dry."""

MEND_INTERVAL_MS: Final = 1_000
"""How often a book that ran ahead of a failed commit is rebuilt without being asked."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A durable decision: the order as decided, and the entry's index in the log."""

    order: OrderState
    index: int


@dataclass(slots=True)
class _Proposal:
    order: Order
    keys: tuple[CallerKey, ...]
    answer: asyncio.Future[Outcome]
    overtaken: bool = False
    """A halt came before its verdict: it is denied without one, and no turn decides it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the spine is made of; chosen and wired by ``gateway.bootstrap``."""

    clock: Clock
    entropy: Entropy
    facts: Facts
    releases: ReleaseHolder
    ledger: Ledger
    journal: Journal
    door: Door
    settle: Callable[[OrderState], Awaitable[object]]
    """Finds out what became of an order whose submission ended unknown."""
    heard: Callable[[Submission], Awaitable[object]]
    """Told what came of each submission: funds may be missing, or the broker."""
    sweep: Callable[[str], Awaitable[object]]
    """Cancels an order that reached the broker while a cancelling halt was being engaged."""
    latch: Callable[[Sequence[HaltTrigger]], Coroutine[Any, Any, None]]
    """Engages the halts that a denial asks for."""
    stops: Stops
    """Halts everything after an order without a permit."""
    broker_names: Mapping[str, str]
    """Account alias -> the name of its broker, as submissions record it."""


class Pipeline:
    """Runs the spine; one per process."""

    def __init__(self, parts: Parts) -> None:
        """Wire the parts; :meth:`run` starts the core."""
        self._parts = parts
        self._turns = Turns(parts.facts, lambda: parts.releases.current, parts.clock, parts.entropy)
        self._queue: deque[_Proposal] = deque()
        self._some = asyncio.Event()
        """Set while an order waits for a turn."""
        self._deciding: list[_Proposal] = []
        """The batch of the turn under way, and what is still to come of it."""
        self._late = False
        """Whether that batch was begun before the last halt: until it ends no turn can begin."""
        self._sending: set[asyncio.Task[Any]] = set()
        self._forwarding = Forwarding(
            ledger=parts.ledger,
            journal=parts.journal,
            door=parts.door,
            stops=parts.stops,
            settle=parts.settle,
            heard=parts.heard,
            sweep=parts.sweep,
            broker_names=parts.broker_names,
        )
        self._idle = asyncio.Event()
        self._idle.set()

    async def propose(self, order: Order, keys: Sequence[CallerKey]) -> Outcome:
        """Have an order decided; returns when the decision is durable.

        Raises:
            UnavailableError: it could not be recorded; nothing moved.
            ConflictError: one of the caller's keys was recorded meanwhile.
        """
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        if len(self._queue) >= QUEUE_MAX or len(self._sending) >= SENDING_MAX:
            raise UnavailableError(
                "gateway-busy", "too many orders are waiting", "try again with the same key"
            )
        proposal = _Proposal(order, tuple(keys), answer)
        self._queue.append(proposal)
        self._some.set()
        if self._late:
            self._overtake([proposal])
        return await answer

    def overtake(self) -> None:
        """A halt was engaged: deny what it covers and what waits for its verdict, here and now.

        A turn may be long. The verdicts of the one under way are of before the halt, and are
        thrown away. What may be an exit goes on waiting for the policy.
        """
        self._late = bool(self._deciding)
        self._overtake([*self._deciding, *self._queue])

    async def preview(self, order: Order) -> Preview:
        """Ask the policy about an order without recording anything.

        Raises:
            UnavailableError: an order could not be decided either.
        """
        try:
            async with self._parts.releases.using() as in_force:
                await self._ready(in_force)
                return await self._turns.preview(order, in_force)
        except WritError:
            raise
        except Exception as error:
            raise _told(error) from error

    @property
    def queued(self) -> int:
        """How many orders wait for a turn."""
        return len(self._queue)

    @property
    def sending(self) -> int:
        """How many pieces of work on decided orders disk and brokers have yet to answer for."""
        return len(self._sending)

    async def first_answer(self, order_id: str, timeout_ms: int) -> OrderState | None:
        """Wait for the broker's first answer, as long as that; then the order as it is known."""
        return await self._forwarding.first_answer(order_id, timeout_ms)

    async def quiesce(self) -> None:
        """Wait until nothing is queued, being decided, recorded or sent."""
        while not self._idle.is_set() or self._sending or self._queue:
            await self._idle.wait()
            if self._sending:
                await asyncio.wait(tuple(self._sending))
            await asyncio.sleep(0)

    async def drained(self) -> None:
        """Wait until nothing is queued or being decided, and all that was allowed met the gate.

        Whoever waits for it has to keep new orders out. Brokers are not waited for.
        """
        while self._forwarding.unsent or self._queue or not self._idle.is_set():
            await self._parts.clock.sleep_ms(DRAIN_LOOK_MS)

    async def run(self) -> None:
        """The core: one turn at a time, for as long as the gateway runs."""
        mending = asyncio.create_task(self._mend())
        try:
            await self._take_turns()
        finally:
            mending.cancel()

    async def _mend(self) -> None:
        """Enter what is owed once the ledger takes entries again, though nobody asks anything."""
        while True:
            await self._parts.clock.sleep_ms(MEND_INTERVAL_MS)
            ledger = self._parts.ledger
            if ledger.latched or ledger.full or ledger.unreachable:
                continue  # what is owed could not be entered, and reading the log is not free
            try:
                await self._parts.journal.repair()
            except UnavailableError as error:
                _log.warning("orders cannot be decided yet: %s", error)

    async def _take_turns(self) -> None:
        while True:
            await self._some.wait()
            self._idle.clear()
            batch = self._deciding = self._next_batch()
            try:
                while batch:
                    batch = self._deciding = await self._turn(batch)
            except Exception as error:  # noqa: BLE001  whatever failed, nothing of the batch moves
                _refuse([proposal for proposal in batch if not proposal.overtaken], error)
            finally:
                self._deciding, self._late = [], False
                self._idle.set()

    def _next_batch(self) -> list[_Proposal]:
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_MAX))]
        if not self._queue:
            self._some.clear()
        return batch

    async def _turn(self, batch: list[_Proposal]) -> list[_Proposal]:
        """Decide and record the batch, or the first of it; returns those that are still to come."""
        async with self._parts.releases.using() as in_force:
            await self._ready(in_force)
            batch = [proposal for proposal in batch if not proposal.overtaken]
            if not batch:
                return []
            first = batch[0]
            decided = await self._turns.decide(
                [proposal.order for proposal in batch], lambda: first.overtaken
            )
            self._record(batch[: len(decided)], decided)
            return batch[len(decided) :] if decided else batch

    def _overtake(self, waiting: Sequence[_Proposal]) -> None:
        """Deny those of the orders that a halt covers, without a turn."""
        found = [p for p in waiting if not p.overtaken and self._turns.halted(p.order)]
        if not found:
            return
        for proposal in found:
            proposal.overtaken = True
        self._queue = deque(proposal for proposal in self._queue if not proposal.overtaken)
        if not self._queue:
            self._some.clear()
        first = 0 if self._parts.releases.switching else DENIED_AT_ONCE
        self._deny(found[:first])  # in one commit with the halt itself
        denying = asyncio.create_task(self._deny_others(found, first))
        self._sending.add(denying)
        denying.add_done_callback(self._sending.discard)

    async def _deny_others(self, found: Sequence[_Proposal], first: int) -> None:
        """Once the first are known, the many: cancels, and others, come between them."""
        if first:
            await asyncio.wait([proposal.answer for proposal in found[:first]])
        for start in range(first, len(found), DENIED_AT_ONCE):
            async with self._parts.releases.using():
                self._deny(found[start : start + DENIED_AT_ONCE])
            await asyncio.sleep(0)

    def _deny(self, few: Sequence[_Proposal]) -> None:
        try:
            self._check_settled(self._parts.releases.current)
            self._record(few, [self._turns.overtaken(proposal.order) for proposal in few])
        except Exception as error:  # noqa: BLE001  whatever failed, nothing of them moves
            _refuse(few, error)

    async def _ready(self, in_force: ReleaseInForce) -> None:
        """See that the book is what the log says, and that there is a log to decide for."""
        latched = self._parts.ledger.latched
        if latched is not None:
            raise UnavailableError(
                "ledger-latched", f"nothing can be recorded: {latched}", "restart the gateway"
            )
        await self._parts.journal.repair()
        self._check_settled(in_force)

    def _check_settled(self, in_force: ReleaseInForce) -> None:
        """Decide by no other release than the log says; a switch that failed may have left two."""
        if self._parts.journal.book.release_digest != in_force.digest:
            raise UnavailableError(
                "release-unsettled",
                "a switch of releases failed, and which one it left in force is not known yet",
                "see /readyz; restart the gateway if it stays so",
            )

    def _record(self, batch: Sequence[_Proposal], decided: Sequence[Decided]) -> None:
        """Record the decisions of a turn, still within it, so that the next one sees them."""
        journal = self._parts.journal
        approved_ns = self._parts.clock.monotonic_ns()
        # One batch a caller, so that a key used twice at once fails that caller alone; the
        # ledger makes them durable together.
        for proposal, decision in zip(batch, decided, strict=True):
            try:
                recorded = journal.record(decision.drafts, keys=_keys(proposal, decision))
            except BookError as error:
                _refuse([proposal], error)
                continue
            if decision.state.reserves:
                self._forwarding.expect(decision.state.order_id)
            self._sending.add(recorded)
            recorded.add_done_callback(partial(self._recorded, proposal, decision, approved_ns))
            if decision.halts:
                self._latch(decision.halts)

    def _latch(self, halts: Sequence[HaltTrigger]) -> None:
        """Engage what a denial asks for, behind it in the log and whether or not it gets there.

        A turn that begins before the halt is in the book is decided again once it is.
        """
        latching = asyncio.create_task(self._parts.latch(halts))
        self._sending.add(latching)
        latching.add_done_callback(self._sending.discard)

    def _recorded(
        self,
        proposal: _Proposal,
        decision: Decided,
        approved_ns: int,
        recorded: asyncio.Task[Committed],
    ) -> None:
        """Outside the turn, once the disk has spoken: answer the caller, send what was allowed."""
        self._sending.discard(recorded)
        state = decision.state
        error = asyncio.CancelledError() if recorded.cancelled() else recorded.exception()
        if error is not None:  # not durable: the caller is told, nothing is sent
            _refuse([proposal], error)
            self._forwarding.forget(state.order_id)
            return
        index = recorded.result().indices[0]  # the decision's; what follows from it is behind it
        if not proposal.answer.done():
            proposal.answer.set_result(Outcome(state, index))
        if state.reserves:
            forwarding = asyncio.create_task(self._forwarding.forward(decision, index, approved_ns))
            self._sending.add(forwarding)
            forwarding.add_done_callback(self._sending.discard)


def _keys(proposal: _Proposal, decision: Decided) -> list[KeyClaim]:
    state = decision.state
    return [
        KeyClaim(
            principal=proposal.order.principal,
            kind=key.kind,
            key=key.key,
            request_digest=key.request_digest,
            decision_id=state.decision_id,
            order_id=state.order_id,
            status=201 if state.allow else 403,
        )
        for key in proposal.keys
    ]


def _refuse(batch: Sequence[_Proposal], error: BaseException) -> None:
    told = _told(error)
    for proposal in batch:
        if not proposal.answer.done():
            proposal.answer.set_exception(told)


def _told(error: BaseException) -> WritError:
    """What a caller is told of a failure: our own errors as they are, and nothing of others."""
    if isinstance(error, WritError):
        return error
    _log.error("an order could not be decided", exc_info=error)
    return UnavailableError("gateway-failed", "the order could not be decided", "see the log")
