"""`writ audit replay` on logs that are sound, tampered with, cut, growing, and hostile."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from gateway.policy.release import Release
from signing import canonical
from signing.tiles import FULL
from support.replay_logs import ENGINE, Replayable, engine_of, release_in, replayable

pytestmark = pytest.mark.requirement("W-02")

Writ = Callable[..., tuple[int, str, str]]
NO_VERDICT: dict[str, Any] = {
    "allow": False,
    "required": [],
    "passed": [],
    "reasons": [],
    "proofs": [],
    "halts": [],
    "door": {},
}


@pytest.fixture
def writ(capsys: pytest.CaptureFixture[str]) -> Writ:
    """Runs `writ audit replay …`; returns its exit status, stdout and stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["audit", "replay", *map(str, arguments)])
        told = capsys.readouterr()
        status = ended.value.code
        assert isinstance(status, int), told
        return status, told.out, told.err

    return run


@pytest.fixture
def replay(writ: Writ) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Replays a log with its own key and one process; returns exit status and JSON."""

    def run(made: Replayable, *options: str | Path) -> tuple[int, dict[str, Any]]:
        where = ("--log", made.log.directory, "--vkey", made.vkey_file, "--jobs", "1")
        status, out, err = writ(*where, "-o", "json", *options)
        return status, json.loads(out) if out else {"stderr": err}

    return run


Replay = Callable[..., tuple[int, dict[str, Any]]]


def counts(found: dict[str, Any]) -> tuple[int, int, int, int, int]:
    names = ("equal", "different", "failed", "not_replayable", "damaged")
    numbers = tuple(found[name] for name in names)
    assert found["decisions"] == sum(numbers[:4])
    return numbers  # type: ignore[return-value]  # five names, five numbers


def blob(made: Replayable, digest: str) -> Path:
    return made.log.directory / "blobs" / digest


def test_a_sound_log_is_equal_and_says_who_decided(made: Replayable, replay: Replay) -> None:
    made.decide(40)
    made.publish()
    status, found = replay(made)
    assert status == 0
    assert counts(found) == (40, 0, 0, 0, 0)
    assert found["ok"] is found["complete"] is True
    (row,) = found["engines"]
    assert (row["engine"], row["version"]) == (ENGINE["name"], ENGINE["version"])
    assert row["replayed_by"].startswith("opa-wasm 1.21.3+opa-py-wasm.")
    assert row["release"] == made.release.digest
    assert found["first_difference"] is None
    assert not list(made.log.directory.parent.glob("*.replay")), "a finished run leaves nothing"


def test_each_engine_that_decided_is_a_row(made: Replayable, replay: Replay) -> None:
    server = {"name": "opa-server", "version": "1.21.3"}
    for number, payload in enumerate(made.decided(made.bodies(6))):
        made.log.add("decision", payload | ({"engine": server} if number < 2 else {}))
    made.publish()
    status, found = replay(made)
    assert status == 0
    rows = {row["engine"]: row for row in found["engines"]}
    assert {name: row["equal"] for name, row in rows.items()} == {"opa-server": 2, "opa-wasm": 4}
    assert rows["opa-server"]["version"] == "1.21.3"
    assert {row["replayed_by"].split()[0] for row in rows.values()} == {"opa-wasm"}


def test_the_log_holds_allows_and_denials(made: Replayable) -> None:
    allows = [payload["allow"] for payload in made.decided(made.bodies(9))]
    assert allows == [True, True, False] * 3


def test_a_flipped_verdict_in_a_signed_log_is_the_first_difference(
    made: Replayable, replay: Replay, writ: Writ
) -> None:
    payloads = made.decided(made.bodies(20))
    for number in (5, 11):  # denials, turned into allows that agree with themselves
        verdict = payloads[number]["verdict"]
        control = verdict["reasons"][0]["control"]
        flipped = verdict | {"allow": True, "passed": verdict["required"], "reasons": []}
        payloads[number] |= {"verdict": flipped, "allow": True}
    at = [made.log.add("decision", payload) for payload in payloads]
    made.publish()
    status, found = replay(made)
    assert status == 1
    assert counts(found) == (18, 2, 0, 0, 0)
    first = found["first_difference"]
    assert (first["index"], first["decision_id"]) == (at[5], "d5")
    assert first["was"]["allow"] is True
    assert first["is"]["allow"] is False
    by_control = {row["control"]: row for row in first["diff"]}
    assert by_control["allow"] == {"control": "allow", "was": "true", "is": "false"}
    assert by_control[control]["was"] == "passed"
    assert "limit" in by_control[control]["is"]
    assert [item["index"] for item in found["differences"]] == [at[5], at[11]]

    status, out, err = writ("--log", made.log.directory, "--vkey", made.vkey_file)
    assert status == 1
    assert f"first difference: entry {at[5]}, decision d5" in err
    assert control in out


@pytest.mark.parametrize("change", ["observed", "door", "passed-order", "allow-alone"])
def test_the_smallest_lie_is_seen(made: Replayable, replay: Replay, change: str) -> None:
    payloads = made.decided(made.bodies(3))
    lie = payloads[2]
    verdict = lie["verdict"]
    match change:
        case "observed":
            verdict["reasons"][0]["observed"] += 1
        case "door":
            verdict["door"]["approval_age_max_ms"] += 1
        case "passed-order":
            verdict["passed"].reverse()
        case _:
            lie = payloads[1]
            lie["allow"] = False
    for payload in payloads:
        made.log.add("decision", payload)
    made.publish()
    status, found = replay(made)
    assert (status, counts(found)) == (1, (2, 1, 0, 0, 0))
    assert found["first_difference"]["decision_id"] == lie["decision_id"]
    assert found["first_difference"]["diff"]


def test_stopping_at_the_first_difference(made: Replayable, replay: Replay) -> None:
    payloads = made.decided(made.bodies(2 * FULL))
    payloads[0]["verdict"]["door"]["approval_age_max_ms"] += 1
    for payload in payloads:
        made.log.add("decision", payload)
    made.publish()
    status, found = replay(made, "--stop-at-first")
    assert status == 1
    assert found["complete"] is False
    assert found["to"] == FULL
    assert replay(made)[1]["decisions"] == 2 * FULL


def test_a_swapped_document_is_damage(made: Replayable, replay: Replay) -> None:
    (index, other) = made.decide(2)
    made.publish()
    digests = [made_digest(made, at) for at in (index, other)]
    blob(made, digests[0]).write_bytes(blob(made, digests[1]).read_bytes())
    status, found = replay(made)
    assert (status, counts(found)) == (1, (1, 0, 0, 1, 1))
    assert found["damages"][0]["index"] == index


def made_digest(made: Replayable, index: int) -> str:
    from signing.envelope import open_envelope  # noqa: PLC0415  one use

    return str(open_envelope(made.log.entries[index]).payload["input_digest"])


def test_a_removed_document_is_counted_and_named(
    made: Replayable, replay: Replay, writ: Writ
) -> None:
    indices = made.decide(4)
    made.publish()
    digest = made_digest(made, indices[2])
    blob(made, digest).unlink()
    status, found = replay(made)
    assert (status, counts(found)) == (0, (3, 0, 0, 1, 0))
    item = {"index": indices[2], "decision_id": "d2", "what": "document", "digest": digest}
    assert found["missing"] == [item]
    assert replay(made, "--require-all")[0] == 1
    _, _, err = writ("--log", made.log.directory, "--vkey", made.vkey_file)
    assert digest in err


@pytest.mark.parametrize("part", ["digest", "bundle_digest", "wasm_digest", "data_digest"])
def test_a_release_without_one_of_its_parts_cannot_decide(
    made: Replayable, replay: Replay, part: str
) -> None:
    made.decide(3)
    made.publish()
    blob(made, getattr(made.release, part)).unlink()
    status, found = replay(made)
    assert (status, counts(found)) == (0, (0, 0, 0, 3, 0))
    assert {item["what"] for item in found["missing"]} == {"release"}


@pytest.mark.parametrize("part", ["digest", "bundle_digest", "wasm_digest", "data_digest"])
def test_a_swapped_part_of_the_release_is_damage(
    made: Replayable, replay: Replay, part: str
) -> None:
    made.decide(3)
    made.publish()
    path = blob(made, getattr(made.release, part))
    path.write_bytes(path.read_bytes() + b" ")
    status, found = replay(made)
    assert status == 1
    assert counts(found)[:4] == (0, 0, 0, 3)
    assert found["damaged"] >= 1


def with_descriptor(release: Release, **changes: object) -> Release:
    """The release under another, well-formed descriptor, so that all digests fit."""
    fields = canonical.decode_object(release.descriptor) | changes
    descriptor = canonical.encode(fields)
    return replace(release, descriptor=descriptor, digest=canonical.digest(descriptor))


def test_a_module_that_is_none_is_damage(made: Replayable, replay: Replay) -> None:
    wasm = b"\0asm\1\0\0\0"
    digest = canonical.digest(wasm)
    wrong = with_descriptor(made.release, wasm_sha256=digest)
    made.accept(replace(wrong, wasm=wasm, wasm_digest=digest))
    (payload,) = made.decided(made.bodies(1))
    at = made.log.add("decision", payload | {"release_digest": wrong.digest})
    made.publish()
    status, found = replay(made)
    assert (status, counts(found)) == (1, (0, 0, 0, 1, 1))
    assert found["damages"][0]["index"] == at
    assert "release-wasm" in found["damages"][0]["detail"]


def test_a_descriptor_names_files_and_no_paths(made: Replayable, replay: Replay) -> None:
    wrong = with_descriptor(made.release, wasm_sha256="../../log.vkey")
    made.accept(wrong)
    (payload,) = made.decided(made.bodies(1))
    made.log.add("decision", payload | {"release_digest": wrong.digest})
    made.publish()
    status, found = replay(made)
    assert status == 1
    assert "no digest" in " ".join(item["detail"] for item in found["damages"])


def test_a_release_entry_that_names_another_module_is_damage(
    made: Replayable, replay: Replay
) -> None:
    at = made.accept(made.release, wasm_digest="0" * 64)
    made.decide(1)
    made.publish()
    status, found = replay(made)
    assert (status, counts(found)) == (1, (1, 0, 0, 0, 1))
    assert found["damages"][0]["index"] == at


def test_two_releases_each_decide_their_own(
    made: Replayable, replay: Replay, tmp_path: Path
) -> None:
    tighter = release_in(tmp_path / "tighter", order_notional_max_micros=1)
    first = made.decided(made.bodies(6))
    for payload in first:
        made.log.add("decision", payload)
    made.accept(tighter)
    with (
        engine_of(tighter) as its_engine,
        replayable(tmp_path / "elsewhere", tighter, its_engine) as other,
    ):
        other.number = made.number
        second = other.decided(other.bodies(6))
    for payload in second:
        made.log.add("decision", payload)
    shutil.copytree(other.log.directory / "blobs", made.log.directory / "blobs", dirs_exist_ok=True)
    made.publish()
    status, found = replay(made)
    assert (status, counts(found)) == (0, (12, 0, 0, 0, 0))
    by_release = {row["release"]: row["equal"] for row in found["engines"]}
    assert by_release == {made.release.digest: 6, tighter.digest: 6}


def test_a_swapped_release_is_seen(made: Replayable, replay: Replay, tmp_path: Path) -> None:
    tighter = release_in(tmp_path / "tighter", order_notional_max_micros=1)
    made.accept(tighter)
    (payload,) = made.decided(made.bodies(1))
    assert payload["allow"]
    at = made.log.add("decision", payload | {"release_digest": tighter.digest})
    made.publish()
    status, found = replay(made)
    assert (status, counts(found)) == (1, (0, 1, 0, 0, 0))
    assert found["first_difference"]["index"] == at


def test_a_release_that_was_never_accepted_is_damage(
    made: Replayable, replay: Replay, tmp_path: Path
) -> None:
    (payload,) = made.decided(made.bodies(1))
    same = replace(with_descriptor(made.release, label="elsewhere"), label="elsewhere")
    made.log.add("decision", payload | {"release_digest": same.digest})
    late = made.accept(same)  # after the decision that names it
    made.publish()
    status, found = replay(made)
    assert (status, counts(found)) == (1, (1, 0, 0, 0, 1))
    assert found["damages"][0]["index"] == late - 1


def test_denials_by_failure_are_counted_apart_and_asked_again(
    made: Replayable, replay: Replay
) -> None:
    payloads = made.decided(made.bodies(3))
    failure = {"allow": False, "verdict": NO_VERDICT, "failure": "ENGINE_TIMEOUT"}
    made.log.add("decision", payloads[0] | failure)
    # A source of facts failed: the policy was asked all the same, and its verdict is compared.
    made.log.add("decision", payloads[1] | {"allow": False, "failure": "FACTS_ERROR"})
    made.log.add("decision", payloads[2] | failure | {"failure": "FACTS_ERROR"})
    made.publish()
    status, found = replay(made)
    assert (status, counts(found)) == (0, (1, 0, 2, 0, 0))
    assert [item["recorded"] for item in found["failures"]] == ["ENGINE_TIMEOUT", "FACTS_ERROR"]
    assert found["failures"][0]["is"]["allow"] is True


def test_a_failure_that_carries_a_false_verdict_is_a_difference(
    made: Replayable, replay: Replay
) -> None:
    first, second = made.decided(made.bodies(2))
    first["verdict"]["door"]["approval_age_max_ms"] += 1
    made.log.add("decision", first | {"allow": False, "failure": "FACTS_ERROR"})
    # An engine that timed out gave no verdict, not even a true one.
    made.log.add("decision", second | {"allow": False, "failure": "ENGINE_TIMEOUT"})
    made.publish()
    status, found = replay(made)
    assert (status, counts(found)) == (1, (0, 2, 0, 0, 0))
    lines = [{row["control"] for row in item["diff"]} for item in found["differences"]]
    assert lines == [{"door.approval_age_max_ms"}, {"failure"}]


def test_a_log_without_decisions(made: Replayable, replay: Replay, writ: Writ) -> None:
    made.publish()
    status, found = replay(made)
    assert (status, counts(found)) == (0, (0, 0, 0, 0, 0))
    _, _, err = writ("--log", made.log.directory, "--vkey", made.vkey_file)
    assert "no decision" in err


def test_hostile_documents_fail_for_themselves(made: Replayable, replay: Replay) -> None:
    payloads = made.decided(made.bodies(8))
    (body,) = made.bodies(1)
    ids, deep = body["ids"], list[Any]()

    def name(data: bytes, number: int) -> dict[str, Any]:
        return payloads[number] | {"input_digest": made.log.publish_document(data)}

    def own(number: int, **more: object) -> bytes:
        mine = {"decision_id": f"d{number}", "order_id": f"o{number}"}
        return canonical.encode(body | {"ids": ids | mine} | more)

    for _ in range(58):
        deep = [deep]
    made.log.add("decision", payloads[0])
    huge = made.log.add("decision", name(own(1, more="x" * 100_000), 1))
    nested = made.log.add("decision", name(own(2, more=deep), 2))
    damaged = [
        made.log.add("decision", name(b"not JSON", 3)),
        made.log.add("decision", name(b"[" * 100_000, 4)),
        made.log.add("decision", name(own(5, more="x" * 1_100_000), 5)),
        made.log.add("decision", name(own(0), 6)),
    ]
    made.log.add("decision", payloads[7])
    made.publish()
    status, found = replay(made)
    assert status == 1
    assert [item["index"] for item in found["damages"]] == damaged
    assert {item["index"] for item in found["differences"]} <= {huge, nested}
    assert found["first_difference"]["is"] == {"failure": "ENGINE_MALFORMED"}
    assert found["equal"] >= 2


def test_a_flipped_bit_in_a_bundle_is_damage(made: Replayable, replay: Replay) -> None:
    made.decide(3)
    directory = made.publish()
    (bundle,) = (path for path in (directory / "tile" / "entries").rglob("*") if path.is_file())
    data = bytearray(bundle.read_bytes())
    data[-1] ^= 1
    bundle.write_bytes(data)
    status, found = replay(made)
    assert (status, counts(found)) == (1, (0, 0, 0, 0, 1))


def test_a_flipped_bit_in_a_tile_ends_it(made: Replayable, replay: Replay) -> None:
    made.decide(3)
    directory = made.publish()
    (tile,) = (path for path in (directory / "tile" / "0").rglob("*") if path.is_file())
    tile.write_bytes(bytes([tile.read_bytes()[0] ^ 1]) + tile.read_bytes()[1:])
    status, found = replay(made)
    assert status == 1
    assert "log-damaged" in found["stderr"]


def test_a_copy_of_a_growing_log(made: Replayable, replay: Replay) -> None:
    made.decide(300)
    made.publish()
    made.decide(300)
    made.log.publish_tiles()  # the checkpoint is the old one
    status, found = replay(made)
    assert (status, counts(found)) == (0, (300, 0, 0, 0, 0))
    assert found["size"] == 304

    ahead = made.log.directory / "checkpoint"
    made.log.publish()
    for path in (made.log.directory / "tile" / "entries").rglob("*"):
        if path.is_file() and path.parent.name == "002.p":
            path.unlink()
    assert ahead.exists()
    status, found = replay(made)
    assert status == 1, "a checkpoint that came before its entries"
    assert found["damaged"] == 1


def test_parts_make_the_whole(made: Replayable, replay: Replay) -> None:
    made.decide(400)
    made.publish()
    status, first = replay(made, "--to", "300")
    assert (status, first["equal"]) == (0, 296)
    status, second = replay(made, "--from", "300")
    assert (status, second["equal"], second["damaged"]) == (0, 104, 0)
    for wrong in (("--from", "405"), ("--from", "5", "--to", "5")):
        assert replay(made, *wrong)[0] == 2


def test_the_log_may_name_its_own_key_and_that_is_said(made: Replayable, writ: Writ) -> None:
    made.decide(2)
    made.publish()
    status, out, err = writ("--log", made.log.directory)
    assert status == 0
    assert "named by the log itself" in out
    assert "give --vkey" in err
    other = replace(made.log, origin="other.example/log")
    made.vkey_file.write_text(f"{other.vkey}\n")
    status, _, err = writ("--log", made.log.directory, "--vkey", made.vkey_file)
    assert status == 1
    assert "log-damaged" in err


def test_a_state_that_cannot_be_written_is_said_before_the_work(
    made: Replayable, writ: Writ, tmp_path: Path
) -> None:
    made.decide(2)
    made.publish()
    where = ("--log", made.log.directory, "--vkey", made.vkey_file)
    status, out, err = writ(*where, "--state", tmp_path / "nowhere" / "state")
    assert (status, out) == (3, "")
    assert "unreadable" in err
    for wrong in (("--log", tmp_path / "nowhere"), (*where, "--jobs", "0"), where[2:]):
        assert writ(*wrong)[0] == 2


def test_without_the_engine_the_remedy_names_the_extra(made: Replayable) -> None:
    made.publish()
    code = (
        "import sys; sys.modules['opapywasm'] = None\n"
        "from gateway.cli.main import main\n"
        "main(['audit', 'replay', '--log', sys.argv[1]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(made.log.directory)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "pip install 'writ[replay]'" in done.stderr
    assert "Traceback" not in done.stderr
