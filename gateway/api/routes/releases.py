"""``/v1/policy/releases``: the release in force, as the bundle that an OPA server takes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Header, Path, Request, Response

from gateway.api.auth import PolicyReader
from gateway.api.problems import documented
from gateway.domain.errors import NotFoundError
from gateway.policy.opa_server.bundle import ServerBundle
from gateway.policy.opa_server.setup import BUNDLE_FILE, CURRENT, RELEASES

MEDIA_TYPE: Final = "application/gzip"
_ADDRESS: Final = f"{RELEASES}/{{release}}/{BUNDLE_FILE}"
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    **documented(401, 403, 404, 422),
    200: {
        "description": "The bundle; its manifest's revision is the release's digest.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
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


@router.get(_ADDRESS, response_class=Response, responses=_RESPONSES)
async def read_bundle(
    _who: PolicyReader, request: Request, release: ReleaseName, if_none_match: IfNoneMatch = None
) -> Response:
    """Rego and data of the release in force, for an OPA server to decide with."""
    bundle = _named(request, release)
    return _unchanged(bundle, if_none_match) or Response(
        bundle.data, media_type=MEDIA_TYPE, headers=_headers(bundle)
    )


@router.head(_ADDRESS, include_in_schema=False)
async def look_at_bundle(
    _who: PolicyReader, request: Request, release: ReleaseName, if_none_match: IfNoneMatch = None
) -> Response:
    """The bundle's tag and length alone."""
    bundle = _named(request, release)
    length = {"Content-Length": str(len(bundle.data))}
    return _unchanged(bundle, if_none_match) or Response(
        media_type=MEDIA_TYPE, headers=_headers(bundle) | length
    )


def _named(request: Request, release: str) -> ServerBundle:
    bundle = cast("ServerBundle", request.app.state.server_bundle)
    if release not in (CURRENT, bundle.revision):
        raise NotFoundError(
            "release-unknown",
            "that release is not in force here",
            f"ask for `{CURRENT}`; GET /v1/mode tells which one it is",
        )
    return bundle


def _unchanged(bundle: ServerBundle, if_none_match: str | None) -> Response | None:
    """304 if the caller has these bytes (RFC 9110, 13.1.2: the weak comparison)."""
    tags = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    if tags.isdisjoint({_tag(bundle), "*"}):
        return None
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=_headers(bundle))


def _headers(bundle: ServerBundle) -> dict[str, str]:
    return {"ETag": _tag(bundle), "Cache-Control": "private, no-cache"}


def _tag(bundle: ServerBundle) -> str:
    return f'"{bundle.digest}"'
