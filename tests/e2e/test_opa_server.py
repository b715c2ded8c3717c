"""The gateway with an OPA server beside it, set up as the document says, and with worse company."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from gateway.policy.opa_server.endpoint import read_endpoint
from gateway.policy.opa_server.setup import write_setup
from gateway.policy.opa_tool import find_opa
from gateway.policy.release import load_release
from peers.opa import MISBEHAVIOURS, Asked, hostile_opa, saying
from signing import envelope
from signing.keys import Vkey
from signing.published import PublishedLog
from signing.verify import verify_log
from support.doors import new_key, opened, settings
from support.opa_server import TOKEN, OpaProcess, environment, free_port, opa_in
from support.processes import GatewayProcess, simulation
from support.release_folder import write_release
from support.secrets_made import NOW
from support.tickets import TICKET

pytestmark = pytest.mark.slow

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "policy-engines.md"
BLOCK: Final = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
ALLOWED: Final = TICKET | {"limit_price": "24.80"}
WAIT_S: Final = 60
NUMBERS: Final = count(1)


def until(what: Callable[[], bool], why: Callable[[], str]) -> None:
    """Wait, within bounds."""
    end_s = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < end_s, why()
        time.sleep(0.05)


def decisions(data: Path) -> list[dict[str, Any]]:
    """Every decision of a published log, after the log has been verified."""
    vkey = Vkey.parse((data / "log.vkey").read_text(encoding="ascii").strip())
    report = verify_log(data / "log", vkey)
    assert report.ok, report
    opened_entries = [envelope.open_envelope(e) for e in PublishedLog(data / "log", vkey).entries()]
    return [dict(entry.payload) for entry in opened_entries if entry.kind == "decision"]


@contextmanager
def walked(folder: Path, listen: str, gateway_port: int) -> Generator[None]:
    """Do literally what the document says, in one shell; only the addresses are the test's own."""
    blocks = BLOCK.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert len(blocks) == 2
    # The shell outlives the signal, so that its own end tells that the gateway's has come.
    script = "trap : TERM\nset -e\n" + "".join(blocks) + "wait || true\nwait || true\n"
    script = script.replace("http://127.0.0.1:8470", f"http://127.0.0.1:{gateway_port}")
    script = script.replace("http://127.0.0.1:8181", listen)
    assert listen in script
    plain = {name: value for name, value in os.environ.items() if name[:5] != "WRIT_"}
    path = os.pathsep.join(
        [str(Path(sys.executable).parent), str(find_opa().parent), plain["PATH"]]
    )
    given = simulation(folder, write_release(folder / "release")).environment
    with (folder / "said").open("wb") as said:
        shell = subprocess.Popen(
            ["bash", "-c", script],
            cwd=folder,
            env=plain | dict(given) | {"PATH": path, "WRIT_PORT": str(gateway_port)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(shell.pid, signal.SIGTERM)
            shell.wait(WAIT_S)


@pytest.mark.requirement("S1-07")
@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_the_document_sets_up_a_server_that_decides(tmp_path: Path, *, unix: bool) -> None:
    listen = f"unix://{tmp_path / 'opa.sock'}" if unix else f"http://127.0.0.1:{free_port()}"
    port = free_port()
    server = simulation(tmp_path, tmp_path / "release")
    server.url = f"http://127.0.0.1:{port}"
    with walked(tmp_path, listen, port):

        def said() -> str:
            return (tmp_path / "said").read_text(encoding="utf-8")

        until(lambda: is_ready(server.url), said)
        server.key = new_key(tmp_path / "writ-data", "ops", "admin", "propose")
        lift(server)
        assert submit(server) == "allowed", said()
        if not unix:
            only_decisions_and_health_are_answered(listen, (tmp_path / "opa.token").read_text())
            doctor_finds_it_sound(server, listen)
    [decision] = decisions(tmp_path / "writ-data")
    assert decision["allow"] is True
    assert decision["engine"] == {"name": "opa-server", "version": "1.21.3"}


def doctor_finds_it_sound(server: GatewayProcess, listen: str) -> None:
    server.environment = dict(server.environment) | {
        "WRIT_ENGINE": "opa-server",
        "WRIT_OPA_URL": listen,
        "WRIT_OPA_TOKEN_FILE": "opa.token",
        "WRIT_ENGINE_TIMEOUT_MS": "10000",
    }
    port = server.url.rpartition(":")[2]
    examined = server.writ("doctor", "-o", "json", "--port", port)
    grades = {row["check"]: row["grade"] for row in examined.json}
    assert (grades["engine"], grades["engine access"]) == ("ok", "ok"), examined.out


def is_ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz", timeout=10, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def only_decisions_and_health_are_answered(url: str, token: str) -> None:
    """What the authorization policy of the document leaves shut."""
    shut = [
        ("GET", "/v1/data"),
        ("GET", "/v1/data/writ/main/decisions"),
        ("POST", "/v1/data"),
        ("POST", "/v1/data/limits"),
        ("POST", "/v1/data/writ/main"),
        ("PUT", "/v1/data/limits"),
        ("PATCH", "/v1/data/limits"),
        ("GET", "/v1/policies"),
        ("PUT", "/v1/policies/x"),
        ("DELETE", "/v1/policies/x"),
        ("POST", "/v1/query"),
        ("POST", "/v1/compile"),
        ("GET", "/v1/config"),
        ("GET", "/metrics"),
        ("POST", "/"),
    ]
    head = {"Authorization": f"Bearer {token.strip()}"}
    with httpx2.Client(base_url=url, timeout=10, trust_env=False) as http:
        for method, path in shut:
            assert http.request(method, path, headers=head).status_code == 401, (method, path)
        asked = http.post("/v1/data/writ/main/decisions", json={}, headers=head)
        assert asked.status_code == 200
        assert http.post("/v1/data/writ/main/decisions", json={}).status_code == 401


@pytest.mark.requirement("S1-07")
def test_a_server_is_out_of_rotation_until_it_has_the_gateways_release(tmp_path: Path) -> None:
    """The gateway restarts with another release; until the server has it, all is denied."""
    opa, server = beside(tmp_path)
    tight = write_release(tmp_path / "tight", order_notional_max_micros=1_000)
    server.start()
    try:
        assert submit(server) == "ENGINE_UNREACHABLE"
        not_ready = server.writ("status")
        assert (not_ready.status, "ENGINE_UNREACHABLE" in not_ready.err) == (3, True)
        patient = polling(opa, 3_600)
        opa.start()
        until(lambda: is_ready(server.url), opa.log)
        lift(server)
        assert submit(server) == "allowed"

        restart(server, tight)
        assert submit(server) == "ENGINE_REVISION"
        # Its request for news broke off with the gateway, so it may ask again at any moment.
        assert submit(server) in {"ENGINE_REVISION", "ORD-01"}
        opa.stop()
        polling(opa, patient)
        opa.start()  # with the release that it kept on disk, and then it asks for the newest
        until(lambda: is_ready(server.url), opa.log)
        assert submit(server) == "ORD-01"

        restart(server, tmp_path / "release")
        until(lambda: is_ready(server.url), opa.log)  # it follows while it runs, too
        assert submit(server) == "allowed"
    finally:
        opa.stop()
        assert server.stop() == 0, server.log()
    found = decisions(server.data)
    assert sum(decision["allow"] for decision in found) == 2
    assert {d["engine"]["name"] for d in found} == {"opa-server"}


def beside(folder: Path) -> tuple[OpaProcess, GatewayProcess]:
    """A server and a gateway that are set up for each other; neither is started."""
    (folder / "opa").mkdir()
    opa, port = opa_in(folder / "opa"), free_port()
    release = write_release(folder / "release")
    server = simulation(folder, release, **environment(opa), WRIT_ENGINE_TIMEOUT_MS="10000")
    server.options = ("--port", str(port))
    key = folder / "opa.key"
    key.write_text(new_key(server.data, "opa", "policy:read"), encoding="ascii")
    there = read_endpoint(opa.url, opa.token_file, NOW)
    gateway_url = f"http://127.0.0.1:{port}"
    write_setup(opa.folder, gateway_url=gateway_url, key_file=key, at=there, diagnostic=None)
    server.key = new_key(server.data, "ops", "propose", "read", "admin")
    return opa, server


def polling(opa: OpaProcess, seconds: int) -> int:
    """Change how often the server asks for its bundle; returns what it was."""
    path = opa.folder / "opa.json"
    config = json.loads(path.read_bytes())
    delays = config["bundles"]["writ"]["polling"]
    before: int = delays["min_delay_seconds"]
    delays |= {"min_delay_seconds": seconds, "max_delay_seconds": seconds}
    path.write_text(json.dumps(config), encoding="utf-8")
    return before


def restart(server: GatewayProcess, release: Path) -> None:
    assert server.stop() == 0, server.log()
    server.environment = dict(server.environment) | {"WRIT_RELEASE": str(release)}
    server.start()


def lift(server: GatewayProcess) -> None:
    with server.http() as http:
        lifted = http.post("/v1/omega4", json={"lifted": True, "reason": "test"})
    assert lifted.status_code == 200, lifted.text


def submit(server: GatewayProcess) -> str:
    """One order: ``allowed``, the failure's code, or the controls that deny it."""
    with server.http() as http:
        answer = http.post(
            "/v1/orders", json=ALLOWED, headers={"Idempotency-Key": f"key-{next(NUMBERS)}"}
        )
    if answer.status_code == 201:
        return "allowed"
    problem = answer.json()
    assert problem["code"] == "order-denied", problem
    if problem["failure"] is not None:
        return problem["failure"]["code"]
    return " ".join(reason["control"] for reason in problem["reasons"])


@pytest.mark.requirement("S1-07")
async def test_each_misbehaviour_is_one_signed_denial_after_one_request(tmp_path: Path) -> None:
    """The whole spine, with a peer in the engine's place that would have everything allowed."""
    release = load_release(settings(tmp_path).release or tmp_path)
    token = tmp_path / "token"
    token.write_text(TOKEN, encoding="ascii")
    token.chmod(0o600)
    behaviour = saying(lambda _: None)

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await behaviour(asked, writer)

    expected: list[str] = []
    async with hostile_opa(script, version=release.opa_version, revision=release.digest) as peer:
        given = {"engine": "opa-server", "opa_url": peer.url, "opa_token_file": token}
        async with opened(tmp_path, **given, engine_timeout_ms=2_000) as door:
            for name, (behaviour, code) in MISBEHAVIOURS.items():  # noqa: B007  script reads it
                before = peer.decisions
                answer = await door.propose()
                problem = answer.json()
                assert (answer.status_code, problem["code"]) == (403, "order-denied"), name
                assert problem["failure"]["code"] == code, name
                assert problem["failure"]["title"] != "No verdict could be had", code
                assert peer.decisions == before + 1, name
                expected.append(code)
            behaviour = saying(lambda _: None)
            assert (await door.propose()).status_code == 201, "the peer of this test can allow"
        assert not any(asked.target.startswith("/elsewhere") for asked in peer.seen)
    *denied, allowed = decisions(tmp_path / "data")
    assert [decision["failure"] for decision in denied] == expected
    assert sum(decision["allow"] for decision in denied) == 0
    assert allowed["allow"] is True
    assert {d["engine"]["name"] for d in [*denied, allowed]} == {"opa-server"}


@pytest.mark.parametrize(
    "given",
    [
        {"WRIT_ENGINE": "regopy"},
        {"WRIT_ENGINE": "opa-server", "WRIT_OPA_TOKEN_FILE": "t", "WRIT_OPA_URL": "http://1.2.3.4"},
    ],
)
def test_a_setting_that_cannot_work_ends_the_start(tmp_path: Path, given: dict[str, str]) -> None:
    (tmp_path / "t").write_text(TOKEN, encoding="ascii")
    (tmp_path / "t").chmod(0o600)
    server = simulation(tmp_path, write_release(tmp_path / "release"), **given)
    refused = server.writ("serve", "--data", "data", "--port", "0")
    assert refused.status == 2
    assert "config-invalid" in refused.err
    assert "what to do" in refused.err
    assert not (tmp_path / "data").exists()
