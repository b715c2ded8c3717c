"""``PATCH /v1/orders/{order_id}``: have an order take the place of one that works."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from gateway.api.answers import AcceptedOrder
from gateway.api.auth import Requires
from gateway.api.bodies import body_of, documented_body
from gateway.api.paging import Id
from gateway.api.proposals import decide, known_order
from gateway.api.proposed import PROPOSAL_PARAMETERS, PROPOSAL_RESPONSES, proposed
from gateway.api.roles import KeyScope
from gateway.api.services import Services, services_of
from gateway.domain.book import OrderState
from gateway.domain.errors import RefusedError
from gateway.intake.idempotency import caller_keys
from gateway.intake.replacement import ReplacementBody, replacing_ticket
from signing import canonical

router = APIRouter(prefix="/v1/orders", tags=["orders"])
_PROPOSING: Final = Requires(KeyScope.PROPOSE)
_read_changes = body_of(ReplacementBody)


@router.patch(
    "/{order_id}",
    status_code=201,
    response_model=AcceptedOrder,
    responses=PROPOSAL_RESPONSES,
    openapi_extra={
        **documented_body(ReplacementBody),
        "security": [{"key": []}],
        "parameters": PROPOSAL_PARAMETERS,
    },
)
@_PROPOSING.marks
async def replace_order(request: Request, order_id: Id) -> Response:
    """Have an order decided that takes the place of this one: a new order, with ids of its own.

    Denied or refused, the old order works on. ``qty`` is the whole quantity, what is filled
    already included; the new order is for the rest of it.
    """
    services = services_of(request)
    who = await _PROPOSING.by_hand(request, services)
    changes = await _read_changes(request)
    before = await known_order(services, order_id)
    body = replacing_ticket(order_id, await _decided_on(services, before), changes)
    keys = caller_keys(
        request.headers.get("idempotency-key"), body.client_order_id, body.canonical()
    )
    answered = await services.to_the_end(decide(services, who, body, keys))
    return await proposed(services, request, body, answered)


async def _decided_on(services: Services, order: OrderState) -> canonical.JsonObject:
    """The document that an order was decided on: what its replacement does not name is there."""
    document = await services.app.ledger.document(order.input_digest)
    if document is None:  # an order that still works is younger than any retention
        raise RefusedError(
            "order-not-replaceable",
            "what the order was decided on is not kept any more",
            "send a whole order with replaces",
        )
    fields = canonical.decode(document)
    assert isinstance(fields, dict)
    return fields
