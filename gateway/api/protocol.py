"""HTTP/1.1 on the wire: the server's own protocol, with bounds that it leaves open.

uvicorn reads a request without a limit of size or time, queues pipelined ones without end, and
answers what it cannot parse or take in plain text. Here each of these has a bound, every answer
is a problem, and no answer is written that could be taken for that of another request.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.api.problems import problem_of
from gateway.domain.errors import UnavailableError

CONNECTIONS_MAX: Final = 1_024
"""Open connections that are served; one more is told to come back."""
TOLD_MAX: Final = 64
"""How many of those too many are told so; others find the door shut."""
HEAD_MAX_BYTES: Final = 32 * 1024
HEAD_TIMEOUT_MS: Final = 10_000
BODY_MAX_BYTES: Final = 256 * 1024
"""On the wire, with the framing of chunks and all that an answered caller still sends."""
BODY_TIMEOUT_MS: Final = 12_000
"""Later than the application's own limit, which answers."""
WRITE_TIMEOUT_MS: Final = 20_000
"""How long a caller may leave an answer unread while more of it waits."""
PIPELINED_MAX: Final = 16

_TEXTS: Final = {400: "Bad Request", 431: "Request Header Fields Too Large"}


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    _head_open = True
    _body_open = False
    _received_bytes = 0
    _read_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  as uvicorn's own
        """The peer connected; from now on it owes us a head."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            self.app = _busy
        self._expect_head()
        if len(self.connections) > CONNECTIONS_MAX + TOLD_MAX:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is gone."""
        self._expect_nothing()
        self._stop_write_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came; those of a request that is still open are counted."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        self._received_bytes += len(data)
        if self._head_open and self._received_bytes > HEAD_MAX_BYTES:
            self._refuse(431, "headers-too-large", "the request's head is too long")
        elif self._body_open and self._received_bytes > BODY_MAX_BYTES:
            self._give_up()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        if len(self.pipeline) >= PIPELINED_MAX:
            raise ConnectionError("too many requests in a row")  # the parser stops at an error
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        """The head is whole; a body may follow."""
        self._expect(head=False, timeout_ms=BODY_TIMEOUT_MS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._expect_nothing()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """More of an answer waits than the peer reads."""
        super().pause_writing()
        self._stop_write_timer()
        self._write_timer = self.loop.call_later(WRITE_TIMEOUT_MS / 1000, self.transport.abort)

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._stop_write_timer()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP; ``msg`` is the server's own text and says no more."""
        del msg
        self._refuse(400, "request-malformed", "the request is not HTTP/1.1")

    def _expect_head(self) -> None:
        self._expect(head=True, timeout_ms=HEAD_TIMEOUT_MS)

    def _expect(self, *, head: bool, timeout_ms: int) -> None:
        self._expect_nothing()
        self._head_open, self._body_open = head, not head
        self._read_timer = self.loop.call_later(timeout_ms / 1000, self._give_up)

    def _expect_nothing(self) -> None:
        self._head_open = self._body_open = False
        self._received_bytes = 0
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: int, code: str, detail: str) -> None:
        waiting = self.cycle is not None and not self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]  uvicorn begins with None
        if waiting and not self.cycle.more_body:
            # A whole request is being worked on, and the caller would take this for its answer:
            # that one is answered, and then the connection ends.
            self.cycle.keep_alive = False
            return
        content: dict[str, Any] = {
            "type": f"urn:writ:problem:{code}",
            "title": _TEXTS[status],
            "status": status,
            "code": code,
            "detail": detail,
            "remedy": "send a well-formed, smaller request",
        }
        body = json.dumps(content).encode()
        head = (
            f"HTTP/1.1 {status} {_TEXTS[status]}\r\n"
            "content-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\n"
            "connection: close\r\n\r\n"
        )
        if not waiting or not self.cycle.response_started:
            self.transport.write(head.encode() + body)
        self._give_up()


async def _busy(scope: Scope, receive: Receive, send: Send) -> None:
    """The application of a connection that is one too many."""
    error = UnavailableError(
        "gateway-busy", "too many connections are open", "try again with the same key"
    )
    answer = problem_of(error)
    answer.headers["connection"] = "close"
    await answer(scope, receive, send)
