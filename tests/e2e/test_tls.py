"""TLS at the gateway's own door: who has no certificate of the right authority stays outside."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from gateway.api.handshakes import HANDSHAKES_MAX
from gateway.api.handshakes import TIMEOUT_S as HANDSHAKE_TIMEOUT_S
from gateway.api.tls import door_tls
from gateway.domain.errors import InvalidInputError
from support.certificates import Authority, Issued, authority
from support.processes import ALL_SCOPES, GatewayProcess, simulation
from support.release_folder import write_release

pytestmark = [pytest.mark.requirement("S3-14"), pytest.mark.timeout(300)]

PATIENCE_S = 60
SLOW = 40
"""Callers that never end their handshake."""


@dataclass(slots=True)
class Place:
    """A gateway behind TLS, and the authorities of both sides."""

    process: GatewayProcess
    servers: Authority
    callers: Authority
    mine: Issued

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", int(self.process.url.rpartition(":")[2])

    def http(self, shown: Issued | None) -> httpx2.Client:
        """A client that believes the gateway's authority and shows a certificate, or none."""
        context = ssl.create_default_context(cafile=self.servers.file)
        if shown is not None:
            context.load_cert_chain(shown.certificate, shown.key)
        headers = {"Authorization": f"Bearer {self.process.key}"}
        return httpx2.Client(
            base_url=self.process.url,
            verify=context,
            headers=headers,
            timeout=PATIENCE_S,
            trust_env=False,
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("tls")
    servers, callers = authority(folder, "servers"), authority(folder, "callers")
    own, mine = servers.issue("gateway"), callers.issue("me")
    process = simulation(
        folder,
        write_release(folder / "release"),
        WRIT_TLS_CERTIFICATE_FILE=str(own.certificate),
        WRIT_TLS_KEY_FILE=str(own.key),
        WRIT_TLS_CLIENT_CA_FILE=str(callers.file),
        WRIT_CA_FILE=str(servers.file),
        WRIT_CLIENT_CERT=str(mine.certificate),
        WRIT_CLIENT_KEY=str(mine.key),
    )
    process.start()
    try:
        process.key = process.new_key("ops", *ALL_SCOPES)
        yield Place(process, servers, callers, mine)
        assert "Traceback" not in process.log()
    finally:
        assert process.stop() == 0


def test_the_right_certificate_opens_the_door_and_the_key_says_who(place: Place) -> None:
    assert place.process.url.startswith("https://127.0.0.1:")
    with place.http(place.mine) as http:
        assert http.get("/v1/mode").status_code == 200
        nobody = http.get("/v1/mode", headers={"Authorization": "Bearer writ_x"})
        assert (nobody.status_code, nobody.json()["code"]) == (401, "key-invalid")


def test_the_command_line_shows_its_certificate(place: Place) -> None:
    status = place.process.writ("status", "-o", "json")
    assert status.status == 0, status.err
    assert status.json["ready"] is True


def test_the_doctor_knows_the_gateway_by_its_certificate(place: Place) -> None:
    def port(**changes: str) -> tuple[str, str]:
        caller = GatewayProcess(place.process.folder, dict(place.process.environment) | changes)
        options = ("--data", str(place.process.data), "--port", str(place.address[1]), "-o", "json")
        [row] = [row for row in caller.writ("doctor", *options).json if row["check"] == "port"]
        return row["grade"], row["found"]

    grade, found = port()
    assert (grade, "a gateway is running there" in found) == ("note", True)
    other = place.servers.issue("another")
    shown = {
        "WRIT_TLS_CERTIFICATE_FILE": str(other.certificate),
        "WRIT_TLS_KEY_FILE": str(other.key),
    }
    assert port(**shown)[0] == "fail"
    assert port(WRIT_TLS_KEY_FILE=str(other.key))[0] == "fail"


@pytest.mark.attack
@pytest.mark.parametrize("who", ["nobody", "another authority's", "ended", "the gateway's side"])
def test_whoever_shows_another_certificate_or_none_gets_no_answer(place: Place, who: str) -> None:
    folder = place.process.folder
    shown = {
        "nobody": lambda: None,
        "another authority's": lambda: authority(folder, "others").issue("other"),
        "ended": lambda: place.callers.issue("ended", ended=True),
        "the gateway's side": lambda: place.servers.issue("insider"),
    }[who]()
    with place.http(shown) as http, pytest.raises(httpx2.TransportError):
        http.get("/healthz")
    with place.http(place.mine) as http:
        assert http.get("/healthz").status_code == 200


@pytest.mark.attack
def test_plain_http_is_not_answered(place: Place) -> None:
    with socket.create_connection(place.address, PATIENCE_S) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP/1.1" not in read_to_the_end(plain)


def read_to_the_end(connection: socket.socket) -> bytes:
    found = b""
    try:
        while data := connection.recv(65_536):
            found += data
    except ConnectionError:
        return found
    return found


@pytest.mark.attack
@pytest.mark.parametrize("begun", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01"], ids=["not", "half"])
def test_handshakes_that_never_end_keep_nobody_waiting(place: Place, begun: bytes) -> None:
    with ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(place.address, PATIENCE_S))
            for _ in range(SLOW)
        ]
        for one in slow:
            one.sendall(begun)
        begun_s = time.monotonic()
        with place.http(place.mine) as http:
            for _ in range(5):
                assert http.get("/healthz").status_code == 200
        assert time.monotonic() - begun_s < HANDSHAKE_TIMEOUT_S, "the others did not wait"
        for one in slow:
            read_to_the_end(one)  # a socket that stayed open would time out
        assert time.monotonic() - begun_s > HANDSHAKE_TIMEOUT_S / 2


@pytest.mark.attack
def test_more_handshakes_than_the_bound_find_the_door_shut_and_no_file_is_lost(
    place: Place,
) -> None:
    """What is over the bound is closed at once, and everybody gets in once the others are out."""
    assert place.process.process is not None
    files = Path("/proc") / str(place.process.process.pid) / "fd"
    with ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(place.address, PATIENCE_S))
            for _ in range(HANDSHAKES_MAX + SLOW)
        ]
        eventually(lambda: sum(map(closed, slow)) >= SLOW)
        assert sum(not closed(one) for one in slow) <= HANDSHAKES_MAX
        eventually(lambda: all(map(closed, slow)))
    eventually(lambda: len(list(files.iterdir())) < HANDSHAKES_MAX)
    with place.http(place.mine) as http:
        assert http.get("/healthz").status_code == 200


def closed(connection: socket.socket) -> bool:
    """Whether the other side has ended it."""
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def eventually(truth: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not truth():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def test_a_request_that_comes_along_with_the_handshake_is_answered(place: Place) -> None:
    """TLS 1.3 lets a caller send it in the same packet as its last message."""
    context = ssl.create_default_context(cafile=place.servers.file)
    context.load_cert_chain(place.mine.certificate, place.mine.key)
    for _ in range(20):
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(into, out, server_hostname="127.0.0.1")
        with socket.create_connection(place.address, PATIENCE_S) as raw:
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            raw.sendall(out.read())
            while True:
                into.write(raw.recv(65_536))
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    continue
            tls.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            raw.sendall(out.read())  # the end of the handshake and the request, at once
            assert answered(tls, into, raw).startswith(b"HTTP/1.1 200")


def answered(tls: ssl.SSLObject, into: ssl.MemoryBIO, raw: socket.socket) -> bytes:
    """The first of what the gateway says."""
    while True:
        into.write(raw.recv(65_536))
        try:
            return tls.read(65_536)
        except ssl.SSLWantReadError:
            continue


@pytest.mark.attack
def test_the_key_is_not_sent_to_a_gateway_that_nobody_vouches_for(place: Place) -> None:
    others = authority(place.process.folder, "strangers")
    changed = dict(place.process.environment) | {"WRIT_CA_FILE": str(others.file)}
    caller = GatewayProcess(
        place.process.folder, changed, url=place.process.url, key=place.process.key
    )
    typed = caller.writ("status")
    assert typed.status == 3
    assert "gateway-unreachable" in typed.err
    assert "Traceback" not in typed.err


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        pytest.param({}, "http://127.0.0.1:1", id="http"),
        pytest.param({"WRIT_CLIENT_KEY": ""}, "https://127.0.0.1:1", id="no key"),
        pytest.param({"WRIT_CLIENT_CERT": ""}, "https://127.0.0.1:1", id="no certificate"),
        pytest.param({"WRIT_CA_FILE": ""}, "https://127.0.0.1:1", id="no authority"),
        pytest.param({"WRIT_CA_FILE": "/nowhere"}, "https://127.0.0.1:1", id="no such file"),
    ],
)
def test_a_command_line_that_contradicts_itself_sends_nothing(
    place: Place, changes: dict[str, str], url: str
) -> None:
    caller = GatewayProcess(
        place.process.folder, dict(place.process.environment) | changes, url=url, key="writ_x"
    )
    typed = caller.writ("status")
    assert typed.status == 2, typed.err
    assert "config-invalid" in typed.err


def test_what_fits_together_is_taken(tmp_path: Path) -> None:
    callers = authority(tmp_path, "callers")
    own = callers.issue("gateway")
    assert door_tls(None, None, None) is None
    open_to_all = door_tls(own.certificate, own.key, None)
    closed = door_tls(own.certificate, own.key, callers.file)
    assert open_to_all is not None
    assert closed is not None
    assert open_to_all.verify_mode is ssl.CERT_NONE
    assert closed.verify_mode is ssl.CERT_REQUIRED
    assert closed.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("missing", [(0,), (1,), (0, 1)], ids=["certificate", "key", "both"])
def test_what_contradicts_itself_is_refused(tmp_path: Path, missing: tuple[int, ...]) -> None:
    callers = authority(tmp_path, "callers")
    own = callers.issue("gateway")
    files = [None if n in missing else file for n, file in enumerate((own.certificate, own.key))]
    refuse(files[0], files[1], callers.file)


def test_files_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    callers = authority(tmp_path, "callers")
    own, other = callers.issue("gateway"), callers.issue("other")
    refuse(own.certificate, other.key, None)
    refuse(own.certificate, tmp_path / "nowhere", None)
    refuse(tmp_path / "nowhere", own.key, None)
    refuse(own.certificate, own.key, tmp_path / "nowhere")
    refuse(own.certificate, own.key, own.key)
    sealed = callers.issue("sealed", password=b"a passphrase")
    refuse(sealed.certificate, sealed.key, None)
    own.key.chmod(0o640)
    assert "read by others" in refuse(own.certificate, own.key, None)


def refuse(certificate: Path | None, key: Path | None, authorities: Path | None) -> str:
    with pytest.raises(InvalidInputError) as caught:
        door_tls(certificate, key, authorities)
    assert caught.value.code == "config-invalid"
    return caught.value.detail


def test_a_gateway_with_half_of_it_does_not_start(tmp_path: Path) -> None:
    own = authority(tmp_path, "servers").issue("gateway")
    half = {"WRIT_TLS_CERTIFICATE_FILE": str(own.certificate)}
    typed = GatewayProcess(tmp_path, half).writ("serve", "--port", "0")
    assert typed.status == 2
    assert "config-invalid" in typed.err
    assert typed.out == ""
