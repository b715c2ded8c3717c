"""A turn: facts and verdicts for a small batch of orders, each seeing the earlier ones.

Limits reach across accounts, strategies and symbols, so one turn runs at a time. Within it the
orders are stacked: each is told of the earlier ones of its batch as if they had been allowed.
A working order only ever tightens another verdict, so an allow stands whatever became of its
mates, and so does a denial that followed none but allowed ones. A denial that follows a denied
mate may be that mate's fault: it is decided again alone, and whatever turns into an allow then
goes once more through the stack, because two of them may exceed a limit together.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.control.modes import DEMONSTRATION
from gateway.domain.book import NONE, Book, OrderState
from gateway.domain.decision import NO_VERDICT, EngineFailure, Verdict
from gateway.domain.halt import HaltTrigger
from gateway.domain.ids import broker_client_id, new_id
from gateway.domain.mode import Mode
from gateway.domain.order import Order
from gateway.domain.order_entries import order_state
from gateway.facts.document import Facts, Moment
from gateway.facts.exits import replaceable
from gateway.policy.in_force import ReleaseInForce
from gateway.policy.release import Release
from gateway.ports import Clock, Draft, Entropy
from signing import canonical

BATCH_MAX: Final = 16
"""Orders in one turn, and documents in one engine call."""

FACTS_ERROR: Final = "FACTS_ERROR"
"""Failure of a decision: a source of facts failed, or the facts forbid what the release allows."""

HALTED: Final = "HALTED"
"""Failure of a decision: a halt came while the order waited for it; the policy was not asked."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Decided:
    """One order's decision, ready to be recorded."""

    draft: Draft
    state: OrderState
    halts: tuple[HaltTrigger, ...] = ()
    """What its verdict asks to be halted; nothing in RESEARCH, where there is nothing to stop."""

    replacing: Draft | None = None
    """By which the order whose place it takes waits for it; recorded behind it in one batch."""

    @property
    def drafts(self) -> list[Draft]:
        """What is recorded in one batch."""
        return [self.draft] if self.replacing is None else [self.draft, self.replacing]


@dataclass(frozen=True, slots=True)
class Preview:
    """What would have been decided, in a decision's own words; nothing was recorded.

    ``verdict`` is ``None`` where the engine gave none; ``failure`` is its code, or that of the
    facts, or ``none``. ``label`` is as the decision's would be.
    """

    document: dict[str, Any]
    verdict: Verdict | None
    failure: str
    label: str

    @property
    def allow(self) -> bool:
        """Whether the order would have been allowed."""
        return self.verdict is not None and self.verdict.allow and self.failure == NONE


@dataclass(frozen=True, slots=True)
class _Gathered:
    """An order's input document and its bytes; ``failure`` says why it holds the order alone."""

    document: dict[str, Any]
    data: bytes
    failure: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An order with the facts it is decided on; gathered anew when it is decided again."""

    position: int
    order: Order
    decision_id: str
    document: dict[str, Any]
    data: bytes
    failure: str
    payload: dict[str, Any]
    """Its decision's fields, as the denial that it is until a verdict says otherwise."""
    state: OrderState
    """The order as it would stand if allowed, to be held while its mates' facts are gathered."""


class Turns:
    """Decides batches; holds no state of its own between turns."""

    def __init__(
        self,
        facts: Facts,
        current: Callable[[], ReleaseInForce],
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        """Wire the sources of a decision; ``current`` is the release in force."""
        self._facts = facts
        self._current = current
        self._deciding = current()
        """What the pass under way decides by; read once for all of it."""
        self._clock = clock
        self._entropy = entropy

    async def decide(
        self, orders: Sequence[Order], given_up: Callable[[], bool] = lambda: False
    ) -> list[Decided]:
        """Decide a batch, or the first of it; the answers are in the order of the proposals.

        The engine is asked off the loop, so a halt or a mode may be recorded meanwhile, or the
        book be built anew, or another release come into force, or an order that is to be replaced
        be filled or ended: then every verdict of the turn is thrown away. The first order alone is
        decided anew, and the others are for the next call: what a halt denies is to be known soon,
        and one document is sooner decided than sixteen. An order has no more fills than units, so
        that ends. Nothing is decided of a batch whose first order is by then ``given_up``.
        """
        while True:
            book = self._facts.book()
            version = book.control_version
            self._deciding = self._current()
            decided = await self._pass(orders)
            same = self._facts.book() is book and self._current() is self._deciding
            same = same and book.control_version == version
            if same and all(_may_replace(book, one) for one in decided):
                return decided
            if given_up():
                return []
            orders = orders[:1]

    def halted(self, order: Order) -> bool:
        """Whether a halt covers the order, and lets nothing through that such an order could be."""
        book = self._facts.book()
        attributes = (order.account, order.symbol, order.strategy_id or NONE)
        if not book.halted(*attributes):
            return False
        return not book.exit_allowed(*attributes, self._clock.wall_us())

    def overtaken(self, order: Order) -> Decided:
        """Deny an order that waits, at once and without the policy: a halt covers it."""
        in_force, book = self._current(), self._facts.book()
        decision_id = self._new_decision_id()
        document = self._facts.bare(order, decision_id)
        data = canonical.encode(document)
        payload = _payload(book, in_force, order, document, data) | {
            "label": _label(self._facts, in_force.release, self._clock.wall_us()),
            "failure": HALTED,
        }
        draft = Draft("decision", payload, (data,), document)
        return Decided(draft, order_state(payload, document))

    async def preview(self, order: Order, in_force: ReleaseInForce) -> Preview:
        """Decide one order beside the turns, as of now and for nobody's record."""
        moment = self._facts.moment()
        preview_id = new_id("preview", moment.wall_us, self._entropy.token(10))
        facts = self._gathered(order, preview_id, moment)
        label = _label(self._facts, in_force.release, moment.wall_us)
        [answer] = await in_force.engine.decide([facts.data])
        if isinstance(answer, Verdict):
            return Preview(facts.document, answer, facts.failure, label)
        failure = answer.code if facts.failure == NONE else facts.failure
        return Preview(facts.document, None, failure, label)

    async def _pass(self, orders: Sequence[Order]) -> list[Decided]:
        final: dict[int, Decided] = {}
        held: list[_Candidate] = []
        book = self._facts.book()
        pending: list[tuple[int, Order, str]] = [
            (i, order, self._new_decision_id()) for i, order in enumerate(orders)
        ]
        try:
            while pending:
                stack = await self._ask(book, pending, stacked=True)
                again = self._settle_stack(book, stack, final, held)
                alone = await self._ask(book, again, stacked=False)
                pending = []
                for candidate, answer in alone:
                    if _allows(candidate, answer):
                        pending.append((candidate.position, candidate.order, candidate.decision_id))
                    else:
                        final[candidate.position] = _decided(book, candidate, answer)
        finally:
            for candidate in held:  # the record of the decisions holds them from here on
                _drop(book, candidate)
        return [final[i] for i in range(len(orders))]

    def _settle_stack(
        self,
        book: Book,
        stack: Sequence[tuple[_Candidate, Verdict | EngineFailure]],
        final: dict[int, Decided],
        held: list[_Candidate],
    ) -> list[tuple[int, Order, str]]:
        """Take what is certain from a stacked pass; return what must be decided again."""
        again: list[tuple[int, Order, str]] = []
        denied_before = False
        for candidate, answer in stack:
            allowed = _allows(candidate, answer)
            if allowed or not denied_before:
                final[candidate.position] = _decided(book, candidate, answer)
                if allowed:
                    _hold(book, candidate)
                    held.append(candidate)
            else:
                again.append((candidate.position, candidate.order, candidate.decision_id))
            denied_before = denied_before or not allowed
        return again

    async def _ask(
        self, book: Book, pending: Sequence[tuple[int, Order, str]], *, stacked: bool
    ) -> list[tuple[_Candidate, Verdict | EngineFailure]]:
        """Gather facts and ask the engine once for all of them."""
        if not pending:
            return []
        candidates: list[_Candidate] = []
        moment = self._facts.moment()
        try:
            for position, order, decision_id in pending:
                candidate = self._candidate(book, moment, position, order, decision_id)
                candidates.append(candidate)
                if stacked:
                    _hold(book, candidate)
        finally:
            if stacked:
                for candidate in candidates:
                    _drop(book, candidate)
        answers = await self._deciding.engine.decide([c.data for c in candidates])
        return list(zip(candidates, answers, strict=True))

    def _candidate(
        self, book: Book, moment: Moment, position: int, order: Order, decision_id: str
    ) -> _Candidate:
        facts = self._gathered(order, decision_id, moment)
        document, data, failure = facts.document, facts.data, facts.failure
        payload = _payload(book, self._deciding, order, document, data)
        label = _label(self._facts, self._deciding.release, moment.wall_us)
        payload |= {"label": label, "failure": failure}
        state = order_state(payload | {"allow": True, "failure": NONE}, document)
        return _Candidate(position, order, decision_id, document, data, failure, payload, state)

    def _gathered(self, order: Order, decision_id: str, moment: Moment) -> _Gathered:
        """The facts of an order; where a source of them fails, the document that proves nothing."""
        try:
            document = self._facts.gather(order, decision_id, moment)
            return _Gathered(document, canonical.encode(document), NONE)
        except Exception:  # noqa: BLE001  any defect in a source of facts is a recorded denial (law 3)
            _log.exception("facts of %s could not be gathered", order.order_id)
            document = self._facts.bare(order, decision_id)
            return _Gathered(document, canonical.encode(document), FACTS_ERROR)

    def _new_decision_id(self) -> str:
        return new_id("dec", self._clock.wall_us(), self._entropy.token(10))


def _payload(
    book: Book, in_force: ReleaseInForce, order: Order, document: dict[str, Any], data: bytes
) -> dict[str, Any]:
    """The fields of a decision entry that are known before there is a verdict.

    A verdict that comes after the control state has changed is thrown away, so the mode that
    stands here still stands when the decision is recorded.
    """
    decision_id = document["ids"]["decision_id"]
    return {
        "decision_id": decision_id,
        "order_id": order.order_id,
        "account": order.account,
        "principal": order.principal,
        "client_order_id": order.client_order_id or NONE,
        "broker_client_id": broker_client_id(decision_id),
        "mode": book.mode.value,
        "market_us": document["time"]["market_us"],
        "input_digest": canonical.digest(data),
        "release_digest": in_force.digest,
        "engine": {"name": in_force.engine.name, "version": in_force.engine.version},
        "allow": False,
        "verdict": NO_VERDICT,
        "failure": NONE,
    } | ({} if order.replaces is None else {"replaces": order.replaces})


def _label(facts: Facts, release: Release, wall_us: int) -> str:
    """What marks an output: research in RESEARCH, and anywhere while Omega 4 stands.

    Otherwise it says whether officers have signed for what decided it.
    """
    book = facts.book()
    if not book.omega4_lifted(wall_us) or book.mode is Mode.RESEARCH:
        return "research"
    if facts.permits is not None and facts.permits.permission() is not None:
        return "signed"
    return DEMONSTRATION if release.label == DEMONSTRATION else "unsigned"


def _decided(book: Book, candidate: _Candidate, answer: Verdict | EngineFailure) -> Decided:
    payload, state = candidate.payload, candidate.state
    if isinstance(answer, Verdict):
        payload = payload | {"verdict": answer.payload()}
        if answer.allow and not _allows(candidate, answer):
            payload["failure"] = FACTS_ERROR
    elif candidate.failure == NONE:
        payload = payload | {"failure": answer.code}
    if _allows(candidate, answer):
        payload["allow"] = True
    else:
        state = order_state(payload, candidate.document)
    draft = Draft("decision", payload, (candidate.data,), candidate.document)
    replacing = _replacing(book, state)
    if isinstance(answer, Verdict) and Mode(payload["mode"]).forwards:
        return Decided(draft, state, answer.halts, replacing)
    return Decided(draft, state, replacing=replacing)


def _replacing(book: Book, state: OrderState) -> Draft | None:
    """The entry by which an order waits for the one that was allowed to take its place."""
    found = book.orders.get(state.replaces)
    if found is None or not state.reserves:
        return None
    payload = {
        "order_id": found.order_id,
        "broker_client_id": found.broker_client_id,
        "by_order_id": state.order_id,
        "by": state.principal,
        "market_us": state.market_us,
    }
    return Draft("replace", payload)


def _may_replace(book: Book, decided: Decided) -> bool:
    """Whether the order that an allowed one replaces still is as its document says."""
    if not decided.state.reserves or decided.state.replaces == NONE:
        return True
    document, found = decided.draft.document, book.orders.get(decided.state.replaces)
    if document is None or found is None:
        return False
    return replaceable(found, book) and found.filled_qty == document["replaced"]["filled_qty"]


def _allows(candidate: _Candidate, answer: Verdict | EngineFailure) -> bool:
    """Whether the order is allowed: a release that requires no RPL-01 cannot replace anything."""
    if not isinstance(answer, Verdict) or not answer.allow or candidate.failure != NONE:
        return False
    replaced = candidate.document.get("replaced", {"working": True, "same": True})
    return replaced["working"] and replaced["same"]


def _hold(book: Book, candidate: _Candidate) -> None:
    """Count an order as if it were allowed: what it reserves, and the override that it uses."""
    if _holds(book, candidate.state):
        book.hold(candidate.state)
    if _uses_override(candidate):
        book.overrides.hold(candidate.document["override"]["override_id"], candidate.order.order_id)


def _drop(book: Book, candidate: _Candidate) -> None:
    """Undo :func:`_hold`."""
    if _holds(book, candidate.state):
        book.drop(candidate.state)
    if _uses_override(candidate):
        book.overrides.drop(candidate.document["override"]["override_id"], candidate.order.order_id)


def _uses_override(candidate: _Candidate) -> bool:
    return candidate.state.reserves and "override" in candidate.document


def _holds(book: Book, state: OrderState) -> bool:
    return state.reserves and state.account in book.accounts
