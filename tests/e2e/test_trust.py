"""Attesting a run and overriding for one order, as the people concerned type it."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.processes import ALL_SCOPES, GatewayProcess, Typed, simulation
from support.release_folder import write_release

LATE_S = 60
BUY = ("order", "submit", "buy", "10", "AAPL", "--limit", "24.80", "-o", "json")


def eventually(server: GatewayProcess, status: int, *typed: str) -> Typed:
    """Type a command until it ends so: trusted files are looked at once a second."""
    end = time.monotonic() + LATE_S
    while (done := server.writ(*typed)).status != status:
        assert time.monotonic() < end, done
    return done


@pytest.mark.requirement("S4-03")
@pytest.mark.requirement("S4-04")
def test_a_run_is_attested_and_an_order_overridden(tmp_path: Path) -> None:
    trust = tmp_path / "trust"
    runs = trust / "runs"
    runs.mkdir(parents=True)
    server = simulation(
        tmp_path,
        write_release(tmp_path / "release", crisis_buy_max_bps=1),
        WRIT_ATTESTERS=str(trust / "attesters"),
        WRIT_ATTESTATIONS=str(runs),
        WRIT_OVERRIDE_OFFICERS=str(trust / "officers"),
    )
    for name, file in (("alice", "attesters"), ("carol", "officers")):
        made = server.writ(
            "keys", "new", "--kind", "identity", "--out", str(trust / name), "-o", "json"
        )
        (trust / file).write_text(f"{name} {made.json['public_key']}\n")
    server.start()
    try:
        server.key = server.new_key("ops", *ALL_SCOPES, "facts:write")
        assert server.writ("omega4", "lift", "--reason", "test").status == 0
        denied = server.writ(*BUY, "--source-run", "r-7")
        assert denied.status == 1
        assert "PRV-01" in denied.out + denied.err
        output = runs / "targets.csv"
        output.write_text("AAPL,10\n")
        alice = str(trust / "alice" / "identity.key")
        signed = server.writ("signal", "attest", str(output), "--run", "r-7", "--key", alice)
        assert signed.status == 0, signed.err
        eventually(server, 0, *BUY, "--source-run", "r-7")

        with server.http() as http:
            now = http.get("/v1/market/clock").json()["now"]
            body = {"value": "CRISIS", "at": now, "ttl_ms": "86400000", "source": "model"}
            assert http.put("/v1/facts/model.regime", json=body).status_code == 200
        assert "REG-01" in server.writ(*BUY, "--client-order-id", "h-1").out
        soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
        sign = (
            *("override", "sign", "--control", "REG-01", "--account", "primary"),
            *("--symbol", "AAPL", "--side", "buy", "--qty", "10", "--client-order-id", "h-2"),
            *("--expires", soon, "--reason", "hedge", "--out", str(trust / "h-2")),
            *("--vkey", str(server.data / "log.vkey"), "--mode", "simulation"),
        )
        carol = str(trust / "carol" / "identity.key")
        assert server.writ(*sign, "--key", carol).status == 0
        shown = server.writ(
            *("override", "show", str(trust / "h-2"), "--officers", str(trust / "officers")),
            *("--vkey", str(server.data / "log.vkey"), "-o", "json"),
        )
        assert shown.json["signed_by"] == "carol"
        with_it = (*BUY, "--client-order-id", "h-2", "--override", str(trust / "h-2"))
        assert server.writ("order", "preview", *with_it[2:]).status == 0
        assert server.writ(*with_it).status == 0
        assert "REG-01" in server.writ("order", "preview", *with_it[2:]).out
        other = (*BUY, "--client-order-id", "h-3", "--override", str(trust / "h-2"))
        assert "REG-01" in server.writ(*other).out
        output.write_text("AAPL,9999\n")
        eventually(server, 1, "doctor", "--data", str(server.data))
        found = server.writ("doctor", "--data", str(server.data), "-o", "json").json
        [trusted] = [row for row in found if row["check"] == "trust" and row["grade"] == "fail"]
        assert "targets.csv" in trusted["found"]
    finally:
        assert server.stop() == 0, server.log()
    said = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    assert any("for another order" in str(line.get("event")) for line in said)
