"""``make simulate SEEDS=a:b``: run any range of worlds by hand, and print what became of them."""

from __future__ import annotations

import argparse
import os
import sys
import time
from statistics import median
from typing import Final

from simulation.runs import Tally, simulate_on, story

STORIES_MAX: Final = 5


def main(arguments: list[str]) -> int:
    """Run; 1 when an invariant broke."""
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("seeds", nargs="?", default="0:100", help="from:to, the last left out")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", help="kinds of faults to keep, with commas between them")
    given = parser.parse_args(arguments)
    first, last = (int(part) for part in given.seeds.split(":"))
    only = None if given.only is None else frozenset(filter(None, given.only.split(",")))
    began_s = time.monotonic()
    total = Tally()
    for tally in simulate_on(given.workers, range(first, last), only=only):
        for told in tally.broken[: max(0, STORIES_MAX - len(total.broken))]:
            sys.stdout.write(story(told) + "\n\n")
            sys.stdout.flush()
        total.merge(tally)
    sys.stdout.write(_report(total, time.monotonic() - began_s))
    return 1 if total.broken else 0


def _report(total: Tally, wall_s: float) -> str:
    faults = [f"  {kind:<22} {count}" for kind, count in sorted(total.faults.items())]
    lines = [
        f"seeds run                {total.worlds}",
        f"events                   {total.events}",
        "faults injected, by kind",
        *faults,
        f"orders allowed           {total.counts['allowed']}",
        f"orders denied            {total.counts['denied']}",
        f"outcomes unknown         {total.unknown}",
        f"  settled by itself      {len(total.known_after_ms)}",
        f"  half of these within   {median(total.known_after_ms or [0]) / 1_000:.1f} virtual s",
        f"  settled by a person    {total.by_hand}",
        f"invariants broken        {sum(len(told.broken) for told in total.broken)}",
        f"wall time                {wall_s:.1f} s",
    ]
    if total.broken:
        lines.append(f"seeds with a broken one  {[told.seed for told in total.broken][:50]}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
