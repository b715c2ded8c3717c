"""Which runs are attested: files on a real disk, good, foreign, broken and changed under way."""

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.book import NONE
from gateway.facts import provenance
from gateway.facts.files import Broken
from gateway.facts.provenance import BY_LEDGER, RunFiles, Runs, provenance_facts, read_ledger
from support.facts import order
from support.trust import ALICE, MALLORY, OUTPUT, TrustFiles, trust_files

pytestmark = pytest.mark.requirement("S4-03")


@pytest.fixture
def files(tmp_path: Path) -> TrustFiles:
    return trust_files(tmp_path / "trust")


@pytest.fixture
def reader(files: TrustFiles) -> RunFiles:
    return RunFiles(files.attesters, files.attestations, files.ledger)


def test_a_run_with_its_output_is_attested_by_the_trusted_name(
    files: TrustFiles, reader: RunFiles
) -> None:
    files.attest("run-1")
    assert reader.look() == Runs({"run-1": "alice"})


def test_an_output_that_is_not_here_cannot_be_compared(files: TrustFiles, reader: RunFiles) -> None:
    files.attest("run-1", output=None)
    assert reader.look().by == {"run-1": "alice"}


def test_an_output_that_was_changed_takes_the_run_away_whoever_lists_it(
    files: TrustFiles, reader: RunFiles
) -> None:
    files.attest("run-1")
    files.audit({"run_id": "run-1", "status": "audited"})
    assert reader.look().by == {"run-1": "alice"}
    (files.attestations / "targets.csv").write_bytes(OUTPUT.replace(b"10", b"99"))
    found = reader.look()
    assert found.by == {}
    assert found.problems == ("output targets.csv: is not the file that was attested",)
    (files.attestations / "targets.csv").write_bytes(OUTPUT)
    assert reader.look() == Runs({"run-1": "alice"})


def test_a_change_that_hides_behind_size_and_time_is_seen(
    files: TrustFiles, reader: RunFiles
) -> None:
    """Whoever sets the old time of change again cannot set the time of that."""
    files.attest("run-1")
    output = files.attestations / "targets.csv"
    for _ in range(3):
        assert reader.look().by == {"run-1": "alice"}
    before = output.stat()
    output.write_bytes(OUTPUT.replace(b"10", b"99"))
    os.utime(output, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert output.stat().st_size == before.st_size
    assert reader.look().by == {}


def test_one_changed_output_of_two_takes_the_run_away(files: TrustFiles, reader: RunFiles) -> None:
    files.attest("run-1", "a.csv")
    files.attest("run-1", "b.csv", output=b"other")
    files.attest("run-2", "a.csv")
    assert reader.look().by == {"run-2": "alice"}


def test_a_link_to_nowhere_is_no_missing_output(files: TrustFiles, reader: RunFiles) -> None:
    files.attest("run-1", output=None)
    (files.attestations / "targets.csv").symlink_to(files.folder / "gone")
    assert reader.look().by == {}


def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(
    files: TrustFiles, reader: RunFiles
) -> None:
    files.attest("run-1", output=None)
    os.mkfifo(files.attestations / "targets.csv")
    os.mkfifo(files.attestations / "odd.att")
    assert reader.look().by == {}


def test_a_strangers_attestation_counts_for_nothing_and_against_nothing(
    files: TrustFiles, reader: RunFiles
) -> None:
    files.attest("run-1")
    files.attest("run-2", "other.csv", signer=MALLORY)
    # A stranger who names a trusted run and another content cannot take the run away.
    files.attest("run-1", "targets.csv.2", output=b"x", signed=b"y", signer=MALLORY)
    found = reader.look()
    assert found.by == {"run-1": "alice"}
    assert len(found.problems) == 2


def test_forged_and_broken_attestations(files: TrustFiles, reader: RunFiles) -> None:
    good = files.attest("run-1").read_bytes()
    outer = json.loads(good)
    other = json.loads(files.attest("run-9", "z.csv", signer=MALLORY).read_bytes())
    outer["payload"] = other["payload"]
    (files.attestations / "forged.att").write_text(json.dumps(outer, separators=(",", ":")))
    (files.attestations / "half.att").write_bytes(good[:100])
    (files.attestations / "empty.att").write_bytes(b"")
    (files.attestations / "folder.att").mkdir()
    (files.attestations / "spaced.att").write_bytes(b" " + good)
    found = reader.look()
    assert found.by == {"run-1": "alice"}
    assert len(found.problems) == 6


def test_without_trusted_keys_nothing_is_attested(files: TrustFiles) -> None:
    files.attest("run-1")
    for broken in (b"", b"alice", b"alice zz\n", b"\xff\xfe"):
        files.attesters.write_bytes(broken)
        found = RunFiles(files.attesters, files.attestations, None).look()
        assert found.by == {}
        assert found.problems[0].startswith("attesters attesters: ")
    missing = RunFiles(files.folder / "gone", files.attestations, None).look()
    assert missing.by == {}
    unset = RunFiles(None, files.attestations, None).look()
    assert (unset.by, unset.problems[0]) == ({}, "attestations: no attesters are configured")


def test_keys_that_anybody_can_change_are_nobodys(files: TrustFiles, reader: RunFiles) -> None:
    files.attest("run-1")
    files.attesters.chmod(0o666)
    found = reader.look()
    assert found.by == {}
    assert "chmod" in found.problems[0]


@pytest.mark.parametrize("name", [BY_LEDGER, NONE])
def test_no_attester_goes_by_a_name_that_says_something_else(
    files: TrustFiles, reader: RunFiles, name: str
) -> None:
    """A record would say that the ledger lists the run, or that nobody attested it."""
    files.attest("run-1")
    files.attesters.write_text(f"{name} {ALICE.public.hex}\n", encoding="ascii")
    found = reader.look()
    assert found.by == {}
    assert found.problems[0] == f"attesters attesters: no key can be named {name}"
    files.attesters.write_text(f"alice {ALICE.public.hex}\n", encoding="ascii")
    assert reader.look() == Runs({"run-1": "alice"})


def test_a_key_that_is_taken_out_takes_its_runs_along(files: TrustFiles, reader: RunFiles) -> None:
    files.attest("run-1")
    assert reader.look().by == {"run-1": "alice"}
    files.attesters.write_text(f"mallory {MALLORY.public.hex}\n", encoding="ascii")
    assert reader.look().by == {}
    files.attesters.write_text(f"al {ALICE.public.hex}\n", encoding="ascii")
    assert reader.look().by == {"run-1": "al"}


def test_a_folder_that_is_gone_or_too_full(
    files: TrustFiles, reader: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.attest("run-1")
    files.attest("run-2", "b.csv")
    monkeypatch.setattr(provenance, "RUNS_MAX", 1)
    assert reader.look().by == {}
    monkeypatch.setattr(provenance, "RUNS_MAX", 2)
    assert len(reader.look().by) == 2
    files.attestations.rename(files.folder / "moved")
    found = reader.look()
    assert found.by == {}
    assert found.problems == ("attestations runs: No such file or directory",)


def test_the_ledger_lists_runs(files: TrustFiles, reader: RunFiles) -> None:
    files.audit(
        {"run_id": "run-1", "status": "audited", "sharpe": 1.7, "tags": ["a"], "n": 10**400},
        {"fill_hash": "ab" * 32, "ts": "2026-01-01"},
        {"run_id": "run-2", "status": "pending"},
        "",
        {"run_id": "run-3", "status": "audited"},
        {"run_id": "run-3", "status": "revoked"},
        {"run_id": "run-2", "status": "audited"},
    )
    assert reader.look() == Runs({"run-1": BY_LEDGER, "run-2": BY_LEDGER})


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "5",
        "null",
        '"run-1"',
        '{"run_id": "run-9"}',
        '{"run_id": "run-9", "status": true}',
        '{"run_id": 9, "status": "audited"}',
        '{"run_id": null, "status": "audited"}',
        '{"run_id": "", "status": "audited"}',
        '{"run_id": "a b", "status": "audited"}',
        '{"run_id": "run-9", "status": "failed", "status": "audited"}',
        '{"run_id": "x", "run_id": "run-9", "status": "audited"}',
        "[" * 5_000 + "]" * 5_000,
        '{"a": "' + "x" * 70_000 + '"}',
        "\udcff",
    ],
)
def test_a_ledger_with_one_line_that_cannot_be_understood_lists_nothing(
    files: TrustFiles, reader: RunFiles, line: str
) -> None:
    good = json.dumps({"run_id": "run-1", "status": "audited"})
    text = f"{good}\n{line}\n{good}\n"
    files.ledger.write_bytes(text.encode("utf-8", "surrogateescape"))
    found = reader.look()
    assert found.by == {}
    assert found.problems[0].startswith("run ledger audit.jsonl: line 2")


def test_a_last_line_that_is_still_being_written_is_left_out(
    files: TrustFiles, reader: RunFiles
) -> None:
    good = json.dumps({"run_id": "run-1", "status": "audited"})
    revoked = json.dumps({"run_id": "run-1", "status": "revoked"})
    for tail, expected in (('{"run_id": "run-2", "sta', {"run-1"}), (revoked, set[str]())):
        files.ledger.write_text(f"{good}\n{tail}", encoding="utf-8")
        assert set(reader.look().by) == expected


def test_the_ledger_has_bounds(
    files: TrustFiles, reader: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.audit(*({"run_id": f"r{n}", "status": "audited"} for n in range(3)))
    monkeypatch.setattr(provenance, "RUNS_MAX", 2)
    assert reader.look().problems == ("run ledger audit.jsonl: lists more than 2 runs",)
    monkeypatch.setattr(provenance, "RUNS_MAX", 3)
    monkeypatch.setattr(provenance, "LEDGER_BYTES_MAX", 60)
    files.audit(*({"run_id": f"r{n}", "status": "audited"} for n in range(2)))
    assert "more than 60 bytes" in reader.look().problems[0]


@given(st.binary(max_size=400))
def test_no_bytes_in_the_ledger_are_a_defect(data: bytes) -> None:
    found = read_ledger(io.BytesIO(data))
    assert isinstance(found, frozenset | Broken)


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["audited", "failed"])),
        max_size=12,
    )
)
def test_the_newest_line_of_a_run_counts(lines: list[tuple[str, str]]) -> None:
    text = "".join(json.dumps({"run_id": run, "status": status}) + "\n" for run, status in lines)
    expected = {run for run, status in dict(lines).items() if status == "audited"}
    assert read_ledger(io.BytesIO(text.encode())) == expected


SECTIONS: list[tuple[str | None, dict[str, Any] | None]] = [
    (None, None),
    ("run-1", {"source_run": "run-1", "attested": True, "by": "alice"}),
    ("run-2", {"source_run": "run-2", "attested": False, "by": "none"}),
]


@pytest.mark.parametrize(("run", "expected"), SECTIONS)
def test_what_the_policy_is_told(run: str | None, expected: dict[str, Any] | None) -> None:
    assert provenance_facts(order(source_run=run), Runs({"run-1": "alice"})) == expected
