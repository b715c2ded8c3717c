"""``/v1/policy``: the release in force, its switch, and the bundle that an OPA server takes."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Response
from pydantic import BaseModel, Field

from gateway.api.auth import Admin, PolicyReader, Reader
from gateway.api.bodies import StrictBody, body_of, documented_body
from gateway.api.problems import documented
from gateway.api.services import Services, ServicesHere
from gateway.domain.errors import NotFoundError
from gateway.policy.opa_server.bundle import ServerBundle
from gateway.policy.opa_server.setup import BUNDLE_FILE, CURRENT, LONG_POLL_S, RELEASES
from gateway.policy.switching import Switched

MEDIA_TYPE: Final = "application/gzip"
WAITED_MEDIA_TYPE: Final = "application/vnd.openpolicyagent.bundles"
"""How OPA is told that its wish to wait for the next bundle was understood."""

_ADDRESS: Final = f"{RELEASES}/{{release}}/{BUNDLE_FILE}"
_WAIT: Final = re.compile(r"(?:^|[;,])\s*wait=([0-9]{1,4})(?=\s*(?:[;,]|$))")
_CONTENT: Final = {"schema": {"type": "string", "format": "binary"}}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    **documented(401, 403, 404, 422),
    200: {
        "description": "The bundle; its manifest's revision is the release's digest.",
        "content": {MEDIA_TYPE: _CONTENT, WAITED_MEDIA_TYPE: _CONTENT},
        "headers": {"ETag": {"schema": {"type": "string"}}},
    },
    304: {"description": "The bundle is the one that the caller has."},
}

router = APIRouter(tags=["service"])

ReleaseName = Annotated[
    str,
    Path(
        pattern=rf"^({CURRENT}|[0-9a-f]{{64}})$",
        description=f"`{CURRENT}`, or the digest of the release in force",
    ),
]
IfNoneMatch = Annotated[str | None, Header(max_length=4096)]
Prefer = Annotated[
    str | None,
    Header(max_length=256, description=f"`wait=N`: wait up to N (at most {LONG_POLL_S}) seconds"),
]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ActiveAnswer(BaseModel):
    """The release in force and what decides by it."""

    release_digest: str
    revision: str
    label: str
    opa_version: str
    bundle_digest: str
    wasm_digest: str
    data_digest: str
    engine: str
    engine_version: str
    switch_under_way: bool


class SwitchBody(StrictBody):
    """The release to switch to, as the operator means it; the folder must hold that one."""

    digest: Digest


class FlipAnswer(BaseModel):
    """A recorded order that the new release decides otherwise; it stays as it was decided."""

    decision_id: str
    allowed: bool
    allows: bool
    controls: list[str] = Field(description="the controls that are not proven under the new one")


class SwitchAnswer(BaseModel):
    """What the switch did."""

    changed: bool = Field(description="false: the release was in force already")
    previous_digest: str
    active: ActiveAnswer
    paused_us: int = Field(description="how long orders waited at the most, in microseconds")
    canaries: int = Field(description="documents that had to be denied, and were")
    recorded: int = Field(description="recorded orders that were decided again")
    flips: list[FlipAnswer]
    controls_removed: list[str] = Field(
        description="controls that the release before required and this one does not"
    )


@router.get("/v1/policy/active", response_model=ActiveAnswer, responses=documented(401, 403))
async def read_active(_who: Reader, services: ServicesHere) -> ActiveAnswer:
    """Which release decides now."""
    return _active(services)


@router.post(
    "/v1/policy/switch",
    response_model=SwitchAnswer,
    responses=documented(401, 403, 409, 415, 422),
    openapi_extra=documented_body(SwitchBody),
)
async def switch_release(
    who: Admin, services: ServicesHere, body: Annotated[SwitchBody, Depends(body_of(SwitchBody))]
) -> SwitchAnswer:
    """Put the release in the release folder into force, between two turns, on the record.

    Where a halt follows from its limits, this answers when the halt is recorded.
    """
    done = await services.to_the_end(_switch(services, body.digest, who.name))
    return _switched(services, done)


@router.get(_ADDRESS, response_class=Response, responses=_RESPONSES)
async def read_bundle(
    _who: PolicyReader,
    services: ServicesHere,
    release: ReleaseName,
    if_none_match: IfNoneMatch = None,
    prefer: Prefer = None,
) -> Response:
    """Rego and data of the release in force, for an OPA server to decide with.

    A caller that has them may wait for the next ones, which come the moment there are any.
    """
    bundle, media_type = _named(services, release), MEDIA_TYPE
    wished = _WAIT.search(prefer or "")
    if wished is not None and release == CURRENT:
        if _has(bundle, if_none_match):
            wait_s = min(int(wished[1]), LONG_POLL_S)
            waited = await services.app.releases.changed(bundle.digest, wait_s)
            media_type = WAITED_MEDIA_TYPE if waited else MEDIA_TYPE
        else:
            media_type = WAITED_MEDIA_TYPE
        bundle = _named(services, release)
    if _has(bundle, if_none_match):
        return Response(
            status_code=HTTPStatus.NOT_MODIFIED, headers=_headers(bundle), media_type=media_type
        )
    return Response(bundle.data, media_type=media_type, headers=_headers(bundle))


@router.head(_ADDRESS, include_in_schema=False)
async def look_at_bundle(
    _who: PolicyReader,
    services: ServicesHere,
    release: ReleaseName,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The bundle's tag and length alone."""
    bundle = _named(services, release)
    if _has(bundle, if_none_match):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=_headers(bundle))
    length = {"Content-Length": str(len(bundle.data))}
    return Response(media_type=MEDIA_TYPE, headers=_headers(bundle) | length)


def _active(services: Services) -> ActiveAnswer:
    in_force = services.app.releases.current
    release = in_force.release
    return ActiveAnswer(
        release_digest=release.digest,
        revision=release.revision,
        label=release.label,
        opa_version=release.opa_version,
        bundle_digest=release.bundle_digest,
        wasm_digest=release.wasm_digest,
        data_digest=release.data_digest,
        engine=in_force.engine.name,
        engine_version=in_force.engine.version,
        switch_under_way=services.app.switching.under_way,
    )


async def _switch(services: Services, digest: str, by: str) -> Switched:
    """Orders that work were allowed by the limits before; the new ones may ask for a halt."""
    done = await services.app.switching.switch(digest, by)
    if done.changed:
        await services.app.triggers.evaluate()
    return done


def _switched(services: Services, done: Switched) -> SwitchAnswer:
    return SwitchAnswer(
        changed=done.changed,
        previous_digest=done.previous,
        active=_active(services),
        paused_us=done.paused_us,
        canaries=done.canaries,
        recorded=done.recorded,
        flips=[
            FlipAnswer(
                decision_id=flip.decision_id,
                allowed=flip.allowed,
                allows=flip.allows,
                controls=list(flip.controls),
            )
            for flip in done.flips
        ],
        controls_removed=list(done.controls_removed),
    )


def _named(services: Services, release: str) -> ServerBundle:
    """The bundle of that name: during a switch a server is handed the next one as the current."""
    releases = services.app.releases
    if release == CURRENT:
        return releases.served
    known = {bundle.revision: bundle for bundle in (releases.served, releases.current.bundle)}
    if release not in known:
        raise NotFoundError(
            "release-unknown",
            "that release is not in force here",
            f"ask for `{CURRENT}`; GET /v1/policy/active tells which one it is",
        )
    return known[release]


def _has(bundle: ServerBundle, if_none_match: str | None) -> bool:
    """Whether the caller has these bytes (RFC 9110, 13.1.2: the weak comparison)."""
    tags = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    return not tags.isdisjoint({_tag(bundle), "*"})


def _headers(bundle: ServerBundle) -> dict[str, str]:
    return {"ETag": _tag(bundle), "Cache-Control": "private, no-cache"}


def _tag(bundle: ServerBundle) -> str:
    return f'"{bundle.digest}"'
