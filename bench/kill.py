"""How soon a kill denies: sent under load, timed by the load generator, checked in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from bench import workload
from bench.loading import CLIENTS, ORDER_STATUSES, Target, load
from bench.measure import BenchError, Figure, Findings, Scale, Table
from bench.releases import bench_release
from bench.servers import gateway_server
from gateway.demo.tally import entries
from signing.keys import Vkey
from signing.lifecycle import State

_MARKER: Final = '"OMEGA-2"'
"""What the answer to an order that a halt denied has in it."""


@dataclass(frozen=True, slots=True)
class InLog:
    """A halt as the log has it."""

    at_us: int
    """When the halt itself was signed."""
    last_allow_us: int
    """The time of the last decision before it that allowed."""
    first_denial_us: int
    """The time of the first decision behind it; the halt denies it."""
    last_cancel_us: int
    """The time of the last order's end by a cancel behind it; its own where none was."""
    allows_after: int
    """Decisions that allowed after the halt's entry, before it was lifted."""


def measure(folder: Path, scale: Scale) -> Findings:
    """Kill, look, resume; the orders are forwarded to the simulator, and the kill cancels them."""
    release = bench_release(folder / "release")
    work = workload.write_orders(folder / "orders")
    stops: list[Mapping[str, Any]] = []
    with gateway_server(folder / "governed", release, mode="SIMULATION") as gateway:
        target = Target(f"{gateway.server.url}/v1/orders", work, gateway.key, ORDER_STATUSES)
        for _ in range(scale.rounds):
            stops.append(_killed(target, gateway.server.url, scale))
            gateway.call("POST", "/v1/resume", {"halt_id": "all", "reason": "measured"})
        data = gateway.data
    logged = halts_in(data)
    if len(logged) != len(stops):
        raise BenchError(f"{len(stops)} kills were sent and {len(logged)} halts are in the log")
    if any(halt.allows_after for halt in logged):
        raise BenchError(f"the log has an allow behind a kill's entry: {logged}")
    return _findings(stops, logged)


def _killed(target: Target, url: str, scale: Scale) -> Mapping[str, Any]:
    options = ("-stop-url", f"{url}/v1/kill", "-stop-body", '{"reason":"measured"}')
    when = ("-stop-at", f"{scale.measured_ms // 2}ms", "-marker", _MARKER)
    loaded = load(target, measured_ms=scale.measured_ms, stop=(*options, *when))
    stop = loaded.stop
    if stop is None or stop["status"] != HTTPStatus.OK or stop["first_marked_us"] < 0:
        raise BenchError(f"the kill denied nothing: {stop}")
    return stop


def halts_in(data: Path) -> list[InLog]:
    """Every halt of a published log, in order, with the allows around it."""
    vkey = Vkey.parse((data / "log.vkey").read_text(encoding="utf-8").strip())
    found: list[InLog] = []
    allowed_us = halted_us = denied_us = cancelled_us = after = 0
    for kind, payload in entries(data / "log", vkey):
        at_us = payload["at_us"]
        if kind == "decision" and halted_us:
            after += payload["allow"]
            denied_us = denied_us or at_us
        elif kind == "decision" and payload["allow"]:
            allowed_us = at_us
        elif kind == "halt":
            halted_us, denied_us, cancelled_us, after = at_us, 0, at_us, 0
        elif kind == "status" and halted_us and payload["status"] == State.CANCELED:
            cancelled_us = at_us
        elif kind == "resume" and halted_us:
            found.append(InLog(halted_us, allowed_us, denied_us, cancelled_us, after))
            halted_us = 0
    return found


def _findings(stops: list[Mapping[str, Any]], logged: list[InLog]) -> Findings:
    denied = Figure.of([stop["first_marked_us"] / 1_000 for stop in stops], "ms")
    answered = Figure.of([stop["answered_us"] / 1_000 for stop in stops], "ms")
    recorded = [
        Figure.of(
            [
                max(0, at_us(halt) - stop["sent_wall_us"]) / 1_000
                for stop, halt in zip(stops, logged, strict=True)
            ],
            "ms",
        )
        for at_us in (
            lambda halt: halt.last_allow_us,
            lambda halt: halt.at_us,
            lambda halt: halt.first_denial_us,
            lambda halt: halt.last_cancel_us,
        )
    ]
    table = Table(
        f"POST /v1/kill under {CLIENTS} clients, orders forwarded to the simulator",
        ("from sending the kill to", "ms"),
        (
            ("the first answer that it denied", str(denied)),
            ("the last allow's entry in the log (0: before the kill)", str(recorded[0])),
            ("the halt's own entry", str(recorded[1])),
            ("the first denial's entry", str(recorded[2])),
            ("the last cancelled order's entry", str(recorded[3])),
            ("the answer to the kill", str(answered)),
        ),
    )
    flying = min(stop["in_flight_at_stop"] for stop in stops)
    late = sum(stop["unmarked_sent_after_answer"] for stop in stops)
    note = (
        f"Kills: {len(stops)}, with at least {flying} orders under way at each. No allow behind a "
        f"kill's entry in the log. Answers to orders sent after the kill's own answer that name "
        f"no halt: {late}."
    )
    return Findings({"kill_to_deny_ms": denied}, [table], [note])
