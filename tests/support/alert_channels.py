"""Addresses of the channels of a test: the real ones, but for where Slack and PagerDuty are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from apprise.plugins import pagerduty
from apprise.plugins.slack import NotifySlack

from peers.alert_channels import HOOK, PAGER, PAGER_KEY, SLACK, ChannelsPeer, channels_peer

API_KEY = "pager-api-key-9f8e"


def addresses(peer: ChannelsPeer) -> dict[str, str]:
    """One of each kind; Slack's and PagerDuty's as their users write them."""
    return {
        "chat": "slack:/" + SLACK.removeprefix("/services"),
        "pager": f"pagerduty://{PAGER_KEY}@{API_KEY}",
        "hook": f"json://127.0.0.1:{peer.port}{HOOK}",
    }


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChannelsPeer]:
    """All three services; the library finds Slack and PagerDuty there, and nothing else changes."""
    with channels_peer() as peer:
        monkeypatch.setattr(NotifySlack, "webhook_url", f"{peer.url}/services")
        monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", peer.url + PAGER)
        yield peer
