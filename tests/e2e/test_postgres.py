"""A whole gateway on a real PostgreSQL server: trading, SIGKILL, a server that goes and comes."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from support.postgres import PostgresServer, running_server
from support.processes import ALL_SCOPES, GatewayProcess, simulation
from support.release_folder import write_release
from support.tickets import TICKET

pytestmark = pytest.mark.slow

PATIENCE_S = 60
WORKERS = 8


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_server() as made:
        yield made


def gateway_on(url: str, folder: Path) -> GatewayProcess:
    release = write_release(folder / "release")
    return simulation(folder, release, WRIT_LEDGER="postgresql", WRIT_POSTGRESQL_URL=url)


def ready_after(gateway: GatewayProcess, status: int) -> httpx2.Response:
    """Wait until the gateway says so of itself."""
    deadline = time.monotonic() + PATIENCE_S
    with gateway.http() as http:
        while (answer := http.get("/readyz")).status_code != status:
            assert time.monotonic() < deadline, gateway.log()
            time.sleep(0.1)
    return answer


def post_until_it_dies(gateway: GatewayProcess, worker: int, acknowledged: dict[str, str]) -> None:
    """Post one order after the other; note each decision that was answered, by its key."""
    with gateway.http() as http:
        for number in range(10_000):
            key = f"k{worker}-{number}"
            ticket = TICKET | {"limit_price": "24.80", "qty": "1", "client_order_id": f"c-{key}"}
            try:
                answer = http.post("/v1/orders", json=ticket, headers={"Idempotency-Key": key})
            except httpx2.TransportError:
                return
            if answer.status_code in (201, 403):
                acknowledged[key] = answer.json()["decision_id"]


@pytest.mark.requirement("W-01")
def test_what_was_answered_is_there_after_a_kill(server: PostgresServer, tmp_path: Path) -> None:
    gateway = gateway_on(server.url(server.new_database()), tmp_path)
    gateway.start()
    acknowledged: dict[str, str] = {}
    try:
        gateway.key = gateway.new_key("ops", *ALL_SCOPES)
        assert gateway.writ("omega4", "lift", "--reason", "a test").status == 0
        for _ in range(2):
            before = len(acknowledged)
            workers = [
                threading.Thread(target=post_until_it_dies, args=(gateway, number, acknowledged))
                for number in range(before, before + WORKERS)
            ]
            for worker in workers:
                worker.start()
            deadline = time.monotonic() + PATIENCE_S
            while len(acknowledged) < before + 60:
                assert time.monotonic() < deadline, gateway.log()
                time.sleep(0.01)
            assert gateway.stop(signal.SIGKILL) == -signal.SIGKILL
            for worker in workers:
                worker.join()
            gateway.start()
        with gateway.http() as http:
            for decision_id in acknowledged.values():
                assert http.get(f"/v1/decisions/{decision_id}").status_code == 200, decision_id
    finally:
        if gateway.process is not None:
            assert gateway.stop() == 0, gateway.log()
    assert len(set(acknowledged.values())) == len(acknowledged)
    assert not (gateway.data / "writ.db").exists()
    log, vkey = str(gateway.data / "log"), str(gateway.data / "log.vkey")
    verified = gateway.writ("audit", "verify", "--log", log, "--vkey", vkey)
    assert verified.status == 0, verified.out + verified.err
    assert "Traceback" not in gateway.log()


def test_the_doctor_looks_at_the_database(server: PostgresServer, tmp_path: Path) -> None:
    gateway = gateway_on(server.url(server.new_database()), tmp_path)

    def found() -> dict[str, str]:
        examined = gateway.writ("doctor", "--data", str(gateway.data), "-o", "json")
        [row] = [row for row in examined.json if row["check"] == "ledger"]
        return row

    assert (found()["grade"], "no log yet" in found()["found"]) == ("note", True)
    gateway.start()
    assert (found()["grade"], "holds a log" in found()["found"]) == ("ok", True)
    assert gateway.stop() == 0, gateway.log()
    server.stop()
    try:
        down = found()
    finally:
        server.start()
    assert down["grade"] == "fail"
    assert down["remedy"]


def test_without_its_database_a_gateway_says_so_and_goes_on_by_itself(
    server: PostgresServer, tmp_path: Path
) -> None:
    gateway = gateway_on(server.url(server.new_database()), tmp_path)
    gateway.start()
    try:
        gateway.key = gateway.new_key("ops", *ALL_SCOPES)
        assert gateway.writ("omega4", "lift", "--reason", "a test").status == 0
        ready_after(gateway, 200)
        ticket = TICKET | {"limit_price": "24.80"}
        with gateway.http() as http:
            headers = {"Idempotency-Key": "first", "Prefer": "wait=30"}
            resting = http.post("/v1/orders", json=ticket, headers=headers)
            assert resting.status_code == 201, resting.text
            assert resting.json()["status"] == "ACKNOWLEDGED"
        server.stop()
        with gateway.http() as http:
            for number in range(3):
                headers = {"Idempotency-Key": f"while-away-{number}"}
                refused = http.post("/v1/orders", json=ticket, headers=headers)
                assert refused.status_code == 503, refused.text
                assert refused.json()["code"] in {"ledger-unreachable", "ledger-unreadable"}
            assert ready_after(gateway, 503).json()["code"] == "ledger-unreachable"
            # Taking risk off does not wait for the record.
            cancelled = http.delete(f"/v1/orders/{resting.json()['order_id']}")
            assert cancelled.status_code == 202, cancelled.text
            server.start()
            ready_after(gateway, 200)
            headers = {"Idempotency-Key": "and-then"}
            allowed = http.post("/v1/orders", json=ticket, headers=headers)
            assert allowed.status_code == 201, allowed.text
            # Nothing of what was refused came to the broker.
            orders = http.get("/v1/orders").json()["orders"]
            both = [allowed.json()["order_id"], resting.json()["order_id"]]
            assert [row["order_id"] for row in orders] == both
    finally:
        if gateway.process is not None:
            assert gateway.stop() == 0, gateway.log()


def test_a_database_that_is_not_there_is_named_with_exit_3(
    server: PostgresServer, tmp_path: Path
) -> None:
    gateway = gateway_on(server.url("postgres", port=1), tmp_path)
    refused = gateway.writ("serve", "--data", str(gateway.data), "--port", "0")
    assert refused.status == 3
    assert "ledger-unreachable" in refused.err
    assert "Traceback" not in refused.err


def test_a_password_in_the_address_is_refused_with_exit_2(tmp_path: Path) -> None:
    gateway = gateway_on("postgresql://writ:geheim@127.0.0.1/writ", tmp_path)
    refused = gateway.writ("serve", "--data", str(gateway.data), "--port", "0")
    assert refused.status == 2
    assert "config-invalid" in refused.err
    assert "geheim" not in refused.err
