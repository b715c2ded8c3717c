"""The load generator (bench/load, in Go), run as a process; one client for every server."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.measure import BenchError
from bench.servers import plain_environment

LOAD: Final = Path(__file__).resolve().parent.parent / ".tools" / "bin" / "load"
CLIENTS: Final = 64
_SPARE_S: Final = 90
_runs = itertools.count()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one run of the load generator saw; latencies in microseconds."""

    rate: float
    requests: int
    statuses: Mapping[str, int]
    latency_us: Mapping[str, int]
    total: int
    """Requests in all, those before the measuring included."""
    stop: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a list of bodies is sent, and the statuses that may come back."""

    url: str
    work: Path
    key: str
    statuses: frozenset[str]


ORDER_STATUSES: Final = frozenset({"201", "403"})
"""Allowed, and denied by a recorded decision."""


def load(
    target: Target,
    *,
    warm_ms: int = 0,
    measured_ms: int,
    clients: int = CLIENTS,
    count: int = 0,
    stop: Sequence[str] = (),
) -> Loaded:
    """Send for a while, or until ``count`` requests were sent.

    Raises:
        BenchError: anything else than the target's statuses came back, or nothing did.
    """
    if not LOAD.exists():
        raise BenchError(f"{LOAD} is missing: run `make tools`")
    command = [
        *(str(LOAD), "-url", target.url, "-work", str(target.work)),
        *("-clients", str(clients), "-count", str(count)),
        *("-warm", f"{warm_ms}ms", "-measured", f"{measured_ms}ms"),
        *("-prefix", f"run-{next(_runs)}", *stop),
    ]
    done = subprocess.run(
        command,
        env=plain_environment() | {"LOAD_KEY": target.key, "LOAD_STOP_KEY": target.key},
        capture_output=True,
        text=True,
        timeout=(warm_ms + measured_ms) / 1_000 + _SPARE_S,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"the load generator failed: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    if found["errors"] or set(found["statuses"]) - target.statuses or not found["requests"]:
        raise BenchError(f"{target.url}: {found['statuses']} {found['errors']}")
    return Loaded(
        rate=found["rate"],
        requests=found["requests"],
        statuses=found["statuses"],
        latency_us=found["latency_us"],
        total=found["total"],
        stop=found.get("stop"),
    )
