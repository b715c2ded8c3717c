"""What a decision costs, and what a gateway takes, as the log or the list of instruments grows."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench import workload
from bench.loading import CLIENTS, ORDER_STATUSES, Loaded, Target, load
from bench.measure import BenchError, Figure, Findings, Scale, Table, interleaved, ratios
from bench.releases import bench_release, release_with_instruments
from bench.servers import Gateway, gateway_environment, gateway_server
from gateway.domain.errors import WritError

_BUILD_TIMEOUT_S: Final = 3_600
_LIMIT_MS: Final = 120_000
_TAIL_CHARACTERS: Final = 2_000
_LOG_1E6: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Grown:
    """A running gateway of one size, and what it took to get there."""

    gateway: Gateway
    made_s: float
    started_rss_mib: float


def log_growth(folder: Path, scale: Scale) -> Findings:
    """With so many entries in the log, RESEARCH."""
    release = bench_release(folder / "release")
    folders: dict[int, Path] = {}
    made: dict[int, float] = {}
    for size in scale.log_sizes:
        folders[size] = folder / f"log-{size}"
        made[size] = make_log(folders[size], release, size)
    with contextlib.ExitStack() as stack:
        grown = {
            size: _started(stack.enter_context(gateway_server(place, release)), made[size])
            for size, place in folders.items()
        }
        loads = _loads(folder, scale, grown)
        table = _table("Entries in the log", grown, loads, "made in s")
    figures: dict[str, Figure] = {}
    base, *larger = scale.log_sizes
    for size in larger:
        key = "log_growth_1e6" if size == _LOG_1E6 else "log_growth"
        figures[key] = ratios(_costs_us(loads[size]), _costs_us(loads[base]))
    added = scale.calls * (scale.rounds + 1)
    notes = [
        f"log_growth compares {larger[0]:,} entries with {base:,}.",
        f"Measuring adds entries too: about {added:,} to each log.",
    ]
    if _LOG_1E6 not in scale.log_sizes:
        notes.append("log_growth_1e6 was left out: it takes `--full`, ten minutes and 10 GB more.")
    return Findings(figures, [table], notes)


def limits_growth(folder: Path, scale: Scale) -> Findings:
    """With so many instruments in the release, RESEARCH."""
    grown: dict[int, Grown] = {}
    refused: list[str] = []
    with contextlib.ExitStack() as stack:
        for count in scale.instrument_counts:
            place = folder / f"release-{count}"
            began = time.perf_counter()
            try:
                release_with_instruments(place, count)
                made_s = time.perf_counter() - began
                server = gateway_server(folder / f"instruments-{count}", place)
                grown[count] = _started(stack.enter_context(server), made_s)
            except (BenchError, WritError) as error:  # a bound of the product, to be told as one
                refused.append(f"{count:,} instruments are refused: {error}")
        if len(grown) < len(scale.instrument_counts[:2]):
            raise BenchError("; ".join(refused))
        loads = _loads(folder, scale, grown)
        table = _table("Instruments in the release", grown, loads, "built in s")
    base, *larger = grown
    figures = {"limits_growth": ratios(_costs_us(loads[larger[-1]]), _costs_us(loads[base]))}
    note = f"limits_growth compares {larger[-1]:,} instruments with {base:,}."
    return Findings(figures, [table], [note, *refused])


def make_log(folder: Path, release: Path, size: int) -> float:
    """Make a log of so many entries in a process of its own; how long it took, in seconds.

    Raises:
        BenchError: it could not be made.
    """
    folder.mkdir()
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "bench.biglog", str(folder), str(size)],
        env=gateway_environment("RESEARCH", release),
        stderr=subprocess.PIPE,
        text=True,
        timeout=_BUILD_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"the log was not made: {done.stderr[-_TAIL_CHARACTERS:]}")
    return time.perf_counter() - began


def _started(gateway: Gateway, made_s: float) -> Grown:
    return Grown(gateway, made_s, gateway.server.rss_mib)


def _loads(folder: Path, scale: Scale, grown: Mapping[int, Grown]) -> dict[int, list[Loaded]]:
    work = workload.write_orders(folder / "orders")
    parts: dict[str, Callable[[], Loaded]] = {}
    for size, one in grown.items():
        url = f"{one.gateway.server.url}/v1/orders"
        target = Target(url, work, one.gateway.key, ORDER_STATUSES)
        parts[str(size)] = _counted(target, scale.calls)
        parts[str(size)]()  # once unmeasured: caches of the database and of the interpreter
    return {int(size): loads for size, loads in interleaved(scale.rounds, parts).items()}


def _counted(target: Target, count: int) -> Callable[[], Loaded]:
    return lambda: load(target, measured_ms=_LIMIT_MS, count=count)


def _costs_us(loads: Sequence[Loaded]) -> list[float]:
    """What one decision takes of the gateway's time, with as many clients as keep it busy."""
    return [1_000_000 / loaded.rate for loaded in loads]


def _table(
    title: str, grown: Mapping[int, Grown], loads: Mapping[int, Sequence[Loaded]], made: str
) -> Table:
    head = (title, "µs a decision", "p50 ms", "RSS MiB at start", "after", "start s", made)
    rows = tuple(_row(size, one, loads[size]) for size, one in grown.items())
    return Table(f"{title}, {CLIENTS} clients", head, rows)


def _row(size: int, one: Grown, loads: Sequence[Loaded]) -> tuple[str, ...]:
    server = one.gateway.server
    return (
        f"{size:,}",
        str(Figure.of(_costs_us(loads), "")),
        f"{median(loaded.latency_us['p50'] for loaded in loads) / 1_000:.1f}",
        f"{one.started_rss_mib:.0f}",
        f"{server.rss_mib:.0f}",
        f"{server.started_ms / 1_000:.2f}",
        f"{one.made_s:.1f}",
    )
