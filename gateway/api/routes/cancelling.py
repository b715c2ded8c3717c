"""``DELETE /v1/orders``: cancel one order, or every open one of a kind."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.api.answers import OrderAnswer, order_answer
from gateway.api.auth import Canceler
from gateway.api.paging import Id
from gateway.api.problems import documented
from gateway.api.proposals import known_order
from gateway.api.services import ServicesHere
from gateway.domain.activity import REQUESTED
from gateway.domain.book import NONE, OrderState
from gateway.domain.errors import NotFoundError, RefusedError
from gateway.intake.ticket import Account, Name, Symbol
from gateway.tracking.cancels import OVER

MULTI_STATUS: Final = 207

router = APIRouter(prefix="/v1/orders", tags=["orders"])


class CancelsQuery(BaseModel):
    """Which open orders: those that fit everything named, or ``all=true`` for every one."""

    model_config = ConfigDict(extra="forbid")

    account: Account | None = None
    symbol: Symbol | None = None
    strategy_id: Name | None = None
    all: Literal["true"] | None = Field(default=None, description="Instead of anything else.")

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        # Nobody should cancel everything by leaving something out.
        named = any(one is not None for one in (self.account, self.symbol, self.strategy_id))
        if named == (self.all is not None):
            raise ValueError("needs account, symbol or strategy_id, or all=true alone")
        return self

    def means(self, order: OrderState) -> bool:
        """Whether an order is one of them."""
        wanted = (self.account, self.symbol, self.strategy_id)
        has = (order.account, order.symbol, order.strategy_id)
        return all(want in (None, there) for want, there in zip(wanted, has, strict=True))


class CancelAnswer(BaseModel):
    """What became of asking for one cancel."""

    order_id: str
    outcome: Literal["asked", "failed", "over"] = Field(
        description="asked: the broker took the request; failed: it did not, and is asked again; "
        "over: there was nothing left to cancel"
    )
    code: str | None = Field(description="why the broker did not take it")


class CancelsAnswer(BaseModel):
    """Every order that was meant; the results of the cancels show in the orders' status."""

    orders: list[CancelAnswer]
    asked: int
    failed: int


@router.delete(
    "",
    status_code=MULTI_STATUS,
    response_model=CancelsAnswer,
    responses=documented(401, 403, 422),
)
async def cancel_orders(
    who: Canceler, services: ServicesHere, query: Annotated[CancelsQuery, Query()]
) -> CancelsAnswer:
    """Ask the brokers to cancel every open order of a kind; each is asked for, whatever fails."""
    cancels = services.app.cancels
    outcomes = await services.to_the_end(cancels.cancel_where(query.means, who.name, REQUESTED))
    orders = [_answer(outcome.order_id, outcome.code) for outcome in outcomes]
    return CancelsAnswer(
        orders=orders,
        asked=sum(order.outcome == "asked" for order in orders),
        failed=sum(order.outcome == "failed" for order in orders),
    )


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
    except NotFoundError:
        known = await known_order(services, order_id)
        raise RefusedError(
            "order-closed", f"order {order_id} is {known.status}", "nothing is left to cancel"
        ) from None
    return OrderAnswer(**order_answer(state))


def _answer(order_id: str, code: str) -> CancelAnswer:
    if code == NONE:
        return CancelAnswer(order_id=order_id, outcome="asked", code=None)
    outcome: Literal["failed", "over"] = "over" if code == OVER else "failed"
    return CancelAnswer(order_id=order_id, outcome=outcome, code=code)
