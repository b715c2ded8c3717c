"""How soon a kill denies and cancels: over HTTP under load, and in process; checked in the log."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench import stops, workload
from bench.loading import CLIENTS, ORDER_STATUSES, Target, load
from bench.measure import BenchError, Figure, Findings, Scale, Table, written
from bench.releases import bench_release
from bench.servers import Gateway, access_key, gateway_environment, module_server
from bench.stops import Stop
from gateway.demo.tally import entries
from signing.keys import Vkey
from signing.lifecycle import State

ROUNDS: Final[Mapping[str, int]] = {"default": 100, "full": 100, "quick": 20, "smoke": 2}
"""Kills over HTTP by the scale's name, and as many in process."""
MEASURED_MS: Final = 1_000
"""How long orders are sent in a round over HTTP; the kill comes in the middle."""
_ROUND_S: Final = 30
_MARKERS: Final = ("-marker", '"OMEGA-2"', "-marker", '"HALTED"')
"""What the answer to an order that a halt denied has in it: either."""


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
    cancelled: int
    """Orders that ended so."""
    allows_after: int
    """Decisions that allowed after the halt's entry, before it was lifted."""


@dataclass(frozen=True, slots=True)
class Killed:
    """One kill: what its process noted, what the log has, and what the client over HTTP saw."""

    stop: Stop
    logged: InLog
    client: Mapping[str, Any] | None = None


def measure(folder: Path, scale: Scale) -> Findings:
    """Kill, look, resume; the orders are forwarded to the simulator, and the kill cancels them."""
    release, rounds = bench_release(folder / "release"), ROUNDS[scale.name]
    environment = gateway_environment("SIMULATION", release)
    served = _served(
        folder / "served", environment, workload.write_orders(folder / "orders"), rounds
    )
    inside = _inside(folder / "inside", environment, rounds)
    return _findings(served, inside)


def _served(folder: Path, environment: Mapping[str, str], work: Path, rounds: int) -> list[Killed]:
    data, clients = folder / "data", list[Mapping[str, Any]]()
    key = access_key(data, environment)
    with module_server("stops", folder, environment) as server:
        gateway = Gateway(server, data, key)
        gateway.call("POST", "/v1/omega4", {"lifted": True, "reason": "measured on paper"})
        target = Target(f"{server.url}/v1/orders", work, key, ORDER_STATUSES)
        for _ in range(rounds):
            clients.append(_killed(target, server.url))
            gateway.call("POST", "/v1/resume", {"halt_id": "all", "reason": "measured"})
    return _together(folder, clients)


def _inside(folder: Path, environment: Mapping[str, str], rounds: int) -> list[Killed]:
    folder.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-m", "bench.stops", str(folder), str(rounds)],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=_ROUND_S * (rounds + 1),
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"the halted gateway failed: {done.stderr[-2_000:].strip()}")
    return _together(folder, [None] * rounds)


def _together(folder: Path, clients: Sequence[Mapping[str, Any] | None]) -> list[Killed]:
    logged, noted = halts_in(folder / "data"), stops.read(folder)
    if not len(logged) == len(noted) == len(clients):
        raise BenchError(
            f"{len(clients)} kills were sent, {len(noted)} came and {len(logged)} are in the log"
        )
    if any(halt.allows_after for halt in logged):
        raise BenchError(f"the log has an allow behind a kill's entry: {logged}")
    if not all(stop.halted_ns and stop.denied_later_ns for stop in noted):
        raise BenchError(f"a kill denied nothing: {noted}")
    return [Killed(*one) for one in zip(noted, logged, clients, strict=True)]


def _killed(target: Target, url: str) -> Mapping[str, Any]:
    options = ("-stop-url", f"{url}/v1/kill", "-stop-body", '{"reason":"measured"}')
    when = ("-stop-at", f"{MEASURED_MS // 2}ms", *_MARKERS)
    stop = load(target, measured_ms=MEASURED_MS, stop=(*options, *when)).stop
    if stop is None or stop["status"] != HTTPStatus.OK or stop["first_marked_later_us"] < 0:
        raise BenchError(f"the kill denied nothing: {stop}")
    return stop


def halts_in(data: Path) -> list[InLog]:
    """Every halt of a published log, in order, with the allows around it."""
    vkey = Vkey.parse((data / "log.vkey").read_text(encoding="utf-8").strip())
    found: list[InLog] = []
    allowed_us = halted_us = denied_us = cancelled_us = cancelled = after = 0
    for kind, payload in entries(data / "log", vkey):
        at_us = payload["at_us"]
        if kind == "decision" and halted_us:
            after += payload["allow"]
            denied_us = denied_us or at_us
        elif kind == "decision" and payload["allow"]:
            allowed_us = at_us
        elif kind == "halt":
            halted_us, denied_us, cancelled_us, cancelled, after = at_us, 0, at_us, 0, 0
        elif kind == "status" and halted_us and payload["status"] == State.CANCELED:
            cancelled_us, cancelled = at_us, cancelled + 1
        elif kind == "resume" and halted_us:
            found.append(InLog(halted_us, allowed_us, denied_us, cancelled_us, cancelled, after))
            halted_us = 0
    return found


def _findings(served: Sequence[Killed], inside: Sequence[Killed]) -> Findings:
    def noted(name: str) -> Callable[[Killed], float]:
        return lambda one: (getattr(one.stop, name) - one.stop.arrived_ns) / 1_000_000

    def told(name: str) -> Callable[[Killed], float]:
        return lambda one: (one.client or {})[name] / 1_000

    def cancelled(one: Killed) -> float:
        return max(0, one.logged.last_cancel_us - one.stop.arrived_wall_us) / 1_000

    both = (
        ("nothing is allowed any more", noted("halted_ns")),
        ("the first denial on disk, of an order that waited", noted("denied_ns")),
        ("the same, of an order that came after the kill", noted("denied_later_ns")),
        ("the last cancelled order's entry", cancelled),
    )
    client = (
        ("the first answer that the kill denied", told("first_marked_us")),
        ("the same, to an order sent after the kill", told("first_marked_later_us")),
        ("the answer to the kill", told("answered_us")),
    )
    head = ("until", "p50 ms", "p99 ms", "worst ms")
    tables = [
        Table(title, head, tuple(_row(name, [take(one) for one in kills]) for name, take in rows))
        for title, kills, rows in (
            (f"From the arrival of POST /v1/kill, under {CLIENTS} clients", served, both),
            ("From sending it, by the client's clock", served, client),
            (f"In process, without HTTP, {CLIENTS} orders at once", inside, both),
        )
    ]
    waited, later = noted("denied_ns"), noted("denied_later_ns")
    figures = {
        "kill_to_deny_ms": Figure.of([told("first_marked_us")(one) for one in served], "ms"),
        "kill_to_deny_arrived_ms": Figure.of([waited(one) for one in served], "ms"),
        "kill_to_later_deny_ms": Figure.of([later(one) for one in served], "ms"),
        "kill_to_last_cancel_ms": Figure.of([cancelled(one) for one in served], "ms"),
        "kill_to_deny_inside_ms": Figure.of([waited(one) for one in inside], "ms"),
    }
    return Findings(figures, tables, [_note(served, inside)])


def _row(name: str, values: Sequence[float]) -> tuple[str, ...]:
    ordered = sorted(values)
    p99 = ordered[-(-99 * len(ordered) // 100) - 1]
    return (name, *(written(value) for value in (median(ordered), p99, ordered[-1])))


def _note(served: Sequence[Killed], inside: Sequence[Killed]) -> str:
    cancelled = [median(one.logged.cancelled for one in kills) for kills in (served, inside)]
    clients = [one.client for one in served if one.client is not None]
    flying = min(stop["in_flight_at_stop"] for stop in clients)
    late = sum(stop["unmarked_sent_after_answer"] for stop in clients)
    return (
        f"Kills: {len(served)} over HTTP, with at least {flying} orders under way at each, and "
        f"{len(inside)} in process; half of them cancelled {cancelled[0]:.0f} and "
        f"{cancelled[1]:.0f} orders or more. No allow behind a kill's entry in the log. Answers to "
        f"orders sent after the kill's own answer that name no halt: {late}. A 99th percentile of "
        f"{len(served)} is the worst but one at most."
    )
