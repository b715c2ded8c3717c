"""Bytes on the wire that no client library would send: each is refused and none is waited for."""

from __future__ import annotations

import gzip
import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.processes import GatewayProcess
from support.tickets import TICKET


def raw(server: GatewayProcess, *parts: bytes, timeout_s: float = 20) -> bytes:
    """Send bytes and read until the gateway closes the connection."""
    host, port = server.url.removeprefix("http://").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=timeout_s) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            while data := connection.recv(65_536):
                received += data
        except ConnectionError:  # it may close while we still send
            return received
    return received


def head(server: GatewayProcess, *lines: str) -> bytes:
    fixed = ("POST /v1/orders HTTP/1.1", "Host: writ", f"Authorization: Bearer {server.key}")
    return "\r\n".join((*fixed, *lines, "", "")).encode()


BODY = json.dumps(TICKET).encode()
JSON_TYPE = "Content-Type: application/json"
CLOSE = "Connection: close"

MALFORMED = {
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,),
    "blank in the address": (b"GET /heal thz HTTP/1.1\r\nHost: x\r\n\r\n",),
    "folded header": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",),
    "blank before the colon": (b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",),
    "NUL in a header": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\x00\r\n\r\n",),
}


@pytest.mark.parametrize("parts", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_not_http_is_refused(
    shared_server: GatewayProcess, parts: tuple[bytes, ...]
) -> None:
    answer = raw(shared_server, *parts)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "request-malformed"


def test_two_lengths_are_refused(shared_server: GatewayProcess) -> None:
    for lines in (
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5, 6",),
        ("Content-Length: -5",),
    ):
        answer = raw(shared_server, head(shared_server, JSON_TYPE, *lines), b"0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 "), lines


def test_a_chunked_body_is_bounded_too(shared_server: GatewayProcess) -> None:
    lines = (JSON_TYPE, "Transfer-Encoding: chunked", "Idempotency-Key: k", CLOSE)
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    answer = raw(shared_server, head(shared_server, *lines), *[chunk] * 8)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_chunked_ticket_is_a_ticket(shared_server: GatewayProcess) -> None:
    lines = (JSON_TYPE, "Transfer-Encoding: chunked", "Idempotency-Key: chunked", CLOSE)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (BODY[:10], BODY[10:]))
    answer = raw(shared_server, head(shared_server, *lines), chunks, b"0\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 201 ", b"HTTP/1.1 403 "))


def test_a_compressed_body_is_not_unpacked(shared_server: GatewayProcess) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    lines = (JSON_TYPE, "Content-Encoding: gzip", f"Content-Length: {len(bomb[:60_000])}", CLOSE)
    answer = raw(shared_server, head(shared_server, *lines), bomb[:60_000])
    assert answer.startswith(b"HTTP/1.1 415 ")


def test_a_long_head_is_refused_before_it_ends(shared_server: GatewayProcess) -> None:
    parts = [b"GET /healthz HTTP/1.1\r\nHost: x\r\n", *[b"X-A: " + b"x" * 8_000 + b"\r\n"] * 200]
    answer = raw(shared_server, *parts)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    with shared_server.http() as http:
        assert http.get("/healthz").status_code == 200


def test_a_duplicate_key_header_is_refused(shared_server: GatewayProcess) -> None:
    length = f"Content-Length: {len(BODY)}"
    for twice in ("Idempotency-Key: a", "Authorization: Bearer x", JSON_TYPE):
        lines = (JSON_TYPE, length, CLOSE, "Idempotency-Key: b", twice)
        answer = raw(shared_server, head(shared_server, *lines), BODY)
        assert answer.startswith(b"HTTP/1.1 400 "), twice
        assert b"header-duplicate" in answer


@pytest.mark.slow
def test_slow_heads_and_bodies_are_given_up(shared_server: GatewayProcess) -> None:
    lines = (JSON_TYPE, "Content-Length: 100", "Idempotency-Key: k", CLOSE)
    slow = [
        (b"",),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n",),
        (head(shared_server, *lines), b'{"account"'),
    ]
    with ThreadPoolExecutor(len(slow)) as pool:
        silent, half_head, half_body = pool.map(lambda parts: raw(shared_server, *parts), slow)
    assert silent == half_head == b""
    assert half_body.startswith(b"HTTP/1.1 408 ")
    assert b"body-slow" in half_body


def test_upgrades_and_other_protocols_lead_nowhere(shared_server: GatewayProcess) -> None:
    upgrade = (
        b"GET /v1/orders HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n"
    )
    assert b" 101 " not in raw(shared_server, upgrade)


def test_pipelined_requests_are_answered_in_order(shared_server: GatewayProcess) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = raw(shared_server, one + one + last)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"404"]
