"""Whole gateways whose keys are in a real vault, which is then killed, sealed, rotated, revoked."""

import base64
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.bootstrap.custody import Custodian, open_custody
from gateway.bootstrap.opening import open_ledger
from gateway.bootstrap.signers import open_log_signer
from gateway.bootstrap.vault_settings import account_references
from gateway.config import AccountSettings, Settings
from gateway.domain.errors import UnavailableError, WritError
from gateway.host import OsEntropy, SystemClock, ThreadRunner
from peers.alpaca import alpaca_peer
from signing.envelope import open_envelope
from signing.keys import PublicKey
from support.ledgers import becomes
from support.processes import ALL_SCOPES, GatewayProcess, simulation
from support.release_folder import write_release
from support.vault_gateway import (
    IDENTITY_KEY,
    LOG_KEY,
    environment,
    store_log_key,
    vault_settings,
    wrapped,
)
from support.vault_server import VaultServer, running_vault
from vault.references import SecretRef

pytestmark = [
    pytest.mark.requirement("S3-15"),
    pytest.mark.requirement("S1-02"),
    pytest.mark.slow,
]
BUY = ("order", "submit", "buy", "10", "AAPL", "--limit", "24.80")
CREDENTIALS = {"key": "canary-key-7c4a8d09ca37", "secret": "canary-secret-62af8704764f"}
SECRET_HEADER = "apca-api-secret-key"
ROTATED = "canary-rotated-3b5d5c3712955042"
TIMEOUT_MS = 1_500
SPEED = 50
"""How much faster than the host a test's clock runs: a rotation is taken within 30 seconds."""


AWAY = {"seal": "vault-sealed", "kill": "vault-unreachable", "pause": "vault-slow"}
"""What can be done to a vault, and what its callers are told then."""
BACK = {"seal": VaultServer.unseal, "kill": VaultServer.start, "pause": VaultServer.resume}


@pytest.fixture(scope="module")
def server() -> Iterator[VaultServer]:
    with running_vault() as made:
        yield made


@pytest.fixture
def log_key(server: VaultServer) -> str:
    return store_log_key(server)


@pytest.fixture
def gateway(
    server: VaultServer, log_key: str, tmp_path: Path
) -> Iterator[tuple[GatewayProcess, VaultServer]]:
    """A gateway in SIMULATION that has nothing yet, and neither key in a file."""
    assert log_key
    told = vault_settings(server, tmp_path, timeout_ms=TIMEOUT_MS)
    keys = {"WRIT_LOG_KEY": LOG_KEY, "WRIT_IDENTITY_KEY": IDENTITY_KEY}
    process = simulation(tmp_path, write_release(tmp_path / "release"), **environment(told), **keys)
    process.key = process.new_key("ops", *ALL_SCOPES)
    try:
        yield process, server
    finally:
        if process.process is not None:
            process.stop()


def hand_out(server: VaultServer, process: GatewayProcess) -> None:
    """What an operator does before each start: a secret id serves once."""
    for role in ("gateway", "ledger"):
        wrapped(server, process.folder, role)


def verified(process: GatewayProcess) -> dict[str, Any]:
    found = process.writ(
        *("audit", "verify", "--log", str(process.data / "log")),
        *("--vkey", str(process.data / "log.vkey"), "-o", "json"),
    )
    assert found.status == 0, found.out + found.err
    return found.json


def decided(process: GatewayProcess) -> None:
    typed = process.writ(*BUY, "-o", "json")
    assert typed.status == 0, typed.err + process.log()


def everything(process: GatewayProcess) -> bytes:
    """Whatever the gateway has written anywhere."""
    files = [path for path in process.data.rglob("*") if path.is_file()]
    said = [process.folder / "stderr"]
    return b"\0".join(path.read_bytes() for path in (*files, *said))


def test_from_nothing_with_both_keys_in_the_vault(
    gateway: tuple[GatewayProcess, VaultServer], log_key: str
) -> None:
    process, server = gateway
    process.start()
    assert process.writ("omega4", "lift", "--reason", "a test").status == 0
    decided(process)
    server.kill()
    try:
        # Nothing that was certified is lost, and no order waits for the vault.
        for _ in range(5):
            decided(process)
        assert process.writ("status").status == 0
    finally:
        server.start()
    assert process.stop() == 0
    verified(process)
    assert not (process.data / "keys").exists()
    found = everything(process)
    secret_lines = [line for line in log_key.splitlines() if not line.startswith("-----")]
    for line in secret_lines:
        assert line.encode() not in found
    for role in ("gateway", "ledger"):
        token = (process.folder / f"secret-id-{role}").read_text().strip()
        assert token.encode() not in found


@pytest.mark.attack
def test_a_start_again_needs_the_same_keys(gateway: tuple[GatewayProcess, VaultServer]) -> None:
    process, server = gateway
    process.start()
    assert process.stop() == 0
    server.call("POST", "transit/keys/writ-identity/rotate")
    hand_out(server, process)
    changed = dict(process.environment) | {"WRIT_IDENTITY_KEY": "vault:transit/writ-identity/2"}
    other = GatewayProcess(process.folder, changed)
    assert refused(other) == 2
    assert "ledger-foreign" in other.log()
    hand_out(server, process)
    process.start()
    assert process.stop() == 0
    verified(process)


def refused(process: GatewayProcess) -> int:
    """Start a gateway that must not start; its exit status."""
    process.spawn()
    assert process.process is not None
    assert process.process.stdout is not None
    status = process.process.wait(60)
    assert process.process.stdout.read() == ""
    process.process.stdout.close()
    process.process = None
    return status


def test_a_sealed_vault_refuses_the_start_and_says_so(
    gateway: tuple[GatewayProcess, VaultServer],
) -> None:
    process, server = gateway
    server.seal()
    try:
        assert refused(process) == 3
    finally:
        server.unseal()
    said = process.log()
    assert "custody-vault-sealed" in said
    assert "unseal it" in said
    assert "Traceback" not in said
    assert not (process.data / "writ.db").exists()
    process.start()
    assert process.stop() == 0


def vault_findings(process: GatewayProcess) -> list[tuple[str, str]]:
    """What `writ doctor` says of the vault: grade and sentence."""
    port = process.url.rpartition(":")[2] or "1"
    typed = process.writ("doctor", "--data", str(process.data), "--port", port, "-o", "json")
    return [(row["grade"], row["found"]) for row in typed.json if row["check"] == "vault"]


def test_the_doctor_looks_and_spends_nothing(gateway: tuple[GatewayProcess, VaultServer]) -> None:
    process, server = gateway
    waiting = [
        ("ok", f"{role}: a secret id waits in its file") for role in ("writ-gateway", "writ-ledger")
    ]
    assert vault_findings(process) == waiting
    server.seal()
    assert vault_findings(process) == [("fail", "vault-sealed: the vault is sealed")] * 2
    server.unseal()
    process.start()
    running = vault_findings(process)
    assert [grade for grade, _ in running] == ["note", "note"]
    assert process.stop() == 0
    spent = vault_findings(process)
    assert [grade for grade, _ in spent] == ["fail", "fail"]
    assert all(found.startswith("vault-wrapping") for _, found in spent)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"log_key": "vault://kv/writ/none#key"}, "vault-denied", id="another path"),
        pytest.param({"log_key": "vault://kv/writ/log-key#none"}, "secret-missing", id="field"),
        pytest.param(
            {"log_key": "vault://kv/writ/log-key@2147483647#key"}, "secret-missing", id="version"
        ),
    ],
)
async def test_a_log_key_that_is_not_there_refuses_the_start(
    server: VaultServer, log_key: str, tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    settings = Settings(data=tmp_path / "data", **vault_settings(server, tmp_path), **changes)
    host: Any = Host(SystemClock())
    with pytest.raises(WritError) as failed:
        await open_log_signer(settings, host)
    assert failed.value.code == f"custody-{code}"
    assert log_key not in repr(failed.value.__context__)
    host.runner.close()


async def test_the_ledgers_session_ends_with_the_reading(
    server: VaultServer, log_key: str, tmp_path: Path
) -> None:
    assert log_key
    settings = Settings(data=tmp_path / "data", log_key=LOG_KEY, **vault_settings(server, tmp_path))
    host: Any = Host(SystemClock())
    begun = len(server.audited())
    await open_log_signer(settings, host)
    asked = [
        entry["request"]["path"] for entry in server.audited()[begun:] if entry["type"] == "request"
    ]
    host.runner.close()
    assert asked[-2:] == ["kv/data/writ/log-key", "auth/token/revoke-self"]


async def test_genesis_pins_the_key_that_stays_in_the_vault(
    server: VaultServer, log_key: str, tmp_path: Path
) -> None:
    assert log_key
    told = vault_settings(server, tmp_path)
    settings = Settings(data=tmp_path / "data", log_key=LOG_KEY, identity_key=IDENTITY_KEY, **told)
    host: Any = Host(SystemClock())
    async with contextlib.AsyncExitStack() as stack:
        custody = await open_custody(settings, host.clock, host.entropy, stack)
        ledger, _ = await open_ledger(settings, host, custody)
        stack.push_async_callback(ledger.close)
        [envelope] = ledger._opened.reader.envelopes(0, 1)
    host.runner.close()
    made = server.call("GET", "transit/keys/writ-identity")["data"]["keys"]["1"]["public_key"]
    genesis = open_envelope(envelope)
    pinned = PublicKey.from_hex(genesis.payload["identity_key"])
    assert pinned.raw == base64.b64decode(made)
    assert genesis.signed_by(pinned)


class Host:
    """The host's parts, with a clock of the test's."""

    def __init__(self, clock: SystemClock) -> None:
        self.clock, self.entropy, self.runner = clock, OsEntropy(), ThreadRunner()


class FastClock(SystemClock):
    """The host's clock, sped up: what is due after half a minute is due in half a second."""

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() * SPEED

    async def sleep_ms(self, duration_ms: int) -> None:
        await super().sleep_ms(max(1, duration_ms // SPEED))


@contextlib.asynccontextmanager
async def custody_over(server: VaultServer, folder: Path) -> AsyncGenerator[Custodian]:
    server.put("writ/brokers/alpaca", CREDENTIALS)
    place = "vault://kv/writ/brokers/alpaca"
    account: dict[str, Any] = {
        "broker": "alpaca",
        "key_id": f"{place}#key",
        "secret": f"{place}#secret",
        "venue": "live",
    }
    told = vault_settings(server, folder, ledger=False, timeout_ms=TIMEOUT_MS)
    settings = Settings(accounts={"main": AccountSettings(**account)}, **told)
    async with contextlib.AsyncExitStack() as stack:
        yield await open_custody(settings, FastClock(), OsEntropy(), stack)


def in_hand(custody: Custodian) -> str:
    return custody.credentials("main").secret().reveal()


def trouble_of(custody: Custodian) -> str:
    return "" if custody.trouble is None else custody.trouble.code


def states(custody: Custodian) -> set[str]:
    return {str(status.state) for status in custody.report()}


async def test_a_rotated_secret_is_taken_without_a_restart(
    server: VaultServer, tmp_path: Path
) -> None:
    async with custody_over(server, tmp_path) as custody:
        assert in_hand(custody) == CREDENTIALS["secret"]
        assert custody.unfit_for_live() == ()
        server.put("writ/brokers/alpaca", {**CREDENTIALS, "secret": "canary-rotated"})
        await becomes(lambda: in_hand(custody) == "canary-rotated")
        assert states(custody) == {"valid"}
        assert custody.unfit_for_live() == ()


@pytest.mark.parametrize("how", ["seal", "kill", "pause"])
async def test_paper_goes_on_and_live_stops_without_the_vault(
    server: VaultServer, tmp_path: Path, how: str
) -> None:
    async with custody_over(server, tmp_path) as custody:
        assert custody.unfit_for_live() == ()
        getattr(server, how)()
        try:
            await becomes(lambda: custody.unfit_for_live() != ())
            await becomes(lambda: custody.trouble is not None)
            assert trouble_of(custody) == AWAY[how]
            assert in_hand(custody) == CREDENTIALS["secret"]
            assert states(custody) <= {"valid", "stale"}
            said = repr((custody.report(), custody.unfit_for_live(), custody.trouble))
            assert not any(value in said for value in CREDENTIALS.values())
        finally:
            BACK[how](server)
        await becomes(lambda: custody.unfit_for_live() == ())
        assert in_hand(custody) == CREDENTIALS["secret"]


async def test_a_revoked_token_is_replaced_and_a_revoked_secret_id_is_told(
    server: VaultServer, tmp_path: Path
) -> None:
    async with custody_over(server, tmp_path) as custody:
        revoke_all(server)
        server.put("writ/brokers/alpaca", {**CREDENTIALS, "secret": "canary-after"})
        await becomes(lambda: in_hand(custody) == "canary-after")
        assert custody.unfit_for_live() == ()
        destroy_secret_ids(server)
        revoke_all(server)
        await becomes(lambda: custody.unfit_for_live() != ())
        assert trouble_of(custody) in {"vault-login", "vault-token"}
        assert in_hand(custody) == "canary-after"


@pytest.mark.timeout(300)
def test_a_rotated_secret_reaches_the_broker_and_a_dead_vault_does_not_stop_paper(
    gateway: tuple[GatewayProcess, VaultServer],
) -> None:
    process, server = gateway
    with alpaca_peer() as peer:
        held = peer.account()
        first = held.secret
        server.put("writ/brokers/paper", {"key": held.key_id, "secret": first})
        place = "vault://kv/writ/brokers/paper"
        account = {
            "broker": "alpaca",
            "broker_account": held.number,
            "url_override": peer.url,
            "key_id": f"{place}#key",
            "secret": f"{place}#secret",
        }
        paper = {
            "WRIT_MODE": "RESEARCH",
            "WRIT_MARKET": "none",
            "WRIT_ACCOUNTS": json.dumps({"main": account}),
        }
        process.environment = dict(process.environment) | paper
        process.start()
        told = shown(process)
        assert {one["state"] for one in told["secrets"]} == {"valid"}
        peer.rotate(held, ROTATED)
        server.put("writ/brokers/paper", {"key": held.key_id, "secret": ROTATED})
        eventually(lambda: any(one.headers.get(SECRET_HEADER) == ROTATED for one in peer.asked))
        server.kill()
        try:
            eventually(lambda: shown(process)["vault"] is not None)
            seen = len(peer.asked)
            eventually(lambda: len(peer.asked) > seen + 3)
            assert {one.headers.get(SECRET_HEADER) for one in peer.asked[seen:]} == {ROTATED}
            assert "the vault gives nothing new" in process.writ("status").out
        finally:
            server.start()
        assert process.stop() == 0
    found = everything(process)
    for value in (ROTATED, first):
        assert value.encode() not in found


def shown(process: GatewayProcess) -> dict[str, Any]:
    """What an operator is shown of the secrets."""
    with process.http() as http:
        answer = http.get("/v1/secrets")
    assert answer.status_code == 200, answer.text
    assert ROTATED not in answer.text
    return answer.json()


def eventually(truth: Callable[[], bool]) -> None:
    """Wait for what a process brings about in its own time, which is half a minute."""
    end_s = time.monotonic() + 120
    while not truth():
        assert time.monotonic() < end_s
        time.sleep(0.1)


def revoke_all(server: VaultServer) -> None:
    server.call("PUT", "sys/leases/revoke-prefix/auth/approle")


def destroy_secret_ids(server: VaultServer) -> None:
    path = "auth/approle/role/writ-gateway/secret-id"
    for accessor in server.call("LIST", path)["data"]["keys"]:
        server.call("POST", f"{path}-accessor/destroy", {"secret_id_accessor": accessor})


async def test_the_session_is_given_back_at_the_end(server: VaultServer, tmp_path: Path) -> None:
    begun = len(server.audited())
    async with custody_over(server, tmp_path):
        pass
    asked = [entry["request"]["path"] for entry in server.audited()[begun:]]
    assert asked[-1] == "auth/token/revoke-self"


@pytest.mark.parametrize("how", ["seal", "kill", "pause"])
async def test_a_vault_that_is_away_refuses_the_start(
    server: VaultServer, tmp_path: Path, how: str
) -> None:
    settings = vault_settings(server, tmp_path, ledger=False, timeout_ms=TIMEOUT_MS)
    reference = "vault://kv/writ/brokers/alpaca#key"
    account = AccountSettings(broker="alpaca", key_id=reference, secret=reference)
    made = Settings(accounts={"main": account}, **settings)
    assert account_references(made) == {"main": (SecretRef.parse(reference),) * 2}
    getattr(server, how)()
    try:
        async with contextlib.AsyncExitStack() as stack:
            with pytest.raises(UnavailableError) as failed:
                await open_custody(made, SystemClock(), OsEntropy(), stack)
    finally:
        BACK[how](server)
    assert failed.value.code == f"custody-{AWAY[how]}"
    assert failed.value.remedy
