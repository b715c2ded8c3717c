"""``/v1/mode``, ``omega4`` and ``exit-only``: what becomes of an allowed order."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, model_validator

from gateway.api import times
from gateway.api.access import Principal
from gateway.api.auth import Admin, Reader, RiskOfficer
from gateway.api.bodies import ReasonText, StrictBody, body_of, documented_body
from gateway.api.live_answers import LiveAnswer, live_answer
from gateway.api.problems import documented
from gateway.api.scopes import ScopeBody, scope_of
from gateway.api.services import Services, ServicesHere
from gateway.api.times import Instant
from gateway.domain.exits import ExitOnly
from gateway.domain.mode import Mode

router = APIRouter(prefix="/v1", tags=["control"])
_CHANGES: Final = documented(401, 403, 409, 415, 422)


class Omega4Answer(BaseModel):
    """Whether the research-only directive is lifted, and until when (null: no end was set)."""

    lifted: bool
    until: str | None


class ExitOnlyAnswer(BaseModel):
    """An open exit-only state: orders in its scope that only reduce pass halts."""

    scope: str
    name: str
    by: str
    reason: str
    until: str | None = Field(description="null: until it is closed")


class ModeAnswer(BaseModel):
    """What the gateway does with an allowed order, and the release it decides by."""

    mode: str
    forwards: bool = Field(description="whether an allowed order may go out: in LIVE, once open")
    omega4: Omega4Answer
    halted: bool = Field(description="whether a halt of any scope stands")
    exit_only: list[ExitOnlyAnswer] = Field(description="where exits pass halts")
    release_digest: str
    release_revision: str
    release_label: str
    live: LiveAnswer


class ModeBody(StrictBody):
    """The mode to change to."""

    mode: Literal["RESEARCH", "SIMULATION", "PAPER", "LIVE"]


class Omega4Body(StrictBody):
    """Lift the directive, or restore it; a lift may be given an end."""

    lifted: bool
    reason: ReasonText
    until: Instant | None = None

    @model_validator(mode="after")
    def _only_a_lift_ends(self) -> Self:
        if self.until is not None and not self.lifted:
            raise ValueError("only a lift has an end: leave until out")
        return self


class ExitOnlyBody(StrictBody):
    """Open an exit-only state, or close it; one for everything, unless ``scope`` narrows it."""

    opened: bool
    reason: ReasonText
    scope: ScopeBody | None = None
    until: Instant | None = None

    @model_validator(mode="after")
    def _only_an_open_one_ends(self) -> Self:
        if self.until is not None and not self.opened:
            raise ValueError("only what is opened has an end: leave until out")
        return self


@router.get("/mode", response_model=ModeAnswer, responses=documented(401, 403))
async def read_mode(who: Reader, services: ServicesHere) -> ModeAnswer:
    """The mode and what stands in the way of forwarding."""
    return _mode(services, who)


@router.post(
    "/mode",
    response_model=ModeAnswer,
    responses=_CHANGES,
    openapi_extra=documented_body(ModeBody),
)
async def set_mode(
    who: Admin, services: ServicesHere, body: Annotated[ModeBody, Depends(body_of(ModeBody))]
) -> ModeAnswer:
    """Change the mode, on the record; PAPER and LIVE need a manifest, and LIVE begins closed.

    Where a halt is due in the new mode, this answers when the halt is recorded.
    """
    await services.to_the_end(_set_mode(services, Mode(body.mode), who.name))
    return _mode(services, who)


@router.post(
    "/omega4",
    response_model=ModeAnswer,
    responses=_CHANGES,
    openapi_extra=documented_body(Omega4Body),
)
async def change_omega4(
    who: Admin, services: ServicesHere, body: Annotated[Omega4Body, Depends(body_of(Omega4Body))]
) -> ModeAnswer:
    """Lift or restore the research-only directive, on the record."""
    modes = services.app.modes
    if body.lifted:
        until_us = None if body.until is None else times.read(body.until, "until")
        await services.to_the_end(modes.lift_omega4(who.name, body.reason, until_us))
    else:
        await services.to_the_end(modes.restore_omega4(who.name, body.reason))
    return _mode(services, who)


@router.post(
    "/exit-only",
    response_model=ModeAnswer,
    responses=documented(401, 403, 404, 409, 415, 422),
    openapi_extra=documented_body(ExitOnlyBody),
)
async def change_exit_only(
    who: RiskOfficer,
    services: ServicesHere,
    body: Annotated[ExitOnlyBody, Depends(body_of(ExitOnlyBody))],
) -> ModeAnswer:
    """Let orders that only reduce through halts, or hold them again; by name, on the record."""
    states, scope = services.app.exit_only, scope_of(services, body.scope)
    if body.opened:
        until_us = None if body.until is None else times.read(body.until, "until")
        work = states.open(scope, by=who.name, reason=body.reason, until_us=until_us)
    else:
        work = states.close(scope, by=who.name, reason=body.reason)
    await services.to_the_end(work)
    return _mode(services, who)


async def _set_mode(services: Services, mode: Mode, by: str) -> None:
    """In RESEARCH no halt is asked for, so what is due is asked once the mode forwards."""
    await services.app.modes.set_mode(mode, by)
    services.app.live.reconsider()  # LIVE is of its mode: whoever leaves it closes it
    await services.app.triggers.evaluate()


def _mode(services: Services, who: Principal) -> ModeAnswer:
    book, release = services.app.book(), services.app.release
    wall_us = services.app.clock.wall_us()
    live = services.app.live.status()
    lifted = book.omega4_lifted(wall_us)
    until_us = book.omega4_lifted_until_us
    return ModeAnswer(
        mode=book.mode.value,
        forwards=book.mode.forwards and (book.mode is not Mode.LIVE or live.open),
        omega4=Omega4Answer(
            lifted=lifted, until=times.written(until_us) if lifted and until_us else None
        ),
        halted=bool(book.halts),
        exit_only=[_exit_only(state) for state in book.exit_only.values() if state.stands(wall_us)],
        release_digest=release.digest,
        release_revision=release.revision,
        release_label=release.label,
        live=live_answer(live, who),
    )


def _exit_only(state: ExitOnly) -> ExitOnlyAnswer:
    return ExitOnlyAnswer(
        scope=state.scope.kind,
        name=state.scope.name,
        by=state.by,
        reason=state.reason,
        until=None if state.until_us is None else times.written(state.until_us),
    )
