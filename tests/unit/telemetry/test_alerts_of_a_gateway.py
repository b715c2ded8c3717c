"""Alerts of a real gateway: by its own state, over real channels, and never in an order's way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.api.access import FILE_NAME
from gateway.config import Settings
from gateway.domain.errors import InvalidInputError
from peers.alert_channels import ChannelsPeer
from support.alert_channels import addresses
from support.doors import Door, opened, problem

pytestmark = [pytest.mark.requirement("S3-13")]

PATIENCE_S = 60
KILL = {"reason": "a drill: 555-1234"}


def files(folder: Path, found: dict[str, str]) -> dict[str, str]:
    """Each address in a file of its own, as a vault would mount it."""
    folder.mkdir(exist_ok=True)
    references = dict[str, str]()
    for name, address in found.items():
        path = folder / name
        path.write_text(address, encoding="ascii")
        path.chmod(0o600)
        references[name] = f"file://{path}"
    return references


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110  a question to the other side, not a wait for news
            await asyncio.sleep(0.02)


async def alerts(door: Door) -> dict[str, Any]:
    answer = await door.call("GET", "/v1/alerts")
    assert answer.status_code == 200
    return answer.json()


async def test_a_kill_is_told_everywhere_and_its_end_too(
    peer: ChannelsPeer, tmp_path: Path
) -> None:
    references = files(tmp_path / "secrets", addresses(peer))
    async with opened(tmp_path, alerts=references, engine_timeout_ms=10_000) as door:
        await door.call("POST", "/v1/kill", scope="operate", json=KILL)
        await until(lambda: len({one.path for one in peer.got}) == 3)
        [alert] = (await alerts(door))["alerts"]
        assert (alert["key"], alert["severity"]) == ("halt:OMEGA2_MANUAL:everything", "critical")
        assert "555-1234" not in str([one.body for one in peer.got])  # what people type stays here
        text = (await door.call("GET", "/metrics")).text
        assert 'writ_alerts_standing{severity="critical"} 1.0' in text
        body = {"halt_id": "all", "reason": "over"}
        await door.call("POST", "/v1/resume", scope="admin", json=body)
        await until(lambda: any(one.body.get("event") == "resolved" for one in peer.got))
    assert peer.flaws == []


@pytest.mark.attack
async def test_a_broken_channel_blocks_no_order_and_is_seen(
    peer: ChannelsPeer, tmp_path: Path
) -> None:
    peer.fault = "hang"
    references = files(tmp_path / "secrets", {"chat": addresses(peer)["hook"]})
    async with opened(tmp_path, alerts=references, engine_timeout_ms=10_000) as door:
        body = {**KILL, "scope": {"kind": "symbol", "name": "MSFT"}}
        await door.call("POST", "/v1/kill", scope="operate", json=body)
        async with asyncio.timeout(PATIENCE_S):
            assert (await door.propose()).status_code == 201
        await until(lambda: door.app.alerting.reports()[0].failing is not None)
        ready = (await door.call("GET", "/readyz")).json()
        assert ready["status"] == "ready"
        assert (
            "of the alert channels, 1 take no notices: GET /v1/alerts names them"
            in (ready["warnings"])
        )
        [channel] = (await alerts(door))["channels"]
        assert channel["name"] == "chat"
        assert channel["failing"] is not None
        text = (await door.call("GET", "/metrics")).text
        assert 'writ_alert_channel_failing{channel="chat"} 1.0' in text


async def test_a_channel_whose_address_is_missing_stops_no_start(tmp_path: Path) -> None:
    missing = {"chat": f"file://{tmp_path}/nowhere"}
    async with opened(tmp_path, alerts=missing, engine_timeout_ms=10_000) as door:
        assert (await door.propose()).status_code == 201
        tested = await door.call("POST", "/v1/alerts/test", scope="operate", json={})
        [channel] = tested.json()["channels"]
        assert channel == {"name": "chat", "failing": "ProviderError"}


async def test_a_test_goes_to_every_channel(peer: ChannelsPeer, tmp_path: Path) -> None:
    references = files(tmp_path / "secrets", addresses(peer))
    async with opened(tmp_path, alerts=references, engine_timeout_ms=10_000) as door:
        before = await door.entries()
        tested = await door.call("POST", "/v1/alerts/test", scope="operate", json={})
        assert tested.json() == {
            "channels": [{"name": name, "failing": None} for name in ("chat", "hook", "pager")]
        }
        assert await door.entries() == before
        one = {"channel": "hook"}
        tested = await door.call("POST", "/v1/alerts/test", scope="operate", json=one)
        assert tested.json() == {"channels": [{"name": "hook", "failing": None}]}
        other = {"channel": "other"}
        unknown = await door.call("POST", "/v1/alerts/test", scope="operate", json=other)
        problem(unknown, 404, "channel-unknown")
        problem(await door.call("POST", "/v1/alerts/test", json={}), 403, "scope-missing")
        problem(await door.call("GET", "/v1/alerts", scope="propose"), 403, "scope-missing")
    assert len(peer.got) == 4


@pytest.mark.attack
@pytest.mark.requirement("S3-11")
async def test_no_address_leaves_the_gateway(peer: ChannelsPeer, tmp_path: Path) -> None:
    found = addresses(peer)
    async with opened(tmp_path, alerts=files(tmp_path / "secrets", found)) as door:
        await door.call("POST", "/v1/alerts/test", scope="operate", json={})
        shown = [
            (await door.call("GET", path, scope=scope)).text
            for path, scope in (
                ("/v1/alerts", "read"),
                ("/metrics", "read"),
                ("/readyz", None),
                ("/v1/secrets", "admin"),
            )
        ]
        assert not any(address in text for address in found.values() for text in shown)
        assert not any(address in repr(door.app.settings) for address in found.values())
    assert (tmp_path / "data" / FILE_NAME).exists()


async def test_an_address_in_a_vault_needs_a_vault(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        async with opened(tmp_path, alerts={"chat": "vault://kv/writ/alerts#chat"}):
            pass
    assert caught.value.code == "config-invalid"
    assert "WRIT_VAULT_URL" in caught.value.detail


@pytest.mark.parametrize(
    "alerts",
    [
        '{"chat": "slack://T/B/secret-word"}',
        '{"a/b": "env://CHAT"}',
        '{"a": "env://A", "b": "env://A", "c": "env://A", "d": "env://A", "e": "env://A"}',
        '["env://CHAT"]',
    ],
)
def test_settings_name_references_and_never_addresses(
    alerts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRIT_ALERTS", alerts)
    with pytest.raises(ValueError, match="alerts") as caught:
        Settings()
    assert "secret-word" not in caught.value.errors()[0]["msg"]  # type: ignore[attr-defined]  a ValidationError
