"""Bytes on the wire that no client library would send: each is refused and none is waited for."""

from __future__ import annotations

import gzip
import json
import resource
import select
import socket
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.api.protocol import CONNECTIONS_MAX, PIPELINED_MAX, WRITE_TIMEOUT_MS
from support.bad_input import databases
from support.processes import ALL_SCOPES, GatewayProcess, simulation
from support.release_folder import write_release
from support.tickets import TICKET

ANSWER_TIMEOUT_S = 30
BODY = json.dumps(TICKET).encode()
JSON_TYPE = "Content-Type: application/json"
CLOSE = "Connection: close"
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Generator[GatewayProcess]:
    """A gateway that would trade; started with as few open files as a shell commonly allows."""
    folder = tmp_path_factory.mktemp("gateway")
    server = simulation(folder, write_release(folder / "release"))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, limits[1]))
    try:
        server.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    try:
        server.key = server.new_key("ops", *ALL_SCOPES)
        assert server.writ("omega4", "lift", "--reason", "test").status == 0
        yield server
    finally:
        assert server.stop() == 0, server.log()
    assert "Traceback" not in server.log()
    log = ("--log", str(server.data / "log"), "--vkey", str(server.data / "log.vkey"))
    assert server.writ("audit", "verify", *log).status == 0


def connect(server: GatewayProcess, timeout_s: float = ANSWER_TIMEOUT_S) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=timeout_s)


def raw(
    server: GatewayProcess,
    *parts: bytes,
    timeout_s: float = ANSWER_TIMEOUT_S,
    half_close: bool = False,
) -> bytes:
    """Send bytes and read until the gateway closes the connection, which it must in time."""
    received = b""
    with connect(server, timeout_s) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(65_536):
                received += data
        except ConnectionError:  # it may close while we still send
            return received
    return received


def head(server: GatewayProcess, *lines: str, start: str = "POST /v1/orders HTTP/1.1") -> bytes:
    fixed = (start, "Host: writ", f"Authorization: Bearer {server.key}")
    return "\r\n".join((*fixed, *lines, "", "")).encode()


def kill(server: GatewayProcess, *lines: str) -> bytes:
    """The head of a request that, were it taken, would stop trading."""
    return head(server, JSON_TYPE, *lines, start="POST /v1/kill HTTP/1.1")


def problem_in(answer: bytes) -> tuple[int, str]:
    """Status and code of the one problem document that was answered."""
    top, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in top, answer[:200]
    document = json.loads(body)
    assert document["remedy"]
    assert top.startswith(b"HTTP/1.1 %d " % document["status"])
    return document["status"], document["code"]


def get(*lines: str, start: str = "GET /healthz HTTP/1.1") -> bytes:
    return "\r\n".join((start, "Host: x", *lines, "", "")).encode("utf-8")


MALFORMED = {
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
    "blank in the address": get(start="GET /heal thz HTTP/1.1"),
    "folded header": get("A: b", " c"),
    "blank before the colon": b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
    "NUL in a header": get("A: b\x00"),
    "NUL in a name": get("A\x00: b"),
    "NUL in the address": get(start="GET /heal\x00thz HTTP/1.1"),
    "carriage return in a header": get("A: b\rc"),
    "bare line feeds": b"GET /healthz HTTP/1.1\nHost: x\n\n",
    "bare line feed after a header": b"GET /healthz HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
    "header without a name": get(": b"),
    "header without a colon": get("abc"),
    "no Host": b"GET /healthz HTTP/1.1\r\nA: b\r\n\r\n",
    "empty Host": b"GET /healthz HTTP/1.1\r\nHost:\r\n\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/1.2": get(start="GET /healthz HTTP/1.2"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel": get(start="CONNECT elsewhere:80 HTTP/1.1"),
    "relative address": get(start="GET healthz HTTP/1.1"),
    "no address": get(start="GET  HTTP/1.1"),
    "raw letters in the address": get(start="GET /é HTTP/1.1"),
    "lower-case method": get(start="get /healthz HTTP/1.1"),
    "endless method": b"A" * 5_000 + b" /healthz HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_not_http_is_refused(wired: GatewayProcess, data: bytes) -> None:
    assert problem_in(raw(wired, data)) == (400, "request-malformed")


FRAMING = {
    "length and chunks": (("Content-Length: 15", CHUNKED), b"f\r\n"),
    "two lengths": (("Content-Length: 15", "Content-Length: 16"), b""),
    "the same length twice": (("Content-Length: 15", "Content-Length: 15"), b""),
    "a list of lengths": (("Content-Length: 15, 15",), b""),
    "negative length": (("Content-Length: -15",), b""),
    "length with a sign": (("Content-Length: +15",), b""),
    "hexadecimal length": (("Content-Length: 0xf",), b""),
    "underscore in the length": (("Content-Length: 1_5",), b""),
    "Arabic length": (("Content-Length: ١٥",), b""),
    "a length beyond all integers": (("Content-Length: " + "9" * 25,), b""),
    "chunked twice": ((CHUNKED, CHUNKED), b"f\r\n"),
    "chunked, then not": (("Transfer-Encoding: chunked, identity",), b"f\r\n"),
    "compressed chunks": (("Transfer-Encoding: gzip, chunked",), b"f\r\n"),
    "almost chunked": (("Transfer-Encoding: xchunked",), b"f\r\n"),
    "chunk size is no number": ((CHUNKED,), b"zz\r\n"),
    "chunk size has a sign": ((CHUNKED,), b"-f\r\n"),
    "chunk size has a prefix": ((CHUNKED,), b"0xf\r\n"),
    "chunk size beyond all integers": ((CHUNKED,), b"F" * 17 + b"\r\n"),
    "chunk shorter than its bytes": ((CHUNKED,), b"2\r\n"),
    "chunk ends with a line feed": ((CHUNKED,), b"f\n"),
}


@pytest.mark.parametrize(("lines", "size"), FRAMING.values(), ids=FRAMING.keys())
def test_a_body_whose_end_is_in_doubt_is_refused(
    wired: GatewayProcess, lines: tuple[str, ...], size: bytes
) -> None:
    before = databases(wired.data)
    data = kill(wired, *lines) + size + b'{"reason": "x"}\r\n0\r\n\r\n'
    status, code = problem_in(raw(wired, data))
    assert status == 400
    assert code in ("request-malformed", "header-malformed")
    assert databases(wired.data) == before


def test_an_old_client_cannot_send_chunks(wired: GatewayProcess) -> None:
    start = "POST /v1/kill HTTP/1.0"
    data = head(wired, JSON_TYPE, CHUNKED, start=start) + b'f\r\n{"reason": "x"}\r\n0\r\n\r\n'
    assert problem_in(raw(wired, data)) == (400, "header-malformed")


METHODS = {
    "HEAD": ("HEAD /v1/orders HTTP/1.1", 405),
    "TRACE": ("TRACE /v1/orders HTTP/1.1", 405),
    "PUT": ("PUT /v1/orders HTTP/1.1", 405),
    "OPTIONS of everything": ("OPTIONS * HTTP/1.1", 404),
    "another host's address": ("GET http://elsewhere/v1/nothing HTTP/1.1", 404),
    "two slashes": ("GET //elsewhere/v1/mode HTTP/1.1", 404),
    "parent folder": ("GET /v1/orders/../mode HTTP/1.1", 404),
    "encoded line break": ("GET /v1/mode%0A HTTP/1.1", 404),
    "encoded NUL": ("GET /v1/mode%00 HTTP/1.1", 404),
}


@pytest.mark.parametrize(("start", "status"), METHODS.values(), ids=METHODS.keys())
def test_other_methods_and_addresses_lead_nowhere(
    wired: GatewayProcess, start: str, status: int
) -> None:
    answer = raw(wired, head(wired, CLOSE, start=start))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in answer
    assert (b"\r\nallow: " in answer) == (status == 405)


def test_no_header_changes_the_method(wired: GatewayProcess) -> None:
    lines = [f"{name}: DELETE" for name in ("X-HTTP-Method-Override", "X-Method-Override")]
    data = head(wired, CLOSE, *lines, "X-HTTP-Method: DELETE", start="GET /v1/orders HTTP/1.1")
    assert raw(wired, data).startswith(b"HTTP/1.1 200 ")


def test_a_chunked_body_is_bounded_too(wired: GatewayProcess) -> None:
    lines = (JSON_TYPE, CHUNKED, "Idempotency-Key: k", CLOSE)
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    answer = raw(wired, head(wired, *lines), *[chunk] * 8)
    assert problem_in(answer) == (413, "body-too-large")


ENDLESS = {
    "body": b"8000\r\n" + b"x" * 0x8000 + b"\r\n",
    "chunk extension": b"x" * 0x8000,
    "trailer": b"X-A: " + b"x" * 0x8000 + b"\r\n",
}
BEFORE_IT = {"body": b"", "chunk extension": b"1;a=", "trailer": b"0\r\n"}


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_never_ends_is_cut_off(wired: GatewayProcess, kind: str) -> None:
    """Whatever was answered, the connection does not stay open for more of it."""
    before = databases(wired.data)
    began = time.monotonic()
    answer = raw(wired, kill(wired, CHUNKED) + BEFORE_IT[kind], *[ENDLESS[kind]] * 10_000)
    assert time.monotonic() - began < ANSWER_TIMEOUT_S
    assert b" 200 " not in answer
    assert databases(wired.data) == before


def test_a_chunked_ticket_is_a_ticket(wired: GatewayProcess) -> None:
    lines = (JSON_TYPE, CHUNKED, "Idempotency-Key: chunked", CLOSE)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (BODY[:10], BODY[10:]))
    answer = raw(wired, head(wired, *lines), chunks, b"0\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 201 ", b"HTTP/1.1 403 "))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip", "GZIP"])
def test_a_compressed_body_is_not_unpacked(wired: GatewayProcess, coding: str) -> None:
    bomb = gzip.compress(b" " * 50_000_000)[:60_000]
    lines = (JSON_TYPE, f"Content-Encoding: {coding}", f"Content-Length: {len(bomb)}", CLOSE)
    answer = raw(wired, head(wired, *lines), bomb)
    assert problem_in(answer) == (415, "media-type-unsupported")


def test_a_long_head_is_refused_before_it_ends(wired: GatewayProcess) -> None:
    parts = [b"GET /healthz HTTP/1.1\r\nHost: x\r\n", *[b"X-A: " + b"x" * 8_000 + b"\r\n"] * 200]
    answer = raw(wired, *parts)
    assert answer == b"" or problem_in(answer) == (431, "headers-too-large")
    assert problem_in(raw(wired, get(*["A: b"] * 80, CLOSE))) == (431, "headers-too-large")
    long = get(CLOSE, start=f"GET /{'x' * 3_000} HTTP/1.1")
    assert problem_in(raw(wired, long)) == (414, "target-too-long")
    with wired.http() as http:
        assert http.get("/healthz").status_code == 200


def test_a_duplicate_key_header_is_refused(wired: GatewayProcess) -> None:
    length = f"Content-Length: {len(BODY)}"
    before = databases(wired.data)
    for twice in ("Idempotency-Key: a", "Authorization: Bearer x", JSON_TYPE, "Host: y"):
        lines = (JSON_TYPE, length, CLOSE, "Idempotency-Key: b", twice)
        answer = raw(wired, head(wired, *lines), BODY)
        assert problem_in(answer) == (400, "header-duplicate"), twice
    assert databases(wired.data) == before


def ended_while_unread(server: GatewayProcess) -> bool:
    """Ask for much and read nothing: whether the gateway ends the connection."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        host, port = server.url.removeprefix("http://").split(":")
        connection.connect((host, int(port)))
        connection.sendall(get(start="GET /openapi.json HTTP/1.1") * PIPELINED_MAX)
        poll = select.poll()
        poll.register(connection, 0)  # asked for nothing, it tells of errors and the end
        time.sleep(WRITE_TIMEOUT_MS / 1_000 + 5)
        connection.sendall(b"x")  # a peer whose connection is gone says so when it is spoken to
        return bool(poll.poll(ANSWER_TIMEOUT_S * 1_000))


@pytest.mark.slow
def test_whoever_is_slow_is_given_up(wired: GatewayProcess) -> None:
    """Heads, bodies, what follows an answer, and answers that nobody reads."""
    before = databases(wired.data)
    lines = (JSON_TYPE, "Content-Length: 100", "Idempotency-Key: k")
    slow = [
        (b"",),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n",),
        (head(wired, *lines), b'{"account"'),
        (head(wired, JSON_TYPE, CHUNKED, "Authorization: Bearer x"), b"5\r\nabc"),
        (get(), b"GET /hea"),
    ]
    with ThreadPoolExecutor(len(slow) + 1) as pool:
        ended = pool.submit(ended_while_unread, wired)
        found = list(pool.map(lambda parts: raw(wired, *parts, timeout_s=20), slow))
        assert ended.result()
    silent, half_head, half_body, after_answer, second = found
    assert silent == half_head == b""
    assert problem_in(half_body) == (408, "body-slow")
    assert problem_in(after_answer)[1] == "header-duplicate"
    assert second.startswith(b"HTTP/1.1 200 ")
    assert databases(wired.data) == before


def test_upgrades_and_other_protocols_lead_nowhere(wired: GatewayProcess) -> None:
    for protocol in ("websocket", "h2c"):
        upgrade = get(
            *("Connection: Upgrade, close", f"Upgrade: {protocol}"),
            *("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA==", "HTTP2-Settings: AAMAAABk"),
            start="GET /v1/orders HTTP/1.1",
        )
        assert problem_in(raw(wired, upgrade)) == (401, "key-missing")


def test_pipelined_requests_are_answered_in_order(wired: GatewayProcess) -> None:
    last = get(CLOSE, start="GET /nope HTTP/1.1")
    answer = raw(wired, get() + get() + last)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"404"]


def test_only_so_many_requests_wait_on_one_connection(wired: GatewayProcess) -> None:
    answer = raw(wired, get() * 5_000)
    assert 1 <= answer.count(b"HTTP/1.1 200 ") <= PIPELINED_MAX + 1


def test_no_refusal_stands_in_for_the_answer_to_the_request_before(
    wired: GatewayProcess,
) -> None:
    """A proposal, and rubbish behind it: its answer is its own, and it is the last."""
    length = f"Content-Length: {len(BODY)}"
    request = head(wired, JSON_TYPE, length, "Idempotency-Key: before-rubbish") + BODY
    answer = raw(wired, request + b"\x00rubbish\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith((b"HTTP/1.1 201 ", b"HTTP/1.1 403 "))
    assert b"connection: close" in answer


def test_half_a_request_is_no_request(wired: GatewayProcess) -> None:
    before = databases(wired.data)
    length = "Content-Length: 100"
    for data in (kill(wired)[:-2], kill(wired, length), kill(wired, length) + b'{"reason": "x"}'):
        assert b" 200 " not in raw(wired, data, half_close=True)
        with connect(wired) as connection:
            connection.sendall(data)  # and gone
    assert databases(wired.data) == before


def test_connections_beyond_the_limit_are_told_and_then_shut_out(wired: GatewayProcess) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4_096, limits[1]), limits[1]))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        for _ in range(CONNECTIONS_MAX):
            stack.enter_context(connect(wired))
        assert problem_in(raw(wired, get())) == (503, "gateway-busy")
        for _ in range(76):
            stack.enter_context(connect(wired))
        assert raw(wired, get()) == b""
    deadline = time.monotonic() + ANSWER_TIMEOUT_S
    while not raw(wired, get(CLOSE)).startswith(b"HTTP/1.1 200 "):
        assert time.monotonic() < deadline


def test_what_was_sent_is_not_in_the_log_of_the_process(wired: GatewayProcess) -> None:
    secret = "s3cret-" + "x" * 20
    raw(wired, get(f"Authorization: Bearer {secret}", CLOSE, start=f"GET /{secret} HTTP/1.1"))
    raw(wired, f"{secret} \x00".encode())
    assert secret not in Path(wired.folder / "stderr").read_text(encoding="utf-8")
