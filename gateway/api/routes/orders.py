"""``/v1/orders``: propose, preview, list and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.api import explain
from gateway.api.answers import AcceptedOrder, OrderAnswer, order_answer
from gateway.api.auth import Proposer, Reader, Requires
from gateway.api.bodies import body_of, documented_body
from gateway.api.paging import Cursor, Id, PlainInt, cursor_of, row_of
from gateway.api.problems import documented
from gateway.api.proposals import decide, known_order, make_order
from gateway.api.proposed import PROPOSAL_PARAMETERS, PROPOSAL_RESPONSES, proposed
from gateway.api.roles import KeyScope
from gateway.api.services import ServicesHere, services_of
from gateway.domain.book import NONE
from gateway.domain.quantities import format_scaled
from gateway.intake.idempotency import caller_keys
from gateway.intake.ticket import Account, OrderBody
from signing.lifecycle import State

PAGE_MAX: Final = 500

_OWN_SECTIONS: Final = ("v", "ids", "time")
_OF_EQUITY: Final = "equity_share_bps"
"""The one fact of an order from which the account's equity could be told."""

router = APIRouter(prefix="/v1/orders", tags=["orders"])
_PROPOSING: Final = Requires(KeyScope.PROPOSE)
_read_ticket = body_of(OrderBody)
Ticket = Annotated[OrderBody, Depends(_read_ticket)]


class OrdersQuery(BaseModel):
    """Which orders; ``cursor`` is the ``next`` of the page before."""

    model_config = ConfigDict(extra="forbid")

    account: Account | None = None
    status: State | None = None
    limit: PlainInt = Field(default=100, ge=1, le=PAGE_MAX)
    cursor: Cursor | None = None


class OrdersPage(BaseModel):
    """Orders, newest first; ``next`` is null on the last page."""

    orders: list[OrderAnswer]
    next: str | None


class PreviewAnswer(BaseModel):
    """What would have been decided as of now; nothing was recorded and nothing is reserved."""

    allow: bool
    label: str | None = Field(description="as the decision's would be")
    qty: str = Field(description="after rounding down to the lot")
    limit_price: str | None = Field(description="after rounding to the tick")
    stop_price: str | None = Field(description="after rounding to the tick")
    reasons: list[explain.ReasonAnswer]
    controls: list[explain.ReasonAnswer] = Field(
        description="every required control, those that would not be proven first; for a key "
        "without the scope read, those that would be have no figures"
    )
    failure: explain.FailureAnswer | None
    base_currency: str = Field(description="what micros are millionths of")
    facts: dict[str, Any] = Field(
        description="the input document that the policy was given; for a key without the scope "
        "read, what of it is about the order alone"
    )


@router.post(
    "",
    status_code=201,
    response_model=AcceptedOrder,
    responses=PROPOSAL_RESPONSES,
    openapi_extra={
        **documented_body(OrderBody),
        "security": [{"key": []}],
        "parameters": PROPOSAL_PARAMETERS,
    },
)
@_PROPOSING.marks
async def propose(request: Request) -> Response:
    """Have an order decided; answers when the decision is signed and durable."""
    # This route reads its request by hand: being handed its parameters would cost the caller
    # about as much time as the decision takes.
    services = services_of(request)
    who = await _PROPOSING.by_hand(request, services)
    body = await _read_ticket(request)
    keys = caller_keys(
        request.headers.get("idempotency-key"), body.client_order_id, body.canonical()
    )
    answered = await services.to_the_end(decide(services, who, body, keys))
    return await proposed(services, request, body, answered)


@router.post(
    "/preview",
    response_model=PreviewAnswer,
    responses=documented(401, 403, 415, 422),
    openapi_extra=documented_body(OrderBody),
)
async def preview(who: Proposer, services: ServicesHere, body: Ticket) -> PreviewAnswer:
    """Ask what the policy would say as of now; nothing is recorded."""
    await services.app.releases.opened()
    order = make_order(services, who.name, body)
    found = await services.app.pipeline.preview(order)
    catalogue = services.app.catalogue
    controls = explain.controls(found.verdict, catalogue) if found.verdict else []
    reads = KeyScope.READ in who.scopes
    return PreviewAnswer(
        allow=found.allow,
        label=None if found.label == NONE else found.label,
        qty=format_scaled(order.qty, order.qty_decimals),
        limit_price=_scaled(order.limit_price, order.price_decimals),
        stop_price=_scaled(order.stop_price, order.price_decimals),
        reasons=[control for control in controls if not control.passed],
        controls=controls if reads else [_without_figures(control) for control in controls],
        failure=explain.failure(found.failure),
        base_currency=services.app.release.parsed.base_currency,
        facts=found.document if reads else _of_the_order(found.document),
    )


@router.get("", response_model=OrdersPage, responses=documented(401, 403, 422))
async def list_orders(
    _who: Reader, services: ServicesHere, query: Annotated[OrdersQuery, Query()]
) -> OrdersPage:
    """List orders, newest first."""
    rows = await services.app.ledger.orders(
        account=query.account,
        status=query.status,
        before=None if query.cursor is None else row_of(query.cursor),
        limit=query.limit,
    )
    return OrdersPage(
        orders=[OrderAnswer(**order_answer(state)) for _, state in rows],
        next=cursor_of(rows[-1][0]) if len(rows) == query.limit else None,
    )


@router.get("/{order_id}", response_model=OrderAnswer, responses=documented(401, 403, 404, 422))
async def read_order(_who: Reader, services: ServicesHere, order_id: Id) -> OrderAnswer:
    """Read one order as it stands."""
    return OrderAnswer(**order_answer(await known_order(services, order_id)))


def _without_figures(control: explain.ReasonAnswer) -> explain.ReasonAnswer:
    """A control as a proposer learns of it: what was proven tells nothing of the account."""
    if not control.passed:
        return control  # a denial tells its reasons with their figures
    return control.model_copy(update={"observed": None, "limit": None, "source": None})


def _of_the_order(document: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an input document that a proposer may see, who may not read the account."""
    own = {name: document[name] for name in _OWN_SECTIONS}
    order = {name: value for name, value in document["order"].items() if name != _OF_EQUITY}
    return own | {"order": order}


def _scaled(value: int | None, decimals: int) -> str | None:
    return None if value is None else format_scaled(value, decimals)
