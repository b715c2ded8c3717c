"""``make simulate SEEDS=a:b``: run any range of worlds by hand, and print what became of them."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Final

from simulation.runs import Tally, simulate_on, story

STORIES_MAX: Final = 3


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
        total.merge(tally)
    _print(total, time.monotonic() - began_s)
    return 1 if total.broken else 0


def _print(total: Tally, wall_s: float) -> None:
    for told in total.broken[:STORIES_MAX]:
        print(story(told), end="\n\n")
    print(f"seeds run            {total.worlds}")
    print(f"events               {total.events}")
    print(f"wall time            {wall_s:.1f} s")
    for kind, count in sorted(total.faults.items()):
        print(f"  {kind:<20} {count}")
    print(f"orders allowed       {total.counts['allowed']}, denied {total.counts['denied']}")
    print(f"invariants broken    {sum(len(told.broken) for told in total.broken)}")
    if total.broken:
        print(f"broken worlds        {len(total.broken)}: {[t.seed for t in total.broken][:50]}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
