"""One client's latency, in units of what the disk takes to make 4 KiB durable."""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench import workload
from bench.loading import ORDER_STATUSES, Loaded, Target, load
from bench.measure import Figure, Findings, Scale, Table, interleaved, ratios
from bench.releases import bench_release
from bench.servers import gateway_server

BLOCK_BYTES: Final = 4_096
_BLOCKS: Final = 256
_LIMIT_MS: Final = 120_000


class Disk:
    """A file beside the ledger, written through a block at a time."""

    def __init__(self, path: Path) -> None:
        """Write the whole file first, so that no probe pays for making it longer."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.write(self._file, os.urandom(BLOCK_BYTES * _BLOCKS))
        os.fsync(self._file)
        self._block = os.urandom(BLOCK_BYTES)
        self._at = 0

    def probe_us(self, count: int) -> float:
        """The median of ``count`` writes of 4 KiB, each followed by one fdatasync."""
        taken: list[int] = []
        for _ in range(count):
            self._at = (self._at + 1) % _BLOCKS
            os.pwrite(self._file, self._block, self._at * BLOCK_BYTES)
            began = time.perf_counter_ns()
            os.fdatasync(self._file)
            taken.append(time.perf_counter_ns() - began)
        return median(taken) / 1_000

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)


def measure(folder: Path, scale: Scale) -> Findings:
    """Latencies of a gateway with one client, RESEARCH, and of the disk under it."""
    release = bench_release(folder / "release")
    work = workload.write_orders(folder / "orders")
    disk = Disk(folder / "probe")
    try:
        with gateway_server(folder / "governed", release) as gateway:
            target = Target(f"{gateway.server.url}/v1/orders", work, gateway.key, ORDER_STATUSES)

            def one_client() -> Loaded:
                return load(target, measured_ms=_LIMIT_MS, clients=1, count=scale.calls)

            one_client()
            found: dict[str, list[Any]] = interleaved(
                scale.rounds,
                {"disk": lambda: disk.probe_us(scale.calls), "client": one_client},
            )
    finally:
        disk.close()
    syncs: list[float] = found["disk"]
    p50, p99 = ([float(one.latency_us[at]) for one in found["client"]] for at in ("p50", "p99"))
    table = Table(
        "One client, and one fdatasync of 4 KiB on the same file system",
        ("what", "µs"),
        (
            ("one fdatasync, p50", str(Figure.of(syncs, ""))),
            ("one order, p50", str(Figure.of(p50, ""))),
            ("one order, p99", str(Figure.of(p99, ""))),
        ),
    )
    figures = {
        "p50_over_fdatasync": ratios(p50, syncs),
        "p99_over_fdatasync": ratios(p99, syncs),
    }
    return Findings(figures, [table])
