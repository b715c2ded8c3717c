"""Servers that speak HTTP where OPA should be, and mean no good; real sockets, scripted bytes.

Each misbehaviour is given what a sound server would have answered, an allow of everything that was
asked, and turns it into bytes on the wire. A request is counted when its body has been read.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.policy.batches import DECISIONS

HANG_S: Final = 30
"""Longer than any test waits for an answer."""
_DRIBBLE_S: Final = 0.02

Script = Callable[["Asked", asyncio.StreamWriter], Awaitable[None]]
CONTROLS: Final = ["ORD-01"]
DOOR: Final = {
    "approval_age_max_ms": 300_000,
    "close_buffer_min_ms": 1_000,
    "quote_age_max_ms": 60_000,
    "spread_max_bps": 10_000,
}
"""The thresholds of the gate, all of them, under which an order of the tests is sent."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the peer saw it, and the sound answer to it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    answer: dict[str, Any]
    url: str


@dataclass(slots=True)
class HostileOpa:
    """A listening peer; ``seen`` is every request that reached it."""

    url: str
    script: Script
    version: str
    revision: str
    seen: list[Asked] = field(default_factory=list["Asked"])

    @property
    def decisions(self) -> int:
        """How often it was asked for decisions with anything to decide."""
        return sum(
            DECISIONS in asked.target and b'"batch":[]' not in asked.body for asked in self.seen
        )

    def sound(self, body: bytes) -> dict[str, Any]:
        """What an OPA server would answer that allows everything."""
        given = json.loads(body)["input"] if body else {}
        batch = given.get("batch") if isinstance(given, dict) else None
        return {
            "provenance": {
                "version": self.version,
                "build_commit": "",
                "build_timestamp": "",
                "build_hostname": "",
                "bundles": {"writ": {"revision": self.revision}},
            },
            "result": [] if batch is None else [allow() for _ in batch],
        }


def allow() -> dict[str, Any]:
    """An allow that is whole, of a single control."""
    return {
        "allow": True,
        "required": list(CONTROLS),
        "passed": list(CONTROLS),
        "reasons": [],
        "proofs": [{"control": control} for control in CONTROLS],
        "halts": [],
        "door": dict(DOOR),
    }


@asynccontextmanager
async def hostile_opa(script: Script, *, version: str, revision: str) -> AsyncIterator[HostileOpa]:
    """A peer on a free port of loopback, until the block ends."""
    peer = HostileOpa("", script, version, revision)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while await _one(peer, reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    peer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield peer
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _one(
    peer: HostileOpa, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    """Read one request and play the script; ``False`` when the connection has ended."""
    line = await reader.readline()
    if not line:
        return False
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    asked = Asked(method, target, headers, body, peer.sound(body), peer.url)
    peer.seen.append(asked)
    await peer.script(asked, writer)
    await writer.drain()
    return not writer.is_closing()


def response(
    body: bytes,
    *,
    status: str = "200 OK",
    content_type: str = "application/json",
    headers: tuple[str, ...] = (),
    length: int | None = None,
) -> bytes:
    """One HTTP response."""
    size = len(body) if length is None else length
    head = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {size}"]
    return "\r\n".join([*head, *headers, "", ""]).encode() + body


def saying(change: Callable[[dict[str, Any]], object], **how: Any) -> Script:
    """Answer with a changed document (``change`` edits it in place, or returns another)."""

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        document = json.loads(json.dumps(asked.answer))
        other = change(document)
        writer.write(response(json.dumps(document if other is None else other).encode(), **how))

    return script


def writing(change: Callable[[bytes], bytes], **how: Any) -> Script:
    """Answer with changed bytes of the sound document."""

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(response(change(json.dumps(asked.answer).encode()), **how))

    return script


def raw(data: bytes, *, close: bool = True) -> Script:
    """Send these bytes whatever was asked."""

    async def script(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if close:
            writer.close()

    return script


async def silent(_asked: Asked, _writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.sleep(HANG_S)


async def late_body(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Headers at once, the body never."""
    writer.write(response(b"", length=len(json.dumps(asked.answer))))
    await writer.drain()
    await asyncio.sleep(HANG_S)


async def dribble(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """A byte at a time, so that the line is never quiet."""
    for byte in response(json.dumps(asked.answer).encode() + b" " * 5_000):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(_DRIBBLE_S)


async def half(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Half of the body, then the end of the connection."""
    data = json.dumps(asked.answer).encode()
    writer.write(response(data[: len(data) // 2], length=len(data)))
    await writer.drain()
    writer.close()


async def hang_up(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Read the request and close."""
    writer.close()


async def reset(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Read the request and reset the connection."""
    writer.transport.abort()


async def redirect(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Send the client to an address of this peer that allows."""
    if asked.target.startswith("/elsewhere"):
        writer.write(response(json.dumps(asked.answer).encode()))
        return
    status = "307 Temporary Redirect"
    data = json.dumps(asked.answer).encode()
    writer.write(response(data, status=status, headers=(f"Location: {asked.url}/elsewhere",)))


async def endless(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    """A body without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" " * 65_536)
        await writer.drain()


async def header_flood(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Headers without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while not writer.is_closing():
        writer.write(b"X-A: " + b"a" * 1_000 + b"\r\n")
        await writer.drain()


def _first(document: dict[str, Any]) -> dict[str, Any]:
    return document["result"][0] if document["result"] else {}


def _set(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda document: _first(document).update({name: value})


def _without(*path: str) -> Callable[[dict[str, Any]], object]:
    def change(document: dict[str, Any]) -> None:
        for name in path[:-1]:
            document = document[name]
        del document[path[-1]]

    return change


def _twice(data: bytes) -> bytes:
    """The key stands twice, and the last one allows: what a lenient parser would take."""
    return data.replace(b'"allow": true', b'"allow": false, "allow": true')


BOMB: Final = gzip.compress(b" " * 50_000_000)
_MALFORMED: Final = "ENGINE_MALFORMED"
_REVISION: Final = "ENGINE_REVISION"

MISBEHAVIOURS: Final[dict[str, tuple[Script, str]]] = {
    "no result": (saying(_without("result")), "ENGINE_UNDEFINED"),
    "null result": (saying(lambda d: d.update(result=None)), _MALFORMED),
    "allow is a text": (saying(_set("allow", "true")), _MALFORMED),
    "allow is a number": (saying(_set("allow", 1)), _MALFORMED),
    "a field too many": (saying(_set("also", True)), _MALFORMED),
    "a field too many outside": (saying(lambda d: d.update(allow=True)), _MALFORMED),
    "a verdict too few": (saying(lambda d: d["result"].clear()), _MALFORMED),
    "a verdict too many": (saying(lambda d: d["result"].append(allow())), _MALFORMED),
    "an allow without controls": (saying(_set("required", [])), _MALFORMED),
    "a door of 1.0": (saying(_set("door", DOOR | {"approval_age_max_ms": 1.0})), _MALFORMED),
    "a door without a threshold": (
        saying(_set("door", {"approval_age_max_ms": 300_000})),
        _MALFORMED,
    ),
    "a door that is shut": (saying(_set("door", DOOR | {"spread_max_bps": 0})), _MALFORMED),
    "no provenance": (saying(_without("provenance")), _REVISION),
    "no bundles": (saying(_without("provenance", "bundles")), _REVISION),
    "another revision": (
        saying(lambda d: d["provenance"]["bundles"]["writ"].update(revision="0" * 64)),
        _REVISION,
    ),
    "a second bundle": (
        saying(lambda d: d["provenance"]["bundles"].update(more={"revision": "1"})),
        _REVISION,
    ),
    "another version": (
        saying(lambda d: d["provenance"].update(version="1.20.0")),
        "ENGINE_VERSION",
    ),
    "silence": (silent, "ENGINE_TIMEOUT"),
    "a body that never comes": (late_body, "ENGINE_TIMEOUT"),
    "a byte at a time": (dribble, "ENGINE_TIMEOUT"),
    "half an answer": (half, _MALFORMED),
    "no answer": (hang_up, "ENGINE_UNREACHABLE"),
    "a reset": (reset, "ENGINE_UNREACHABLE"),
    "a redirect to an allow": (redirect, "ENGINE_ERROR"),
    "a body without end": (endless, _MALFORMED),
    "a long body": (writing(lambda data: data + b" " * 2_000_000), _MALFORMED),
    "headers without end": (header_flood, _MALFORMED),
    "a gzip bomb": (
        writing(lambda _: BOMB, headers=("Content-Encoding: gzip",)),
        _MALFORMED,
    ),
    "a compressed allow": (
        writing(gzip.compress, headers=("Content-Encoding: gzip",)),
        _MALFORMED,
    ),
    "an allow with status 500": (
        writing(bytes, status="500 Internal Server Error"),
        "ENGINE_ERROR",
    ),
    "an allow with status 503": (
        writing(bytes, status="503 Service Unavailable"),
        "ENGINE_ERROR",
    ),
    "an allow with status 201": (writing(bytes, status="201 Created"), "ENGINE_ERROR"),
    "a refusal": (writing(bytes, status="401 Unauthorized"), "ENGINE_ERROR"),
    "a page of HTML": (writing(bytes, content_type="text/html"), _MALFORMED),
    "a key twice": (writing(_twice), _MALFORMED),
    "NaN": (writing(lambda data: data.replace(b"300000", b"NaN")), _MALFORMED),
    "a number beyond all bounds": (
        writing(lambda data: data.replace(b"300000", b"9" * 5_000)),
        _MALFORMED,
    ),
    "deep nesting": (
        writing(lambda data: data.replace(b"300000", b"[" * 100_000 + b"]" * 100_000)),
        _MALFORMED,
    ),
    "two documents": (writing(lambda data: data + data), _MALFORMED),
    "not UTF-8": (writing(lambda data: data.replace(b"ORD-01", b"\xff")), _MALFORMED),
    "a byte order mark": (writing(lambda data: b"\xef\xbb\xbf" + data), _MALFORMED),
    "no HTTP at all": (raw(b"\x16\x03\x01 what?\r\n\r\n"), _MALFORMED),
    "broken chunks": (
        raw(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n"
        ),
        _MALFORMED,
    ),
}
"""What the peer does, and the code that the signed denial must have."""
