"""What it takes a stranger to verify a log, and to decide it again; both as they are typed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.growth import make_log
from bench.measure import BenchError, Figure, Findings, Scale, interleaved
from bench.releases import bench_release
from bench.servers import WRIT, plain_environment

_TIMEOUT_S: Final = 600


def measure(folder: Path, scale: Scale) -> Findings:
    """`writ audit verify` and `writ audit replay` on a log of decisions."""
    release = bench_release(folder / "release")
    place = folder / "read"
    make_log(place, release, scale.read_entries)
    log, vkey = place / "data" / "log", place / "data" / "log.vkey"
    commands = {"verify": ["audit", "verify", "--log", str(log), "--vkey", str(vkey)]}
    notes = [
        f"Verified and decided again: {scale.read_entries:,} entries, the command's start included."
    ]
    if _known("replay"):
        # Fresh, or the second round would find that the first has done everything.
        commands["replay"] = ["audit", "replay", "--log", str(log), "--vkey", str(vkey), "--fresh"]
        notes.append("Replay uses a process a core, verify one.")
    else:
        notes.append("replay_us_per_entry was left out: this writ has no `audit replay`.")
    parts = {name: _timed(arguments, scale) for name, arguments in commands.items()}
    found = interleaved(scale.rounds, parts)
    figures = {f"{name}_us_per_entry": Figure.of(taken, "µs") for name, taken in found.items()}
    return Findings(figures, [], notes)


def _timed(arguments: list[str], scale: Scale) -> Callable[[], float]:
    def run() -> float:
        began = time.perf_counter()
        done = _writ(*arguments)
        taken_s = time.perf_counter() - began
        if done.returncode != 0:
            raise BenchError(f"writ {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return taken_s * 1_000_000 / scale.read_entries

    return run


def _known(command: str) -> bool:
    return _writ("audit", command, "--help").returncode == 0


def _writ(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(WRIT), *arguments],
        env=plain_environment(),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
