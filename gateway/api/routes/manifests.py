"""``/v1/manifests``: what officers permit this gateway, and why not more."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.api import times
from gateway.api.access import Principal
from gateway.api.auth import Reader
from gateway.api.problems import documented
from gateway.api.services import ServicesHere
from gateway.control.permission import Report
from gateway.control.trust_reading import Refused, Trust
from gateway.domain.permission import Permission
from signing.manifest import Account

router = APIRouter(prefix="/v1", tags=["control"])


class NamedAccountAnswer(BaseModel):
    """An account that orders may go to."""

    broker: str
    broker_account: str | None
    hosts: list[str] | None = Field(
        description="where its orders go; null for keys without operate, risk or admin"
    )


class AttestationAnswer(BaseModel):
    """A registration, membership or disclosure that the officers vouch for."""

    jurisdiction: str
    kind: str
    reference: str
    valid_until: str


class ManifestAnswer(BaseModel):
    """The manifest that was accepted last."""

    manifest_digest: str
    stands: bool = Field(description="whether it permits anything at this moment")
    lapsed: str | None = Field(description="why not")
    release_in_force: bool = Field(description="whether the release in force is the one it names")
    environment: str
    gateway: str
    mode: str
    epoch: int
    release_digest: str
    limits_digest: str
    accounts: dict[str, NamedAccountAnswer]
    strategies: list[str]
    orders_per_day: int
    notional_per_day_micros: int
    valid_from: str
    valid_until: str
    lapses_at: str = Field(description="its end, or that of the first attestation")
    attestations: list[AttestationAnswer]
    acknowledgement: str = Field(description="the version of the text that officers agreed to")
    at_lapse: str


class TrustAnswer(BaseModel):
    """The officers' trust root, as it was verified last."""

    versions: dict[str, int]
    holds_until: str = Field(description="when the first of its files expires")
    targets_digest: str
    development: bool = Field(description="one officer alone is enough: never for LIVE")
    overlays: list[str] = Field(description="overlays of risk officers for this gateway")


class RefusedAnswer(BaseModel):
    """What the last look did not accept, and what to do about it."""

    verifier: str = Field(description="trust or manifest: whose steps are counted")
    step: int
    code: str
    detail: str
    remedy: str


class ManifestsAnswer(BaseModel):
    """What officers permit; everything is null where no trust root is configured."""

    configured: bool
    doubtful: bool = Field(description="the folder cannot be read; what stood goes on for seconds")
    manifest: ManifestAnswer | None
    trust: TrustAnswer | None
    refused: RefusedAnswer | None


@router.get("/manifests", response_model=ManifestsAnswer, responses=documented(401, 403))
async def read_manifests(who: Reader, services: ServicesHere) -> ManifestsAnswer:
    """The manifest in force, the trust root that it rests on, and what was refused last."""
    report = services.app.permissions.report()
    return ManifestsAnswer(
        configured=services.app.acceptance.reader is not None,
        doubtful=report.doubtful,
        manifest=report.permission and _manifest(report.permission, report, who),
        trust=report.trust and _trust(report.trust),
        refused=report.refused and _refused(report.refused),
    )


def _manifest(permission: Permission, report: Report, who: Principal) -> ManifestAnswer:
    manifest = permission.manifest
    return ManifestAnswer(
        manifest_digest=permission.digest,
        stands=report.lapsed is None,
        lapsed=report.lapsed,
        release_in_force=report.release_in_force,
        environment=manifest.environment,
        gateway=manifest.gateway,
        mode=manifest.mode,
        epoch=manifest.epoch,
        release_digest=manifest.release_digest,
        limits_digest=manifest.limits_digest,
        accounts={alias: _account(one, who) for alias, one in manifest.accounts.items()},
        strategies=list(manifest.strategies),
        orders_per_day=manifest.ceilings.orders_per_day,
        notional_per_day_micros=manifest.ceilings.notional_per_day_micros,
        valid_from=times.written(manifest.valid_from_us),
        valid_until=times.written(manifest.valid_until_us),
        lapses_at=times.written(manifest.lapses_us),
        attestations=[
            AttestationAnswer(
                jurisdiction=one.jurisdiction,
                kind=one.kind,
                reference=one.reference,
                valid_until=times.written(one.valid_until_us),
            )
            for one in manifest.attestations
        ],
        acknowledgement=manifest.acknowledgement.version,
        at_lapse=manifest.at_lapse,
    )


def _account(account: Account, who: Principal) -> NamedAccountAnswer:
    sees = who.sees_hosts
    number = account.broker_account
    return NamedAccountAnswer(
        broker=account.broker,
        broker_account=None if number == "none" else number,
        hosts=list(account.hosts) if sees else None,
    )


def _trust(trust: Trust) -> TrustAnswer:
    return TrustAnswer(
        versions=dict(trust.versions),
        holds_until=times.written(trust.holds_until_us),
        targets_digest=trust.targets_digest,
        development=trust.development,
        overlays=[overlay.name for overlay in trust.overlays],
    )


def _refused(refused: Refused) -> RefusedAnswer:
    return RefusedAnswer(
        verifier=refused.of,
        step=refused.step,
        code=refused.code,
        detail=refused.detail,
        remedy=refused.remedy,
    )
