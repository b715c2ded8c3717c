"""The rules for Prometheus: they can be read, name what exists, and repeat our thresholds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.telemetry.gauges import GAUGES
from gateway.telemetry.metrics import COUNTERS, HISTOGRAMS, LATENCY_BOUNDS_MS
from gateway.telemetry.rules import (
    BROKER_FAILS_S,
    CRITICAL_CAUSES,
    MARKET_LATE_MS,
    UNKNOWN_MAX_MS,
    WITHOUT_FUNDS_MAX,
    Severity,
)

pytestmark = [pytest.mark.requirement("S3-13")]

FILE = Path(__file__).parents[3] / "docs" / "operations" / "alerts.rules.yml"
SERIES = {
    *GAUGES,
    *COUNTERS,
    *(name + end for name in HISTOGRAMS for end in ("_bucket", "_sum", "_count")),
}
WORDS = {"sum", "by", "and", "or", "max", "increase", "up"}


def rules() -> dict[str, dict[str, Any]]:
    [group] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def series(expression: str) -> set[str]:
    """The names of metrics in an expression: what is left without labels, ranges and words."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\bby \([^)]*\)", " ", expression)
    return set(re.findall(r"[a-z_]{3,}", bare)) - WORDS


def labels(expression: str) -> dict[str, set[str]]:
    """Metric -> names of the labels that are asked for."""
    found = re.findall(r"([a-z_]+)\{([^}]*)\}", expression)
    return {name: set(re.findall(r"([a-z]+)=", inside)) for name, inside in found}


def test_every_rule_names_metrics_and_labels_that_exist() -> None:
    known = {name: set(told.labels) for name, told in {**GAUGES, **COUNTERS}.items()}
    known |= {name + "_bucket": {*told.labels, "le"} for name, told in HISTOGRAMS.items()}
    for name, rule in rules().items():
        assert series(rule["expr"]) <= SERIES, name
        for metric, asked in labels(rule["expr"]).items():
            assert asked <= known.get(metric, {"job"}), name


def test_every_rule_has_a_severity_of_ours_and_words() -> None:
    for name, rule in rules().items():
        assert rule["labels"]["severity"] in set(Severity), name
        assert rule["annotations"]["summary"], name
        assert rule.get("for", "1m") in ("1m", "5m")


def test_the_thresholds_are_those_of_the_gateway() -> None:
    found = rules()
    assert f"[{BROKER_FAILS_S // 60}m]" in found["WritBrokerFails"]["expr"]
    assert found["WritBrokerFails"]["labels"]["severity"] == Severity.CRITICAL
    assert found["WritInsufficientFunds"]["expr"] == f"writ_without_funds > {WITHOUT_FUNDS_MAX}"
    assert found["WritInsufficientFunds"]["labels"]["severity"] == Severity.HIGH
    assert MARKET_LATE_MS in LATENCY_BOUNDS_MS
    assert f'le="{MARKET_LATE_MS}.0"' in found["WritMarketDataLate"]["expr"]
    assert found["WritMarketDataLate"]["labels"]["severity"] == Severity.MEDIUM
    assert found["WritOutcomeUnknown"]["expr"].endswith(f"> {UNKNOWN_MAX_MS}")
    causes = re.search(r'cause=~"([^"]*)"', found["WritKilled"]["expr"])
    assert causes is not None
    assert set(causes[1].split("|")) == {*CRITICAL_CAUSES, "OMEGA2_.*"}
