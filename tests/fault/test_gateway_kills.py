"""The whole gateway, killed under load: what its clients were told holds, nothing moves twice."""

import os
import time
from pathlib import Path

import pytest

from support.kill_chain import IN_FLIGHT_MIN, Chain

KILLS = 25
"""In each of two chains, which pytest-xdist runs side by side; `make soak` takes any number."""
RESULTS = Path(__file__).resolve().parents[2] / ".tools" / "kills"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.requirement("W-01")
@pytest.mark.requirement("W-07")
@pytest.mark.parametrize("chain", [1, 2])
def test_killed_at_any_moment_it_keeps_what_it_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], chain: int
) -> None:
    seed = int.from_bytes(os.urandom(4))
    tally = Chain(tmp_path, seed).run(KILLS, time.monotonic() + 500)
    tally.write(RESULTS / f"chain{chain}.json")
    with capsys.disabled():
        print(f"\nchain {chain}, seed {seed}\n{tally.table()}")  # noqa: T201  the figures are the result
    assert tally.faults == (0, 0, 0, 0, 0), tally
    assert tally.counted == KILLS
    assert all(kill.in_flight >= IN_FLIGHT_MIN for kill in tally.kills if kill.counted)
    # The zeros are about something: there was work, on the wire too, and some of it was in doubt.
    assert tally.allowed > KILLS
    assert tally.forwarded > KILLS
    assert tally.asked_again > KILLS * IN_FLIGHT_MIN
    assert sum(kill.in_doubt for kill in tally.kills) > 0
