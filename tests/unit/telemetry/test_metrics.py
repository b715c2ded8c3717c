"""`/metrics` of a real gateway: what Prometheus reads, and that nothing private is in it."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry.gauges import GAUGES
from gateway.telemetry.metrics import COUNTERS, HISTOGRAMS, Metrics
from gateway.telemetry.windows import SLOT_S, WINDOW_S, Share
from support.doors import Door, opened, problem

pytestmark = [pytest.mark.requirement("S3-12")]

ROOT = Path(__file__).parents[3]
NAMES = {*GAUGES, *COUNTERS, *HISTOGRAMS}
S_NS = 1_000_000_000

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
async def door(tmp_path: Path) -> AsyncGenerator[Door]:
    async with opened(tmp_path, engine_timeout_ms=10_000) as door:
        yield door


async def read(door: Door) -> Samples:
    answer = await door.call("GET", "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, tuple(sorted(labels.items()))))


async def answered(door: Door, **changes: Any) -> str:
    """An order that its broker has answered for."""
    made = (await door.propose(time_in_force="gtc", **changes)).json()
    assert await door.app.pipeline.first_answer(made["order_id"], 10_000)
    await door.entries()
    return made["order_id"]


@pytest.mark.requirement("S3-11")
async def test_the_seeds_three_metrics_are_there_after_an_order_and_a_denial(door: Door) -> None:
    await answered(door)
    assert (await door.propose(symbol="NOPE")).status_code == 403
    await door.entries()
    found = await read(door)
    by = {"broker": "simulator", "outcome": "accepted"}
    assert of(found, "order_submission_latency_ms_count", **by) == 1
    assert (of(found, "order_submission_latency_ms_sum", **by) or 0) >= 1
    assert of(found, "broker_api_error_rate", broker="simulator") == 0
    assert of(found, "signal_rejection_percentage") == 50
    assert of(found, "writ_decisions_total", result="denied") == 1
    assert of(found, "writ_entries_total", kind="decision") == 2


async def test_what_works_and_what_stands_is_counted(door: Door) -> None:
    await answered(door)
    body = {"reason": "a drill", "scope": {"kind": "symbol", "name": "MSFT"}}
    assert (await door.call("POST", "/v1/kill", scope="operate", json=body)).status_code == 200
    found = await read(door)
    assert of(found, "writ_orders_open", state="ACKNOWLEDGED") == 1
    assert of(found, "writ_halts_standing", cause="OMEGA2_MANUAL") == 1
    assert of(found, "writ_log_entries") == await door.entries()
    assert of(found, "writ_ledger_trouble", why="latched") == 0
    assert of(found, "writ_quotes_missing") == 0
    assert of(found, "writ_quote_age_max_ms") is not None
    queues = {labels for name, labels in found if name == "writ_queue_depth"}
    assert queues == {(("queue", each),) for each in ("proposals", "sending", "ledger", "owed")}


@pytest.mark.attack
async def test_nobody_reads_metrics_without_a_key_that_reads(door: Door) -> None:
    problem(await door.call("GET", "/metrics", scope=None), 401, "key-missing")
    problem(await door.call("GET", "/metrics", scope="propose"), 403, "scope-missing")


@pytest.mark.attack
async def test_no_caller_symbol_or_text_is_ever_a_label(door: Door) -> None:
    await answered(door, client_order_id="my-own-id", strategy_id="momentum")
    text = (await door.call("GET", "/metrics")).text
    for private in ("propose-user", "AAPL", "my-own-id", "momentum"):
        assert private not in text


def test_requests_to_a_broker_make_its_error_rate() -> None:
    metrics = Metrics(lambda: 0, ["alpaca"])
    for outcome in ("ok", "failed", "limited", "unreachable"):
        metrics.requested("alpaca", outcome)
    assert metrics.broker_errors["alpaca"].counts() == (2, 4)


def test_a_share_forgets_what_is_older_than_its_window() -> None:
    now_ns = 0
    share = Share(lambda: now_ns)
    share.add(bad=True)
    for second in range(SLOT_S, 10 * WINDOW_S, SLOT_S):
        now_ns = second * S_NS
        share.add(bad=False)
    assert share.counts() == (0, WINDOW_S // SLOT_S)
    now_ns += 2 * WINDOW_S * S_NS
    assert share.counts() == (0, 0)


def test_the_document_names_every_metric_and_no_other() -> None:
    text = (ROOT / "docs" / "operations" / "metrics.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z_]+)`", text, re.MULTILINE)) == NAMES
