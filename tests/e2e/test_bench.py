"""Each measurement of `make bench` runs from end to end, at a scale that measures nothing."""

import json
from pathlib import Path

import pytest

from bench import __main__ as command
from bench import kill
from bench.measure import SMOKE
from bench.swaps import SERVER, SWITCHES, WASM

KEYS = {
    "governed": {
        "governed_over_opa_server",
        "governed_forwarding_over_opa_server",
        "governed_over_naive",
        "governed_over_policy_only",
    },
    "latency": {"p50_over_fdatasync", "p99_over_fdatasync"},
    "kill": {
        "kill_to_deny_ms",
        "kill_to_deny_arrived_ms",
        "kill_to_later_deny_ms",
        "kill_to_last_cancel_ms",
        "kill_to_deny_inside_ms",
    },
    "reconcile": {"reconcile_ms", "reconcile_corrected_ms", "reconcile_calls"},
    "log-growth": {"log_growth"},
    "limits-growth": {"limits_growth"},
    "controls": {"controls_growth", "limit_tables_growth"},
    "reading": {"verify_us_per_entry", "replay_us_per_entry"},
    "impact": {"impact_over_opa_server", "impact_memory_growth"},
    "swaps": {
        "switch_pause_ms_opa_wasm",
        "switch_pause_ms_opa_server",
        "switch_wrong_revisions_opa_wasm",
        "switch_wrong_revisions_opa_server",
    },
    "keys": {"vault_over_files", "vault_killed_orders_lost"},
    "manifests": {
        "manifest_verify_p50_us",
        "manifest_over_signature",
        "revocation_to_refusal_ms",
    },
    "profile": set[str](),
}
ROUNDS = {
    "switch_pause_ms_opa_wasm": SWITCHES[SMOKE.name][WASM],
    "switch_pause_ms_opa_server": SWITCHES[SMOKE.name][SERVER],
    **dict.fromkeys(KEYS["kill"], kill.ROUNDS[SMOKE.name]),
}
"""Figures of which every switch, or kill, is a round; all others have as many as the scale."""
NOTHING_WRONG = {
    "switch_wrong_revisions_opa_wasm",
    "switch_wrong_revisions_opa_server",
    "vault_killed_orders_lost",
}
"""Counts of what must not happen."""


def test_every_measurement_is_tried_here() -> None:
    assert set(KEYS) == set(command.BENCHES)


@pytest.mark.slow
@pytest.mark.parametrize("name", KEYS)
def test_a_measurement_runs(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "results.json"
    given = ["--only", name, "--smoke", "--work", str(tmp_path / "work"), "--out", str(out)]
    status = command.main(given)
    said = capsys.readouterr().out
    assert status == 0, said
    figures = json.loads(out.read_text(encoding="utf-8"))
    assert set(figures) == KEYS[name]
    for key, figure in figures.items():
        assert set(figure) == {"value", "spread", "unit", "rounds"}
        low, high = figure["spread"]
        if key in NOTHING_WRONG:
            assert (low, figure["value"], high) == (0, 0, 0)
        else:
            assert 0 < low <= figure["value"] <= high
        assert figure["rounds"] == ROUNDS.get(key, SMOKE.rounds)
    assert list((tmp_path / "work").iterdir()) == []
    assert "Taken with `make bench ARGS=" in said
    # A part of the gateway that is renamed would drop out of the profile without a word.
    assert "parts without a timer" not in said
