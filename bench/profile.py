"""Where the time of one order goes: timers around the parts of a real gateway under real load.

The timers cost time too (tens of microseconds an order), so the rates of these runs are lower than
those of an unwatched gateway and are never compared with anything.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import stages, workload
from bench.loading import CLIENTS, ORDER_STATUSES, Loaded, Target, load
from bench.measure import BenchError, Findings, Scale, Table
from bench.releases import bench_release
from bench.servers import Server, access_key, gateway_environment, module_server
from bench.timers import LOOP, OUTSIDE, WORKER

_WRITTEN_TIMEOUT_S: Final = 60
_NS: Final = 1_000
_HEAD: Final = ("step", "loop CPU µs", "threads CPU µs", "CPU %", "wall µs")


@dataclass(frozen=True, slots=True)
class Seen:
    """One measured load: what the timers and what the client saw."""

    timed: Mapping[str, Any]
    loaded: Loaded

    @property
    def orders(self) -> int:
        """Orders that were decided while it was counted."""
        return self.timed["orders"]

    def per_order_us(self, side: str, stage: str, column: int) -> float:
        """Of one stage on one side: column 0 is CPU, 1 is wall time."""
        row = self.timed["stages"][side].get(stage, (0, 0, 0))
        return row[column] / _NS / self.orders


def measure(folder: Path, scale: Scale) -> Findings:
    """A table for 64 clients and one for a single client, RESEARCH."""
    work = workload.write_orders(folder / "orders")
    release = bench_release(folder / "release")
    environment = gateway_environment("RESEARCH", release)
    served = folder / "served"
    key = access_key(served / "data", environment)
    findings = Findings()
    with module_server("stages", served, environment) as server:
        target = Target(f"{server.url}/v1/orders", work, key, ORDER_STATUSES)
        load(target, measured_ms=scale.warm_ms * 2)
        for clients in (CLIENTS, 1):
            seen = _watched(server, served / "stages.json", target, clients, scale)
            findings.tables.append(_table(seen, clients))
            findings.notes += _notes(seen, clients)
    if seen.timed["missing"]:
        findings.notes.append(f"parts without a timer: {', '.join(seen.timed['missing'])}")
    return findings


def _watched(server: Server, written: Path, target: Target, clients: int, scale: Scale) -> Seen:
    written.unlink(missing_ok=True)
    server.process.send_signal(signal.SIGUSR1)
    loaded = load(target, measured_ms=scale.measured_ms, clients=clients)
    server.process.send_signal(signal.SIGUSR2)
    deadline = time.monotonic() + _WRITTEN_TIMEOUT_S
    while not written.exists():
        if time.monotonic() > deadline:
            raise BenchError("the watched gateway does not say what it counted")
        time.sleep(0.02)
    return Seen(json.loads(written.read_text(encoding="utf-8")), loaded)


def _table(seen: Seen, clients: int) -> Table:
    total = sum(
        seen.per_order_us(side, stage, 0)
        for side in (LOOP, WORKER)
        for stage in seen.timed["stages"][side]
    )
    rows = [_row(seen, stage, stage, total) for stage in stages.STAGES]
    rows.append(_row(seen, OUTSIDE, "event loop, threads, all else", total, wall=False))
    batch = seen.orders / max(1, seen.timed["turns"])
    title = f"One order, {_clients(clients)}, {batch:.1f} orders a turn"
    rows.append(("all", "", "", f"{total:.0f} µs", ""))
    return Table(title, _HEAD, tuple(row for row in rows if row is not None))


def _row(
    seen: Seen, stage: str, name: str, total_us: float, *, wall: bool = True
) -> tuple[str, ...]:
    loop, worker = (seen.per_order_us(side, stage, 0) for side in (LOOP, WORKER))
    passed = sum(seen.per_order_us(side, stage, 1) for side in (LOOP, WORKER))
    share = 100 * (loop + worker) / total_us
    return (
        name,
        f"{loop:.0f}",
        f"{worker:.0f}",
        f"{share:.1f}",
        f"{passed:.0f}" if wall else "",
    )


def _notes(seen: Seen, clients: int) -> list[str]:
    orders, turns = seen.orders, max(1, seen.timed["turns"])
    mean_us = seen.loaded.latency_us["mean"]
    walls = sum(
        seen.per_order_us(side, stage, 1)
        for side in (LOOP, WORKER)
        for stage in stages.STAGES
        if stage not in stages.BESIDE
    )
    queued, answered = (seen.timed[name] / _NS / orders for name in ("queued_ns", "answered_ns"))
    turn = seen.timed["turn_ns"] / _NS / turns
    about = (
        f"{_clients(clients)}: {seen.loaded.rate:.0f} orders/s while watched. An order waits "
        f"{queued:.0f} µs for its turn, a turn takes {turn:.0f} µs, and {answered:.0f} µs pass "
        f"from the queue to the durable decision."
    )
    notes = [about]
    if clients == 1:
        notes.append(
            f"1 client: {mean_us} µs from request to answer, of which {walls:.0f} µs in the steps "
            "that it waits for; the rest is changing threads, the event loop, the socket and the "
            "client."
        )
    return notes


def _clients(count: int) -> str:
    return f"{count} client{'s' * (count > 1)}"
