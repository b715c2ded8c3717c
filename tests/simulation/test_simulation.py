"""Thousands of worlds: a real gateway, a hostile broker, crashes, and nothing lost or doubled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from simulation.faults import FAULTS
from simulation.kinds import kind_of
from simulation.runs import Tally, prepare, simulate, story

SEEDS: Final = int(os.environ.get("SIMULATION_SEEDS", "1520"))
"""As many as two busy cores run in about three minutes; more: `make simulate SEEDS=from:to`."""
RANGES: Final = 40
PER_RANGE: Final = SEEDS // RANGES
TESTS: Final = Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> None:
    prepare()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.requirement("S3-05")
@pytest.mark.requirement("S3-06")
@pytest.mark.requirement("S3-08")
@pytest.mark.parametrize("part", range(RANGES))
def test_no_invariant_breaks_whatever_the_broker_and_the_machine_do(part: int) -> None:
    tally = simulate(range(part * PER_RANGE, (part + 1) * PER_RANGE))
    assert not tally.broken, "\n\n".join(story(told) for told in tally.broken[:3])
    assert tally.worlds == PER_RANGE
    assert tally.events >= PER_RANGE * 100


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_kind_of_fault_is_injected() -> None:
    tally = Tally()
    for start in range(0, 400, 20):
        tally.merge(simulate(range(start, start + 20)))
        if tally.faults.keys() == FAULTS.keys():
            break
    assert sorted(tally.faults) == sorted(FAULTS)
    assert tally.counts["allowed"] > tally.worlds
    assert tally.counts["allowed in place of another"] > 0


def test_worlds_of_every_kind_are_run() -> None:
    """Some see the close, the end of day orders, and the next morning."""
    nights = [seed for seed in range(200) if kind_of(seed).night]
    tally = simulate(nights[:4])
    assert not tally.broken, "\n\n".join(story(told) for told in tally.broken[:3])
    assert tally.counts["night"] == 4
    assert tally.counts["ended EXPIRED"] > 0
    kinds = [kind_of(seed) for seed in range(200)]
    assert len({(kind.night, kind.shuffled, kind.poll_ms) for kind in kinds}) == 12
    assert any(kind.calendar.half_days for kind in kinds)


def test_a_seed_tells_the_same_story_again() -> None:
    """In another process as well, whose hashes are salted otherwise: to the last byte of its log.

    One world of each kind: an ordinary one, one over the night, one in any order.
    """
    kinds = [(seed, kind_of(seed)) for seed in range(200)]
    seeds = [
        next(seed for seed, kind in kinds if (kind.night, kind.shuffled) == wanted)
        for wanted in ((False, False), (True, False), (False, True))
    ]
    code = (
        "from simulation.runs import prepare, simulate_one; prepare()\n"
        f"for told in map(simulate_one, {seeds}):\n"
        "    print(*told.trace, *told.broken, told.steps, told.root, sep='\\n')"
    )
    stories = [
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            timeout=100,
            cwd=TESTS.parent,
            env={**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": salt},
        ).stdout
        for salt in ("1", "2")
    ]
    assert stories[0] == stories[1]
    assert stories[0].count("\n") > 60
