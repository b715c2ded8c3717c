"""HTTP/1.1 on the wire: the server's own protocol, with bounds that it leaves open.

uvicorn reads a request's head without a limit of size or time. Here a head that is not complete
within both is the end of the connection, and what cannot be parsed is answered as a problem too.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_MAX_BYTES: Final = 32 * 1024
HEAD_TIMEOUT_MS: Final = 10_000

_TEXTS: Final = {400: "Bad Request", 431: "Request Header Fields Too Large"}


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    _head_open = True
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  as uvicorn's own
        """The peer connected; from now on it owes us a head."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is gone."""
        self._head_done()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came; those of a head that is still open are counted."""
        super().data_received(data)
        if self._head_open:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_MAX_BYTES and not self.transport.is_closing():
                self._refuse(431, "headers-too-large", "the request's head is too long")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._head_done()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP; ``msg`` is the server's own text and says no more."""
        del msg
        self._refuse(400, "request-malformed", "the request is not HTTP/1.1")

    def _expect_head(self) -> None:
        self._head_done()
        self._head_open = True
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_MS / 1000, self._give_up)

    def _head_done(self) -> None:
        self._head_open = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: int, code: str, detail: str) -> None:
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
        self.transport.write(head.encode() + body)
        self.transport.close()
