"""What a candidate would have changed in a log of decisions, beside asking OPA the same inputs."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import workload
from bench.governed import OPA_STATUSES
from bench.growth import make_log
from bench.loading import Target, load
from bench.measure import BenchError, Figure, Findings, Scale, Table, interleaved, ratios
from bench.recorded import QUERY_PATH
from bench.releases import bench_release
from bench.servers import WRIT, opa_server, plain_environment
from gateway.demo.tally import entries
from signing.keys import Vkey

_LIMIT_MS: Final = 600_000
_KIB_PER_MIB: Final = 1_024


@dataclass(frozen=True, slots=True)
class Taken:
    """One run of ``writ policy impact``."""

    seconds: float
    peak_mib: float


def measure(folder: Path, scale: Scale) -> Findings:
    """Rates on one log of decisions, and time and memory as logs grow."""
    release = bench_release(folder / "release")
    place = folder / "asked"
    make_log(place, release, scale.read_entries)
    requests, count = _requests(folder / "requests", place / "data")
    with opa_server(folder / "opa", release) as opa:
        target = Target(opa.url + QUERY_PATH, requests, "none", OPA_STATUSES)
        parts: dict[str, Callable[[], float]] = {
            "impact": lambda: count / _impact(place, release).seconds,
            "opa": lambda: load(target, measured_ms=_LIMIT_MS, count=count).rate,
        }
        found = interleaved(scale.rounds, parts)
    figures = {"impact_over_opa_server": ratios(found["impact"], found["opa"])}
    head = ("how", "decisions/s")
    rows = (
        ("writ policy impact, a process a core, its start included", _rate(found["impact"])),
        ("opa run, bare, the same inputs one by one", _rate(found["opa"])),
    )
    tables = [Table(f"Deciding {count:,} recorded inputs again", head, rows)]
    tables.append(_growth(folder, scale, release, figures))
    return Findings(figures, tables, ["Memory is the peak of the command with one process."])


def _growth(folder: Path, scale: Scale, release: Path, figures: dict[str, Figure]) -> Table:
    rows: list[tuple[str, ...]] = []
    peaks: dict[int, float] = {}
    for size in scale.log_sizes:
        place = folder / f"log-{size}"
        make_log(place, release, size)
        taken = _impact(place, release, "--jobs", "1")
        peaks[size] = taken.peak_mib
        each_us = taken.seconds * 1_000_000 / size
        rows.append(
            (f"{size:,}", f"{taken.seconds:.1f}", f"{each_us:.0f}", f"{taken.peak_mib:.0f}")
        )
    base, *larger = scale.log_sizes
    figures["impact_memory_growth"] = ratios([peaks[larger[-1]]], [peaks[base]])
    head = ("entries", "s", "µs an entry", "peak MiB")
    return Table("writ policy impact, one process, as the log grows", head, tuple(rows))


def _impact(place: Path, release: Path, *options: str) -> Taken:
    """Run it as it is typed; the peak is that of the process and of none that it starts."""
    log = place / "data" / "log"
    command = [
        *(str(WRIT), "policy", "impact", "--candidate", str(release), "--log", str(log)),
        *("--vkey", f"{log}.vkey", "-o", "json", *options),
    ]
    began = time.perf_counter()
    with (place / "impact.txt").open("wb") as told:
        process = subprocess.Popen(command, env=plain_environment(), stdout=told, stderr=told)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    taken_s = time.perf_counter() - began
    if status != 0:
        raise BenchError(f"writ policy impact: {(place / 'impact.txt').read_text()[-2_000:]}")
    return Taken(taken_s, usage.ru_maxrss / _KIB_PER_MIB)


def _requests(folder: Path, data: Path) -> tuple[Path, int]:
    """Every recorded input as a request for OPA."""
    vkey = Vkey.parse((data / "log.vkey").read_text(encoding="utf-8").strip())
    count = 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        for kind, payload in entries(data / "log", vkey):
            if kind == "decision":
                count += 1
                document = (data / "log" / "blobs" / payload["input_digest"]).read_bytes()
                yield b'{"input":{"batch":[' + document + b"]}}"

    return workload.write_lines(folder, lines()), count


def _rate(rates: list[float]) -> str:
    return str(Figure.of(rates, ""))
