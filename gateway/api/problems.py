"""Every error as ``application/problem+json`` (RFC 9457), with a stable ``code`` and a remedy.

What rooms raise is translated here and nowhere else. An error that is none of ours is a defect:
it is logged, told as ``internal-error``, and nothing is assumed to have happened.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from gateway.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    UnavailableError,
    WritError,
)

MEDIA_TYPE: Final = "application/problem+json"
SCHEMAS: Final = "#/components/schemas/"
"""Where the OpenAPI document keeps its models."""
_ERRORS_MAX: Final = 16
_TEXT_MAX: Final = 200
_SLASHED: Final = ("/log/{path}", "/v1/facts/{name}")
"""Addresses whose parameter may hold a slash: a file's path, a pair of currencies."""
_PARAMETER: Final = re.compile(r"\{\w+\}")
_log = logging.getLogger(__name__)


class FieldProblem(BaseModel):
    """One field that could not be taken; the value itself is never repeated."""

    field: str
    code: str
    detail: str


class Problem(BaseModel):
    """An error. ``code`` is stable and part of the interface; the texts are for people."""

    type: str = Field(description="urn:writ:problem: followed by the code")
    title: str
    status: int
    code: str
    detail: str
    remedy: str = ""
    errors: list[FieldProblem] | None = None


_STATUS_BY_CLASS: Final[Sequence[tuple[type[WritError], int]]] = (
    (InvalidInputError, 422),
    (ConflictError, 409),
    (NotFoundError, 404),
    (RefusedError, 409),
    (UnavailableError, 503),
)

_STATUS_BY_CODE: Final[Mapping[str, int]] = {
    "body-empty": 400,
    "body-incomplete": 400,
    "header-duplicate": 400,
    "header-malformed": 400,
    "idempotency-key-malformed": 400,
    "idempotency-key-missing": 400,
    "json-duplicate-key": 400,
    "json-malformed": 400,
    "json-not-an-object": 400,
    "json-too-deep": 400,
    "parameter-duplicate": 400,
    "request-malformed": 400,
    "key-invalid": 401,
    "key-missing": 401,
    "scope-missing": 403,
    "body-slow": 408,
    "body-too-large": 413,
    "target-too-long": 414,
    "media-type-unsupported": 415,
    "headers-too-large": 431,
}

_BY_STATUS: Final[Mapping[int, tuple[str, str, str]]] = {
    400: ("request-malformed", "the request cannot be read", "see GET /openapi.json"),
    404: ("not-found", "nothing is at this address", "see GET /openapi.json"),
    405: ("method-not-allowed", "this address does not take that method", "see the Allow header"),
}
"""What the framework itself refuses: code, detail and remedy."""


def status_of(error: WritError) -> int:
    """The HTTP status of an error."""
    by_code = _STATUS_BY_CODE.get(error.code)
    if by_code is not None:
        return by_code
    return next((s for kind, s in _STATUS_BY_CLASS if isinstance(error, kind)), 500)


def problem(
    status: int,
    code: str,
    detail: str,
    remedy: str,
    *,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> Response:
    """A problem document; ``members`` adds to it what this kind of problem tells besides."""
    title = HTTPStatus(status).phrase
    content = {
        "type": f"urn:writ:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "remedy": remedy,
        **(members or {}),
    }
    return Response(
        json.dumps(content).encode(),  # ASCII, so that no text of a caller can break it
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def problem_of(error: WritError) -> Response:
    """The answer to one of our own errors."""
    status = status_of(error)
    headers = dict[str, str]()
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "1"
    errors = getattr(error, "errors", None)
    return problem(
        status,
        error.code,
        error.detail,
        error.remedy,
        headers=headers,
        members={"errors": errors} if errors else None,
    )


class InvalidFieldsError(InvalidInputError):
    """Fields of a body, a query or a path that the model does not take."""

    def __init__(self, found: Sequence[Mapping[str, Any]]) -> None:
        """Take pydantic's findings; their input values are dropped."""
        self.errors = [_field_problem(one) for one in found[:_ERRORS_MAX]]
        first = self.errors[0]
        super().__init__(
            first["code"],
            f"{first['field']}: {first['detail']}",
            "see GET /openapi.json for the fields and their forms",
        )


def _field_problem(found: Mapping[str, Any]) -> dict[str, str]:
    where = [part for part in found["loc"] if part not in ("body", "query", "path", "header")]
    field = ".".join(ascii(part).strip("'") for part in where)[:_TEXT_MAX] or "request"
    kind = found["type"]
    if kind == "extra_forbidden":
        return {"field": field, "code": "invalid-unknown-field", "detail": "there is no such field"}
    if kind == "missing":
        return {"field": field, "code": "invalid-missing-field", "detail": "the field is needed"}
    detail = str(found["msg"]).removeprefix("Value error, ")
    return {"field": field, "code": "invalid-value", "detail": detail[:_TEXT_MAX]}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route: these problems, and those that every route can have."""
    every = sorted({*statuses, 400, 408, 413, 414, 431, 500, 503})
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": SCHEMAS + "Problem"}}},
        }
        for status in every
    }


def _methods(api: FastAPI, path: str) -> list[str]:
    """Every method that an address takes; the framework names those of one route only."""
    paths: dict[str, dict[str, Any]] = api.openapi()["paths"]
    if path in paths:  # an address that stands there as it is goes before those with parameters
        return sorted(method.upper() for method in paths[path])
    return sorted(
        method.upper()
        for template, operations in paths.items()
        if re.fullmatch(_PARAMETER.sub(".+" if template in _SLASHED else "[^/]+", template), path)
        for method in operations
    )


def install(api: FastAPI) -> None:
    """Have every error of the application answered as a problem."""

    async def ours(_request: Request, error: Exception) -> Response:
        assert isinstance(error, WritError)
        return problem_of(error)

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_of(InvalidFieldsError(error.errors()))

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code, detail, remedy = _BY_STATUS.get(error.status_code, _BY_STATUS[400])
        headers = error.headers
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            methods = _methods(api, request.scope["path"])
            headers = {"Allow": ", ".join(methods)} if methods else headers
        return problem(error.status_code, code, detail, remedy, headers=headers)

    async def defect(request: Request, error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
        return problem(
            500,
            "internal-error",
            "the gateway failed; whether anything was recorded is not known",
            "repeat the request with the same key, and tell the operator",
        )

    api.add_exception_handler(WritError, ours)
    api.add_exception_handler(RequestValidationError, invalid)
    api.add_exception_handler(HTTPException, framework)
    api.add_exception_handler(Exception, defect)
