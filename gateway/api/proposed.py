"""The answer to a proposal: an allowed order, or the denial in the words of its release."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from gateway.api import explain
from gateway.api.answers import AcceptedOrder, order_answer
from gateway.api.problems import MEDIA_TYPE, SCHEMAS, documented, problem
from gateway.api.proposals import Answered
from gateway.api.services import Services
from gateway.intake.idempotency import KEY_PATTERN
from gateway.intake.ticket import OrderBody

WAIT_MAX_S: Final = 30
_WAIT: Final = re.compile(r'(?:.*[,;])?\s*wait\s*=\s*"?([0-9]{1,4})"?\s*(?:[,;].*)?')

PROPOSAL_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    **documented(401, 403, 404, 409, 415, 422),
    201: {"model": AcceptedOrder, "description": "Allowed: recorded, signed and durable"},
    403: {
        "description": "Denied (order-denied: recorded and signed), or the key lacks the scope",
        "content": {
            MEDIA_TYPE: {
                "schema": {
                    "anyOf": [{"$ref": SCHEMAS + "DeniedProblem"}, {"$ref": SCHEMAS + "Problem"}]
                }
            }
        },
    },
}
"""The ``responses`` of a route that proposes."""

PROPOSAL_PARAMETERS: Final[list[dict[str, Any]]] = [
    {
        "name": "idempotency-key",
        "in": "header",
        "required": False,
        "description": "New for each new order, the same for a repetition. Needed unless "
        "the body has a client_order_id.",
        "schema": {"type": "string", "pattern": KEY_PATTERN},
    },
    {
        "name": "prefer",
        "in": "header",
        "required": False,
        "description": "`wait=N` waits up to N seconds for the broker's first answer.",
        "schema": {"type": "string"},
    },
]
"""The headers that a route takes which proposes and reads its request by hand."""


async def proposed(
    services: Services, request: Request, body: OrderBody, answered: Answered
) -> Response:
    """What the caller is told of a recorded decision, after as long a wait as was asked for."""
    headers = {"Location": f"/v1/orders/{answered.state.order_id}"}
    if answered.replayed:
        headers["Idempotency-Replayed"] = "true"
    if not answered.state.allow:
        return await _denied(services, answered, headers)
    state = answered.state
    wait_s = _wait_s(request.headers.get("prefer"))
    if wait_s:
        headers["Preference-Applied"] = f"wait={wait_s}"
        state = await services.app.pipeline.first_answer(state.order_id, wait_s * 1000) or state
    requested = {
        "qty": body.qty,
        "limit_price": body.limit_price,
        "stop_price": body.stop_price,
    }
    content = order_answer(state, answered.index) | {"requested": requested}
    return JSONResponse(content, status_code=201, headers=headers)


async def _denied(services: Services, answered: Answered, headers: Mapping[str, str]) -> Response:
    """A denial: a recorded decision, told as a problem in the words of the release it names."""
    state = answered.state
    words = await services.app.words.of(state.release_digest)
    reasons = explain.reasons(state.reasons, words)
    failed = explain.failure(state.failure)
    remedy = failed.remedy if failed else reasons[0].remedy if reasons else ""
    members = {
        "decision_id": state.decision_id,
        "order_id": state.order_id,
        "index": answered.index,
        "label": None if state.label == "none" else state.label,
        "reasons": [reason.model_dump() for reason in reasons],
        "base_currency": services.app.release.parsed.base_currency,
        "failure": failed.model_dump() if failed else None,
    }
    return problem(
        403,
        "order-denied",
        explain.summary(reasons, failed),
        remedy.strip(),
        headers=headers,
        members=members,
    )


def _wait_s(prefer: str | None) -> int:
    """The seconds of ``Prefer: wait=N``, at most 30; other preferences are ours to ignore."""
    match = _WAIT.fullmatch(prefer) if prefer and prefer.isascii() else None
    return min(int(match[1]), WAIT_MAX_S) if match else 0
