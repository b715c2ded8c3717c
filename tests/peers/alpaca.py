"""A broker that speaks Alpaca's trading API: real HTTP, orders with a life, faults on demand.

By hand, in the folder ``tests``: ``python -m peers.alpaca`` takes orders at 127.0.0.1:8471, fills
them at their limit, and prints what opens its account.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from peers.alpaca_stream import Listener, handshake
from peers.alpaca_venue import (
    FILLS,
    MARKET_DATA,
    SNAPSHOTS,
    TRADING,
    AlpacaPeer,
    Asked,
    Fault,
    RefusedError,
    answer_schema,
    validator,
)

HANG_S: Final = 30
"""Longer than any test waits for an answer."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Handler(BaseHTTPRequestHandler):
    """Each peer has a handler of its own, which knows it."""

    peer: AlpacaPeer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go out apart: 40 ms between them otherwise

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Say nothing on stderr."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        del timestamp
        moment = _EPOCH + timedelta(microseconds=self.peer.now_us(), seconds=self.peer.skew_s)
        return format_datetime(moment, usegmt=True)

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/stream":
            self._stream()
        else:
            self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _stream(self) -> None:
        """Whoever listens is no request: it is among the peer's listeners instead."""
        self.close_connection = True
        fault = self.peer.take_fault("GET", "/stream")
        with suppress(OSError):
            if fault is not None:
                self._misbehave(fault)
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.wfile.write(handshake(headers))
            made = Listener(self.connection, self.rfile, self.peer.opens, lambda: self.peer.silent)
            self.peer.listeners.append(made)
            made.serve()
            self.peer.flaws += made.flaws

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, parts.path, query, headers, body)
        self.peer.asked.append(asked)
        fault = self.peer.take_fault(asked.method, asked.path)
        with suppress(OSError):
            if fault is not None and not fault.after:
                self._misbehave(fault)
                return
            status, content = self._answer(asked)
            if fault is not None:
                self._misbehave(fault)
                return
            self._send(status, content)

    def _answer(self, asked: Asked) -> tuple[int, bytes]:
        try:
            status, body, path = self.peer.answer(asked)
        except RefusedError as refusal:
            return refusal.status, json.dumps(refusal.body).encode()
        if body is None:
            return status, b""
        spec = MARKET_DATA if path == SNAPSHOTS else TRADING
        shape = validator(answer_schema(path, asked.method.lower()), spec)
        each = body if path == FILLS else [body]
        for error in (error for one in each for error in shape.iter_errors(one)):
            self.peer.flaws.append(f"{asked.method} {asked.path}: {error.message}")
        return status, json.dumps(body).encode()

    def _send(self, status: int, content: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        if status == 429:
            for name, value in self.peer.retry_headers.items():
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _misbehave(self, fault: Fault) -> None:
        kind = fault.kind
        if isinstance(kind, bytes):
            self._send(200, kind)
        elif isinstance(kind, int):
            said = json.dumps({"code": kind * 100_000, "message": "something went wrong"})
            self._send(kind, said.encode())
        else:
            _BAD[kind](self)

    def hang(self) -> None:
        self.peer.over.wait(HANG_S)
        self.close_connection = True

    def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def html(self) -> None:
        self._send(403, b"<html>Access denied</html>", "text/html")

    def redirect(self) -> None:
        self.send_response(307)
        self.send_header("Location", f"{self.peer.url}/v2/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def huge(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(2**40))
        self.end_headers()
        while not self.peer.over.is_set():
            self.wfile.write(b" " * 65_536)

    def cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"id": "')
        self.close_connection = True

    def packed(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


_BAD: Final[dict[str, Callable[[Handler], None]]] = {
    "hang": Handler.hang,
    "reset": Handler.reset,
    "html": Handler.html,
    "redirect": Handler.redirect,
    "huge": Handler.huge,
    "cut": Handler.cut,
    "packed": Handler.packed,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""


@contextmanager
def alpaca_peer(
    now_us: Callable[[], int] | None = None, port: int = 0, tls: Path | None = None
) -> Iterator[AlpacaPeer]:
    """A venue on a port of loopback, gone at the end; whatever it sent was as Alpaca describes.

    ``tls`` is a folder with `tls.pem` and `tls.key`.
    """
    peer = AlpacaPeer(now_us)
    with _Server(("127.0.0.1", port), type("PeerHandler", (Handler,), {"peer": peer})) as server:
        peer.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls / "tls.pem", tls / "tls.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield peer
        finally:
            peer.over.set()
            for listener in peer.listeners:
                listener.close()
            server.shutdown()
            thread.join()
    assert peer.flaws == [], peer.flaws


def main() -> None:
    """Run a venue until it is interrupted, with one account that is filled at its limits.

    The account's number may be given as the one argument.
    """
    with alpaca_peer(port=8471) as peer:
        peer.fills_at_limit = True
        made = peer.account(*sys.argv[1:2])
        shown = {"url": peer.url, "number": made.number, "key_id": made.key_id}
        print(json.dumps(shown | {"secret": made.secret}, indent=2), flush=True)  # noqa: T201  the credentials are for who started it
        with suppress(KeyboardInterrupt):
            peer.over.wait()


if __name__ == "__main__":
    main()
