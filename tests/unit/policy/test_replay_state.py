"""A replay that goes on where it stopped, and one that must not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from gateway.policy.replay.tally import KEPT_MAX, ROWS_MAX, Tally, tally_of
from gateway.policy.replay.worker import Job, Replayer
from signing import canonical
from signing.checkpoint import verify_checkpoint
from signing.merkle import Tree
from signing.tiles import FULL
from signing.verification.folder import Folder
from signing.verification.roots import BundleRoots, RootsError
from support.logs import LogBuilder, seeded
from support.replay_logs import Replayable

pytestmark = pytest.mark.requirement("W-02")

Replay = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def replay(capsys: pytest.CaptureFixture[str]) -> Replay:
    """Replays a log; returns exit status, JSON and stderr."""

    def run(made: Replayable, *options: str | Path) -> tuple[int, dict[str, Any], str]:
        where = ("--log", made.log.directory, "--vkey", made.vkey_file)
        with pytest.raises(SystemExit) as ended:
            main(["audit", "replay", *map(str, (*where, "-o", "json", *options))])
        told = capsys.readouterr()
        status = ended.value.code
        assert isinstance(status, int)
        return status, json.loads(told.out) if told.out else {}, told.err

    return run


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_five_thousand_decisions_by_two_processes_and_by_one(
    made: Replayable, replay: Replay
) -> None:
    payloads = made.decided(made.bodies(5_100))
    for number in (1_000, 4_000):
        payloads[number]["verdict"]["door"]["approval_age_max_ms"] += 1
    for payload in payloads:
        made.log.add("decision", payload)
    made.publish()
    both = [replay(made, "--jobs", jobs)[1] for jobs in ("1", "2")]
    assert both[0] == both[1]
    assert (both[0]["equal"], both[0]["different"]) == (5_098, 2)
    assert both[0]["first_difference"]["decision_id"] == "d1000"


def test_a_grown_log_goes_on_from_its_state(
    made: Replayable, replay: Replay, tmp_path: Path
) -> None:
    state = tmp_path / "kept" / "state"
    state.parent.mkdir()
    made.decide(300)
    made.publish()
    assert replay(made, "--state", state)[1]["equal"] == 300
    status, again, err = replay(made, "--state", state)
    assert (status, again["equal"], again["resumed_from"]) == (0, 300, 304)
    assert "continued at entry 304" in err
    made.decide(300)
    made.publish()
    status, found, _ = replay(made, "--state", state)
    assert (status, found["equal"], found["resumed_from"]) == (0, 600, 304)
    assert replay(made)[1]["equal"] == 600
    canonical.decode_object(state.read_bytes())
    assert [path.name for path in state.parent.iterdir()] == ["state"]


def test_a_difference_stays_in_the_state(made: Replayable, replay: Replay, tmp_path: Path) -> None:
    payloads = made.decided(made.bodies(3))
    payloads[0]["verdict"]["door"]["approval_age_max_ms"] += 1
    for payload in payloads:
        made.log.add("decision", payload)
    made.publish()
    for _ in range(2):
        status, found, _ = replay(made, "--state", tmp_path / "state")
        assert (status, found["first_difference"]["decision_id"]) == (1, "d0")


def stopped(made: Replayable, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Runs a replay that ends with Ctrl-C after some entries."""
    work = Replayer.decide

    def decide(self: Replayer, job: Job) -> Tally:
        if job.bundle * FULL >= after:
            raise KeyboardInterrupt
        return work(self, job)

    with monkeypatch.context() as patched:
        patched.setattr(Replayer, "decide", decide)
        where = ("--log", made.log.directory, "--vkey", made.vkey_file, "--jobs", "1")
        with pytest.raises(SystemExit) as ended:
            main(["audit", "replay", *map(str, where)])
    assert ended.value.code == 130


@pytest.mark.slow
def test_an_interrupted_run_goes_on_by_itself(
    made: Replayable,
    replay: Replay,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made.decide(3 * FULL)
    directory = made.publish()
    stopped(made, monkeypatch, 2 * FULL)
    assert "run it again" in capsys.readouterr().err
    assert directory.with_name("log.replay").exists()
    status, found, err = replay(made)
    assert (status, found["equal"], found["resumed_from"]) == (0, 3 * FULL, 2 * FULL)
    assert "continued at entry 512" in err
    assert not directory.with_name("log.replay").exists()

    stopped(made, monkeypatch, FULL)
    status, found, _ = replay(made, "--fresh")
    assert (status, found["resumed_from"]) == (0, 0)


def test_a_rewritten_log_is_refused(made: Replayable, replay: Replay, tmp_path: Path) -> None:
    state, past = tmp_path / "state", 300
    payloads = made.decided(made.bodies(past + 40))
    for payload in payloads[:past]:
        made.log.add("decision", payload)
    made.publish()
    assert replay(made, "--state", state)[0] == 0
    before = state.read_bytes()

    made.log.tree.truncate(100)  # cut back
    del made.log.entries[100:]
    made.log.published = 0
    made.publish()
    status, _, err = replay(made, "--state", state)
    assert status == 1
    assert "replay-log-rewritten" in err

    for payload in payloads[past:] + payloads[:past]:  # and grown again, otherwise
        made.log.add("decision", payload)
    made.publish()
    status, _, err = replay(made, "--state", state)
    assert status == 1
    assert "replay-log-rewritten" in err
    assert state.read_bytes() == before
    assert replay(made, "--state", state, "--fresh")[0] == 0


def test_the_state_of_another_log_is_refused(
    made: Replayable, replay: Replay, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    made.decide(3)
    made.publish()
    assert replay(made, "--state", state)[0] == 0
    for options in (("--to", "5"), ("--from", "2")):
        status, _, err = replay(made, "--state", state, *options)
        assert status == 2
        assert "replay-state-other" in err
    made.log.log_signer = seeded(9)
    entry = made.log.genesis()
    assert entry["log_key"] == seeded(9).public.hex
    made.publish()
    status, _, err = replay(made, "--state", state)
    assert status == 2
    assert "replay-state-other" in err


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda data: data[:-1],
        lambda _: b"[]",
        lambda data: data.replace(b'"next":7', b'"next":8'),
        lambda data: data.replace(b'"next":7', b'"next":-1'),
        lambda data: data.replace(b'"rows":[', b'"rows":[1,'),
    ],
)
def test_a_damaged_state_is_refused(
    made: Replayable, replay: Replay, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    state = tmp_path / "state"
    made.decide(3)
    made.publish()
    replay(made, "--state", state)
    data = state.read_bytes()
    assert spoil(data) != data
    state.write_bytes(spoil(data))
    status, _, err = replay(made, "--state", state)
    assert status == 2
    assert "replay-state-malformed" in err
    assert "--fresh" in err


def test_a_tally_stays_small_and_survives_its_file() -> None:
    whole = Tally()
    for number in range(ROWS_MAX + 50):
        one = Tally()
        engine = {"name": "opa-wasm", "version": f"v{number}"}
        one.count({"engine": engine, "release_digest": "0" * 64}, "equal")
        one.damage(number, "x")
        whole.add(one)
    assert len(whole.rows) == ROWS_MAX + 1
    assert len(whole.damages) == KEPT_MAX
    assert whole.decisions == whole.damage_count == ROWS_MAX + 50
    read = tally_of(canonical.decode_object(canonical.encode(whole.data())))
    assert read.data() == whole.data()


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 700])
def test_the_roots_of_bundles_give_every_earlier_root(tmp_path: Path, size: int) -> None:
    log = LogBuilder(tmp_path / "log")
    for number in range(size):
        log.add_bytes(b"entry %d" % number)
    log.publish()
    checkpoint = verify_checkpoint(log.checkpoint(), log.vkey)
    roots = BundleRoots(Folder(log.directory), checkpoint)
    assert roots.count == -(-size // FULL)
    for earlier in {0, 1, 255, 256, 257, 511, 512, 513, size} & set(range(size + 1)):
        assert roots.root_at(earlier) == log.tree.root(earlier)
    for bundle in range(roots.count):
        tree = Tree()
        for entry in log.entries[bundle * FULL : (bundle + 1) * FULL]:
            tree.append(_leaf(entry))
        assert roots.root_of(bundle) == tree.root()
    with pytest.raises(RootsError):
        roots.root_at(size + 1)


def _leaf(entry: bytes) -> bytes:
    from signing.merkle import leaf_hash  # noqa: PLC0415  one use

    return leaf_hash(entry)
