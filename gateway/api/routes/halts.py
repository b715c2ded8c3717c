"""``/v1/kill``, ``resume`` and ``halts``: stopping, and who lets it go on."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from gateway.api import times
from gateway.api.auth import Operator, Reader, Resumer
from gateway.api.bodies import ReasonText, StrictBody, body_of, documented_body
from gateway.api.problems import documented
from gateway.api.scopes import ScopeBody, scope_of
from gateway.api.services import Services, ServicesHere
from gateway.control.halting import MANUAL, Kept
from gateway.domain.halt import Halt
from gateway.intake.ticket import Name
from gateway.tracking.outstanding import Outstanding

ALL: Final = "all"
"""What is sent as ``halt_id`` to lift every halt."""
UNCANCELLED_MAX: Final = 100
"""How many of a halt's uncancelled orders an answer names."""

router = APIRouter(prefix="/v1", tags=["control"])


class KillBody(StrictBody):
    """Stop trading; everything, unless ``scope`` narrows it."""

    reason: ReasonText
    scope: ScopeBody | None = None
    reduce_allowed: bool = Field(
        default=False, description="Let orders through that provably only reduce a position."
    )


class ResumeBody(StrictBody):
    """Which halt to lift, or ``all``."""

    halt_id: Name
    reason: ReasonText


class UncancelledAnswer(BaseModel):
    """An order that a halt wants cancelled, and that is not yet."""

    order_id: str
    account: str
    symbol: str
    code: str = Field(
        description="why the broker did not take the cancel; none: it took it and has not "
        "confirmed it yet"
    )
    asked: str | None = Field(description="when the broker was asked last; null: not yet")
    times: int = Field(description="how often it was asked")


class HaltAnswer(BaseModel):
    """A standing halt; ``observed`` and ``limit`` where a threshold was crossed."""

    halt_id: str
    scope: str
    name: str
    cause: str
    cancels: bool
    reduce_allowed: bool
    clear_by: str
    by: str
    observed: int | None
    limit: int | None
    reason: str | None
    kept: Kept = Field(
        description="log: recorded; marker: the ledger did not take it, a restart will enter it; "
        "memory: neither could be written, so it ends with the process"
    )
    uncancelled_count: int = Field(description="orders that it wants cancelled and that work yet")
    uncancelled: list[UncancelledAnswer] = Field(
        description=f"the first {UNCANCELLED_MAX} of them; each is asked for again by itself"
    )


class HaltsAnswer(BaseModel):
    """Halts that stand, or that were just lifted."""

    halts: list[HaltAnswer]


@router.post(
    "/kill",
    response_model=HaltAnswer,
    responses=documented(401, 403, 409, 415, 422),
    openapi_extra=documented_body(KillBody),
)
async def kill(
    who: Operator, services: ServicesHere, body: Annotated[KillBody, Depends(body_of(KillBody))]
) -> HaltAnswer:
    """Deny from now on and cancel every open order; stands until a named person resumes."""
    scope = scope_of(services, body.scope)
    halt = await services.to_the_end(
        services.app.halting.halt(
            cause=MANUAL,
            scope=scope,
            by=who.name,
            clear_by="admin",
            cancels=True,
            reduce_allowed=body.reduce_allowed,
            reason=body.reason,
            insists=True,
        )
    )
    return _halt(services, halt)


@router.post(
    "/resume",
    response_model=HaltsAnswer,
    responses=documented(401, 403, 404, 409, 415, 422),
    openapi_extra=documented_body(ResumeBody),
)
async def resume_halt(
    who: Resumer, services: ServicesHere, body: Annotated[ResumeBody, Depends(body_of(ResumeBody))]
) -> HaltsAnswer:
    """Lift a halt, or all of them, by name and with a reason; cancelled orders stay cancelled."""
    halting = services.app.halting
    if body.halt_id == ALL:
        work = halting.resume_all(by=who.name, scopes=who.scopes, reason=body.reason)
        lifted = await services.to_the_end(work)
    else:
        one = halting.resume(body.halt_id, by=who.name, scopes=who.scopes, reason=body.reason)
        lifted = [await services.to_the_end(one)]
    return HaltsAnswer(halts=[_halt(services, halt) for halt in lifted])


@router.get("/halts", response_model=HaltsAnswer, responses=documented(401, 403))
async def read_halts(_who: Reader, services: ServicesHere) -> HaltsAnswer:
    """Every standing halt."""
    return HaltsAnswer(halts=[_halt(services, halt) for halt in services.app.book().halts.values()])


def _halt(services: Services, halt: Halt) -> HaltAnswer:
    waiting = services.app.cancels.outstanding(halt.scope) if halt.cancels else []
    return HaltAnswer(
        halt_id=halt.halt_id,
        scope=halt.scope.kind,
        name=halt.scope.name,
        cause=halt.cause,
        cancels=halt.cancels,
        reduce_allowed=halt.reduce_allowed,
        clear_by=halt.clear_by,
        by=halt.by,
        observed=halt.observed,
        limit=halt.limit,
        reason=halt.reason,
        kept=services.app.halting.kept(halt.halt_id),
        uncancelled_count=len(waiting),
        uncancelled=[_uncancelled(one) for one in waiting[:UNCANCELLED_MAX]],
    )


def _uncancelled(order: Outstanding) -> UncancelledAnswer:
    return UncancelledAnswer(
        order_id=order.order_id,
        account=order.account,
        symbol=order.symbol,
        code=order.code,
        asked=times.written(order.asked_us) if order.times else None,
        times=order.times,
    )
