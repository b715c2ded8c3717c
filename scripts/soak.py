"""Kill the gateway under load for as long as you like: `make soak ARGS="--kills 500 --minutes 60"`.

Prints each kill and the sums, writes them to .tools/kills/soak.json, and exits 1 when anything
acknowledged was lost, anything was forwarded without a durable decision or twice, or a log did
not verify. The folder of a part that went wrong is kept and named.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from support.kill_chain import Chain  # noqa: E402  the path to it is made above


def main() -> int:
    """Run one chain of kills and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills to count [200]")
    parser.add_argument("--minutes", type=int, default=60, help="the longest it may take [60]")
    parser.add_argument("--seed", type=int, default=None, help="of the moments and the orders")
    chosen = parser.parse_args()
    seed = int.from_bytes(os.urandom(4)) if chosen.seed is None else chosen.seed
    folder = Path(tempfile.mkdtemp(prefix="writ-soak-"))
    print(f"seed {seed}, working in {folder}", file=sys.stderr)
    chain = Chain(folder, seed)
    try:
        chain.run(chosen.kills, time.monotonic() + 60 * chosen.minutes)
    finally:
        chain.tally.write(ROOT / ".tools" / "kills" / "soak.json")
        print(chain.tally.table())
    for name in ("lost", "phantom", "duplicate", "unverified", "other_answers"):
        for fault in getattr(chain.tally, name):
            print(f"{name}: {fault}")
    return 1 if any(chain.tally.faults) else 0


if __name__ == "__main__":
    sys.exit(main())
