"""What candidates would have done to orders that a running gateway decided, as officers type it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from support.edited_release import write_edited
from support.processes import GatewayProcess
from support.releases import DOLLAR

LATE_S = 60
LARGE = {
    "order_notional_max_micros": 100_000 * DOLLAR,
    "sector_exposure_max_bps": 10_000,
    "asset_exposure_max_bps": 10_000,
}


def submit(server: GatewayProcess, *order: str) -> dict[str, Any]:
    return server.writ("order", "submit", *order, "-o", "json").json


def restricted(data: dict[str, Any]) -> None:
    data["restricted"]["KO"] = True


@pytest.mark.requirement("W-03")
@pytest.mark.requirement("W-05")
def test_flips_are_named_before_a_candidate_is_signed(
    gateway_server: GatewayProcess, tmp_path: Path
) -> None:
    server = gateway_server
    assert server.writ("omega4", "lift", "--reason", "a test").status == 0
    bought = submit(server, "buy", "10", "AAPL", "--limit", "24.80")
    other = submit(server, "buy", "4", "KO", "--limit", "32.20", "--strategy-id", "momentum")
    large = submit(server, "buy", "1300", "AAPL", "--limit", "24.80")
    assert [reason["control"] for reason in large["reasons"]] == ["ORD-01"]
    unknown = submit(server, "buy", "1", "NOPE", "--limit", "1")
    assert unknown["code"] == "order-denied"

    def impact(candidate: Path, *options: str) -> Any:  # noqa: ANN401  what was printed
        typed = server.writ(
            *("policy", "impact", "--candidate", str(candidate), "-o", "json", *options),
            *("--log", str(server.data / "log"), "--vkey", str(server.data / "log.vkey")),
        )
        return typed.status, typed.json

    same = write_edited(tmp_path / "same", lambda _: None)
    end = time.monotonic() + LATE_S
    while (found := impact(same)[1])["outcomes"]["same"] < 4:
        assert time.monotonic() < end, found
    assert found["flips"] == []

    tighter = write_edited(
        tmp_path / "tighter", restricted, order_notional_max_micros=248 * DOLLAR - 1
    )
    status, found = impact(tighter, "--fail-on", "allow-to-deny")
    assert status == 1
    assert [(one["decision_id"], one["controls"]) for one in found["flips"]] == [
        (bought["decision"]["decision_id"], ["ORD-01"]),
        (other["decision"]["decision_id"], ["LST-01"]),
    ]
    assert found["notional_lost_micros"] == 248 * DOLLAR + 4 * 32_200_000
    assert found["flips"][1]["first_in"] == ["strategy", "symbol"]
    assert impact(tighter, "--fail-on", "deny-to-allow")[0] == 0

    looser = write_edited(tmp_path / "looser", lambda _: None, **LARGE)
    status, found = impact(looser, "--fail-on", "deny-to-allow")
    assert status == 1
    assert [one["decision_id"] for one in found["flips"]] == [large["decision_id"]]
    assert found["notional_gained_micros"] == 1300 * 24_800_000
    assert found["outcomes"]["same"] == 3
