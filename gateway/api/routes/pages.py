"""``/live``, ``/passkey`` and what they load: pages without a key, and without anything secret."""

from __future__ import annotations

from fastapi import APIRouter, Response

from gateway.console import HEADERS, page

router = APIRouter(include_in_schema=False)


@router.get("/live")
async def read_live_page() -> Response:
    """Where an Admin confirms that LIVE is opened."""
    return _page("live.html")


@router.get("/passkey")
async def read_passkey_page() -> Response:
    """Where an Admin registers a passkey."""
    return _page("passkey.html")


@router.get("/console/page.js")
async def read_script() -> Response:
    """What both pages do."""
    return _page("page.js")


@router.get("/console/page.css")
async def read_style() -> Response:
    """How both pages look."""
    return _page("page.css")


def _page(name: str) -> Response:
    found = page(name)
    return Response(found.content, media_type=found.media_type, headers=dict(HEADERS))
