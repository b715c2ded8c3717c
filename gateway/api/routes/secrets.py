"""``/v1/secrets``: how good the gateway's secrets still are; where they are, and never what."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.api import times
from gateway.api.auth import Custodians
from gateway.api.problems import documented
from gateway.api.services import ServicesHere
from vault.errors import ProviderError
from vault.standing import SecretStatus

router = APIRouter(prefix="/v1", tags=["service"])


class FlawAnswer(BaseModel):
    """What is wrong, and what to do about it."""

    code: str
    detail: str
    remedy: str


class SecretAnswer(BaseModel):
    """One secret, by its reference."""

    reference: str
    state: str = Field(description="valid, expiring, stale or lost")
    version: str = Field(description="what tells it from the one before; may be empty")
    read_at: str | None = Field(description="when the one in hand was read; null: there is none")
    flaw: FlawAnswer | None = Field(description="null: nothing is wrong")


class SecretsAnswer(BaseModel):
    """Every secret that accounts need, and what stands between them and LIVE."""

    vault: FlawAnswer | None = Field(
        description="why the vault gives nothing new now; null: nothing is known, or none is used"
    )
    secrets: list[SecretAnswer]
    unfit_for_live: list[FlawAnswer] = Field(description="empty: LIVE may go on with them")


@router.get("/secrets", response_model=SecretsAnswer, responses=documented(401, 403))
async def read_secrets(_who: Custodians, services: ServicesHere) -> SecretsAnswer:
    """How good the secrets in hand are; nothing is read anew for it."""
    custody = services.app.custody
    return SecretsAnswer(
        vault=_flaw(custody.trouble),
        secrets=[_secret(status) for status in custody.report()],
        unfit_for_live=[_told(error) for error in custody.unfit_for_live()],
    )


def _secret(status: SecretStatus) -> SecretAnswer:
    return SecretAnswer(
        reference=str(status.reference),
        state=status.state,
        version=status.version,
        read_at=None if status.fetched_us is None else times.written(status.fetched_us),
        flaw=_flaw(status.why),
    )


def _flaw(error: ProviderError | None) -> FlawAnswer | None:
    return None if error is None else _told(error)


def _told(error: ProviderError) -> FlawAnswer:
    return FlawAnswer(code=error.code, detail=error.detail, remedy=error.remedy)
