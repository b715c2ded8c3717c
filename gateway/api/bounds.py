"""What a request may cost before anybody looks at it: header, body and time, and how many at once.

A plain ASGI layer around the whole application, so that no route can forget it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.problems import problem_of
from gateway.domain.errors import InvalidInputError, NotFoundError, UnavailableError, WritError
from gateway.intake.reading import BODY_MAX_BYTES

REQUESTS_MAX: Final = 512
"""Requests under way at once; more are told to come back."""
HEADERS_MAX: Final = 64
HEADERS_MAX_BYTES: Final = 16 * 1024
TARGET_MAX_BYTES: Final = 2_048
BODY_TIMEOUT_MS: Final = 10_000
"""How long a whole body may take to arrive."""

_SINGLE: Final = (
    b"authorization",
    b"content-length",
    b"content-type",
    b"host",
    b"idempotency-key",
    b"prefer",
)
_ANSWER_HEADERS: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class Bounds:
    """Refuses what is too large, too slow, ambiguous, or too much at once."""

    def __init__(self, app: ASGIApp, *, requests_max: int = REQUESTS_MAX) -> None:
        self._app = app
        self._requests_max = requests_max
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            answer = problem_of(refusal)
            # Its body was not read, and where it ends may be what is in doubt.
            answer.headers["connection"] = "close"
            await answer(scope, receive, _hardened(send))
            return
        self._under_way += 1
        try:
            await self._app(scope, _bounded(receive), _hardened(send))
        finally:
            self._under_way -= 1

    def _refusal(self, scope: Scope) -> WritError | None:
        if self._under_way >= self._requests_max:
            return UnavailableError(
                "gateway-busy", "too many requests are under way", "try again with the same key"
            )
        malformed = _target(scope["path"], scope["raw_path"], scope["query_string"])
        if malformed is not None:
            return malformed
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        size = sum(len(name) + len(value) for name, value in headers)
        if len(headers) > HEADERS_MAX or size > HEADERS_MAX_BYTES:
            return InvalidInputError(
                "headers-too-large",
                "the headers are too many or too long",
                f"at most {HEADERS_MAX} headers and {HEADERS_MAX_BYTES} bytes",
            )
        seen = Counter(name for name, _ in headers)
        twice = next((name for name in _SINGLE if seen[name] > 1), None)
        if twice is not None:
            return InvalidInputError(
                "header-duplicate", f"{twice.decode()} was sent twice", "send each header once"
            )
        sent = dict(headers)
        return _framing(scope, sent) or _announced(sent.get(b"content-length", b"0"))


def _framing(scope: Scope, headers: dict[bytes, bytes]) -> WritError | None:
    """Refuse what another reader on the way could have taken for a different request."""
    version = scope.get("http_version", "1.0")
    coding = headers.get(b"transfer-encoding")
    if version not in ("1.0", "1.1") or (version == "1.1" and not headers.get(b"host")):
        return InvalidInputError(
            "request-malformed", "the request is not whole HTTP/1.1", "send a Host header"
        )
    if coding is not None and (version == "1.0" or coding.strip().lower() != b"chunked"):
        return InvalidInputError(
            "header-malformed", "Transfer-Encoding is not chunked", "send the body's length"
        )
    return None


def _target(path: str, raw_path: bytes, query: bytes) -> WritError | None:
    """Refuse an address that is too long, or that two readers could take for two addresses."""
    if len(raw_path) + len(query) > TARGET_MAX_BYTES:
        return InvalidInputError(
            "target-too-long", "the address is too long", f"at most {TARGET_MAX_BYTES} bytes"
        )
    # A line break at the end of an address would be overlooked by the router.
    if not path.isprintable():
        return NotFoundError("not-found", "nothing is at this address", "see GET /openapi.json")
    names = [part.partition(b"=")[0] for part in query.split(b"&") if part]
    if len(names) != len({unquote_to_bytes(name) for name in names}):
        return InvalidInputError(
            "parameter-duplicate", "a parameter was sent twice", "send each parameter once"
        )
    return None


def _announced(length: bytes) -> WritError | None:
    """Refuse a body by its announced length before reading any of it."""
    if not length.isdigit():
        return InvalidInputError(
            "header-malformed", "Content-Length is no number", "send the body's length"
        )
    if len(length) > len(str(BODY_MAX_BYTES)) or int(length) > BODY_MAX_BYTES:
        return _too_large()
    return None


def _too_large() -> WritError:
    return InvalidInputError(
        "body-too-large", f"the body is longer than {BODY_MAX_BYTES} bytes", "send a smaller body"
    )


def _bounded(receive: Receive) -> Receive:
    """Count what arrives and for how long; a body that is complete may be waited on for ever."""
    deadline_s = asyncio.get_running_loop().time() + BODY_TIMEOUT_MS / 1000
    received = 0
    complete = False

    async def counted() -> Message:
        nonlocal received, complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline_s):
                message = await receive()
        except TimeoutError:
            raise InvalidInputError(
                "body-slow", "the body did not arrive in time", "send it in one go"
            ) from None
        if message["type"] == "http.disconnect":
            raise InvalidInputError(
                "body-incomplete", "the connection ended before the body did", "send all of it"
            )
        received += len(message.get("body", b""))
        if received > BODY_MAX_BYTES:
            raise _too_large()
        complete = not message.get("more_body", False)
        return message

    return counted


def _hardened(send: Send) -> Send:
    """Answers are nobody's to keep or to guess the type of."""

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_ANSWER_HEADERS]
        await send(message)

    return marked
