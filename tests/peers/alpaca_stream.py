"""The stream of a venue that speaks as Alpaca does: WebSocket frames by hand, RFC 6455.

By hand, so that the gateway's library does not talk to itself. Binary frames, as Alpaca's paper
venue sends them; every frame of a client must be masked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import BufferedIOBase
from typing import Any, Final

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SHORT, _TWO_BYTES = 125, 126


def handshake(headers: Mapping[str, str]) -> bytes:
    """The answer that opens a connection; empty if it was asked for wrongly."""
    asked = (headers.get("upgrade", "").lower(), headers.get("sec-websocket-version"))
    if asked != ("websocket", "13"):
        return b""
    key = headers["sec-websocket-key"].encode()
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324  the protocol's own
    lines = (b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade")
    return b"\r\n".join((*lines, b"Sec-WebSocket-Accept: " + accept, b"", b""))


class Listener:
    """One client's connection."""

    def __init__(
        self,
        connection: socket.socket,
        read: BufferedIOBase,
        opens: Callable[[str, str], Any],
        silent: Callable[[], bool],
    ) -> None:
        """``opens`` says whose account a key and its secret open, or ``None``."""
        self._connection = connection
        self._read = read
        self._opens = opens
        self._silent = silent
        self._lock = threading.Lock()
        self.account: Any = None
        self.listens = False
        self._gone = False
        self.flaws: list[str] = []

    def serve(self) -> None:
        """Answer frames until the client goes away."""
        with suppress(OSError, struct.error, ValueError):
            while (frame := self._frame()) is not None:
                self._answer(*frame)

    def send(self, message: Mapping[str, Any]) -> None:
        """Tell something, in a binary frame."""
        self._put(BINARY, json.dumps(message).encode())

    def close(self) -> None:
        """Break off without a word; what a socket over TLS gives afterwards is no frame."""
        self._gone = True
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, kind: int, content: bytes) -> None:
        if kind == PING and not self._silent():
            self._put(PONG, content)
        elif kind == CLOSE:
            self._put(CLOSE, content)
            self.close()
        elif kind in (TEXT, BINARY):
            self._command(json.loads(content))

    def _command(self, said: dict[str, Any]) -> None:
        if said["action"] == "authenticate":
            data = said["data"]
            self.account = self._opens(data["key_id"], data["secret_key"])
            status = "unauthorized" if self.account is None else "authorized"
            answer = {"status": status, "action": "authenticate"}
            self.send({"stream": "authorization", "data": answer})
        elif said["action"] == "listen" and self.account is not None:
            known = [each for each in said["data"]["streams"] if each == "trade_updates"]
            self.listens = bool(known)
            self.send({"stream": "listening", "data": {"streams": known}})
        else:
            self.flaws.append(f"a command that is none: {said['action']}")

    def _frame(self) -> tuple[int, bytes] | None:
        head = self._read.read(2)
        if self._gone or len(head) < 2:
            return None
        kind, masked, size = head[0] & 0x0F, head[1] & 0x80, head[1] & 0x7F
        if size > _SHORT:
            form, length = ("!H", 2) if size == _TWO_BYTES else ("!Q", 8)
            [size] = struct.unpack(form, self._read.read(length))
        if not masked:
            self.flaws.append("a frame without a mask")
        mask = self._read.read(4)
        content = self._read.read(size)
        return kind, bytes(byte ^ mask[n % 4] for n, byte in enumerate(content))

    def _put(self, kind: int, content: bytes) -> None:
        size = len(content)
        length = bytes([size]) if size <= _SHORT else bytes([_TWO_BYTES]) + struct.pack("!H", size)
        with self._lock, suppress(OSError):
            self._connection.sendall(bytes([0x80 | kind]) + length + content)
