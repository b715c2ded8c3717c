"""``/healthz``, ``/readyz`` and ``/v1/policy/controls``: is it up, can it decide, and by what."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.api.auth import Reader
from gateway.api.problems import documented
from gateway.api.services import Services, ServicesHere
from gateway.domain.errors import UnavailableError
from gateway.tracking.reconciliation.schedule import FAILED

router = APIRouter(tags=["service"])


class HealthAnswer(BaseModel):
    """The process answers."""

    status: str


class ReadyAnswer(HealthAnswer):
    """Orders can be decided and recorded; what stands in the way of some of them is said."""

    warnings: list[str] = Field(
        default_factory=list[str], description="not there when there are none"
    )


class ControlAnswer(BaseModel):
    """One control of the release in force, with the signed limits that it reads."""

    id: str
    title: str
    description: str
    regulation: list[str]
    remedy: str
    limits: dict[str, int | None] = Field(description="null: the release has no such limit")


class ControlsAnswer(BaseModel):
    """The release's controls and instruments; a limit of 0 proves nothing and denies."""

    release_digest: str
    revision: str
    label: str
    controls: list[ControlAnswer]
    instruments: list[str]


@router.get("/healthz", response_model=HealthAnswer, responses=documented())
async def live() -> HealthAnswer:
    """The process is up; no key needed."""
    return HealthAnswer(status="up")


@router.get(
    "/readyz",
    response_model=ReadyAnswer,
    response_model_exclude_defaults=True,
    responses=documented(),
)
async def ready(services: ServicesHere) -> ReadyAnswer:
    """Orders can be decided, and decisions recorded; 503 when not. No key needed."""
    ledger = services.app.ledger
    if ledger.latched is not None:
        raise UnavailableError(
            "ledger-latched", "nothing can be recorded any more", "see the log, then restart"
        )
    if ledger.full is not None:
        raise UnavailableError("ledger-full", "the disk is full", "make room; it then goes on")
    if ledger.unreachable is not None:
        raise UnavailableError(
            "ledger-unreachable",
            "the database cannot be reached",
            "start its server; it then goes on",
        )
    if ledger.uncertified is not None:
        raise UnavailableError(
            "ledger-uncertified",
            "the certificate of the key that signs has ended, and there is no other",
            "see why the identity key's vault does not sign; it then goes on",
        )
    if services.app.journal.lost:
        raise UnavailableError(
            "record-lost", "more stood unwritten than could be kept", "see the log, then restart"
        )
    why_not = await services.app.releases.readiness()
    if why_not is not None:
        raise UnavailableError(
            "engine-not-ready",
            f"{services.app.engine.name} cannot decide, every order is denied: {why_not}",
            "run `writ doctor` with the gateway's settings",
        )
    return ReadyAnswer(status="ready", warnings=_warnings(services))


def _warnings(services: Services) -> list[str]:
    """What stands in the way of some orders; nobody has shown a key, so no name is told."""
    refused = len(services.app.trust.problems())
    custody = services.app.custody
    unwell = sum(status.why is not None for status in custody.report())
    found = {
        f"of the files of attesters, runs and officers, {refused} refused: "
        "`writ doctor` names them": refused,
        f"of the secrets, {unwell} not as they should be: GET /v1/secrets names them": unwell,
        "the vault gives nothing new now: GET /v1/secrets says why": custody.trouble is not None,
        "the identity key certifies no key for the time to come: the gateway's log says why": (
            services.app.ledger.certificate_problem is not None
        ),
        f"of the alert channels, {_failing(services)} take no notices: GET /v1/alerts names them": (
            _failing(services)
        ),
        "the venue's hours are not known, orders are denied: see the log": _hours_missing(services),
        "an account could not be compared with its broker, its orders are denied: GET /v1/halts": (
            any(halt.cause == FAILED for halt in services.app.book().halts.values())
        ),
    }
    return [warning for warning, stands in found.items() if stands]


def _failing(services: Services) -> int:
    return sum(one.failing is not None for one in services.app.alerting.reports())


def _hours_missing(services: Services) -> bool:
    venue = services.app.venue
    return venue is not None and venue.calendar.hours(services.app.clock.market_us()) is None


@router.get("/v1/policy/controls", response_model=ControlsAnswer, responses=documented(401, 403))
async def read_controls(_who: Reader, services: ServicesHere) -> ControlsAnswer:
    """The controls that every order must pass, in words."""
    release = services.app.release
    return ControlsAnswer(
        release_digest=release.digest,
        revision=release.revision,
        label=release.label,
        controls=[
            ControlAnswer(
                id=control_id,
                title=text.title,
                description=text.description,
                regulation=list(text.regulation),
                remedy=text.remedy,
                limits={name: release.limits.base.get(name) for name in text.limits},
            )
            for control_id, text in sorted(services.app.catalogue.controls.items())
        ],
        instruments=sorted(release.instruments),
    )
