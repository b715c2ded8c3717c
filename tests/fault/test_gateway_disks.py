"""The whole gateway on disks that fail: 503, nothing forwarded, a kill that is not lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from signing.keys import Vkey
from signing.verify import verify_log
from support.http_load import Client, LostConnectionError, Reply
from support.kill_chain import WIDE, broker_orders, tapped
from support.processes import ALL_SCOPES, GatewayProcess
from support.published import Published
from support.release_folder import write_release

WAIT_S = 60


@pytest.fixture
def gateway(tmp_path: Path) -> Generator[GatewayProcess]:
    """A gateway on a disk that does as it is told, with a tap on its wire; Omega 4 is lifted."""
    server = tapped(tmp_path, write_release(tmp_path / "release", **WIDE))
    server.environment = {**server.environment, "ROUGH_DISK": str(told(server))}
    told(server).mkdir()
    yield from started(server)


def started(server: GatewayProcess) -> Generator[GatewayProcess]:
    server.start()
    try:
        server.key = server.new_key("ops", *ALL_SCOPES)
        lift(server)
        yield server
    finally:
        if server.process is not None:
            server.stop(signal.SIGKILL)


def lift(server: GatewayProcess) -> None:
    with server.http() as http:
        lifted = http.post("/v1/omega4", json={"lifted": True, "reason": "a test"})
        assert lifted.status_code == 200, lifted.text


def told(server: GatewayProcess) -> Path:
    """Where the disk looks for what it shall do."""
    return server.folder / "rough"


def tell(server: GatewayProcess, word: str) -> None:
    (told(server) / word).touch()


def untell(server: GatewayProcess, word: str) -> None:
    (told(server) / word).unlink()


def order(http: httpx2.Client, key: str, **changes: Any) -> httpx2.Response:
    ticket = {"account": "primary", "symbol": "AAPL", "side": "buy", "type": "market"}
    body = ticket | {"time_in_force": "day", "qty": "1"} | changes
    return http.post("/v1/orders", json=body, headers={"Idempotency-Key": key, "Prefer": "wait=30"})


def becomes(truth: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not truth():
        assert time.monotonic() < end
        time.sleep(0.02)


def at_broker(server: GatewayProcess) -> Counter[str]:
    """How many orders the simulator's own book has in each state."""
    with sqlite3.connect(f"file:{server.data / 'simulator.db'}?mode=ro", uri=True) as book:
        return Counter(dict(book.execute("SELECT status, count(*) FROM orders GROUP BY status")))


def sound(server: GatewayProcess) -> Published:
    """Stop it if it runs; its log must verify, and all that went out was durably allowed."""
    if server.process is not None:
        assert server.stop() == 0, server.log()
    vkey = Vkey.parse((server.data / "log.vkey").read_text().strip())
    report = verify_log(server.data / "log", vkey)
    assert report.ok, report.steps
    published = Published(server.data / "log")
    published.read_on()
    wire = server.folder / "wire"
    sent = [line.split() for line in wire.read_text().splitlines()] if wire.exists() else []
    assert {word for _, word in sent} <= {"durable"}
    assert len({client_id for client_id, _ in sent}) == len(sent)
    allowed = {p["broker_client_id"] for _, p in published.decisions.values() if p["allow"]}
    assert broker_orders(server.data) <= allowed
    return published


def kill(server: GatewayProcess, http: httpx2.Client) -> dict[str, Any]:
    """Kill it while nothing can be recorded: it works all the same, and says where it is kept."""
    killed = http.post("/v1/kill", json={"reason": "the disk is broken"})
    assert killed.status_code == 200, killed.text
    becomes(lambda: at_broker(server).keys() == {"CANCELED"})
    return killed.json()


@pytest.mark.slow
@pytest.mark.requirement("W-01")
@pytest.mark.requirement("S1-01")
def test_an_fsync_error_latches_and_a_kill_still_cancels_and_survives(
    gateway: GatewayProcess,
) -> None:
    with gateway.http() as http:
        assert order(http, "good").status_code == 201
        tell(gateway, "fail-sync")
        for key in ("doubtful", "later"):
            refused = order(http, key)
            assert (refused.status_code, refused.json()["code"]) == (503, "ledger-latched")
        untell(gateway, "fail-sync")  # the disk works again, and nothing is tried
        assert order(http, "much-later").json()["code"] == "ledger-latched"
        assert http.get("/readyz").status_code == 503
        assert at_broker(gateway) == {"ACKNOWLEDGED": 1}
        halt = kill(gateway, http)
        assert halt["kept"] == "marker"
        assert http.get("/v1/halts").json()["halts"][0]["kept"] == "marker"
    gateway.stop(signal.SIGKILL)
    gateway.start()
    with gateway.http() as http:
        [standing] = http.get("/v1/halts").json()["halts"]
        # What was not cancelled yet when the kill answered may have been cancelled since.
        whichever: dict[str, Any] = {"uncancelled_count": 0, "uncancelled": []}
        assert standing | whichever == halt | {"kept": "log"} | whichever
        denied = order(http, "after")
        assert denied.status_code == 403, denied.text
        assert "OMEGA-2" in {reason["control"] for reason in denied.json()["reasons"]}
        resumed = http.post("/v1/resume", json={"halt_id": "all", "reason": "a new disk"})
        assert resumed.status_code == 200
        assert order(http, "again").status_code == 201
    gateway.stop()
    gateway.start()
    with gateway.http() as http:  # what was ended does not come back
        assert http.get("/v1/halts").json()["halts"] == []
    published = sound(gateway)
    assert [kind for kind, _ in published.entries].count("halt") == 1
    assert list((gateway.data / "halts-owed").iterdir()) == []


@pytest.mark.slow
@pytest.mark.requirement("S1-01")
def test_a_kill_on_a_disk_that_hangs_survives_the_process(gateway: GatewayProcess) -> None:
    """The process dies before anybody knows whether the ledger took the entry."""
    with gateway.http() as http:
        assert order(http, "good").status_code == 201
    tell(gateway, "hang")

    async def kill_and_die() -> None:
        client = Client(gateway.url, gateway.key)
        asking = asyncio.create_task(client.ask("POST", "/v1/kill", {"reason": "it hangs"}))
        folder = gateway.data / "halts-owed"
        await asyncio.to_thread(becomes, lambda: any(folder.glob("*.json")))
        await asyncio.to_thread(becomes, lambda: at_broker(gateway).keys() == {"CANCELED"})
        gateway.stop(signal.SIGKILL)
        with pytest.raises(LostConnectionError):
            await asking

    asyncio.run(kill_and_die())
    untell(gateway, "hang")
    gateway.start()
    with gateway.http() as http:
        [standing] = http.get("/v1/halts").json()["halts"]
        assert standing["kept"] == "log"
        assert order(http, "after").status_code == 403
    assert [kind for kind, _ in sound(gateway).entries].count("halt") == 1


@pytest.mark.slow
@pytest.mark.requirement("W-01")
def test_a_full_disk_is_503_until_there_is_room(gateway: GatewayProcess) -> None:
    with gateway.http() as http:
        assert order(http, "good").status_code == 201
        tell(gateway, "full")
        refused = order(http, "no-room")
        assert (refused.status_code, refused.json()["code"]) == (503, "ledger-full")
        assert at_broker(gateway) == {"ACKNOWLEDGED": 1}
        halt = kill(gateway, http)
        assert halt["kept"] == "marker"
        untell(gateway, "full")
        becomes(lambda: http.get("/readyz").status_code == 200)
        # The same key, now decided for the first time: and under the halt that was owed.
        denied = order(http, "no-room")
        assert denied.status_code == 403, denied.text
        assert http.post(
            "/v1/resume", json={"halt_id": halt["halt_id"], "reason": "room"}
        ).status_code in (200, 503)
    gateway.stop()
    gateway.start()
    published = sound(gateway)
    kinds = [kind for kind, _ in published.entries]
    assert (kinds.count("halt"), kinds.count("resume") <= 1) == (1, True)
    assert kinds.index("halt") < max(i for i, kind in enumerate(kinds) if kind == "decision")


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_small_file_system_that_fills_up(tmp_path: Path) -> None:
    """The real thing: ENOSPC from the kernel, for every file of the gateway at once."""
    server = tapped(tmp_path, write_release(tmp_path / "release", **WIDE))
    server.data.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(server.data)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small file system to be had: {mounted.stderr!r}")
    try:
        running = started(server)
        next(running)
        filler = server.data / "filler"
        with server.http() as http:
            assert order(http, "good").status_code == 201
            fill(filler)
            statuses = [order(http, f"k{n}").status_code for n in range(40)]
            assert statuses[-1] == 503, statuses
            assert set(statuses) <= {201, 503}
            filler.unlink()
            becomes(lambda: order(http, f"r{time.monotonic_ns()}").status_code == 201)
        assert server.stop() == 0, server.log()
        published = sound(server)
        assert len(published.decisions) >= statuses.count(201) + 2
        running.close()
    finally:
        if server.process is not None:
            server.stop(signal.SIGKILL)
        subprocess.run(["umount", "-l", str(server.data)], check=True)


def fill(filler: Path) -> None:
    """Leave not a page."""
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4_096))
        except OSError:
            return


@pytest.mark.slow
@pytest.mark.requirement("W-01")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_power_cut_leaves_what_was_acknowledged(gateway: GatewayProcess, seed: int) -> None:
    """Writes that no fsync covered are lost, torn and out of order, in both databases."""
    replies: list[Reply] = []
    wanted = 40 * seed

    async def load(number: int) -> None:
        client = Client(gateway.url, gateway.key)
        ticket = {"account": "primary", "symbol": "AAPL", "side": "buy", "type": "market"}
        try:
            for turn in range(10_000):
                body = ticket | {"time_in_force": "day", "qty": "1"}
                replies.append(await client.order(f"p{number}-{turn}", body))
                if len(replies) == wanted:
                    (told(gateway) / "seed").write_text(str(seed), encoding="ascii")
                    (told(gateway) / "seed").rename(told(gateway) / "cut")
        except LostConnectionError:
            return
        finally:
            client.close()

    async def all_at_once() -> None:
        async with asyncio.timeout(60):
            await asyncio.gather(*(load(number) for number in range(16)))

    asyncio.run(all_at_once())
    gateway.stop(signal.SIGKILL)
    assert len(replies) >= wanted
    left = told(gateway) / "left"
    # This file system does not stand under the published log: it is as its writer left it.
    for name in ("keys", "access.json", "log.vkey", "log"):
        (shutil.copytree if name in ("keys", "log") else shutil.copy)(
            gateway.data / name, left / name
        )
    shutil.rmtree(gateway.data)
    left.rename(gateway.data)
    (told(gateway) / "cut").unlink()
    gateway.start()
    with gateway.http() as http:
        assert order(http, "after").status_code == 201
    published = sound(gateway)
    acknowledged = {reply.decision_id for reply in replies if reply.status == 201}
    assert len(acknowledged) >= wanted
    assert acknowledged <= published.decisions.keys()


@pytest.mark.slow
def test_one_bad_row_fails_its_caller_alone(gateway: GatewayProcess) -> None:
    """Sixty-four at once, eight of them with one client_order_id under keys of their own."""

    async def propose(number: int) -> Reply:
        client = Client(gateway.url, gateway.key)
        ticket = {"account": "primary", "symbol": "AAPL", "side": "buy", "type": "market"}
        caller = "the-same" if number % 8 == 0 else f"own{number}"
        body = ticket | {"time_in_force": "day", "qty": "1", "client_order_id": caller}
        await client.open()
        reply = await client.order(f"row{number}", body)
        client.close()
        return reply

    async def all_at_once() -> list[Reply]:
        async with asyncio.timeout(30):
            return await asyncio.gather(*(propose(number) for number in range(64)))

    replies = asyncio.run(all_at_once())
    same = Counter(reply.status for reply in replies[::8])
    assert same[201] == 1
    assert same.keys() <= {201, 409, 422}
    assert {r.status for n, r in enumerate(replies) if n % 8} == {201}
    assert len(sound(gateway).decisions) == 57


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_an_fsync_error_from_the_kernel_latches(tmp_path: Path) -> None:
    """The same as by our own file system, but the error comes out of the system call."""
    server = tapped(tmp_path, write_release(tmp_path / "release", **WIDE))
    running = started(server)
    next(running)
    try:
        with server.http() as http:
            assert order(http, "good").status_code == 201
            assert server.process is not None
            said = (tmp_path / "strace").open("wb")
            tracer = subprocess.Popen(
                [
                    *("strace", "-f", "-qq", "-p", str(server.process.pid)),
                    *("-P", str(server.data / "writ.db-wal"), "-o", str(tmp_path / "calls")),
                    *("-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"),
                ],
                stderr=said,
            )
            try:
                statuses = list[int]()
                end = time.monotonic() + WAIT_S
                while 503 not in statuses and time.monotonic() < end:
                    if tracer.poll() is not None:
                        pytest.skip(f"no tracing here: {(tmp_path / 'strace').read_text()}")
                    statuses.append(order(http, f"k{len(statuses)}").status_code)
                assert order(http, "later").json()["code"] == "ledger-latched"
            finally:
                if tracer.poll() is None:
                    tracer.send_signal(signal.SIGINT)
                tracer.wait(WAIT_S)
                said.close()
            assert "INJECTED" in (tmp_path / "calls").read_text()
            sent = len(broker_orders(server.data))
            assert order(http, "last").json()["code"] == "ledger-latched"
            assert len(broker_orders(server.data)) == sent == 1 + statuses.count(201)
        server.stop(signal.SIGKILL)
        server.start()
        with server.http() as http:
            assert order(http, "after").status_code == 201
        sound(server)
    finally:
        running.close()
    assert sys.platform == "linux"
