"""`writ demo` as a user types it: what it leaves behind is read here from the published files."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2
import pytest

from signing import checkpoint, envelope, tiles
from signing.keys import Vkey
from support.processes import WRIT, GatewayProcess

ORDERS = 200
KEPT_OUT = {
    *("INP-01", "APR-01", "RPL-01", "UNK-01"),
    *("LIV-01", "MAN-01", "MAN-02", "MAN-03", "MAN-04", "MAN-05"),
}
"""Controls that no order through the door can fail: claimed as such by the demonstration itself."""
READY_TIMEOUT_S = 200


def demo(*arguments: str, timeout_s: int = 240) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [WRIT, "demo", *arguments],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@dataclass
class Entry:
    """One entry of the log."""

    index: int
    kind: str
    payload: Mapping[str, Any]


@dataclass
class Published:
    """What lies in the data folder once the gateway has ended."""

    data: Path

    @cached_property
    def entries(self) -> list[Entry]:
        log = self.data / "log"
        vkey = Vkey.parse((self.data / "log.vkey").read_text().strip())
        size = checkpoint.verify_checkpoint((log / "checkpoint").read_bytes(), vkey).size
        found: list[Entry] = []
        for bundle in range(-(-size // tiles.FULL)):
            path = tiles.entries_path(bundle, min(tiles.FULL, size - len(found)))
            for data in tiles.decode_bundle((log / path).read_bytes()):
                opened = envelope.open_envelope(data)
                found.append(Entry(len(found), opened.kind, opened.payload))
        return found

    def of(self, kind: str) -> Iterator[Entry]:
        return (entry for entry in self.entries if entry.kind == kind)

    @cached_property
    def decisions(self) -> list[Entry]:
        return list(self.of("decision"))

    def order(self, decision: Entry) -> dict[str, Any]:
        document = self.data / "log" / "blobs" / decision.payload["input_digest"]
        return json.loads(document.read_bytes())["order"]


@pytest.mark.timeout(300)
@pytest.mark.requirement("S2-03")
@pytest.mark.requirement("S2-06")
@pytest.mark.requirement("W-01")
def test_the_demonstration_does_what_it_says(tmp_path: Path) -> None:
    data = tmp_path / "out"
    ended = demo("--once", "--data", str(data), "--orders", str(ORDERS))
    assert ended.returncode == 0, ended.stderr + ended.stdout
    for left in ("log/checkpoint", "log/tile", "log/blobs", "log.vkey", "writ.db"):
        assert (data / left).exists(), left
    published = Published(data)
    every_control_was_met(published, ended.stdout)
    research_only_held_until_it_was_lifted(published)
    volatility_stopped_everything_until_a_named_principal_resumed(published)
    orders_filled_on_later_prices_within_their_limits(published)
    proposals_lie_in_all_years_and_came_from_two_clients(published)
    what_was_printed_is_true(published, ended.stdout)
    a_stranger_can_verify_the_log(data)
    the_services_hold_no_key_but_one_to_propose(data)
    again = demo("--once", "--data", str(data), "--orders", "1")
    assert again.returncode == 2, "a folder that holds a run is not written over"
    assert "demo-data-not-empty" in again.stderr


def every_control_was_met(published: Published, printed: str) -> None:
    assert len(published.decisions) == ORDERS
    required = {c for entry in published.decisions for c in entry.payload["verdict"]["required"]}
    reasons = {
        reason["control"]
        for entry in published.decisions
        for reason in entry.payload["verdict"]["reasons"]
    }
    assert len(required) == 59
    assert reasons == required - KEPT_OUT
    for control in required:
        assert control in printed
    [release] = published.of("release")
    assert release.payload["label"] == "demonstration"


def research_only_held_until_it_was_lifted(published: Published) -> None:
    [lift] = published.of("omega4")
    assert lift.payload["lifted"] is True
    assert lift.payload["by"] == "demo-director"
    before = [entry for entry in published.decisions if entry.index < lift.index]
    assert before
    for entry in before:
        assert not entry.payload["allow"]
        assert [r["control"] for r in entry.payload["verdict"]["reasons"]] == ["OMEGA-4"]


def volatility_stopped_everything_until_a_named_principal_resumed(published: Published) -> None:
    [halt] = [e for e in published.of("halt") if e.payload["cause"] == "OMEGA2_VOLATILITY"]
    assert halt.payload["scope"] == {"kind": "global", "name": "*"}
    assert (halt.payload["observed"], halt.payload["limit"]) == (407_400, 400_000)
    [resume] = published.of("resume")
    assert resume.payload["halt_id"] == halt.payload["halt_id"]
    assert resume.payload["by"] == "demo-director"

    during = [e for e in published.decisions if halt.index < e.index < resume.index]
    assert {e.payload["principal"] for e in during} == {"strategy", "rogue"}
    for entry in during:
        assert not entry.payload["allow"]
        assert "OMEGA-2" in {r["control"] for r in entry.payload["verdict"]["reasons"]}
        assert day_of(entry) == "2015-08-24"
    assert any(e.payload["allow"] for e in published.decisions if e.index > resume.index)

    cancels = [e for e in published.of("cancel") if e.payload["cause"] == "OMEGA2_VOLATILITY"]
    closed = {e.payload["order_id"]: e.payload["status"] for e in published.of("status")}
    assert cancels
    assert all(closed[cancel.payload["order_id"]] == "CANCELED" for cancel in cancels)


def orders_filled_on_later_prices_within_their_limits(published: Published) -> None:
    by_order = {e.payload["order_id"]: e for e in published.decisions if e.payload["allow"]}
    filled: Counter[str] = Counter()
    for fill in published.of("execution"):
        decision = by_order[fill.payload["order_id"]]
        order, price = published.order(decision), fill.payload["price"]
        assert fill.payload["market_us"] > decision.payload["market_us"], "it saw the future"
        if order["limit_price"] != "none":
            sign = 1 if order["side"] == "buy" else -1
            assert sign * price <= sign * order["limit_price"]
        assert fill.payload["fee_micros"] >= 0
        filled[fill.payload["order_id"]] += fill.payload["qty"]
    sizes = {order_id: published.order(by_order[order_id])["qty"] for order_id in filled}
    assert all(filled[order_id] <= size for order_id, size in sizes.items())
    assert sum(filled[order_id] == size for order_id, size in sizes.items()) > 50
    assert sum(filled[order_id] < size for order_id, size in sizes.items()) > 0


def proposals_lie_in_all_years_and_came_from_two_clients(published: Published) -> None:
    proposers = Counter(e.payload["principal"] for e in published.decisions)
    assert set(proposers) == {"strategy", "rogue"}
    assert proposers["strategy"] > proposers["rogue"]
    years = Counter(
        day_of(e)[:4] for e in published.decisions if e.payload["principal"] == "strategy"
    )
    assert set(years) == {"2015", "2016", "2017", "2018"}
    assert min(years.values()) > 30


def what_was_printed_is_true(published: Published, printed: str) -> None:
    claims = [line for line in printed.splitlines() if line.startswith(("held", "FAILED"))]
    assert len(claims) >= 12
    assert all(claim.startswith("held") for claim in claims)
    assert f"log         {len(published.entries)} entries" in printed
    fees = sum(e.payload["fee_micros"] for e in published.of("execution")) // 10_000
    assert f"fees        {fees // 100}.{fees % 100:02d}" in printed
    opening = next(e for e in published.of("statement") if e.payload["account"] == "primary")
    assert f"primary: opened with {opening.payload['cash_micros'] // 10**6:,}.00" in printed
    assert "profit and loss" in printed
    flipped = re.search(r"entry ([0-9]+), a decision\)", printed)
    found = re.search(r"first bad index +([0-9]+)", printed)
    assert flipped is not None
    assert found is not None
    assert flipped[1] == found[1]


def a_stranger_can_verify_the_log(data: Path) -> None:
    done = subprocess.run(
        [WRIT, "audit", "verify", "--log", str(data / "log"), "--vkey", str(data / "log.vkey")],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def the_services_hold_no_key_but_one_to_propose(data: Path) -> None:
    keys = json.loads((data / "access.json").read_text())["keys"]
    scopes = {key["name"]: set(key["scopes"]) for key in keys}
    assert len(keys) == 3
    assert scopes["strategy"] == scopes["rogue"] == {"propose", "read"}
    assert scopes["demo-director"] == {"read", "admin", "facts:write"}


def day_of(entry: Entry) -> str:
    return datetime.fromtimestamp(entry.payload["market_us"] / 10**6, UTC).date().isoformat()


def test_a_key_like_the_strategys_can_only_read_and_propose(
    gateway_server: GatewayProcess,
) -> None:
    key = gateway_server.new_key("strategy", "propose", "read")
    with gateway_server.http(key) as http:
        assert http.get("/v1/halts").status_code == 200
        refused = [
            http.delete("/v1/orders/any"),
            http.post("/v1/market/clock", json={"now": "2016-01-05T15:30:00-05:00"}),
            http.post("/v1/mode", json={"mode": "RESEARCH"}),
            http.post("/v1/omega4", json={"lifted": True, "reason": "because"}),
            http.post("/v1/kill", json={"reason": "because"}),
            http.post("/v1/resume", json={"halt_id": "all", "reason": "because"}),
            http.get("/log/checkpoint"),
        ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)
    assert {answer.json()["code"] for answer in refused} == {"scope-missing"}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_without_once_the_gateway_stays_up_until_it_is_interrupted(tmp_path: Path) -> None:
    said = tmp_path / "stderr"
    with said.open("w") as stderr:
        process = subprocess.Popen(
            [WRIT, "demo", "--data", str(tmp_path / "out"), "--orders", "1"],
            env={"PATH": os.defpath, "WRIT_MODE": "LIVE"},  # meant for another gateway
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        url, key = printed_address(process, said)
        with httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=30
        ) as http:
            mode = http.get("/v1/mode").json()
            assert (mode["mode"], mode["release_label"]) == ("SIMULATION", "demonstration")
            assert len(http.get("/v1/orders").json()["orders"]) == 1
            order = {"account": "primary", "symbol": "KO", "side": "buy", "type": "market"}
            headers = {"Idempotency-Key": "k"}
            refused = http.post("/v1/orders", json=order | {"qty": "1"}, headers=headers)
            assert refused.status_code == 403
            assert refused.json()["code"] == "scope-missing"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, said.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def printed_address(process: subprocess.Popen[bytes], said: Path) -> tuple[str, str]:
    """The address and key that the demonstration prints when it is ready to be looked at."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"WRIT_URL=(\S+) WRIT_API_KEY=(\S+)", said.read_text())
        if found is not None:
            return found[1], found[2]
        time.sleep(0.2)
    raise AssertionError(said.read_text())
