"""A failed compliance check stops an order, on the record, and no configuration goes round it."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from support.edited_release import write_edited
from support.processes import ALL_SCOPES, GatewayProcess, Typed, simulation

LATE_S = 60
BUY = ("order", "submit", "buy", "10", "AAPL", "--limit", "24.80", "-o", "json")
RESTRICTED = ("order", "submit", "buy", "5", "KO", "--limit", "32.20", "-o", "json")


def compliance(data: dict[str, Any]) -> None:
    """KO is restricted, and one desk alone may trade."""
    data["restricted"]["KO"] = True
    data["permissions"]["*"]["principals"] = {"desk": True}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("compliance")
    server = simulation(folder, write_edited(folder / "release", compliance))
    server.start()
    try:
        server.key = server.new_key("desk", *ALL_SCOPES)
        assert server.writ("omega4", "lift", "--reason", "a test").status == 0
        yield server
    finally:
        assert server.stop() == 0, server.log()


def controls(denied: Typed) -> set[str]:
    assert (denied.status, denied.json["code"]) == (1, "order-denied"), denied.err
    return {reason["control"] for reason in denied.json["reasons"]}


def recorded_input(server: GatewayProcess, decision_id: str) -> dict[str, Any]:
    """The document that a decision was made of, from the published log."""
    assert decision_id.startswith("dec_"), "every blob would hold an empty one"
    end = time.monotonic() + LATE_S
    while time.monotonic() < end:
        for path in (server.data / "log" / "blobs").iterdir():
            data = path.read_bytes()
            if decision_id.encode() in data:
                return json.loads(data)
        time.sleep(0.2)
    raise AssertionError("the document was not published")


@pytest.mark.requirement("S1-13")
@pytest.mark.requirement("W-05")
def test_what_compliance_does_not_permit_is_denied_recorded_and_sent_nowhere(
    server: GatewayProcess,
) -> None:
    assert server.writ(*BUY).status == 0
    denied = server.writ(*RESTRICTED)
    assert controls(denied) == {"LST-01"}
    stranger = server.writ(*BUY, key=server.new_key("stranger", "propose", "read"))
    assert controls(stranger) == {"PRM-01"}
    for attempt, control in ((denied, "LST-01"), (stranger, "PRM-01")):
        order_id = attempt.json["order_id"]
        order = server.writ("order", "show", order_id, "-o", "json").json
        assert (order["status"], order["broker"]) == ("DENIED", None)
        told = server.writ("order", "attempt", order_id).json
        assert told["fail_closed_triggers"] == [control]
        assert told["broker_response"] is None
        explained = server.writ("order", "explain", attempt.json["decision_id"]).out
        assert control in explained
        assert "SEC Rule 15c3-5(c)(2)(ii)" in explained


@pytest.mark.requirement("S1-13")
def test_no_way_leads_to_real_money(server: GatewayProcess, tmp_path: Path) -> None:
    """LIVE is refused at run time and at a start, and the policy proves nothing of it either."""
    refused = server.writ("mode", "set", "LIVE")
    assert refused.status == 1
    assert "mode-unavailable" in refused.err
    with server.http() as http:
        answer = http.post("/v1/mode", json={"mode": "LIVE"})
        assert (answer.status_code, answer.json()["code"]) == (409, "mode-unavailable")
        assert http.get("/v1/mode").json()["mode"] == "SIMULATION"

    live = simulation(tmp_path, server.folder / "release", WRIT_MODE="LIVE")
    typed = live.writ("serve", "--data", str(live.data), "--port", "0")
    assert typed.status != 0
    assert "mode-unavailable" in typed.err
    assert typed.out == ""

    bought = server.writ(*BUY)
    assert bought.status == 0, bought.err
    document = recorded_input(server, bought.json["decision_id"])
    given = tmp_path / "document.json"
    tried = ("policy", "try", str(given), "--release", str(server.folder / "release"))
    given.write_text(json.dumps(document))
    assert server.writ(*tried).status == 0
    document["control"]["mode"] = "LIVE"
    given.write_text(json.dumps(document))
    denied = server.writ(*tried, "-o", "json")
    assert denied.status == 1, denied.err
    failed = [one["control"] for one in denied.json["controls"] if not one["passed"]]
    assert set(failed) == {"LIV-01", "MAN-01", "MAN-02", "MAN-03", "MAN-04", "MAN-05"}
