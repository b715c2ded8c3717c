"""Slack's incoming webhooks, PagerDuty's Events API v2 and a plain webhook, over real HTTP.

Shapes as their makers document them: Slack answers ``200 ok``, and 4xx with a word in plain text;
PagerDuty answers 202 with ``{"status": "success", …}``, 400 for an event that is not one, and 429.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

SLACK: Final = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
PAGER: Final = "/v2/enqueue"
PAGER_KEY: Final = "0123456789abcdef0123456789abcdef"
HOOK: Final = "/hook/secret-path"
HANG_S: Final = 120


@dataclass(slots=True)
class Got:
    """One request that came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(slots=True)
class ChannelsPeer:
    """All three at one port; ``fault`` is a status to answer with, ``hang`` or ``drip``."""

    port: int = 0
    fault: int | str | None = None
    got: list[Got] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    asked: int = 0
    """Requests that came, whatever became of them."""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def answer(self, got: Got) -> tuple[int, bytes]:
        """What the service at that path says to a body."""
        if got.path == SLACK:
            return self._slack(got.body)
        if got.path == PAGER:
            return self._pager(got.body)
        return (200, b"") if got.path == HOOK else (404, b"no_service")

    def _slack(self, body: dict[str, Any]) -> tuple[int, bytes]:
        if not body.get("text") and not body.get("attachments"):
            return 400, b"no_text"
        return 200, b"ok"

    def _pager(self, body: dict[str, Any]) -> tuple[int, bytes]:
        flaw = _pager_flaw(body)
        if flaw is not None:
            self.flaws.append(flaw)
            return 400, json.dumps({"status": "invalid event", "message": flaw}).encode()
        said = {"status": "success", "message": "Event processed", "dedup_key": body["dedup_key"]}
        return 202, json.dumps(said).encode()


def _pager_flaw(body: dict[str, Any]) -> str | None:
    payload, triggers = body.get("payload", {}), body.get("event_action") == "trigger"
    wrong = {
        "routing_key is unknown": body.get("routing_key") != PAGER_KEY,
        "event_action is none": not triggers and body.get("event_action") != "resolve",
        "dedup_key is missing or too long": not 0 < len(body.get("dedup_key", "")) <= 255,
        "payload.summary is missing or too long": triggers
        and not 0 < len(payload.get("summary", "")) <= 1024,
        "payload.source is missing": triggers and not payload.get("source"),
        "payload.severity is none": triggers
        and payload.get("severity") not in ("critical", "warning", "error", "info"),
    }
    return next((flaw for flaw, stands in wrong.items() if stands), None)


class _Handler(BaseHTTPRequestHandler):
    peer: ChannelsPeer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go out apart: 40 ms between them otherwise

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Say nothing on stderr."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))))
        headers = {name.lower(): value for name, value in self.headers.items()}
        got = Got(self.path.partition("?")[0], headers, body)
        fault = self.peer.fault
        self.peer.asked += 1
        with suppress(OSError):
            if fault == "hang":
                self.peer.over.wait(HANG_S)
                self.close_connection = True
            elif fault == "drip":
                self._drip()
            elif isinstance(fault, int):
                self._send(fault, b"something went wrong")
            else:
                self.peer.got.append(got)
                self._send(*self.peer.answer(got))

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        if status in (301, 302, 307):
            self.send_header("Location", self.peer.url + HOOK)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _drip(self) -> None:
        """Answer a byte at a time, always in time for the next time-out."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        while not self.peer.over.wait(0.2):
            self.wfile.write(b"x")
            self.wfile.flush()
        self.close_connection = True


@contextmanager
def channels_peer() -> Iterator[ChannelsPeer]:
    """The services at a free port of this machine, for as long as the block lasts."""
    peer = ChannelsPeer()
    handler = type("Handler", (_Handler,), {"peer": peer})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        peer.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield peer
        finally:
            peer.over.set()
            server.shutdown()
            thread.join()
