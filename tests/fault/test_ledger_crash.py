"""A gateway that is killed under load: nothing acknowledged is lost, and nothing is invented."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.errors import RefusedError
from support.ledgers import Story, copy_log, faults, opened, verified

LOAD = Path(__file__).resolve().parents[1] / "support" / "ledger_load.py"
KILLS = 12

Loader = subprocess.Popen[str]


@pytest.fixture
def loader() -> Iterator[Loader]:
    with subprocess.Popen(
        [sys.executable, str(LOAD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


def line_of(process: Loader) -> list[str]:
    assert process.stdout is not None
    words = process.stdout.readline().split()
    assert words, "the loader ended"
    return words


def start(process: Loader, directory: Path) -> int:
    assert process.stdin is not None
    process.stdin.write(f"{directory}\n")
    process.stdin.flush()
    word, pid = line_of(process)
    assert word == "pid"
    return int(pid)


def kill_after(process: Loader, pid: int, acknowledged: int, delay_s: float) -> dict[str, int]:
    """Kill the load a moment after so many acknowledgements; return all that came."""
    found: dict[str, int] = {}
    while len(found) < acknowledged:
        _, index, decision_id = line_of(process)
        found[decision_id] = int(index)
    time.sleep(delay_s)
    os.kill(pid, signal.SIGKILL)
    while (words := line_of(process)) != ["ended"]:
        found[words[2]] = int(words[1])
    return found


@pytest.mark.requirement("W-01")
async def test_nothing_acknowledged_is_lost_however_often_it_is_killed(
    loader: Loader, tmp_path: Path
) -> None:
    """One log, killed at random moments (also while it opens), opened again each time."""
    data, rng = tmp_path / "data", random.Random(os.urandom(8))
    acknowledged: dict[str, int] = {}
    for number in range(KILLS):
        pid = start(loader, data)
        # Every third round is killed while it opens or writes its very first entries.
        wanted = 0 if number % 3 == 0 else rng.randint(1, 60)
        acknowledged |= kill_after(loader, pid, wanted, rng.uniform(0, 0.08))
        if (data / "log" / "checkpoint").exists():
            assert faults(data / "log") == []  # as the killed process left it
    assert len(acknowledged) > KILLS
    async with opened(data) as ledger:
        for decision_id, index in acknowledged.items():
            found = await ledger.entry(decision_id)
            assert found is not None, decision_id
            assert found[0] == index
            assert await ledger.document(found[1]["input_digest"]) is not None
            order = await ledger.order(found[1]["order_id"])
            assert order is not None
            assert order.decision_id == decision_id
        book = await ledger.replay()
        for order in book.orders.values():
            assert await ledger.order(order.order_id) == order
    assert faults(data / "log") == []
    assert verified(data / "log").counts["certificate"] > KILLS // 2


def test_a_copy_taken_while_it_grows_verifies(loader: Loader, tmp_path: Path) -> None:
    data, sizes = tmp_path / "data", list[int]()
    pid = start(loader, data)
    while len(set(sizes)) < 3:
        for _ in range(20):
            assert line_of(loader)[0] == "ack"
        if (data / "log" / "checkpoint").exists():
            copy = tmp_path / f"copy{len(sizes)}"
            copy_log(data / "log", copy)
            assert faults(copy) == []
            sizes.append(verified(copy).size)
    kill_after(loader, pid, 0, 0)
    assert sizes == sorted(sizes)


async def test_a_second_gateway_on_the_same_data_is_refused(loader: Loader, tmp_path: Path) -> None:
    data = tmp_path / "data"
    pid = start(loader, data)
    while line_of(loader)[0] != "ack":
        pass
    with pytest.raises(RefusedError) as refused:
        async with opened(data):
            pass
    assert refused.value.code == "ledger-locked"
    assert f"process {pid}" in refused.value.detail
    assert refused.value.remedy
    kill_after(loader, pid, 0, 0)
    # The kernel let go of the lock with the process: nothing has to be cleaned up by hand.
    async with opened(data) as ledger:
        await ledger.commit(Story("after-").decide(mode="RESEARCH", label="research"))


async def test_a_second_opening_by_the_same_process_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(RefusedError, match="ledger-locked"):
            async with opened(tmp_path):
                pass
    async with opened(tmp_path):
        pass
