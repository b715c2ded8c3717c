"""``/v1/mode``, ``omega4``, ``exit-only``, ``kill``, ``resume``, ``halts``: what may trade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

from gateway.api import times
from gateway.api.auth import Admin, Operator, Reader, Resumer
from gateway.api.bodies import ReasonText, StrictBody, body_of, documented_body
from gateway.api.problems import documented
from gateway.api.services import Services, ServicesHere
from gateway.api.times import Instant
from gateway.control.halting import Kept
from gateway.domain.errors import InvalidInputError
from gateway.domain.exits import ExitOnly
from gateway.domain.halt import GLOBAL, Halt, Scope
from gateway.domain.mode import Mode
from gateway.intake.ticket import Account, Name, Symbol

KILL_CAUSE = "OMEGA2_MANUAL"

router = APIRouter(prefix="/v1", tags=["control"])
_CHANGES = documented(401, 403, 409, 415, 422)


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
    forwards: bool
    omega4: Omega4Answer
    halted: bool = Field(description="whether a halt of any scope stands")
    exit_only: list[ExitOnlyAnswer] = Field(description="where exits pass halts")
    release_digest: str
    release_revision: str
    release_label: str


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


_NAMES: Final[Mapping[str, TypeAdapter[str]]] = {
    "global": TypeAdapter(Literal["*"]),
    "account": TypeAdapter(Account),
    "symbol": TypeAdapter(Symbol),
    "strategy": TypeAdapter(Name),
}
"""What an order may have in the field that a scope of this kind is compared with."""


class ScopeBody(StrictBody):
    """What a halt covers; ``name`` is ``*`` for global."""

    kind: Literal["global", "account", "symbol", "strategy"]
    name: str = Field(pattern=r"^(\*|[A-Za-z0-9_.:-][A-Za-z0-9_./:-]{0,63})$")

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        # A halt that no order can ever fall under would only look like one.
        try:
            _NAMES[self.kind].validate_python(self.name)
        except ValidationError:
            raise ValueError(f"no order can have this {self.kind}") from None
        return self


class KillBody(StrictBody):
    """Stop trading; everything, unless ``scope`` narrows it."""

    reason: ReasonText
    scope: ScopeBody | None = None
    reduce_allowed: bool = Field(
        default=False, description="Let orders through that provably only reduce a position."
    )


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


class ResumeBody(StrictBody):
    """Which halt to lift, or ``all``."""

    halt_id: Name
    reason: ReasonText


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


class HaltsAnswer(BaseModel):
    """Halts that stand, or that were just lifted."""

    halts: list[HaltAnswer]


@router.get("/mode", response_model=ModeAnswer, responses=documented(401, 403))
async def read_mode(_who: Reader, services: ServicesHere) -> ModeAnswer:
    """The mode and what stands in the way of forwarding."""
    return _mode(services)


@router.post(
    "/mode",
    response_model=ModeAnswer,
    responses=_CHANGES,
    openapi_extra=documented_body(ModeBody),
)
async def set_mode(
    who: Admin, services: ServicesHere, body: Annotated[ModeBody, Depends(body_of(ModeBody))]
) -> ModeAnswer:
    """Change the mode, on the record; PAPER and LIVE are refused here, with the reason."""
    await services.to_the_end(services.app.modes.set_mode(Mode(body.mode), who.name))
    return _mode(services)


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
    return _mode(services)


@router.post(
    "/exit-only",
    response_model=ModeAnswer,
    responses=documented(401, 403, 404, 409, 415, 422),
    openapi_extra=documented_body(ExitOnlyBody),
)
async def change_exit_only(
    who: Admin,
    services: ServicesHere,
    body: Annotated[ExitOnlyBody, Depends(body_of(ExitOnlyBody))],
) -> ModeAnswer:
    """Let orders that only reduce through halts, or hold them again; by name, on the record."""
    states, scope = services.app.exit_only, _scope(services, body.scope)
    if body.opened:
        until_us = None if body.until is None else times.read(body.until, "until")
        work = states.open(scope, by=who.name, reason=body.reason, until_us=until_us)
    else:
        work = states.close(scope, by=who.name, reason=body.reason)
    await services.to_the_end(work)
    return _mode(services)


@router.post(
    "/kill",
    response_model=HaltAnswer,
    responses=_CHANGES,
    openapi_extra=documented_body(KillBody),
)
async def kill(
    who: Operator, services: ServicesHere, body: Annotated[KillBody, Depends(body_of(KillBody))]
) -> HaltAnswer:
    """Deny from now on and cancel every open order; stands until a named person resumes."""
    scope = _scope(services, body.scope)
    halt = await services.to_the_end(
        services.app.halting.halt(
            cause=KILL_CAUSE,
            scope=scope,
            by=who.name,
            clear_by="admin",
            cancels=True,
            reduce_allowed=body.reduce_allowed,
            reason=body.reason,
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
    halt_ids = list(services.app.book().halts) if body.halt_id == "all" else [body.halt_id]
    lifted: list[Halt] = []
    for halt_id in halt_ids:
        work = halting.resume(halt_id, by=who.name, scopes=who.scopes, reason=body.reason)
        lifted.append(await services.to_the_end(work))
    return HaltsAnswer(halts=[_halt(services, halt) for halt in lifted])


@router.get("/halts", response_model=HaltsAnswer, responses=documented(401, 403))
async def read_halts(_who: Reader, services: ServicesHere) -> HaltsAnswer:
    """Every standing halt."""
    return HaltsAnswer(halts=[_halt(services, halt) for halt in services.app.book().halts.values()])


def _scope(services: Services, body: ScopeBody | None) -> Scope:
    """The scope of a body; everything, if it names none.

    Raises:
        InvalidInputError: ``account-unknown``.
    """
    scope = Scope(body.kind, body.name) if body else GLOBAL
    accounts = services.app.settings.accounts
    if scope.kind == "account" and scope.name not in accounts:
        raise InvalidInputError(
            "account-unknown",
            "this gateway serves no account of that name",
            f"use one of: {', '.join(sorted(accounts))}; without a scope everything is meant",
        )
    return scope


def _mode(services: Services) -> ModeAnswer:
    book, release = services.app.book(), services.app.release
    wall_us = services.app.clock.wall_us()
    lifted = book.omega4_lifted(wall_us)
    until_us = book.omega4_lifted_until_us
    return ModeAnswer(
        mode=book.mode.value,
        forwards=book.mode.forwards,
        omega4=Omega4Answer(
            lifted=lifted, until=times.written(until_us) if lifted and until_us else None
        ),
        halted=bool(book.halts),
        exit_only=[_exit_only(state) for state in book.exit_only.values() if state.stands(wall_us)],
        release_digest=release.digest,
        release_revision=release.revision,
        release_label=release.label,
    )


def _exit_only(state: ExitOnly) -> ExitOnlyAnswer:
    return ExitOnlyAnswer(
        scope=state.scope.kind,
        name=state.scope.name,
        by=state.by,
        reason=state.reason,
        until=None if state.until_us is None else times.written(state.until_us),
    )


def _halt(services: Services, halt: Halt) -> HaltAnswer:
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
    )
