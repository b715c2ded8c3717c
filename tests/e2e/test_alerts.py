"""Alerts as an operator has them: a channel in the settings, `writ alerts`, and what goes wrong."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from peers.alert_channels import HOOK, ChannelsPeer, channels_peer
from peers.ntp import ntp_peer
from support.processes import ALL_SCOPES, GatewayProcess, simulation
from support.releases import DEMO_RELEASE

PATIENCE_S = 60


def told(peer: ChannelsPeer, event: str) -> None:
    """Wait until the webhook was told of it."""
    until = time.monotonic() + PATIENCE_S
    while not any(one.body["event"] == event for one in peer.got):
        assert time.monotonic() < until, peer.got
        time.sleep(0.05)


@pytest.mark.requirement("S3-13")
def test_a_kill_is_told_and_a_dead_channel_is_seen(tmp_path: Path) -> None:
    with channels_peer() as peer:
        server = simulation(
            tmp_path,
            DEMO_RELEASE,
            WRIT_ALERTS='{"hook": "env://HOOK_ADDRESS"}',
            HOOK_ADDRESS=f"json://127.0.0.1:{peer.port}{HOOK}",
        )
        server.start()
        try:
            server.key = server.new_key("desk", *ALL_SCOPES)
            tested = server.writ("alerts", "test", "-o", "json")
            assert (tested.status, tested.json) == (0, [{"name": "hook", "failing": None}])
            assert server.writ("kill", "--reason", "a drill").status == 0
            told(peer, "raised")
            assert "OMEGA2_MANUAL" in server.writ("alerts", "list").out
            a_dead_channel_is_seen(server, peer)
        finally:
            assert server.stop() == 0
        assert HOOK not in server.log()


def a_dead_channel_is_seen(server: GatewayProcess, peer: ChannelsPeer) -> None:
    peer.fault = 500
    tested = server.writ("alerts", "test")
    assert tested.status == 1
    assert "not taken by: hook" in tested.err
    assert server.writ("alerts", "channels").status == 1
    assert "of the alert channels, 1 take no notices" in server.writ("status").out
    assert "the alert channel hook takes no notices: not-taken" in server.log()


@pytest.mark.requirement("S3-13")
def test_a_channel_that_drips_keeps_no_gateway_from_ending(tmp_path: Path) -> None:
    with channels_peer() as peer:
        peer.fault = "drip"
        address = f"json://127.0.0.1:{peer.port}{HOOK}"
        alerts = json.dumps({"hook": "env://HOOK_ADDRESS"})
        server = simulation(tmp_path, DEMO_RELEASE, WRIT_ALERTS=alerts, HOOK_ADDRESS=address)
        server.start()
        server.key = server.new_key("desk", *ALL_SCOPES)
        assert server.writ("kill", "--reason", "a drill").status == 0
        until = time.monotonic() + PATIENCE_S
        while not peer.asked:  # an attempt is under way then, which never ends by itself
            assert time.monotonic() < until
            time.sleep(0.05)
        assert server.stop() == 0


@pytest.mark.requirement("S3-22")
def test_a_clock_that_is_off_ends_the_start_in_these_words(tmp_path: Path) -> None:
    with ntp_peer() as peer:
        peer.skew_ms = 5_000
        source = f"ntp:{peer.host}:{peer.port}"
        server = simulation(tmp_path, DEMO_RELEASE, WRIT_CLOCK_SOURCE=source)
        server.spawn()
        assert server.process is not None
        assert server.process.wait(PATIENCE_S) == 2
        assert server.process.stdout is not None
        server.process.stdout.close()
    said = "Critical Time Sync Error. Halting to prevent market-open anomalies."
    assert said in server.log()
    assert "Traceback" not in server.log()
