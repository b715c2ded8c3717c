"""``/metrics``: what Prometheus reads, with a key as everybody else."""

from __future__ import annotations

from fastapi import APIRouter, Response

from gateway.api.auth import Reader
from gateway.api.problems import documented
from gateway.api.services import ServicesHere
from gateway.telemetry.metrics import CONTENT_TYPE

router = APIRouter(tags=["service"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {}}, "description": "Metrics in Prometheus' text format"},
        **documented(401, 403),
    },
)
async def read_metrics(_who: Reader, services: ServicesHere) -> Response:
    """Every metric as of now; a scraper shows a key with the scope read as a bearer token."""
    return Response(services.app.observer.metrics.text(), media_type=CONTENT_TYPE)
