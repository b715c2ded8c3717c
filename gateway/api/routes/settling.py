"""``/v1/doubt`` and ``orders/{id}/settle``: orders whose fate a person has to find out."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, StringConstraints

from gateway.api.answers import OrderAnswer, order_answer
from gateway.api.auth import Operator, Reader
from gateway.api.bodies import PRINTABLE, ReasonText, StrictBody, body_of, documented_body
from gateway.api.paging import Id
from gateway.api.problems import documented
from gateway.api.services import ServicesHere
from gateway.domain.book import NONE, OrderState
from gateway.domain.errors import InvalidInputError
from gateway.domain.quantities import parse_decimal, scaled
from gateway.intake.ticket import DecimalText
from gateway.tracking.by_hand import PersonsWord

DOUBTS_MAX = 1_000
"""The most orders that one answer lists."""

router = APIRouter(prefix="/v1", tags=["orders"])


EvidenceText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2_000),
    PRINTABLE,
    Field(json_schema_extra={"format": "printable-line"}),
]


class SettleBody(StrictBody):
    """What became of an order, by the word of whoever calls."""

    outcome: Literal["filled", "absent", "canceled", "adopted"] = Field(
        description="filled: executed, all or a part, and over. absent: it never arrived. "
        "canceled: over, without what is not filled. adopted: what the broker says of it"
    )
    qty: DecimalText | None = Field(
        default=None, description="filled: how much beyond what the record holds"
    )
    price: DecimalText | None = Field(default=None, description="filled: at which average price")
    evidence: EvidenceText = Field(description="what it was found out by; kept beside the log")
    reason: ReasonText
    contradicts: bool = Field(
        default=False, description="enter it although the broker says otherwise"
    )


class Doubt(BaseModel):
    """An order in doubt, and why."""

    anomaly: str | None = Field(description="what the broker told that cannot be true")
    order: OrderAnswer


class DoubtsAnswer(BaseModel):
    """Orders in doubt, oldest first: no new risk is taken on their account and symbol."""

    doubts: list[Doubt]


@router.get("/doubt", response_model=DoubtsAnswer, responses=documented(401, 403))
async def list_doubts(_who: Reader, services: ServicesHere) -> DoubtsAnswer:
    """List the orders whose outcome is not known, or of which something impossible was told."""
    found = [order for order in services.app.book().orders.values() if order.doubtful]
    return DoubtsAnswer(
        doubts=[
            Doubt(
                anomaly=None if order.anomaly == NONE else order.anomaly,
                order=OrderAnswer(**order_answer(order)),
            )
            for order in found[:DOUBTS_MAX]
        ]
    )


@router.post(
    "/orders/{order_id}/settle",
    response_model=OrderAnswer,
    responses=documented(401, 403, 404, 409, 415, 422),
    openapi_extra=documented_body(SettleBody),
)
async def settle(
    who: Operator,
    services: ServicesHere,
    order_id: Id,
    body: Annotated[SettleBody, Depends(body_of(SettleBody))],
) -> OrderAnswer:
    """Settle an order by your word, on the record under your name; the broker is asked as well."""
    by_hand = services.app.tracking.by_hand
    order = by_hand.order(order_id)
    word = PersonsWord(
        by=who.name,
        outcome=body.outcome,
        evidence=body.evidence,
        reason=body.reason,
        qty=_exact(body.qty, order.qty_decimals, "qty"),
        price=_exact(body.price, order.price_decimals, "price"),
        contradicts=body.contradicts,
    )
    return OrderAnswer(**order_answer(await _settled(services, order, word)))


async def _settled(services: ServicesHere, order: OrderState, word: PersonsWord) -> OrderState:
    work = services.app.tracking.by_hand.settle(order.order_id, word)
    return await services.to_the_end(work)


def _exact(text: str | None, decimals: int, field: str) -> int | None:
    """A number at the order's own scale; what does not fit it is not what was traded."""
    if text is None:
        return None
    value, cut = scaled(parse_decimal(text, field), decimals, field)
    if cut:
        raise InvalidInputError(
            "number-too-fine",
            f"{field} has more than the {decimals} decimals of the order",
            "state what the broker reports, at the order's own scale",
        )
    return value
