"""`writ audit replay` as a user types it: killed, interrupted, and on a gateway's own log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.processes import WRIT, Typed
from support.replay_logs import Replayable, engine_of, release_in, replayable

pytestmark = [pytest.mark.requirement("W-02"), pytest.mark.slow]

DECISIONS = 3_000
WAIT_S = 60


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayable]:
    folder = tmp_path_factory.mktemp("replay")
    release = release_in(folder / "release")
    with engine_of(release) as engine, replayable(folder, release, engine) as log:
        log.decide(DECISIONS)
        log.publish()
        yield log


def command(made: Replayable, *options: str | Path) -> list[str]:
    where = ("--log", made.log.directory, "--vkey", made.vkey_file, "-o", "json")
    return [WRIT, "audit", "replay", *map(str, (*where, *options))]


def typed(*arguments: str | Path, timeout_s: int = 120) -> Typed:
    done = subprocess.run(
        [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return Typed(done.returncode, done.stdout, done.stderr)


def reached(state: Path) -> int:
    """How far a state file says that a replay came; 0 before there is one."""
    try:
        return int(json.loads(state.read_bytes())["next"])
    except FileNotFoundError:
        return 0


def wait_until(started: subprocess.Popen[str], state: Path, entries: int) -> None:
    end_s = time.monotonic() + WAIT_S
    while reached(state) < entries:
        assert started.poll() is None, "it ended before it could be disturbed"
        assert time.monotonic() < end_s
        time.sleep(0.005)


def children(pid: int) -> set[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return {int(child) for child in found.split()}


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def begin(made: Replayable, state: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(made, "--state", state, "--jobs", "2"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.timeout(180)
def test_a_killed_replay_goes_on_and_leaves_no_process(made: Replayable, tmp_path: Path) -> None:
    state = tmp_path / "state"
    started = begin(made, state)
    wait_until(started, state, 512)
    workers = children(started.pid)
    assert len(workers) >= 2
    started.kill()
    started.communicate(timeout=WAIT_S)
    came = reached(state)
    assert 512 <= came < DECISIONS
    end_s = time.monotonic() + WAIT_S
    while any(map(alive, workers)):
        assert time.monotonic() < end_s, "workers outlive their parent"
        time.sleep(0.05)

    again = typed(*command(made, "--state", state, "--jobs", "1"))
    assert again.status == 0, again.err
    assert again.json["resumed_from"] == came
    assert again.json["equal"] == again.json["decisions"] == DECISIONS
    assert f"continued at entry {came}" in again.err


@pytest.mark.timeout(180)
def test_ctrl_c_ends_it_cleanly(made: Replayable, tmp_path: Path) -> None:
    state = tmp_path / "state"
    started = begin(made, state)
    wait_until(started, state, 256)
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does: to every process of the command
    out, err = started.communicate(timeout=WAIT_S)
    assert started.returncode == 130, err
    assert "Traceback" not in err
    assert "run it again" in err
    assert out == ""
    again = typed(*command(made, "--state", state, "--jobs", "2"))
    assert (again.status, again.json["equal"]) == (0, DECISIONS)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.timeout(180)
def test_a_worker_that_dies_ends_the_run_with_what_to_do(made: Replayable, tmp_path: Path) -> None:
    state = tmp_path / "state"
    started = begin(made, state)
    wait_until(started, state, 256)
    for child in children(started.pid):
        os.kill(child, signal.SIGKILL)
    _, err = started.communicate(timeout=WAIT_S)
    assert started.returncode == 3, err
    assert "replay-worker" in err
    assert "--jobs 1" in err
    assert 256 <= reached(state) < DECISIONS


@pytest.mark.timeout(300)
def test_the_log_of_a_demonstration_is_equal(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    ran = typed(WRIT, "demo", "--once", "--orders", "60", "--data", data, timeout_s=240)
    assert ran.status == 0, ran.err
    copy = tmp_path / "elsewhere"
    (data / "log").rename(copy)  # nothing but the published files is there
    found = typed(WRIT, "audit", "replay", "--log", copy, "--vkey", data / "log.vkey", "-o", "json")
    assert found.status == 0, found.err
    assert found.json["equal"] == found.json["decisions"] == 60
    assert found.json["damaged"] == found.json["different"] == 0
    assert {row["engine"] for row in found.json["engines"]} == {"opa-wasm"}
