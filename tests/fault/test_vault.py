"""A real vault that is sealed, killed, stopped or slow, and servers that only look like one."""

import gc
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from peers.vault import (
    LOGIN,
    TOKEN,
    Asked,
    HostileVault,
    Script,
    after_login,
    answer,
    dribble,
    drop,
    hang,
    hostile_vault,
)
from support.vault_server import VaultServer, make_ca, running_vault
from support.vault_sessions import (
    address,
    app_role,
    later,
    now,
    reference,
    refusal,
    session,
    write_private,
)
from vault.address import VaultAddress
from vault.answers import ANSWER_BYTES_MAX
from vault.custody import Custody
from vault.errors import ProviderError
from vault.logins import AppRoleLogin
from vault.providers.hashicorp import HashiCorpProvider
from vault.renewal import Renewal
from vault.session import READS_MAX, VaultSession

pytestmark = [pytest.mark.requirement("S3-15"), pytest.mark.slow]
WANTED = reference("writ/brokers/fault")
TIMEOUT_MS = 700


@pytest.fixture(scope="module")
def server() -> Iterator[VaultServer]:
    with running_vault() as made:
        made.put("writ/brokers/fault", {"key": "canary-value"})
        yield made


@pytest.fixture
def held(server: VaultServer, tmp_path: Path) -> VaultSession:
    made = session(server, tmp_path, timeout_ms=TIMEOUT_MS)
    assert read(made) == "canary-value"
    return made


def read(held: VaultSession) -> str:
    return HashiCorpProvider(held).fetch(WANTED, now()).reveal()


def told(held: VaultSession) -> str:
    """What the session says of the vault without asking it."""
    trouble = held.trouble(now())
    return "" if trouble is None else trouble.code


def took_s(work: Callable[[], object]) -> float:
    begun_s = time.monotonic()
    work()
    return time.monotonic() - begun_s


def test_sealed_and_unsealed(server: VaultServer, held: VaultSession) -> None:
    server.seal()
    try:
        error = refusal(lambda: read(held))
        assert (error.code, told(held)) == ("vault-sealed", "vault-sealed")
        assert refusal(lambda: held.renew(now())).code == "vault-sealed"
        assert held.lease() is not None, "the session lasts until its lease ends"
    finally:
        server.unseal()
    assert read(held) == "canary-value"
    assert told(held) == ""


def test_sealed_at_the_beginning(server: VaultServer, tmp_path: Path) -> None:
    held = session(server, tmp_path)
    server.seal()
    try:
        assert refusal(lambda: read(held)).code == "vault-sealed"
    finally:
        server.unseal()
    assert read(held) == "canary-value", "the wrapping token was not spent"


def test_killed_and_started_again(server: VaultServer, held: VaultSession) -> None:
    server.kill()
    try:
        assert refusal(lambda: read(held)).code == "vault-unreachable"
        assert told(held) == "vault-unreachable"
    finally:
        server.start()
    assert held.renew(now()).end_ns > 0
    assert (read(held), told(held)) == ("canary-value", "")


def test_a_standby_without_an_active_server(tmp_path: Path) -> None:
    with running_vault() as active:
        active.put("writ/brokers/fault", {"key": "canary-value"})
        (tmp_path / "standby").mkdir()
        standby = VaultServer(tmp_path / "standby")
        try:
            standby.join(active)
            held = VaultSession(address(standby), app_role(active, tmp_path))
            assert until(lambda: read(held)) == "canary-value", "a standby passes requests on"
            active.kill()
            assert until(lambda: refusal(lambda: read(held)).code == "vault-standby")
            assert told(held) == "vault-standby"
        finally:
            standby.stop()


def until(work: Callable[[], object]) -> object:
    """What `work` gives as soon as it gives something; a cluster needs a moment."""
    end_s = time.monotonic() + 30
    while True:
        with suppress(ProviderError):
            if found := work():
                return found
        assert time.monotonic() < end_s
        time.sleep(0.1)


def test_a_stopped_process_costs_the_time_out_and_no_more(
    server: VaultServer, held: VaultSession
) -> None:
    server.pause()
    try:
        spent_s = took_s(lambda: refusal(lambda: read(held)))
        assert told(held) == "vault-slow"
    finally:
        server.resume()
    assert TIMEOUT_MS / 1000 <= spent_s < TIMEOUT_MS / 1000 + 2
    assert until(lambda: read(held)) == "canary-value", "the server needs a moment to find itself"


def test_renewal_goes_on_after_an_outage(server: VaultServer, held: VaultSession) -> None:
    renewal, moment = Renewal(held, lambda n: n // 2), now()
    renewal.renew(moment)
    server.kill()
    try:
        for _ in range(3):
            due_ns = renewal.next_due(moment)
            moment = later(moment, (due_ns - moment.monotonic_ns) // 1_000_000_000 + 1)
            error = refusal(lambda moment=moment: renewal.renew(moment))
            assert error.code == "vault-unreachable"
        assert held.trouble(moment) is not None
    finally:
        server.start()
    lease = renewal.renew(moment)
    assert lease.begun_ns == moment.monotonic_ns
    assert held.trouble(moment) is None


def test_what_is_in_hand_serves_while_the_vault_is_down(
    server: VaultServer, held: VaultSession
) -> None:
    """PAPER goes on with the secret that it has; LIVE stops at once, and the status says why."""
    custody, moment = Custody([HashiCorpProvider(held)], lambda _: 0), now()
    custody.obtain(WANTED, moment)
    assert custody.unfit_for_live([WANTED], moment) == ()
    server.kill()
    try:
        moment = later(moment, 31)
        assert custody.refresh(moment) == ()
        assert custody.held(WANTED, moment).reveal() == "canary-value"
        codes = {error.code for error in custody.unfit_for_live([WANTED], moment)}
        assert codes == {"vault-unreachable"}
        (status,) = custody.report(moment)
        assert (status.state, status.why is not None) == ("stale", True)
    finally:
        server.start()
    server.put("writ/brokers/fault", {"key": "rotated-meanwhile"})
    try:
        moment = later(moment, 6)
        assert custody.refresh(moment) == (WANTED,)
        assert custody.held(WANTED, moment).reveal() == "rotated-meanwhile"
        assert custody.unfit_for_live([WANTED], moment) == ()
    finally:
        server.put("writ/brokers/fault", {"key": "canary-value"})


def test_reading_does_not_wait_for_a_renewal(tmp_path: Path) -> None:
    renewing, go_on = threading.Event(), threading.Event()

    def script(asked: Asked, connection: socket.socket, peer: HostileVault) -> None:
        if asked.path.endswith("/renew-self"):
            renewing.set()
            go_on.wait(10)
        after_login(answer(LOGIN if "/auth/" in asked.path else SOUND))(asked, connection, peer)

    with hostile_vault(script) as peer:
        held = pretend(peer, tmp_path, timeout_ms=10_000)
        assert read(held) == "canary-value"
        thread = threading.Thread(target=lambda: held.renew(now()))
        thread.start()
        assert renewing.wait(10)
        assert read(held) == "canary-value"
        assert thread.is_alive()
        go_on.set()
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("reply", "logins"),
    [
        (answer(LOGIN), 1),
        (answer({"auth": {**LOGIN["auth"], "lease_duration": 300}}), 1),
        (answer({"auth": {**LOGIN["auth"], "lease_duration": 299}}), 2),
        (answer({}, "400 Bad Request"), 2),
        (answer({}, "403 Forbidden"), 2),
        (answer({}, "500 Internal Server Error"), 2),
    ],
)
def test_what_cannot_be_renewed_is_begun_anew(tmp_path: Path, reply: bytes, logins: int) -> None:
    with hostile_vault(after_login(reply)) as peer:
        held = pretend(peer, tmp_path)
        held.renew(now())
        held.renew(now())
        asked = [one.path for one in peer.seen if one.path.endswith("/login")]
        assert len(asked) == logins
        assert told(held) == ""


def test_a_renewal_that_fails_leaves_the_session_as_it_is(tmp_path: Path) -> None:
    with hostile_vault(after_login(answer({}, "503 Service Unavailable"))) as peer:
        held = pretend(peer, tmp_path)
        lease = held.renew(now())
        assert refusal(lambda: held.renew(now())).code == "vault-failed"
        assert held.lease() == lease


@pytest.mark.attack
def test_another_ca_is_not_believed(server: VaultServer, tmp_path: Path) -> None:
    make_ca(tmp_path, "other")
    login = app_role(server, tmp_path)
    held = VaultSession(address(server, ca_file=tmp_path / "other.pem"), login)
    assert refusal(lambda: read(held)).code == "vault-tls"
    held = VaultSession(address(server, url=f"https://localhost:{server.port}"), login)
    assert refusal(lambda: read(held)).code == "vault-tls", "its certificate names 127.0.0.1 alone"
    assert read(VaultSession(address(server), login)) == "canary-value", "nothing had been sent"


def test_no_server_and_no_host(server: VaultServer, tmp_path: Path) -> None:
    login = app_role(server, tmp_path)
    for url in ("https://127.0.0.1:1", "https://no-such-host.invalid:8200"):
        held = VaultSession(address(server, url=url), login)
        assert refusal(lambda held=held: read(held)).code == "vault-unreachable"


def test_a_server_that_speaks_no_tls(server: VaultServer, tmp_path: Path) -> None:
    with hostile_vault(after_login(answer({}))) as peer:
        url = peer.url.replace("http:", "https:")
        there = address(server, url=url, timeout_ms=TIMEOUT_MS)
        held = VaultSession(there, app_role(server, tmp_path))
        assert refusal(lambda: read(held)).code == "vault-slow", "each waits for the other"
        assert peer.seen == []


def pretend(peer: HostileVault, folder: Path, timeout_ms: int = TIMEOUT_MS) -> VaultSession:
    """A session with a peer, over plain HTTP of loopback."""
    login = AppRoleLogin("role", write_private(folder / "secret-id", "a-secret-id"), None)
    return VaultSession(VaultAddress(peer.url, timeout_ms=timeout_ms), login)


@pytest.mark.attack
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temp", "308 Perm"])
def test_a_redirect_is_not_followed(tmp_path: Path, status: str) -> None:
    with hostile_vault(after_login(answer({}))) as thief:
        there = f"Location: {thief.url}/v1/kv/data/writ/brokers/fault"
        for script in (
            after_login(answer({}, status, there)),
            lambda asked, connection, peer: connection.sendall(answer({}, status, there)),
        ):
            with hostile_vault(script) as peer:
                held = pretend(peer, tmp_path)
                assert refusal(lambda held=held: read(held)).code == "vault-redirect"
                assert told(held) == "vault-redirect"
        assert thief.seen == [], "no token and no secret id went there"


SOUND = {"data": {"data": {"key": "canary-value"}, "metadata": {"version": 1}}}


@pytest.mark.attack
@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (answer(b"canary-value {"), "vault-answer"),
        (answer(b"<html>canary-value</html>"), "vault-answer"),
        (answer(b'["canary-value"]'), "vault-answer"),
        (answer(b'{"data": 1, "data": {"canary-value": 1}}'), "vault-answer"),
        (answer(b'{"data": "canary-value"}'), "vault-answer"),
        (answer(b"[" * 100_000), "vault-answer"),
        (answer(b'{"a": "\xff canary-value"}'), "vault-answer"),
        (answer(b'{"a": "' + b"canary-value" * 30_000 + b'"}'), "vault-answer"),
        (answer(b""), "vault-answer"),
        (answer(SOUND, "204 No Content"), "vault-answer"),
        (answer(SOUND, "202 Accepted"), "vault-failed"),
        (answer({"data": {"data": {"key": "canary-value"}, "metadata": {}}}), "vault-answer"),
        (answer({"data": {"data": None, "metadata": {"version": 1}}}), "vault-answer"),
        (answer({"data": {"data": {"key": "v"}, "metadata": {"version": True}}}), "vault-answer"),
        (answer(SOUND)[:-20], "vault-answer"),
        (answer(SOUND, "503 canary-value"), "vault-failed"),
        (answer(SOUND, "429 Too Many"), "vault-busy"),
        (answer(SOUND, "403 Forbidden"), "vault-token"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "vault-unreachable"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "vault-unreachable"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "vault-unreachable"),
        (b"", "vault-unreachable"),
    ],
)
def test_answers_that_are_none(tmp_path: Path, reply: bytes, code: str) -> None:
    with hostile_vault(after_login(reply)) as peer:
        held = pretend(peer, tmp_path)
        error = refusal(lambda: read(held))
        assert error.code == code
        assert "canary-value" not in everything_said(error)


def everything_said(error: BaseException | None) -> str:
    """The error and all that led to it, as a log would have them with every attribute shown."""
    text = ""
    while error is not None:
        text += f"{error!r} {error} {vars(error)} {error.args}"
        error = error.__cause__ or error.__context__
    return text


def test_a_pinned_version_is_the_one_that_comes(tmp_path: Path) -> None:
    with hostile_vault(after_login(answer(SOUND))) as peer:
        provider = HashiCorpProvider(pretend(peer, tmp_path))
        pinned = reference("writ/brokers/fault", version=2)
        assert refusal(lambda: provider.fetch(pinned, now())).code == "vault-answer"


@pytest.mark.attack
@pytest.mark.parametrize(
    "auth",
    [
        None,
        {},
        {"client_token": 1, "lease_duration": 1},
        {"client_token": "", "lease_duration": 1},
        {"client_token": "a-token\r\nX-Evil: yes", "lease_duration": 1},
        {"client_token": "x" * 5_000, "lease_duration": 1},
        {"client_token": TOKEN, "lease_duration": -1},
        {"client_token": TOKEN, "lease_duration": 1.5},
        {"client_token": TOKEN, "lease_duration": True},
        {"client_token": TOKEN, "lease_duration": 10**12},
        {"client_token": TOKEN},
    ],
)
def test_logins_that_give_nothing_usable(tmp_path: Path, auth: object) -> None:
    with hostile_vault(
        lambda _, connection, __: connection.sendall(answer({"auth": auth}))
    ) as peer:
        held = pretend(peer, tmp_path)
        error = refusal(lambda: read(held))
        assert error.code == "vault-answer"
        assert held.lease() is None
        assert TOKEN not in everything_said(error)
        assert len(peer.seen) == 1, "nothing was asked without a session"


@pytest.mark.attack
@pytest.mark.parametrize("script", [dribble, hang])
def test_a_slow_vault_costs_the_time_out_and_no_more(tmp_path: Path, script: Script) -> None:
    with hostile_vault(script) as peer:
        held = pretend(peer, tmp_path)
        spent_s = took_s(lambda: refusal(lambda: read(held)))
        assert told(held) == "vault-slow"
        assert spent_s < TIMEOUT_MS / 1000 + 1
        assert len(peer.seen) <= 2, "what was slow is not asked again"


def test_broken_connections_are_tried_a_few_times(tmp_path: Path) -> None:
    with hostile_vault(drop) as peer:
        held = pretend(peer, tmp_path)
        assert refusal(lambda: read(held)).code == "vault-unreachable"
        assert [asked.method for asked in peer.seen] == ["POST", *["GET"] * READS_MAX]


def test_what_is_sent(tmp_path: Path) -> None:
    with hostile_vault(after_login(answer(SOUND))) as peer:
        assert read(pretend(peer, tmp_path)) == "canary-value"
        login, asked = peer.seen
    assert json.loads(login.body) == {"role_id": "role", "secret_id": "a-secret-id"}
    assert b"x-vault-token" not in login.head.lower()
    assert f"X-Vault-Token: {LOGIN['auth']['client_token']}".encode() in asked.head
    assert asked.path == "/v1/kv/data/writ/brokers/fault"
    assert b"X-Vault-Request: true" in asked.head


@pytest.mark.parametrize("script", [drop, hang, after_login(answer(SOUND, "503 No"))])
def test_no_connection_is_left_over(tmp_path: Path, script: Script) -> None:
    with hostile_vault(script) as peer:
        held = pretend(peer, tmp_path)
        before = open_files()
        for _ in range(3):
            refusal(lambda: read(held))
    assert until(lambda: open_files() <= before), "the peer's own threads need a moment"


def open_files() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def test_an_answer_of_the_largest_size_is_read(tmp_path: Path) -> None:
    room = ANSWER_BYTES_MAX - len(json.dumps(SOUND)) - len(', "x": ""')
    full = json.dumps({**SOUND, "x": "y" * room}).encode()
    assert len(full) == ANSWER_BYTES_MAX
    for data, fine in ((full, True), (full + b" ", False)):
        with hostile_vault(after_login(answer(data))) as peer:
            held = pretend(peer, tmp_path)
            if fine:
                assert read(held) == "canary-value"
            else:
                assert refusal(lambda held=held: read(held)).code == "vault-answer"
