"""A gateway in real time, as a process: it learns the hours, and says while it has none."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from peers.alpaca import alpaca_peer
from peers.alpaca_venue import Account, AlpacaPeer, Fault
from support.processes import GatewayProcess
from support.release_folder import write_release

_TIMEOUT_S = 60


def at_venue(folder: Path, peer: AlpacaPeer, account: Account) -> GatewayProcess:
    """A gateway in RESEARCH whose account is at the peer."""
    at_peer = {
        "broker": "alpaca",
        "broker_account": account.number,
        "url_override": peer.url,
        "key_id": "env://BROKER_KEY",
        "secret": "env://BROKER_SECRET",
    }
    environment = {
        "WRIT_MARKET": "venue",
        "WRIT_RELEASE": str(write_release(folder / "release")),
        "WRIT_ACCOUNTS": json.dumps({"primary": at_peer}),
        "BROKER_KEY": account.key_id,
        "BROKER_SECRET": account.secret,
    }
    return GatewayProcess(folder, environment)


def warned(server: GatewayProcess) -> bool:
    """Whether it says that it knows no hours."""
    with server.http() as http:
        return any("hours" in one for one in http.get("/readyz").json().get("warnings", ()))


@pytest.mark.requirement("S3-07")
def test_hours_that_were_missing_at_the_start_are_known_once_the_venue_tells_them(
    tmp_path: Path,
) -> None:
    with alpaca_peer() as peer:
        peer.faults.append(Fault("GET", "/v2/calendar", 500, times=10_000))
        server = at_venue(tmp_path, peer, peer.account())
        server.key = server.new_key("operator", "read")
        server.start()
        try:
            assert warned(server)
            status = server.writ("status", "-o", "json")
            assert "hours are not known" in status.json["warnings"]
            peer.faults.clear()
            end = time.monotonic() + _TIMEOUT_S
            while warned(server) and time.monotonic() < end:
                time.sleep(0.1)
            assert not warned(server)
        finally:
            assert server.stop() == 0
        assert "Traceback" not in server.log()
        assert peer.orders_sent() == []
