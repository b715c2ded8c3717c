"""``/console``, ``/live``, ``/passkey`` and what they load: without a key, with nothing secret."""

from __future__ import annotations

from fastapi import APIRouter, Response

from gateway.console import HEADERS, page

router = APIRouter(include_in_schema=False)


@router.get("/console")
async def read_console() -> Response:
    """Where people stop and resume, with a key that they give to the page."""
    return _page("console.html")


@router.get("/console/console.js")
async def read_console_script() -> Response:
    """What it does."""
    return _page("console.js")


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
    """What the pages of passkeys do."""
    return _page("page.js")


@router.get("/console/page.css")
async def read_style() -> Response:
    """How all of them look."""
    return _page("page.css")


def _page(name: str) -> Response:
    found = page(name)
    return Response(found.content, media_type=found.media_type, headers=dict(HEADERS))
