"""One proposal from its keys to its recorded decision: held, looked up, decided, never twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.api.access import Principal
from gateway.api.roles import KeyScope
from gateway.api.services import Services
from gateway.domain.book import OrderState
from gateway.domain.errors import NotFoundError, RefusedError, UnavailableError
from gateway.domain.ids import new_id
from gateway.domain.order import Order
from gateway.domain.order_entries import order_state
from gateway.domain.quantities import format_scaled
from gateway.facts.exits import REPLACEABLE
from gateway.intake.idempotency import CallerKey
from gateway.intake.orders import to_order
from gateway.intake.ticket import OrderBody
from gateway.ports import KeyClaim
from signing import canonical


@dataclass(frozen=True, slots=True)
class Answered:
    """A recorded decision, new or replayed: the order as decided, the entry's index."""

    state: OrderState
    index: int
    replayed: bool


def make_order(services: Services, principal: str, body: OrderBody) -> Order:
    """The exact order of a body, with an id of its own.

    Raises:
        InvalidInputError: as ``gateway.intake.orders.to_order`` says.
    """
    app = services.app
    return to_order(
        body,
        order_id=new_id("ord", app.clock.wall_us(), app.host.entropy.token(10)),
        principal=principal,
        instruments=app.release.instruments,
        accounts=app.settings.accounts,
        now_us=app.clock.market_us(),
    )


async def known_order(services: Services, order_id: str) -> OrderState:
    """An order's newest durable state, whenever it was decided.

    Raises:
        NotFoundError: ``order-unknown``.
    """
    state = await services.app.ledger.order(order_id)
    if state is None:
        raise NotFoundError("order-unknown", "there is no order of that id", "GET /v1/orders")
    return state


async def decide(
    services: Services, who: Principal, body: OrderBody, keys: Sequence[CallerKey]
) -> Answered:
    """Have a body decided once for its keys, or find what was decided for them before.

    The look into the ledger comes before the instrument's rounding, so that a replay is answered
    even where the body would be refused today.

    Raises:
        ConflictError: ``idempotency-in-flight``.
        InvalidInputError: the keys stand for another order, or the body cannot be taken.
        NotFoundError, RefusedError: the order that it would replace is not there, is somebody
            else's, or cannot be replaced: ``order-unknown``, ``scope-missing``,
            ``order-not-replaceable``, ``replace-too-late``. Nothing was recorded.
        UnavailableError: it could not be recorded; nothing moved, and the keys are free again.
    """
    with services.callers.hold(who.name, keys):
        claim = await services.callers.recorded(who.name, keys)
        if claim is not None:
            return await _replay(services, claim)
        await services.app.releases.opened()  # shaped and decided by the same release
        order = make_order(services, who.name, body)
        if order.replaces is not None:
            await _check_replaceable(services, who, order, order.replaces)
        outcome = await services.app.pipeline.propose(order, keys)
        return Answered(outcome.order, outcome.index, replayed=False)


async def _check_replaceable(
    services: Services, who: Principal, order: Order, replaced_id: str
) -> None:
    """Refuse at once what the policy would deny a moment later, and what is not the caller's.

    Whoever replaces an order ends it, so that of somebody else needs the scope to cancel. The
    order may be filled or ended from here on: the policy looks again, and so does the gate.
    """
    replaced = await known_order(services, replaced_id)
    if replaced.principal != who.name and KeyScope.CANCEL not in who.scopes:
        raise RefusedError(
            "scope-missing",
            "the order is another key's, and this key may not cancel orders",
            "ask for a key with the scope cancel",
        )
    replaced = services.app.book().orders.get(replaced_id, replaced)
    if replaced.status not in REPLACEABLE or not replaced.reserves:
        raise RefusedError(
            "order-not-replaceable",
            f"order {replaced_id} is {replaced.status}",
            "replace an order that the broker has, that can still fill and that nobody is ending",
        )
    if replaced.filled_qty >= order.qty and replaced.qty_decimals == order.qty_decimals:
        raise RefusedError(
            "replace-too-late",
            f"{format_scaled(replaced.filled_qty, replaced.qty_decimals)} of it is filled already",
            "ask for a larger quantity, or cancel what is left of the order",
        )


async def _replay(services: Services, claim: KeyClaim) -> Answered:
    """The first answer again: the order as it was decided, not as it stands by now."""
    ledger = services.app.ledger
    entry = await ledger.entry(claim.decision_id)
    if entry is None:  # the key was written in the decision's own transaction
        raise UnavailableError(
            "ledger-inconsistent",
            f"key without its decision {claim.decision_id}",
            "stop the gateway and run writ audit verify",
        )
    index, payload = entry
    document = await ledger.document(payload["input_digest"])
    if document is not None:
        fields = canonical.decode(document)
        assert isinstance(fields, dict)
        return Answered(order_state(payload, fields), index, replayed=True)
    row = await ledger.order(claim.order_id)  # the document's time was up; the row is kept
    assert row is not None
    return Answered(row, index, replayed=True)
