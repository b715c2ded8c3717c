"""The ASGI application: routes, bounds, problems, and nothing that a route could forget."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from gateway.api import problems
from gateway.api.answers import DeniedProblem
from gateway.api.bounds import Bounds
from gateway.api.links import add_links
from gateway.api.problems import SCHEMAS, Problem
from gateway.api.routes import (
    accounts,
    alerts,
    cancelling,
    decisions,
    facts,
    halts,
    health,
    live,
    manifests,
    market,
    metrics,
    modes,
    orders,
    pages,
    reconciliation,
    releases,
    replacing,
    secrets,
    settling,
)
from gateway.api.services import make_services
from gateway.bootstrap import App

ROUTERS: Final = tuple(
    group.router
    for group in (
        orders,
        replacing,
        cancelling,
        decisions,
        accounts,
        reconciliation,
        market,
        facts,
        modes,
        halts,
        releases,
        manifests,
        live,
        pages,
        health,
        metrics,
        alerts,
        secrets,
        settling,
    )
)
"""Every address that the gateway has, beside ``/openapi.json``."""


class _Application(FastAPI):
    """Adds the problems' models to the description: no route returns them as its own answer."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once."""
        if self.openapi_schema is None:
            _, models = models_json_schema(
                [(Problem, "serialization"), (DeniedProblem, "serialization")],
                ref_template=SCHEMAS + "{model}",
            )
            document = super().openapi()
            document["components"]["schemas"] |= models["$defs"]
            add_links(document)
            self.openapi_schema = document
        return self.openapi_schema


def build(app: App) -> FastAPI:
    """The application that serves one running gateway.

    Its description is at ``/openapi.json``; interactive pages are left out, because they load
    scripts from other hosts.
    """
    api = _Application(
        title="Writ",
        description="An execution gateway: no order moves without a signed decision.",
        version=version("writ"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    api.state.services = make_services(app)
    problems.install(api)
    api.add_middleware(Bounds)
    for router in ROUTERS:
        api.include_router(router)
    return api
