"""Killed in a switch of releases: the log says which release decided what, and decides it again."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from itertools import count, pairwise
from pathlib import Path

import httpx2
import pytest

from support.processes import ALL_SCOPES, GatewayProcess, simulation
from support.switching import ReleaseLink, entries, link, wrong_revisions
from support.tickets import TICKET

KILLS = 5
NUMBERS = count(1)
ORDER = TICKET | {"limit_price": "24.80", "qty": "1"}


def propose(server: GatewayProcess, stop: threading.Event) -> None:
    """One order after the other until the gateway is gone."""
    with server.http() as http:
        while not stop.is_set():
            try:
                key = f"key-{next(NUMBERS)}"
                answer = http.post("/v1/orders", json=ORDER, headers={"Idempotency-Key": key})
            except httpx2.HTTPError:
                return
            assert answer.status_code in (201, 403), answer.text


def switch(server: GatewayProcess, digest: str) -> None:
    """Ask for a switch; the answer may never come."""
    with server.http() as http:
        try:
            answer = http.post("/v1/policy/switch", json={"digest": digest})
        except httpx2.HTTPError:
            return
        assert answer.status_code == 200, answer.text


def killed_in_a_switch(server: GatewayProcess, digest: str, after_s: float) -> None:
    """Switch under load, and kill the gateway that long after asking for it."""
    stop = threading.Event()
    threads = [
        *(threading.Thread(target=propose, args=(server, stop)) for _ in range(2)),
        threading.Thread(target=switch, args=(server, digest)),
    ]
    for thread in threads:
        thread.start()
    time.sleep(after_s)
    server.stop(signal.SIGKILL)
    stop.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.slow
@pytest.mark.requirement("W-01")
def test_killed_in_a_switch_it_decides_by_what_the_log_says(tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(4))
    rng = random.Random(seed)
    releases = link(tmp_path)
    server = simulation(tmp_path, releases.path)
    server.key = ""
    server.start()
    try:
        server.key = server.new_key("ops", *ALL_SCOPES)
        with server.http() as http:
            lifted = http.post("/v1/omega4", json={"lifted": True, "reason": "test"})
            assert lifted.status_code == 200, lifted.text
        for number in range(KILLS):
            name = "open" if number % 2 else "tight"
            killed_in_a_switch(server, releases.turn(name), rng.uniform(0.05, 1.5))
            server.start()
            in_force(server, releases, name)
    finally:
        if server.process is not None:
            server.stop()
    found = entries(server.data)
    assert wrong_revisions(found) == [], f"seed {seed}"
    named = [payload["release_digest"] for kind, payload in found if kind == "release"]
    assert all(a != b for a, b in pairwise(named)), "each entry is a change"
    assert len(named) == KILLS + 1, f"each release was recorded once, seed {seed}"
    decided_again(server)


def in_force(server: GatewayProcess, releases: ReleaseLink, name: str) -> None:
    """The folder's release decides, whether or not the switch had come to its end."""
    with server.http() as http:
        active = http.get("/v1/policy/active").json()["release_digest"]
        key = f"key-{next(NUMBERS)}"
        answer = http.post("/v1/orders", json=ORDER, headers={"Idempotency-Key": key})
    assert active == releases.digest(name)
    assert answer.status_code == (201 if name == "open" else 403), answer.text


def decided_again(server: GatewayProcess) -> None:
    """Every decision comes out byte for byte, each by the release that it names."""
    log, vkey = str(server.data / "log"), str(server.data / "log.vkey")
    done = server.writ("audit", "replay", "--log", log, "--vkey", vkey, "-o", "json")
    assert done.status == 0, done.out + done.err
    assert done.json["equal"] == done.json["decisions"] > KILLS, done.out
