"""Reconciling as an operator types it, and as an auditor checks the log against the broker."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from support.processes import GatewayProcess

BUY = ("order", "submit", "buy", "10", "AAPL", "--limit", "24.80", "--wait", "30", "-o", "json")


@pytest.mark.requirement("S3-08")
@pytest.mark.requirement("W-09")
def test_broker_and_log_agree_from_the_shell(gateway_server: GatewayProcess) -> None:
    server = gateway_server
    assert server.writ("omega4", "lift", "--reason", "a test").status == 0
    order = server.writ(*BUY).json
    with server.http() as http:
        moved = http.post("/v1/market/clock", json={"now": "2015-01-05T15:30:00-05:00"})
        assert moved.status_code == 200

    compared = server.writ("reconcile", "primary", "-o", "json")
    assert compared.status == 0, compared.err
    [found] = compared.json["accounts"]
    assert (found["outcome"], found["cause"]) == ("agreed", "requested")
    assert [row["symbol"] for row in found["positions"]] == ["AAPL"]
    table = server.writ("reconcile", "--last")
    assert table.status == 0
    for text in ("agreed", "position", "AAPL", "cash"):
        assert text in table.out
    assert "primary agreed at" in server.writ("status").out

    saved, now = server.folder / "list.json", datetime.now(UTC)
    period = [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (now - timedelta(1), now + timedelta(1))]
    given = ("history", "primary", "--from", period[0], "--to", period[1], "--out", str(saved))
    assert server.writ(*given).status == 0
    listed = json.loads(saved.read_text())
    assert [one["broker_client_id"] for one in listed["orders"]] == [order["broker_client_id"]]
    assert len(listed["executions"]) == 1

    server.stop()  # which publishes the log
    audit = ("audit", "complete", str(server.data / "log"))
    audit += ("--vkey", str(server.data / "log.vkey"), "--broker-list", str(saved))
    whole = server.writ(*audit, "-o", "json")
    assert (whole.status, whole.json["complete"], whole.json["fills"]) == (0, True, 1), whole.err
    listed["orders"][0]["broker_client_id"] = "somebody"
    listed["executions"] = []
    saved.write_text(json.dumps(listed))
    partly = server.writ(*audit)
    assert partly.status == 1
    for code in ("ORDER_NOT_IN_LOG", "ORDER_NOT_AT_BROKER", "FILL_NOT_AT_BROKER"):
        assert code in partly.out
