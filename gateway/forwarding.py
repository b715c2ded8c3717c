"""Forwarding: takes an allowed, durable order through the gate and records what came of it.

The gate is called once for each order, whatever happens: an order that provably never reached it
is voided; any other that got no answer is unknown, and settled by asking the broker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Final

from gateway.domain.book import NONE, OrderState
from gateway.domain.errors import PermitRefusedError, UnavailableError
from gateway.domain.execution import SPENT, Submission
from gateway.domain.halt import GLOBAL
from gateway.domain.replacements import restored
from gateway.ledger.faults import StoreError
from gateway.ports import Door, Draft, Journal, Ledger, Stops
from gateway.turns import Decided
from signing import receipt

NO_PERMIT: Final = "NO_PERMIT"
"""Cause of the halt after a decision that the ledger recorded and could not prove."""

NO_RECEIPT: Final = "NO_RECEIPT"
PERMIT_REFUSED: Final = "PERMIT_REFUSED"
VOIDED_BY: Final = frozenset({NO_RECEIPT, PERMIT_REFUSED})
"""Evidence that an allowed order never had a permit: its proof, or the gate's word."""

GATE_FAILED: Final = "GATE_FAILED"
"""Code of a submission of which the gate itself could not say what it did."""

_REFUSED_BY: Final[Mapping[str, str]] = {"rejected": "broker", "refused": "gate"}
"""Outcomes that prove that an order is not at its broker, and whose word that is."""

_log = logging.getLogger(__name__)


class Forwarding:
    """Sends what was allowed; one per process."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        journal: Journal,
        door: Door,
        stops: Stops,
        settle: Callable[[OrderState], Awaitable[object]],
        heard: Callable[[Submission], Awaitable[object]],
        sweep: Callable[[str], Awaitable[object]],
        broker_names: Mapping[str, str],
    ) -> None:
        """Wire the parts; what each one does is said at ``gateway.pipeline.Parts``."""
        self._ledger = ledger
        self._journal = journal
        self._door = door
        self._stops = stops
        self._settle = settle
        self._heard = heard
        self._sweep = sweep
        self._broker_names = broker_names
        self._answers: dict[str, asyncio.Event] = {}
        self._unsent: set[str] = set()
        """order_id of each allowed order that the gate has not compared yet."""

    @property
    def unsent(self) -> bool:
        """Whether an allowed order has yet to meet the gate."""
        return bool(self._unsent)

    def expect(self, order_id: str) -> None:
        """An order was allowed: :meth:`forward` or :meth:`forget` follows."""
        self._answers[order_id] = asyncio.Event()
        self._unsent.add(order_id)

    def forget(self, order_id: str) -> None:
        """An order is not to be waited for any more; again is as good as once."""
        self._unsent.discard(order_id)
        self._answered(order_id)

    async def first_answer(self, order_id: str, timeout_ms: int) -> OrderState | None:
        """Wait for the broker's first answer, as long as that; then the order as it is known."""
        event = self._answers.get(order_id)
        if event is not None:
            try:
                async with asyncio.timeout(timeout_ms / 1000):
                    await event.wait()
            except TimeoutError:
                _log.debug("no answer for %s within %d ms", order_id, timeout_ms)
        return self._journal.book.orders.get(order_id)

    async def forward(self, decision: Decided, index: int, approved_ns: int) -> None:
        """Send an allowed order whose decision is entry ``index``; never raises an ``Exception``.

        ``approved_ns`` is the monotonic time of the verdict.
        """
        state = decision.state
        try:
            submission = await self._through_the_gate(decision, index, approved_ns)
            if submission is None or submission.code == SPENT:
                return  # given up; or it has a submission already, and what is known of it stands
            # The record's entry comes first, and what follows from it does not wait for the disk.
            await asyncio.gather(self._record(submission), self._tell(submission))
            self._answered(state.order_id)
            # Before a settlement too, which may take its time: the broker may hold the order.
            await self._sweep(state.order_id)
            if submission.outcome == "unknown":
                await self._settle(self._journal.book.orders[state.order_id])
                await self._sweep(state.order_id)
        except Exception:  # noqa: BLE001  a defect here must not end the core
            # Whatever failed, nothing is assumed and nothing is sent again: the order keeps its
            # reservation and is in doubt, to be settled by asking the broker.
            _log.exception("submission of %s could not be followed up", state.order_id)
        finally:
            self.forget(state.order_id)

    async def _through_the_gate(
        self, decision: Decided, index: int, approved_ns: int
    ) -> Submission | None:
        """What the gate did with the permit; ``None`` where there is none: nothing was sent."""
        state = decision.state
        try:
            proof = await self._ledger.receipt(index)
            permit = receipt.encode_permit(proof, decision.draft.blobs[0])
        except Exception as error:  # noqa: BLE001  whatever it is, the gate has seen nothing
            await self._give_up(state, NO_RECEIPT, error)
            return None
        # The gate compares before it waits for anything, so a switch that finds this order
        # gone from here comes after the comparison of its release.
        self._unsent.discard(state.order_id)
        try:
            return await self._door.forward(permit, approved_ns)
        except PermitRefusedError as error:
            await self._give_up(state, PERMIT_REFUSED, error)
            return None
        except Exception:  # noqa: BLE001  a defect of the gate: it may have been sent before
            _log.exception("the gate failed over %s: whether it was sent is asked", state.order_id)
            return Submission(
                decision_id=state.decision_id,
                order_id=state.order_id,
                broker_client_id=state.broker_client_id,
                broker=self._broker_names.get(state.account, NONE),
                outcome="unknown",
                code=GATE_FAILED,
                broker_order_id=NONE,
            )

    async def _give_up(self, order: OrderState, evidence: str, error: Exception) -> None:
        """Close an order that nobody can have sent, and let go of what it reserves."""
        _log.error("order %s has no permit and is given up", order.order_id, exc_info=error)
        if _ledger_away(error):
            await self._void(order, evidence)
            return
        # The ledger takes entries, and the log does not prove what it holds: nothing is allowed
        # until a person has looked.
        await asyncio.gather(self._halt(), self._void(order, evidence))

    async def _halt(self) -> None:
        try:
            await self._stops.halt(cause=NO_PERMIT, scope=GLOBAL, by="gate", clear_by="operator")
        except Exception:  # noqa: BLE001  it stands, and the order is given up all the same
            _log.exception("halt %s could not be followed up", NO_PERMIT)

    async def _void(self, order: OrderState, evidence: str) -> None:
        """Record that an order was never sent.

        If this cannot be written it stands all the same, and is entered when it can be; if we
        crash before that, the order is in doubt and settled like any other.
        """
        payload = {
            "order_id": order.order_id,
            "decision_id": order.decision_id,
            "broker_client_id": order.broker_client_id,
            "outcome": "voided",
            "evidence": evidence,
        }
        drafts = [Draft("settlement", payload), *self._let_go(order.order_id, evidence, "gate")]
        await self._journal.record(drafts, owed=True)

    def _let_go(self, order_id: str, code: str, source: str) -> list[Draft]:
        """What has the order go on whose place this one provably does not take."""
        book = self._journal.book
        order = book.orders.get(order_id)
        payload = None if order is None else restored(book, order, code, source)
        return [] if payload is None else [Draft("status", payload)]

    async def _record(self, submission: Submission) -> None:
        """Record what the gate did; it stands, and is entered later if it cannot be now."""
        drafts = [Draft("submission", asdict(submission))]
        source = _REFUSED_BY.get(submission.outcome)
        if source is not None:
            drafts += self._let_go(submission.order_id, submission.code, source)
        try:
            await self._journal.record(drafts, owed=True)
        except Exception as error:
            # The broker may hold the order all the same: a cancel that was asked for while it
            # was on its way must reach it.
            await self._sweep(submission.order_id)
            if not isinstance(error, UnavailableError):
                raise
            _log.warning("submission of %s is not recorded yet: %s", submission.order_id, error)

    async def _tell(self, submission: Submission) -> None:
        """Have what the broker answered followed up, whatever becomes of that."""
        try:
            await self._heard(submission)
        except Exception:  # noqa: BLE001  a halt stands all the same, and is owed
            _log.exception("the answer to %s could not be followed up", submission.order_id)

    def _answered(self, order_id: str) -> None:
        event = self._answers.pop(order_id, None)
        if event is not None:
            event.set()


def _ledger_away(error: Exception) -> bool:
    """Whether the ledger cannot be asked at all: no order gets past it until it can."""
    closing = isinstance(error, UnavailableError) and error.code == "ledger-closed"
    return closing or isinstance(error, StoreError)
