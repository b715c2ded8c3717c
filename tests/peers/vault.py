"""Servers that speak HTTP where a vault should be, and mean no good; real sockets, scripted bytes.

A script is given the request and a way to send bytes. Each request is kept as it came.
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

HANG_S: Final = 30
"""Longer than any test waits for an answer."""
TOKEN: Final = "s.token-of-the-tests-0123456789"
LOGIN: Final = {"auth": {"client_token": TOKEN, "lease_duration": 600, "renewable": True}}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    head: bytes
    body: bytes


Script = Callable[[Asked, socket.socket, "HostileVault"], None]


@dataclass(slots=True)
class HostileVault:
    """A listening peer."""

    url: str
    script: Script
    seen: list[Asked] = field(default_factory=list["Asked"])
    over: threading.Event = field(default_factory=threading.Event)


def answer(document: Any, status: str = "200 OK", *headers: str) -> bytes:  # noqa: ANN401  JSON
    """An HTTP answer; bytes are sent as they are, anything else as JSON."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def after_login(reply: bytes) -> Script:
    """A script that lets everybody in, and answers everything else with `reply`."""

    def script(asked: Asked, connection: socket.socket, peer: HostileVault) -> None:
        del peer
        connection.sendall(answer(LOGIN) if asked.path.endswith("/login") else reply)

    return script


def dribble(asked: Asked, connection: socket.socket, peer: HostileVault) -> None:
    """A byte now and then, for ever: each comes in time."""
    if asked.path.endswith("/login"):
        connection.sendall(answer(LOGIN))
        return
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not peer.over.wait(0.05):
        connection.sendall(b"a")


def hang(asked: Asked, connection: socket.socket, peer: HostileVault) -> None:
    """Read the request and say nothing."""
    del asked, connection
    peer.over.wait(HANG_S)


def drop(asked: Asked, connection: socket.socket, peer: HostileVault) -> None:
    """Let everybody in, and then close each connection without a word."""
    del peer
    if asked.path.endswith("/login"):
        connection.sendall(answer(LOGIN))


@contextmanager
def hostile_vault(script: Script) -> Iterator[HostileVault]:
    """A peer on a port of loopback, gone at the end."""
    peer = HostileVault("", script)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connection: socket.socket = self.request
            with suppress(OSError):
                asked = _read(connection)
                peer.seen.append(asked)
                peer.script(asked, connection, peer)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        peer.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield peer
        finally:
            peer.over.set()
            server.shutdown()
            thread.join()


def _read(connection: socket.socket) -> Asked:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    length = sum(int(line[15:]) for line in lines if line.lower().startswith("content-length:"))
    while len(body) < length:
        body += connection.recv(65_536)
    method, path, _ = lines[0].split(" ")
    return Asked(method, path, head, body)
