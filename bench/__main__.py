"""`python -m bench`: every measurement in one run, a table, results.json, a block of Markdown."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench import (
    controls,
    governed,
    growth,
    impact,
    keys,
    kill,
    latency,
    manifests,
    profile,
    reading,
    reconcile,
    report,
    swaps,
)
from bench.measure import DEFAULT, FULL, QUICK, SMOKE, BenchError, Figure, Findings, Scale

ROOT: Final = Path(__file__).resolve().parent.parent
DOCS: Final = ROOT / "docs" / "benchmarks.md"
RESULTS: Final = ROOT / "bench" / "results.json"

BENCHES: Final[Mapping[str, Callable[[Path, Scale], Findings]]] = {
    "governed": governed.measure,
    "latency": latency.measure,
    "kill": kill.measure,
    "log-growth": growth.log_growth,
    "limits-growth": growth.limits_growth,
    "controls": controls.measure,
    "reading": reading.measure,
    "reconcile": reconcile.measure,
    "impact": impact.measure,
    "swaps": swaps.measure,
    "keys": keys.measure,
    "manifests": manifests.measure,
    "profile": profile.measure,
}
_SCALES: Final = {scale.name: scale for scale in (DEFAULT, FULL, QUICK, SMOKE)}


def run(
    names: Sequence[str], scale: Scale, work: Path, say: Callable[[str], None]
) -> tuple[dict[str, Findings], list[str]]:
    """Take measurements one after the other, each in a folder of its own.

    All of them are removed at the end: for seconds after thousands of files have gone, a file
    system looks at each of their places again whenever a new file is made.

    Args:
        names: of :data:`BENCHES`.
        scale: how much is measured.
        work: on the disk that is to be measured; temporary folders are made in it.
        say: is told what is being done and what was found.

    Returns:
        What was found, and the names of the measurements that failed.
    """
    work.mkdir(parents=True, exist_ok=True)
    found: dict[str, Findings] = {}
    failed: list[str] = []
    with contextlib.ExitStack() as folders:
        for name in names:
            began = time.perf_counter()
            say(f"bench: {name} …")
            made = tempfile.TemporaryDirectory(prefix=f"bench-{name}-", dir=work)
            try:
                found[name] = BENCHES[name](Path(folders.enter_context(made)), scale)
            except BenchError as error:  # the other figures are as good without it
                failed.append(name)
                say(f"bench: {name} failed: {error}")
                continue
            say(report.printed(found[name]))
            say(f"bench: {name} took {time.perf_counter() - began:.0f} s")
    return found, failed


def results(found: Mapping[str, Findings]) -> dict[str, Any]:
    """The contents of results.json: every figure by its key."""
    figures: dict[str, Figure] = {}
    for findings in found.values():
        figures |= findings.figures
    return {key: figure.document() for key, figure in figures.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; results.json is replaced by whole runs alone, or with --out."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=BENCHES, action="append", help="may be repeated")
    size = parser.add_mutually_exclusive_group()
    for scale in _SCALES.values():
        size.add_argument(f"--{scale.name}", action="store_const", const=scale, dest="scale")
    parser.add_argument("--out", type=Path, help="where results go")
    parser.add_argument("--docs", action="store_true", help=f"put the block into {DOCS.name}")
    parser.add_argument("--work", type=Path, default=ROOT / ".tools" / "bench", help="scratch")
    chosen = parser.parse_args(arguments)
    scale = chosen.scale or DEFAULT
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        found, failed = run(chosen.only or list(BENCHES), scale, chosen.work, _say)
    except KeyboardInterrupt:
        _say("bench: interrupted; what was running is ended, nothing was written")
        return 1
    whole = not chosen.only and not failed and scale in (DEFAULT, FULL)
    out = chosen.out or (RESULTS if whole else None)
    if out is not None:
        out.write_text(json.dumps(results(found), indent=1) + "\n", encoding="utf-8")
        _say(f"bench: figures are in {out}")
    given = sys.argv[1:] if arguments is None else list(arguments)
    command = f'make bench ARGS="{shlex.join(given)}"' if given else "make bench"
    block = report.markdown(command, list(found.values()))
    _say(f"\n{block}")
    if chosen.docs and not failed:
        DOCS.write_text(report.inserted(DOCS.read_text(encoding="utf-8"), block), encoding="utf-8")
    return 1 if failed else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _interrupt(_signum: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
