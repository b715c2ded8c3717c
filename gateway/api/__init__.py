"""The HTTP door: routes, keys, problems; everything it says is in the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from gateway.bootstrap import App


def create_api(app: App) -> FastAPI:
    """The ASGI application that serves one running gateway."""
    from gateway.api.application import build  # noqa: PLC0415  `writ access` needs no server

    return build(app)
