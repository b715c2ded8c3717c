"""Bodies of requests: read strictly, then checked by a model, and documented from that model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar, cast

from fastapi import Request
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from gateway.api.problems import InvalidFieldsError
from gateway.domain.errors import InvalidInputError
from gateway.intake.reading import read_object

_M = TypeVar("_M", bound=BaseModel)


def _printable(value: str) -> str:
    # Refuses control characters, line breaks, lone surrogates and marks that turn text around.
    if not value.isprintable() or not value.strip():
        raise ValueError("needs to be one line of printable text")
    return value


PRINTABLE: Final = AfterValidator(_printable)
"""Of a text that people write and read: one line that shows what it is."""

ReasonText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    PRINTABLE,
    Field(json_schema_extra={"format": "printable-line"}),
]
"""Why somebody did something; kept for ever in the log."""


class StrictBody(BaseModel):
    """The base of every body: no field beside those named, no conversion."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def body_of(model: type[_M]) -> Callable[[Request], Awaitable[_M]]:
    """A dependency that reads and checks a body.

    Raises (when called):
        InvalidInputError: ``media-type-unsupported``, or as ``read_object`` says.
        InvalidFieldsError: the fields do not fit.
    """

    async def read(request: Request) -> _M:
        media_type, _, parameters = request.headers.get("content-type", "").partition(";")
        charset = parameters.strip().lower()
        encoding = request.headers.get("content-encoding", "identity").lower()
        if (
            media_type.strip().lower() != "application/json"
            or charset not in ("", "charset=utf-8")
            or encoding != "identity"
        ):
            raise InvalidInputError(
                "media-type-unsupported",
                "the body is not plain application/json in UTF-8",
                "send Content-Type: application/json and no Content-Encoding",
            )
        fields = read_object(await request.body())
        try:
            return model.model_validate(fields)
        except ValidationError as error:
            raise InvalidFieldsError(
                [dict(found) for found in error.errors(include_url=False, include_input=False)]
            ) from None

    return read


def documented_body(model: type[BaseModel], **narrower: dict[str, Any]) -> dict[str, Any]:
    """The ``openapi_extra`` of a route that takes such a body; it takes less of some fields."""
    schema = _inlined(model.model_json_schema())
    schema["properties"] |= narrower
    content: dict[str, Any] = {"schema": schema}
    if examples := schema.pop("examples", None):
        content["example"] = examples[0]
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": content},
        }
    }


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its own definitions in place: the OpenAPI document has no room for them."""
    definitions = schema.pop("$defs", {})

    def resolved(value: object) -> Any:  # noqa: ANN401  any part of a JSON schema
        if isinstance(value, list):
            return [resolved(item) for item in cast("list[object]", value)]
        if not isinstance(value, dict):
            return value
        part = cast("dict[str, object]", value)
        name = str(part.get("$ref", "")).removeprefix("#/$defs/")
        if name in definitions:
            return resolved(definitions[name])
        return {key: resolved(inner) for key, inner in part.items()}

    return cast("dict[str, Any]", resolved(schema))
