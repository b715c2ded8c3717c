"""Marked secrets in every place that a gateway takes secrets from, and the search for them.

The gateway, its vault, its policy engine, its database and its broker are real processes that go
through a bad day. Then whatever it wrote, said, answered and shows of itself is searched for every
secret, in every form that a careless line of code would give it.
"""

from __future__ import annotations

import base64
import json
import logging
import signal
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.policy.release import load_release
from peers.alpaca import alpaca_peer
from peers.alpaca_venue import AlpacaPeer, Fault
from support.canaries import Canaries, Leak, files_in
from support.opa_server import TOKEN, OpaProcess, running_opa
from support.opa_server import environment as opa_environment
from support.postgres import PostgresServer, running_server
from support.processes import ALL_SCOPES, GatewayProcess, Typed, simulation
from support.real_live import trading
from support.release_folder import write_release
from support.tickets import TICKET
from support.vault_gateway import (
    IDENTITY_KEY,
    LOG_KEY,
    environment,
    store_log_key,
    vault_settings,
    wrapped,
)
from support.vault_server import VaultServer, running_vault
from support.vault_sessions import write_private

pytestmark = [
    pytest.mark.slow,
    pytest.mark.attack,
    pytest.mark.requirement("S3-15"),
    pytest.mark.timeout(400),
]

PATIENCE_S = 120
BROKER = {
    "from the vault": 'canary/vault+4b1d%"77c02e9',
    "after a rotation": 'canary/rotated+9e03%"51fa7d6',
    "from the environment": 'canary/env+c81f%"0d3e6b2',
    "from a file": 'canary/file+27aa%"e94c105',
}
PASSWORD = "canary-password-8f14e45fceea"
VARIABLE = "CANARY_SECRET"
POLLED = "/v2/account/activities/FILL"
FAULTS: tuple[int | str | bytes, ...] = (
    500,
    401,
    429,
    "html",
    "redirect",
    "cut",
    "reset",
    "packed",
)


@pytest.fixture(scope="module")
def vault() -> Iterator[VaultServer]:
    with running_vault() as made:
        yield made


class BadDay:
    """A gateway with a secret from every source, and everything that it was heard to say."""

    def __init__(
        self, folder: Path, vault: VaultServer, opa: OpaProcess, peer: AlpacaPeer, release: Path
    ) -> None:
        self.vault, self.opa, self.peer = vault, opa, peer
        self.heard: dict[str, bytes] = {}
        log_key = store_log_key(vault)
        self.canaries = Canaries(BROKER | {"the OPA token": TOKEN}, {"the log key": log_key})
        told = vault_settings(vault, folder / "handed-out", timeout_ms=1_500)
        self.process = simulation(
            folder,
            release,
            **environment(told),
            **opa_environment(opa),
            WRIT_LOG_KEY=LOG_KEY,
            WRIT_IDENTITY_KEY=IDENTITY_KEY,
            WRIT_ACCOUNTS=json.dumps(self._accounts(folder)),
            PYTHONFAULTHANDLER="1",
            **{VARIABLE: BROKER["from the environment"]},
        )
        self.hand_out()

    def _accounts(self, folder: Path) -> dict[str, dict[str, str]]:
        """An account at the broker for every source of secrets, and one of the simulator's."""
        made = {"primary": {"broker": "simulator", "opening_cash": "100000"}}
        file = write_private(folder / "handed-out" / "broker", BROKER["from a file"])
        sources = {
            "from the vault": "vault://kv/writ/brokers/canary#secret",
            "from the environment": f"env://{VARIABLE}",
            "from a file": f"file://{file}",
        }
        for number, (name, reference) in enumerate(sources.items()):
            held = self.peer.account(f"PA{number}")
            self.peer.rotate(held, BROKER[name])
            key_id = write_private(folder / "handed-out" / f"id-{number}", held.key_id)
            made[f"account-{number}"] = {
                "broker": "alpaca",
                "broker_account": held.number,
                "url_override": self.peer.url,
                "key_id": f"file://{key_id}",
                "secret": reference,
            }
        self.vault.put("writ/brokers/canary", {"secret": BROKER["from the vault"]})
        return made

    def hand_out(self) -> None:
        """Fresh wrapped secret ids: each start spends them."""
        folder = self.process.folder / "handed-out"
        for role in ("gateway", "ledger"):
            token = wrapped(self.vault, folder, role).read_text(encoding="ascii").strip()
            self.canaries.plant(f"the wrapped secret id of {role}", token)

    def hear(self, name: str, data: bytes) -> None:
        """Keep what was heard, to be searched."""
        self.heard[f"{len(self.heard)} {name}"] = data

    def type(self, *arguments: str) -> Typed:
        """Type a command and keep what it says."""
        typed = self.process.writ(*arguments)
        self.hear(" ".join(arguments[:2]), (typed.out + typed.err).encode())
        return typed

    def call(self, method: str, path: str, **parts: Any) -> httpx2.Response:
        """Call an address and keep the whole answer."""
        with self.process.http() as http:
            answer = http.request(method, path, **parts)
        self.hear(f"{method} {path[:30]}", repr(answer.headers).encode() + answer.content)
        return answer

    def begins(self) -> None:
        """Start, let somebody in, and see that every secret is in use."""
        self.process.start()
        self.process.key = self.process.new_key("ops", *ALL_SCOPES)
        self.canaries.plant("the API key", self.process.key.rpartition("_")[2])
        self.used("from the vault", "from the environment", "from a file")
        assert self.type("omega4", "lift", "--reason", "a canary").status == 0

    def used(self, *names: str) -> None:
        """Wait until the broker was asked with these secrets."""
        wanted = {BROKER[name] for name in names}
        eventually(
            lambda: wanted <= {one.headers.get("apca-api-secret-key") for one in self.peer.asked},
            self.process.log,
        )

    def trades(self) -> None:
        """Decisions: allowed, denied, previewed, cancelled; and everything that can be read."""
        buy = ("order", "submit", "buy", "10", "AAPL", "--limit", "24.80", "-o", "json")
        assert self.type(*buy).status == 0, self.process.log()
        assert self.type("order", "submit", "buy", "9", "NONE", "--limit", "1").status != 0
        ticket = TICKET | {"limit_price": "24.80"}
        assert self.call("POST", "/v1/orders/preview", json=ticket).status_code == 200
        at_broker = ticket | {"account": "account-0"}
        self.call("POST", "/v1/orders", json=at_broker, headers={"Idempotency-Key": "canary"})
        doctor = ("doctor", "--data", str(self.process.data))
        for command in (("status",), doctor, ("halt", "list")):
            self.type(*command)
        for path in ("mode", "secrets", "halts", "facts", "manifests", "account", "positions"):
            self.call("GET", f"/v1/{path}")
        for path in ("/readyz", "/healthz", "/openapi.json", "/log/checkpoint", "/metrics"):
            self.call("GET", path)

    def misuses(self) -> None:
        """Secrets where they do not belong: nobody is told them again."""
        key = self.process.key
        for secret in (key, BROKER["from the vault"], TOKEN):
            body = TICKET | {"limit_price": secret, "note": secret, "account": secret}
            self.call("POST", "/v1/orders", json=body, headers={"Idempotency-Key": "misuse"})
            self.call("GET", "/v1/mode", headers={"Authorization": f"Basic {secret}"})
            quoted = urllib.parse.quote(secret, safe="")
            for path in (f"/v1/orders?account={quoted}", f"/v1/orders/{quoted}"):
                self.call("GET", path)

    def suffers(self) -> None:
        """The broker misbehaves and repeats what it was sent; engine and vault go and come."""
        said = json.dumps({"message": BROKER["from the vault"]}).encode()
        for kind in (*FAULTS, said, BROKER["from the vault"].encode()):
            self.peer.faults.append(Fault("GET", POLLED, kind))
        eventually(lambda: not any(one.times for one in self.peer.faults), self.process.log)
        self.opa.stop()
        self.type("order", "submit", "buy", "10", "AAPL", "--limit", "24.80")
        self.call("GET", "/readyz")
        self.opa.start()
        self.vault.seal()
        self.call("GET", "/v1/secrets")
        self.type("doctor", "--data", str(self.process.data))
        self.vault.unseal()
        self.vault.put("writ/brokers/canary", {"secret": BROKER["after a rotation"]})
        rotated = next(iter(self.peer.accounts.values()))
        self.peer.rotate(rotated, BROKER["after a rotation"])
        self.used("after a rotation")

    def searched(self) -> list[str]:
        """Every leak: in what was heard, in every file, and in what the system tells of it."""
        folder = self.process.folder
        handed = frozenset((folder / "handed-out").rglob("*"))
        places = self.heard | files_in(folder, but=handed)
        return [f"{leak.secret}: {leak.place}" for leak in self.canaries.leaks(places)]

    def shown_by_the_system(self) -> list[Leak]:
        """Leaks in the process's arguments, and in its environment beside the one put there."""
        assert self.process.process is not None
        here = Path("/proc") / str(self.process.process.pid)
        arguments = {"arguments": (here / "cmdline").read_bytes()}
        surroundings = {"environment": (here / "environ").read_bytes()}
        but = frozenset({"from the environment"})
        return [
            *self.canaries.leaks(arguments),
            *self.canaries.leaks(surroundings, but=but),
        ]


def eventually(truth: Callable[[], bool], why: Callable[[], str]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not truth():
        assert time.monotonic() < end_s, why()[-4_000:]
        time.sleep(0.1)


@pytest.fixture
def day(tmp_path: Path, vault: VaultServer) -> Iterator[BadDay]:
    release = write_release(tmp_path / "release")
    with running_opa(load_release(release)) as opa, alpaca_peer() as peer:
        made = BadDay(tmp_path, vault, opa, peer, release)
        try:
            yield made
        finally:
            if made.process.process is not None:
                made.process.stop(signal.SIGKILL)


def test_no_secret_leaves_its_place_on_a_bad_day(day: BadDay) -> None:
    day.begins()
    day.trades()
    day.misuses()
    day.suffers()
    assert day.shown_by_the_system() == []
    assert day.process.stop(signal.SIGABRT) == -signal.SIGABRT
    assert "Current thread" in day.process.log(), "the crash told where it was"
    assert day.searched() == []
    day.hand_out()
    day.process.start()
    assert day.process.stop() == 0
    assert day.searched() == []


@pytest.fixture
def database(tmp_path: Path) -> Iterator[tuple[PostgresServer, dict[str, str]]]:
    """A server that asks for the password, and what a gateway is told of it."""
    (tmp_path / "handed-out").mkdir()
    file = write_private(tmp_path / "handed-out" / "password", PASSWORD)
    with running_server() as server:
        name = server.new_database()
        server.execute(name, f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
        server.execute(name, f"ALTER DATABASE {name} OWNER TO {name}")
        rules = server.data / "pg_hba.conf"
        before = rules.read_text("utf-8")
        rules.write_text(f"host all {name} 127.0.0.1/32 scram-sha-256\n{before}", "utf-8")
        server.execute(name, "SELECT pg_reload_conf(), pg_sleep(0.5)")
        yield (
            server,
            {
                "WRIT_LEDGER": "postgresql",
                "WRIT_POSTGRESQL_URL": f"postgresql://{name}@127.0.0.1:{server.port}/{name}",
                "WRIT_POSTGRESQL_PASSWORD_FILE": str(file),
                "PYTHONFAULTHANDLER": "1",
            },
        )


def test_the_database_and_its_password(
    database: tuple[PostgresServer, dict[str, str]], tmp_path: Path
) -> None:
    server, told = database
    canaries = Canaries({"the password": PASSWORD}, {})
    process = simulation(tmp_path, write_release(tmp_path / "release"), **told)
    process.start()
    try:
        process.key = process.new_key("ops", *ALL_SCOPES)
        canaries.plant("the API key", process.key.rpartition("_")[2])
        buy = ("order", "submit", "buy", "10", "AAPL", "--limit", "24.80")
        said = [process.writ(*buy), process.writ("doctor", "--data", str(process.data))]
        server.kill()
        said += [process.writ(*buy), process.writ("status")]
        server.start()
    finally:
        assert process.stop(signal.SIGABRT) == -signal.SIGABRT
    wrong = told | {"WRIT_POSTGRESQL_URL": f"postgresql://writ:{PASSWORD}@127.0.0.1:1/writ"}
    said.append(GatewayProcess(tmp_path, wrong).writ("serve", "--port", "0"))
    assert said[-1].status == 2, "a password in the address is refused"
    places = {f"said {n}": (one.out + one.err).encode() for n, one in enumerate(said)}
    places |= files_in(tmp_path, but=frozenset((tmp_path / "handed-out").rglob("*")))
    places |= files_in(server.folder)
    assert list(canaries.leaks(places)) == []


@pytest.mark.parametrize("setting", ["WRIT_LOG_KEY", "WRIT_IDENTITY_KEY", "WRIT_ACCOUNTS"])
def test_a_secret_given_as_a_setting_is_refused_and_not_repeated(
    tmp_path: Path, setting: str
) -> None:
    secret = BROKER["from a file"]
    account = {"broker": "alpaca", "key_id": "env://KEY_ID", "secret": secret}
    value = json.dumps({"main": account}) if setting == "WRIT_ACCOUNTS" else secret
    typed = GatewayProcess(tmp_path, {setting: value}).writ("serve", "--port", "0")
    assert typed.status == 2, typed.err
    places = {"said": (typed.out + typed.err).encode()} | files_in(tmp_path)
    assert list(Canaries(BROKER, {}).leaks(places)) == []


async def test_orders_that_went_out_live_carry_no_secret_elsewhere(
    tmp_path: Path, vault: VaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    """With every library as talkative as it can be."""
    caplog.set_level(logging.DEBUG)
    heard = dict[str, bytes]()

    async def hear(answer: httpx2.Response) -> None:
        heard[f"{len(heard)} {answer.url.path}"] = repr(answer.headers).encode() + (
            await answer.aread()
        )

    async with trading(tmp_path, vault) as here:
        canaries = Canaries({"the broker's secret": here.account.secret}, {})
        here.door.http.event_hooks["response"].append(hear)
        await here.opened()
        for fault in (None, 500, "html", json.dumps({"message": here.account.secret}).encode()):
            if fault is not None:
                here.peer.faults.append(Fault("POST", "/v2/orders", fault))
            await here.quoted()
            await here.door.propose(headers={"Prefer": "wait=30"})
        assert here.peer.orders_sent()
        for path in ("/v1/mode", "/v1/orders", "/v1/halts", "/v1/manifests", "/v1/account"):
            await here.door.call("GET", path)
        await here.door.call("GET", "/v1/secrets", scope="admin")
    assert len(heard) > 10
    places = heard | files_in(tmp_path, but=frozenset((tmp_path / "handed-out").rglob("*")))
    assert list(canaries.leaks(places | {"the logs": caplog.text.encode()})) == []


@pytest.mark.parametrize("name", list(BROKER))
def test_the_search_finds_what_is_there(tmp_path: Path, name: str) -> None:
    """In each form, in the middle of other text: otherwise finding nothing would mean nothing."""
    secret = BROKER[name].encode()
    canaries = Canaries(BROKER, {})
    for shape in (
        secret,
        secret.hex().encode(),
        base64.b64encode(secret),
        base64.b64encode(b"key:" + secret + b" and more"),
        base64.urlsafe_b64encode(b"ab" + secret + b"!"),
        urllib.parse.quote(secret.decode(), safe="").encode(),
        json.dumps({"secret": secret.decode()}).encode(),
        json.dumps(json.dumps({"secret": secret.decode()})).encode(),
        repr({"secret": secret.decode()}).encode(),
    ):
        (tmp_path / "log").write_bytes(b"x=1," + shape + b",y=2")
        assert list(canaries.leaks(files_in(tmp_path))) == [Leak(name, "log")], shape
    (tmp_path / "log").write_bytes(b'{"token": "s.' + b"aB3" * 8 + b'"}')
    assert [leak.secret for leak in canaries.leaks(files_in(tmp_path))] == ["a vault's token"]
