"""``/v1/orders``: propose, preview, list, read and cancel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.api import explain
from gateway.api.answers import AcceptedOrder, OrderAnswer, order_answer
from gateway.api.auth import Canceler, Proposer, Reader, Requires
from gateway.api.bodies import body_of, documented_body
from gateway.api.paging import Cursor, Id, PlainInt, cursor_of, row_of
from gateway.api.problems import MEDIA_TYPE, SCHEMAS, documented, problem
from gateway.api.proposals import Answered, decide, make_order
from gateway.api.roles import KeyScope
from gateway.api.services import Services, ServicesHere, services_of
from gateway.domain.book import NONE, OrderState
from gateway.domain.errors import (
    InvalidInputError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from gateway.domain.quantities import format_scaled
from gateway.intake.idempotency import KEY_PATTERN, caller_keys
from gateway.intake.ticket import Account, OrderBody
from signing.lifecycle import State

PAGE_MAX: Final = 500
WAIT_MAX_S: Final = 30
_WAIT: Final = re.compile(r'(?:.*[,;])?\s*wait\s*=\s*"?([0-9]{1,4})"?\s*(?:[,;].*)?')

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


_PROPOSAL_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    **documented(401, 403, 409, 415, 422),
    201: {"model": AcceptedOrder, "description": "Allowed: recorded, signed and durable"},
    403: {
        "description": "Denied (order-denied: recorded and signed), or the key lacks the scope",
        "content": {
            MEDIA_TYPE: {
                "schema": {
                    "anyOf": [{"$ref": SCHEMAS + "DeniedProblem"}, {"$ref": SCHEMAS + "Problem"}]
                }
            }
        },
    },
}

_PROPOSAL_PARAMETERS: Final[dict[str, Any]] = {
    "security": [{"key": []}],
    "parameters": [
        {
            "name": "idempotency-key",
            "in": "header",
            "required": False,
            "description": "New for each new order, the same for a repetition. Needed unless "
            "the body has a client_order_id.",
            "schema": {"type": "string", "pattern": KEY_PATTERN},
        },
        {
            "name": "prefer",
            "in": "header",
            "required": False,
            "description": "`wait=N` waits up to N seconds for the broker's first answer.",
            "schema": {"type": "string"},
        },
    ],
}


_NO_REPLACING: Final = {
    "type": "null",
    "description": "An order cannot take another one's place yet: preview it.",
}
"""What a proposal, unlike a preview, may say as ``replaces``."""


@router.post(
    "",
    status_code=201,
    response_model=AcceptedOrder,
    responses=_PROPOSAL_RESPONSES,
    openapi_extra={**documented_body(OrderBody, replaces=_NO_REPLACING), **_PROPOSAL_PARAMETERS},
)
@_PROPOSING.marks
async def propose(request: Request) -> Response:
    """Have an order decided; answers when the decision is signed and durable."""
    # This route reads its request by hand: being handed its parameters would cost the caller
    # about as much time as the decision takes.
    services = services_of(request)
    who = await _PROPOSING.by_hand(request, services)
    body = await _read_ticket(request)
    if body.replaces is not None:
        raise InvalidInputError(
            "replace-unsupported",
            "an order cannot take another one's place yet",
            "preview it; then cancel the other order, and send this one without replaces",
        )
    idempotency_key = request.headers.get("idempotency-key")
    prefer = request.headers.get("prefer")
    keys = caller_keys(idempotency_key, body.client_order_id, body.canonical())
    answered = await services.to_the_end(decide(services, who.name, body, keys))
    headers = {"Location": f"/v1/orders/{answered.state.order_id}"}
    if answered.replayed:
        headers["Idempotency-Replayed"] = "true"
    if not answered.state.allow:
        return await _denied(services, answered, headers)
    state = answered.state
    wait_s = _wait_s(prefer)
    if wait_s:
        headers["Preference-Applied"] = f"wait={wait_s}"
        state = await services.app.pipeline.first_answer(state.order_id, wait_s * 1000) or state
    requested = {
        "qty": body.qty,
        "limit_price": body.limit_price,
        "stop_price": body.stop_price,
    }
    content = order_answer(state, answered.index) | {"requested": requested}
    return JSONResponse(content, status_code=201, headers=headers)


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
    return OrderAnswer(**order_answer(await _known(services, order_id)))


@router.delete(
    "/{order_id}",
    status_code=202,
    response_model=OrderAnswer,
    responses=documented(401, 403, 404, 409, 422),
)
async def cancel_order(who: Canceler, services: ServicesHere, order_id: Id) -> OrderAnswer:
    """Ask the broker to cancel; the result shows in the order's status."""
    try:
        state = await services.to_the_end(services.app.cancels.cancel(order_id, who.name))
    except TimeoutError:
        raise UnavailableError(
            "broker-slow", "the broker did not confirm in time", "look at the order, cancel again"
        ) from None
    except NotFoundError:
        known = await _known(services, order_id)
        raise RefusedError(
            "order-closed", f"order {order_id} is {known.status}", "nothing is left to cancel"
        ) from None
    return OrderAnswer(**order_answer(state))


async def _denied(services: Services, answered: Answered, headers: Mapping[str, str]) -> Response:
    """A denial: a recorded decision, told as a problem in the words of the release it names."""
    state = answered.state
    words = await services.app.words.of(state.release_digest)
    reasons = explain.reasons(state.reasons, words)
    failed = explain.failure(state.failure)
    remedy = failed.remedy if failed else reasons[0].remedy if reasons else ""
    members = {
        "decision_id": state.decision_id,
        "order_id": state.order_id,
        "index": answered.index,
        "label": None if state.label == "none" else state.label,
        "reasons": [reason.model_dump() for reason in reasons],
        "base_currency": services.app.release.parsed.base_currency,
        "failure": failed.model_dump() if failed else None,
    }
    return problem(
        403,
        "order-denied",
        explain.summary(reasons, failed),
        remedy.strip(),
        headers=headers,
        members=members,
    )


async def _known(services: Services, order_id: str) -> OrderState:
    state = await services.app.ledger.order(order_id)
    if state is None:
        raise NotFoundError("order-unknown", "there is no order of that id", "GET /v1/orders")
    return state


def _wait_s(prefer: str | None) -> int:
    """The seconds of ``Prefer: wait=N``, at most 30; other preferences are ours to ignore."""
    match = _WAIT.fullmatch(prefer) if prefer and prefer.isascii() else None
    return min(int(match[1]), WAIT_MAX_S) if match else 0


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
