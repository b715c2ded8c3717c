"""``/v1/decisions``, attempts and ``/log``: what was decided, and the proof of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Response
from fastapi import Path as PathParameter
from pydantic import BaseModel, Field

from gateway.api import explain, times
from gateway.api.attempts import AttemptAnswer, attempt_of
from gateway.api.auth import Auditor, Reader
from gateway.api.paging import Id
from gateway.api.problems import documented
from gateway.api.services import Services, ServicesHere
from gateway.domain.book import NONE
from gateway.domain.errors import NotFoundError
from signing import canonical
from signing.tiles import parse_path

router = APIRouter(tags=["decisions"])
_BLOB: Final = re.compile(r"blobs/[0-9a-f]{64}")
_BINARY: Final = "application/octet-stream"


class DecisionDetail(BaseModel):
    """A decision as it stands in the log, with its reasons in words."""

    decision_id: str
    order_id: str
    allow: bool
    index: int
    label: str | None = Field(
        description="research: recorded in RESEARCH, or before a lift of Omega 4; never forwarded. "
        "signed: under a manifest of the officers. unsigned, demonstration: without one"
    )
    decided_at: str
    reasons: list[explain.ReasonAnswer] = Field(description="the controls that were not proven")
    controls: list[explain.ReasonAnswer] = Field(
        description="every required control, those that were not proven first"
    )
    failure: explain.FailureAnswer | None
    base_currency: str = Field(description="what micros are millionths of")
    record: dict[str, Any] = Field(description="the signed fields")
    document: dict[str, Any] | None = Field(
        description="the input document; null when its retention has ended"
    )


@router.get(
    "/v1/decisions/{decision_id}",
    response_model=DecisionDetail,
    responses=documented(401, 403, 404, 422),
)
async def read_decision(_who: Reader, services: ServicesHere, decision_id: Id) -> DecisionDetail:
    """Read one decision, with what it was decided on, in the words of the release it names."""
    index, payload = await _entry(services, decision_id)
    document = await _document(services, payload)
    words = await services.app.words.of(payload["release_digest"])
    return DecisionDetail(
        decision_id=decision_id,
        order_id=payload["order_id"],
        allow=payload["allow"],
        index=index,
        label=None if payload["label"] == NONE else payload["label"],
        decided_at=times.written(payload["at_us"]),
        reasons=explain.recorded_reasons(payload, words),
        controls=explain.recorded_controls(payload, words),
        failure=explain.failure(payload["failure"]),
        base_currency=services.app.release.parsed.base_currency,  # one log has one
        record=dict(payload),
        document=document,
    )


@router.get(
    "/v1/orders/{order_id}/attempt",
    response_model=AttemptAnswer,
    responses=documented(401, 403, 404, 422),
)
async def read_attempt(_who: Reader, services: ServicesHere, order_id: Id) -> AttemptAnswer:
    """Read one attempt as a flat record: what was checked, what stopped it, what came of it."""
    state = await services.app.ledger.order(order_id)
    if state is None:
        raise NotFoundError("order-unknown", "there is no order of that id", "GET /v1/orders")
    _, payload = await _entry(services, state.decision_id)
    return attempt_of(state, payload, await _document(services, payload))


@router.get(
    "/v1/decisions/{decision_id}/receipt",
    response_class=Response,
    responses={
        **documented(401, 403, 404, 422),
        200: {"content": {"text/plain": {}}, "description": "The receipt, a tlog-proof"},
    },
)
async def read_receipt(_who: Reader, services: ServicesHere, decision_id: Id) -> Response:
    """The decision with its proof, to be checked offline (`writ audit verify --receipt`)."""
    index, _ = await _entry(services, decision_id)
    return Response(await services.app.ledger.receipt(index), media_type="text/plain")


@router.get(
    "/log/{path:path}",
    response_class=Response,
    responses={
        **documented(401, 403, 404, 422),
        200: {"content": {_BINARY: {}, "text/plain": {}}, "description": "The file"},
    },
)
async def read_log(
    _who: Auditor,
    services: ServicesHere,
    path: Annotated[str, PathParameter(max_length=200, examples=["checkpoint"])],
) -> Response:
    """Read a file of the published log: checkpoint, tiles, entry bundles, documents."""
    if path != "checkpoint" and _BLOB.fullmatch(path) is None and parse_path(path) is None:
        raise _no_file()
    file: Path = services.app.log_dir / path
    try:
        data = await services.app.host.runner.run(file.read_bytes)
    except FileNotFoundError:
        raise _no_file() from None
    return Response(data, media_type="text/plain" if path == "checkpoint" else _BINARY)


def _no_file() -> NotFoundError:
    return NotFoundError(
        "log-file-unknown", "the published log has no such file", "begin with /log/checkpoint"
    )


async def _entry(services: Services, decision_id: str) -> tuple[int, dict[str, Any]]:
    found = await services.app.ledger.entry(decision_id)
    if found is None:
        raise NotFoundError("decision-unknown", "there is no decision of that id", "GET /v1/orders")
    return found[0], dict(found[1])


async def _document(services: Services, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a decision was made on; ``None`` when its retention has ended."""
    data = await services.app.ledger.document(payload["input_digest"])
    document = canonical.decode(data) if data is not None else None
    assert document is None or isinstance(document, dict)
    return document
