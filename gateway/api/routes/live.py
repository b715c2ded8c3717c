"""``/v1/live`` and ``/v1/passkeys``: the steps to LIVE, and the passkeys that open it.

The steps need an Admin's key. What a passkey answers comes from a browser, which has none: there
the link's own id stands in its place, 256 random bits that are good once and for minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway.api import times
from gateway.api.auth import Admin
from gateway.api.bodies import StrictBody, body_of, documented_body
from gateway.api.live_answers import (
    ConfirmationAnswer,
    LiveAnswer,
    confirmation_answer,
    live_answer,
)
from gateway.api.passkey_answers import Assertion, Attested
from gateway.api.problems import documented
from gateway.api.services import Services, ServicesHere
from gateway.control.live.confirming import Pending
from gateway.control.live.ladder import (
    ACKNOWLEDGEMENT,
    CONFIGURATION,
    CREDENTIALS,
    ENABLE,
    RISK,
)

router = APIRouter(prefix="/v1", tags=["control"])
_ANSWERS: Final = documented(404, 409, 415, 422)

LinkId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
Encoded = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,8192}$")]
"""Bytes in base64url without padding."""
CredentialId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,1400}$")]


_ABSENT: Final = {"type": "null"}
_SAYS: Final[Sequence[tuple[Sequence[str], str | None]]] = (
    ((CONFIGURATION,), "manifest_digest"),
    ((ACKNOWLEDGEMENT,), "acknowledgement"),
    ((RISK, CREDENTIALS, ENABLE), None),
)
"""Which field belongs to which steps."""


def _saying(steps: Sequence[str], field: str | None) -> dict[str, Any]:
    """The part of the body's schema that says so."""
    said = {
        name: {"type": "string"} if name == field else _ABSENT
        for name in ("manifest_digest", "acknowledgement")
    }
    wanted = {} if field is None else {"required": [field]}
    return {"properties": {"step": {"enum": list(steps)}, **said}, **wanted}


class StepBody(StrictBody):
    """A step; the first names the manifest, the second repeats what its acknowledgement is."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [_saying(steps, field) for steps, field in _SAYS]}
    )

    step: Literal["configuration", "acknowledgement", "risk", "credentials", "enable"]
    manifest_digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    acknowledgement: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}$")] | None
    ) = Field(default=None, description="the acknowledgement's version")

    @model_validator(mode="after")
    def _says_what_its_step_asks(self) -> Self:
        if (self.manifest_digest is not None) != (self.step == CONFIGURATION):
            raise ValueError("manifest_digest belongs to the step configuration, and to no other")
        if (self.acknowledgement is not None) != (self.step == ACKNOWLEDGEMENT):
            raise ValueError("acknowledgement belongs to the step of that name, and to no other")
        return self


class StepTaken(BaseModel):
    """LIVE after the step; the last one gives the link where its passkey is asked for."""

    live: LiveAnswer
    confirm_at: str | None = Field(description="open it in a browser: good once, five minutes")
    until: str | None


class ConfirmationBody(StrictBody):
    """The id of a link: what stands behind its #."""

    confirmation: LinkId


class AssertionBody(ConfirmationBody):
    """What navigator.credentials.get gave."""

    credential_id: CredentialId
    client_data: Encoded
    authenticator_data: Encoded
    signature: Encoded
    user_handle: Encoded | None = None


class OpenedAnswer(BaseModel):
    """LIVE is open."""

    open: bool
    instance: str
    by: str


class InvitationBody(StrictBody):
    """The id of a link that `writ access passkey` printed."""

    invitation: LinkId


class AttestedBody(InvitationBody):
    """What navigator.credentials.create gave."""

    credential_id: CredentialId
    client_data: Encoded
    attestation_object: Encoded


class InvitedAnswer(BaseModel):
    """Whose passkey it will be, and the browser's options for it."""

    name: str
    options: dict[str, object]


class RegisteredAnswer(BaseModel):
    """Whose passkey it is."""

    name: str


@router.post(
    "/live/steps",
    response_model=StepTaken,
    responses=documented(401, 403, 409, 415, 422),
    openapi_extra=documented_body(StepBody),
)
async def take_step(
    who: Admin, services: ServicesHere, body: Annotated[StepBody, Depends(body_of(StepBody))]
) -> StepTaken:
    """Take one of the five steps to LIVE, on the record, or be refused on the record."""
    live = services.app.live
    # Without an origin the last step's link would lead nowhere.
    origin = services.passkeys.origin().text if body.step == ENABLE else ""
    said = body.manifest_digest or body.acknowledgement or ""
    asked = await services.to_the_end(live.step(body.step, said, who.name))
    return StepTaken(
        live=live_answer(live.status(), who),
        confirm_at=None if asked is None else f"{origin}/live#{asked.confirmation_id}",
        until=None if asked is None else times.written(asked.ends_us),
    )


@router.post(
    "/live/confirmation",
    response_model=ConfirmationAnswer,
    responses=_ANSWERS,
    openapi_extra=documented_body(ConfirmationBody),
)
async def read_confirmation(
    services: ServicesHere,
    body: Annotated[ConfirmationBody, Depends(body_of(ConfirmationBody))],
) -> ConfirmationAnswer:
    """What a link is about to open; no key needed, but the link's id."""
    pending = services.app.live.asked(body.confirmation)
    return confirmation_answer(pending, await services.passkeys.options(pending))


@router.post(
    "/live/confirmation/answer",
    response_model=OpenedAnswer,
    responses=_ANSWERS,
    openapi_extra=documented_body(AssertionBody),
)
async def answer_confirmation(
    services: ServicesHere, body: Annotated[AssertionBody, Depends(body_of(AssertionBody))]
) -> OpenedAnswer:
    """Open LIVE by the Admin's passkey; the link is used with this, whatever comes of it."""
    given = Assertion(
        body.credential_id,
        body.client_data,
        body.authenticator_data,
        body.signature,
        body.user_handle,
    )
    return await services.to_the_end(_confirm(services, body.confirmation, given))


async def _confirm(services: Services, confirmation_id: str, given: Assertion) -> OpenedAnswer:
    by = list[str]()

    async def verify(pending: Pending) -> Mapping[str, Any]:
        by.append(pending.by)
        return await services.passkeys.verify(pending, given)

    live = services.app.live
    await live.confirm(confirmation_id, verify)
    status = live.status()
    return OpenedAnswer(open=status.open, instance=status.instance, by=by[0])


@router.post(
    "/passkeys/registration",
    response_model=InvitedAnswer,
    responses=_ANSWERS,
    openapi_extra=documented_body(InvitationBody),
)
async def read_invitation(
    services: ServicesHere, body: Annotated[InvitationBody, Depends(body_of(InvitationBody))]
) -> InvitedAnswer:
    """Begin to register the invited person's passkey; no key needed, but the link's id."""
    name, options = await services.passkeys.invited(body.invitation)
    return InvitedAnswer(name=name, options=options)


@router.post(
    "/passkeys/registration/answer",
    response_model=RegisteredAnswer,
    responses=_ANSWERS,
    openapi_extra=documented_body(AttestedBody),
)
async def answer_invitation(
    services: ServicesHere, body: Annotated[AttestedBody, Depends(body_of(AttestedBody))]
) -> RegisteredAnswer:
    """Register the passkey; the link is used with this."""
    given = Attested(body.credential_id, body.client_data, body.attestation_object)
    name = await services.to_the_end(services.passkeys.register(body.invitation, given))
    return RegisteredAnswer(name=name)
