"""What Slack, PagerDuty and a webhook are sent, over real HTTP, and that no address ever leaks."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace

import pytest

from gateway.telemetry import channels
from gateway.telemetry.channels import flaw, send, silence
from gateway.telemetry.notices import Notice, UnsentError, What
from gateway.telemetry.rules import Severity
from peers.alert_channels import HOOK, PAGER, PAGER_KEY, SLACK, ChannelsPeer
from support.alert_channels import API_KEY, addresses

pytestmark = [pytest.mark.requirement("S3-13")]

NOTICE = Notice(
    What.RAISED,
    "halt:OMEGA2_MANUAL:everything",
    Severity.CRITICAL,
    "Halt OMEGA2_MANUAL",
    "OMEGA2_MANUAL halts everything <!channel> & more.",
    "writ.local/log",
    1_790_000_000_000_000,
)


def sent(peer: ChannelsPeer, kind: str, notice: Notice = NOTICE) -> dict[str, object]:
    address = addresses(peer)[kind]
    send(lambda: address, notice)
    return peer.got[-1].body


def test_slack_gets_an_attachment_and_nothing_in_it_is_a_command(peer: ChannelsPeer) -> None:
    body = sent(peer, "chat")
    assert peer.got[-1].path == SLACK
    [attachment] = body["attachments"]  # type: ignore[misc]  JSON
    assert attachment["title"] == "[CRITICAL] Halt OMEGA2_MANUAL"
    assert "&lt;!channel&gt; &amp; more" in attachment["text"]
    assert "<!channel>" not in str(body)
    assert "2026-09-21T" in attachment["text"]
    ended = sent(peer, "chat", replace(NOTICE, what=What.RESOLVED))["attachments"][0]  # type: ignore[index]  JSON
    assert ended["title"].startswith("[RESOLVED]")
    assert ended["color"] != attachment["color"]


@pytest.mark.parametrize(
    ("severity", "paged"),
    [(Severity.CRITICAL, "critical"), (Severity.HIGH, "error"), (Severity.MEDIUM, "warning")],
)
def test_pagerduty_gets_a_trigger_with_the_severity(
    peer: ChannelsPeer, severity: Severity, paged: str
) -> None:
    body = sent(peer, "pager", replace(NOTICE, severity=severity))
    assert (peer.got[-1].path, peer.flaws) == (PAGER, [])
    assert body["event_action"] == "trigger"
    assert body["routing_key"] == PAGER_KEY
    assert body["payload"]["severity"] == paged  # type: ignore[index]  JSON
    assert body["payload"]["source"] == "writ.local/log"  # type: ignore[index]  JSON


def test_pagerduty_ends_the_same_incident(peer: ChannelsPeer) -> None:
    raised = sent(peer, "pager")
    ended = sent(peer, "pager", replace(NOTICE, what=What.RESOLVED))
    assert ended["event_action"] == "resolve"
    assert ended["dedup_key"] == raised["dedup_key"]
    other = sent(peer, "pager", replace(NOTICE, key="clock"))
    assert other["dedup_key"] != raised["dedup_key"]


def test_a_webhook_gets_fields_that_a_program_can_read(peer: ChannelsPeer) -> None:
    body = sent(peer, "hook")
    assert peer.got[-1].path == HOOK
    wanted = {
        "event": "raised",
        "severity": "critical",
        "key": "writ.local/log:halt:OMEGA2_MANUAL:everything",
        "origin": "writ.local/log",
        "since": "2026-09-21T14:13:20Z",
        "title": "[CRITICAL] Halt OMEGA2_MANUAL",
    }
    assert {name: body[name] for name in wanted} == wanted


@pytest.mark.parametrize("kind", ["chat", "pager", "hook"])
@pytest.mark.parametrize("fault", [400, 404, 429, 500, 503, 302])
def test_whatever_is_no_success_is_not_taken(peer: ChannelsPeer, kind: str, fault: int) -> None:
    peer.fault = fault
    with pytest.raises(UnsentError) as caught:
        sent(peer, kind)
    assert caught.value.code == "not-taken"
    assert peer.got == []  # a redirect is not followed either


@pytest.mark.parametrize("kind", ["chat", "pager", "hook"])
def test_a_channel_that_hangs_ends_with_the_time_out(
    peer: ChannelsPeer, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "READ_TIMEOUT_S", 0.5)
    peer.fault = "hang"
    with pytest.raises(UnsentError):
        sent(peer, kind)


BAD = {
    "a file of this host": "file:///etc/passwd",
    "another service": "mailto://user:secret-word@example.org",
    "a shell": "exec://secret-word",
    "a template of this host": "slack://secret/B00000000/XXXX?template=/etc/passwd",
    "no certificate asked for": "jsons://example.org/secret-word?verify=no",
    "redirects followed": "jsons://example.org/secret-word?redirect=yes",
    "an incident of its own": f"pagerduty://{PAGER_KEY}@secret-word?dedup=x",
    "another method": "jsons://example.org/secret-word?method=DELETE",
    "in the clear": "json://example.org/secret-word",
    "no address": "secret-word",
    "too long": "jsons://example.org/" + "secret-word" * 200,
    "a line break": "jsons://example.org/secret-word\nX: y",
    "a key that is none": "slack://secret-word",
}


@pytest.mark.attack
@pytest.mark.parametrize("name", list(BAD))
def test_an_address_can_do_nothing_but_send(
    peer: ChannelsPeer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    silence()
    with caplog.at_level(logging.DEBUG):
        assert flaw(BAD[name]) == "address-unusable"
        with pytest.raises(UnsentError) as caught:
            send(lambda: BAD[name], NOTICE)
    assert "secret" not in caplog.text
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert peer.got == []


@pytest.mark.attack
@pytest.mark.requirement("S3-11")
@pytest.mark.parametrize("fault", [None, 500])
def test_no_address_is_ever_logged(
    peer: ChannelsPeer, fault: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    silence()
    peer.fault = fault
    with caplog.at_level(logging.DEBUG):
        for kind, address in addresses(peer).items():
            assert flaw(address) is None
            with contextlib.suppress(UnsentError):
                sent(peer, kind)
    for secret in (SLACK.rpartition("/")[2], PAGER_KEY, API_KEY, HOOK):
        assert secret not in caplog.text
