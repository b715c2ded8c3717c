"""`writ policy impact`: flips, their directions, what cannot be decided, and what it prints."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from gateway.domain.decision import EngineFailure, Reason, Verdict
from gateway.policy.catalogue import Catalogue, ControlText
from gateway.policy.impact import tally as tallies
from gateway.policy.impact.judge import (
    ALLOW_TO_DENY,
    DENY_TO_ALLOW,
    OTHERWISE,
    SAME,
    UNDECIDABLE,
    Judged,
    judge,
)
from gateway.policy.impact.page import page
from gateway.policy.impact.tally import Found, Impact, note_flip
from gateway.policy.impact.worker import Candidate
from gateway.policy.release import load_release
from gateway.policy.replay.worker import Job
from signing.tiles import FULL
from support.release_folder import write_release
from support.releases import DOLLAR, LIMITS
from support.replay_logs import Replayable

pytestmark = pytest.mark.requirement("W-03")

LIMIT = LIMITS["order_notional_max_micros"]
CONTROLS = ("INP-01", "ORD-01", "ORD-02", "NEW-01")


def text(control: str, *facts: str) -> ControlText:
    return ControlText(control, "", "", "high", "", (), 99, "none", facts, (), "")


CATALOGUE = Catalogue(
    "r0",
    {
        "INP-01": text("INP-01", "order"),
        "ORD-01": text("ORD-01", "order.notional_micros"),
        "ORD-02": text("ORD-02", "order.qty_e8"),
        "NEW-01": text("NEW-01", "model.entropy_e4.value"),
        "REG-01": text("REG-01", "order.qty_e8", "override.control"),
    },
)
DOCUMENT = {"order": {"notional_micros": 5, "qty_e8": 5}}


def answer(*passed: str, required: tuple[str, ...] = CONTROLS) -> Verdict:
    missing = [control for control in required if control not in passed]
    reasons = tuple(Reason(control, None, None) for control in missing)
    return Verdict(not missing, required, passed, reasons, (), (), {"approval_age_max_ms": 1})


def payload(*passed: str, required: tuple[str, ...] = CONTROLS[:3]) -> dict[str, Any]:
    verdict = {"required": list(required), "passed": list(passed)}
    return {"allow": set(required) == set(passed), "verdict": verdict, "failure": "none"}


OLD = CONTROLS[:3]


@pytest.mark.parametrize(
    ("was", "now", "document", "expected"),
    [
        (payload(*OLD), answer(*CONTROLS), DOCUMENT, Judged(SAME)),
        (
            payload("INP-01"),
            answer(*CONTROLS),
            DOCUMENT,
            Judged(DENY_TO_ALLOW, ("ORD-01", "ORD-02")),
        ),
        (
            payload(*OLD),
            answer("INP-01", "ORD-02", "NEW-01"),
            DOCUMENT,
            Judged(ALLOW_TO_DENY, ("ORD-01",)),
        ),
        # The new control's fact was never recorded: nothing is known of the order.
        (
            payload(*OLD),
            answer(*OLD),
            DOCUMENT,
            Judged(UNDECIDABLE, ("NEW-01",), ("model.entropy_e4.value",)),
        ),
        # It brought no override along, which is a fact: the limit that is tighter denies it.
        (
            payload("REG-01", required=("REG-01",)),
            answer(required=("REG-01",)),
            DOCUMENT,
            Judged(ALLOW_TO_DENY, ("REG-01",)),
        ),
        # It was recorded, and fails.
        (
            payload(*OLD),
            answer(*OLD),
            {"model": {"entropy_e4": {"value": 1}}},
            Judged(ALLOW_TO_DENY, ("NEW-01",)),
        ),
        # Another control fails on what was recorded: that decides, whatever the new one says.
        (payload(*OLD), answer("INP-01", "ORD-01"), DOCUMENT, Judged(ALLOW_TO_DENY, ("ORD-02",))),
        (
            payload("INP-01", "ORD-01"),
            answer("INP-01", "ORD-02", "NEW-01"),
            DOCUMENT,
            Judged(OTHERWISE, ("ORD-01",)),
        ),
        (
            payload("INP-01", "ORD-02"),
            answer("INP-01", "ORD-02", "NEW-01"),
            {},
            Judged(SAME, ("ORD-01",)),
        ),
        # A form of document that the candidate does not know says nothing about the order.
        (
            payload(*OLD),
            answer("ORD-01", "ORD-02", "NEW-01"),
            DOCUMENT,
            Judged(UNDECIDABLE, ("INP-01",), ("v",)),
        ),
        (
            payload("ORD-01", "ORD-02"),
            answer("ORD-01", "ORD-02", "NEW-01"),
            DOCUMENT,
            Judged(SAME, ("INP-01",)),
        ),
        (
            payload(*OLD),
            EngineFailure("ENGINE_TIMEOUT"),
            DOCUMENT,
            Judged(UNDECIDABLE, ("ENGINE_TIMEOUT",)),
        ),
    ],
)
def test_one_decision(
    was: dict[str, Any], now: Verdict | EngineFailure, document: dict[str, Any], expected: Judged
) -> None:
    assert judge(was, document, now, CATALOGUE) == expected


def test_a_failure_that_would_be_allowed_is_a_flip_of_its_own() -> None:
    failed = payload(required=()) | {"allow": False, "failure": "ENGINE_TIMEOUT"}
    assert judge(failed, DOCUMENT, answer(*CONTROLS), CATALOGUE) == Judged(
        DENY_TO_ALLOW, ("ENGINE_TIMEOUT",)
    )


def flip(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "index": number,
        "decision_id": f"d{number}",
        "account": "main",
        "strategy": "s",
        "symbol": "AAPL",
        "side": "buy",
        "session": "2015-01-05",
        "notional_micros": 2 * DOLLAR,
        "controls": ["ORD-01"],
        "facts": [],
    } | changes


def found_of(*flips: tuple[str, dict[str, Any]]) -> Found:
    found = Found()
    for outcome, item in flips:
        note_flip(found, outcome, item)
    return found


def test_only_the_first_flip_of_a_scope_is_marked() -> None:
    whole, seen = Impact(), list[dict[str, Any]]()
    whole.add(found_of((ALLOW_TO_DENY, flip(1)), (DENY_TO_ALLOW, flip(2))), seen.append)
    whole.add(
        found_of((ALLOW_TO_DENY, flip(3, symbol="MSFT")), (ALLOW_TO_DENY, flip(4, account="b")))
    )
    firsts = [one["first_in"] for one in whole.flips]
    assert firsts == [["account", "strategy", "symbol"], [], ["symbol"], ["account"]]
    assert [one["index"] for one in seen] == [1, 2]
    assert whole.data()["notional_lost_micros"] == 6 * DOLLAR
    assert whole.data()["notional_gained_micros"] == 2 * DOLLAR


def test_it_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "FLIPS_MAX", 10)
    monkeypatch.setattr(tallies, "KEYS_MAX", 5)
    whole = Impact()
    for number in range(100):
        item = flip(number, symbol=f"S{number}", notional_micros=None)
        whole.add(found_of((ALLOW_TO_DENY, item), (UNDECIDABLE, item | {"facts": [f"f{number}"]})))
    report = whole.data()
    assert len(report["flips"]) == 10
    assert report["outcomes"][ALLOW_TO_DENY] == report["flips_without_notional"] == 100
    symbols = {row["symbol"]: row[ALLOW_TO_DENY] for row in report["by"]["symbol"]}
    assert len(symbols) == 6
    assert symbols["other"] == 95
    assert len(report["undecidable"]) == 100
    assert sum(report["undecidable_facts"].values()) == 100


Writ = Callable[..., tuple[int, str, str]]


@pytest.fixture
def writ(capsys: pytest.CaptureFixture[str]) -> Writ:
    """Runs `writ policy impact …`; returns its exit status, stdout and stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["policy", "impact", *map(str, arguments)])
        told = capsys.readouterr()
        status = ended.value.code
        assert isinstance(status, int), told
        return status, told.out, told.err

    return run


def where(made: Replayable, candidate: Path) -> tuple[str | Path, ...]:
    return ("--candidate", candidate, "--log", made.log.directory, "--vkey", made.vkey_file)


def test_a_tighter_limit_denies_what_lies_between(
    made: Replayable, writ: Writ, tmp_path: Path
) -> None:
    """Of 30 orders at LIMIT - n, and every third above it, a lower limit turns the first few."""
    made.decide(30)
    made.publish()
    tighter = write_release(tmp_path / "tighter", order_notional_max_micros=LIMIT - 10)
    status, out, _ = writ(*where(made, tighter), "--jobs", "1", "-o", "json")
    found = json.loads(out)
    assert status == 0
    expected = [n for n in range(30) if n % 3 != 2 and LIMIT - n > LIMIT - 10]
    assert [one["decision_id"] for one in found["flips"]] == [f"d{n}" for n in expected]
    assert {one["flip"] for one in found["flips"]} == {ALLOW_TO_DENY}
    assert {tuple(one["controls"]) for one in found["flips"]} == {("ORD-01",)}
    assert found["outcomes"] == {
        SAME: 30 - len(expected), OTHERWISE: 0, ALLOW_TO_DENY: len(expected), DENY_TO_ALLOW: 0,
        UNDECIDABLE: 0,
    }  # fmt: skip
    assert found["notional_lost_micros"] == sum(LIMIT - n for n in expected)
    assert found["flips"][0]["first_in"] == ["account", "strategy", "symbol"]
    assert all(one["first_in"] == [] for one in found["flips"][1:])
    [row] = found["by"]["control"]
    assert (row["control"], row[ALLOW_TO_DENY]) == ("ORD-01", len(expected))


def test_a_looser_limit_allows_and_a_pipeline_stops_on_the_direction_it_named(
    made: Replayable, writ: Writ, tmp_path: Path
) -> None:
    made.decide(9)
    made.publish()
    looser = write_release(tmp_path / "looser", order_notional_max_micros=LIMIT + 1)
    status, out, _ = writ(*where(made, looser), "-o", "json", "--fail-on", ALLOW_TO_DENY)
    found = json.loads(out)
    assert status == 0
    assert [one["decision_id"] for one in found["flips"]] == ["d2", "d5", "d8"]
    assert found["notional_gained_micros"] == 3 * (LIMIT + 1)
    both = ("--fail-on", ALLOW_TO_DENY, "--fail-on", DENY_TO_ALLOW)
    assert writ(*where(made, looser), *both)[0] == 1


def test_the_same_release_changes_nothing(made: Replayable, writ: Writ, tmp_path: Path) -> None:
    made.decide(20)
    made.publish()
    same = write_release(tmp_path / "same")
    status, out, err = writ(*where(made, same), "--fail-on", ALLOW_TO_DENY)
    assert status == 0, err
    assert "first-order" not in err
    assert "same" in out
    assert load_release(same).digest in out  # two that differ in limits alone share a revision


def test_a_window_of_market_time(made: Replayable, writ: Writ, tmp_path: Path) -> None:
    payloads = made.decided(made.bodies(6))
    for number, one in enumerate(payloads):
        made.log.add(
            "decision", one | {"market_us": 1_420_070_400_000_000 + number * 86_400_000_000}
        )
    made.publish()
    same = write_release(tmp_path / "same")
    window = ("--since", "2015-01-02", "--until", "2015-01-04T00:00:00+00:00")
    status, out, _ = writ(*where(made, same), *window, "-o", "json")
    assert status == 0
    assert json.loads(out)["decisions"] == 2


def test_what_was_not_recorded_is_told_apart(made: Replayable, writ: Writ, tmp_path: Path) -> None:
    """Decisions of a release that did not ask for a fact, under one that does."""
    bodies = made.bodies(4)
    for body in bodies:
        del body["order"]["notional_micros"]
    payloads = made.decided(bodies)
    for one in payloads:  # as a release without ORD-01 would have decided
        verdict = copy.deepcopy(one["verdict"])
        verdict["required"] = [c for c in verdict["required"] if c != "ORD-01"]
        verdict["passed"] = list(verdict["required"])
        verdict |= {"allow": True, "reasons": []}
        made.log.add("decision", one | {"verdict": verdict, "allow": True})
    made.publish()
    status, out, _ = writ(*where(made, write_release(tmp_path / "same")), "-o", "json")
    found = json.loads(out)
    assert status == 0
    assert found["outcomes"][UNDECIDABLE] == 4
    assert found["undecidable_facts"] == {"order.notional_micros": 4}
    assert found["flips"] == []
    where_to = where(made, tmp_path / "same")
    status, _, err = writ(*where_to, "--fail-on", ALLOW_TO_DENY)
    assert status == 1
    assert "4 decisions were not compared" in err
    assert "impact-incomplete" in err


def test_a_pipeline_does_not_pass_on_a_window_without_decisions(
    made: Replayable, writ: Writ, tmp_path: Path
) -> None:
    made.decide(2)
    made.publish()
    late = (*where(made, write_release(tmp_path / "same")), "--since", "2200-01-01")
    assert writ(*late)[0] == 0
    status, _, err = writ(*late, "--fail-on", DENY_TO_ALLOW)
    assert status == 1
    assert "there was no decision" in err


def test_an_engine_that_fails_is_told_apart_from_a_fact_that_is_missing() -> None:
    whole = Impact()
    failed = flip(1, controls=["ENGINE_TIMEOUT"])
    whole.add(found_of((UNDECIDABLE, failed), (UNDECIDABLE, flip(2, facts=["market.depth"]))))
    report = whole.data()
    assert report["engine_failures"] == {"ENGINE_TIMEOUT": 1}
    assert report["undecidable_facts"] == {"market.depth": 1}
    assert whole.undecided == 2
    drawn = page(whole, {"revision": "r"}, {})
    assert "gave no verdict" in drawn
    assert "ENGINE_TIMEOUT" in drawn


def test_documents_that_are_gone_and_entries_that_are_damaged(
    made: Replayable, writ: Writ, tmp_path: Path
) -> None:
    payloads = made.decided(made.bodies(3))
    for one in payloads:
        made.log.add("decision", one)
    made.publish()
    same = write_release(tmp_path / "same")
    (made.log.directory / "blobs" / payloads[0]["input_digest"]).unlink()
    status, out, _ = writ(*where(made, same), "-o", "json")
    assert status == 0
    assert json.loads(out)["documents_gone"] == 1
    status, _, err = writ(*where(made, same), "--fail-on", ALLOW_TO_DENY)
    assert status == 1
    assert "1 decisions were not compared" in err
    (made.log.directory / "blobs" / payloads[1]["input_digest"]).write_bytes(b"{}")
    status, out, _ = writ(*where(made, same), "-o", "json")
    assert status == 1
    assert "digest" in json.loads(out)["damages"][0]["detail"]


def test_every_flip_goes_into_a_file_and_the_page_stands_alone(
    made: Replayable, writ: Writ, tmp_path: Path
) -> None:
    made.decide(12)
    made.publish()
    tighter = write_release(tmp_path / "tighter", order_notional_max_micros=1)
    flips, html = tmp_path / "flips.jsonl", tmp_path / "impact.html"
    status, _, err = writ(*where(made, tighter), "--flips", flips, "--html", html)
    assert status == 0
    assert "first-order" in err
    assert [json.loads(line)["decision_id"] for line in flips.read_text().splitlines()] == [
        f"d{n}" for n in range(12) if n % 3 != 2
    ]
    seen = Tags()
    seen.feed(html.read_text(encoding="utf-8"))
    assert {"table", "svg", "rect", "style"} <= seen.tags
    assert not {"script", "link", "img"} & seen.tags
    assert seen.addresses == []


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags = set[str]()
        self.addresses = list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [str(v) for name, v in attrs if name in {"src", "href"}]


def test_names_on_the_page_are_no_markup() -> None:
    whole = Impact()
    whole.add(found_of((ALLOW_TO_DENY, flip(1, account="<script>alert(1)</script>"))))
    drawn = page(whole, {"revision": "<b>"}, {"log": "&"})
    assert "<script>" not in drawn
    assert "&lt;script&gt;" in drawn


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--since", "yesterday"), "is no instant"),
        (("--since", "1960-01-01"), "outside of the times"),
        (("--since", "2015-01-02", "--until", "2015-01-02"), "must lie before"),
        (("--data", "."), "goes with a policies folder"),
        (("--fail-on", "anything"), "anything"),
        (("--jobs", "0"), "--jobs"),
    ],
)
def test_bad_questions(
    made: Replayable, writ: Writ, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    made.publish()
    status, _, err = writ(*where(made, write_release(tmp_path / "same")), *options)
    assert status == 2
    assert said in err


def test_a_candidate_that_is_none(made: Replayable, writ: Writ, tmp_path: Path) -> None:
    made.publish()
    (tmp_path / "empty").mkdir()
    assert writ(*where(made, tmp_path / "empty"))[0] == 2
    assert writ(*where(made, tmp_path / "missing"))[0] == 2
    damaged = write_release(tmp_path / "damaged")
    (damaged / "policy.wasm").write_bytes(b"")
    assert writ(*where(made, damaged))[0] in {1, 2}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--log", "nowhere"), "'nowhere' does not exist"),
        (("--data", "nowhere"), "'nowhere' does not exist"),
        (("--since", "yesterday"), "see writ policy impact --help"),
        (("--since", "2015-01-02", "--until", "2015-01-01"), "--since must lie before --until"),
        (("--html", "nowhere/page.html"), "nowhere is not a folder to write a page into"),
        (("--flips", "nowhere/flips"), "nowhere is not a folder to write the flips into"),
        (("--flips", "."), ". is a folder; name a file for the flips"),
        (("--flips", "one", "--html", "./one"), "--html and --flips name the same file"),
    ],
)
def test_what_cannot_be_asked_is_told_before_any_work(
    made: Replayable, writ: Writ, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    made.publish()
    status, out, err = writ(*where(made, write_release(tmp_path / "same")), *arguments)
    assert (status, out) == (2, "")
    assert said in err


def test_a_folder_that_is_no_log_is_named_as_such(
    made: Replayable, writ: Writ, tmp_path: Path
) -> None:
    made.publish()
    empty = tmp_path / "empty"
    empty.mkdir()
    same = write_release(tmp_path / "same")
    status, _, err = writ(*where(made, same), "--log", str(empty))
    assert (status, "there is no checkpoint" in err) == (1, True)


def test_a_run_that_breaks_off_leaves_the_files_as_they_were(
    made: Replayable,
    writ: Writ,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C in the second bundle, when the first one's flips have been written."""
    made.decide(FULL + 20)
    made.publish()
    tighter = write_release(tmp_path / "tighter", order_notional_max_micros=1)
    flips, html = tmp_path / "out" / "flips.jsonl", tmp_path / "out" / "impact.html"
    flips.parent.mkdir()
    flips.write_text("of yesterday\n")
    work = Candidate.decide

    def decide(self: Candidate, job: Job) -> Found:
        if job.bundle:
            raise KeyboardInterrupt
        return work(self, job)

    monkeypatch.setattr(Candidate, "decide", decide)
    targets = ("--flips", flips, "--html", html, "--jobs", "1")
    status, out, err = writ(*where(made, tighter), *targets)
    assert (status, out, err) == (130, "", "interrupted; no file was written\n")
    assert flips.read_text() == "of yesterday\n"
    assert list(flips.parent.iterdir()) == [flips]


def test_ctrl_c_while_processes_start_is_one_line(made: Replayable, tmp_path: Path) -> None:
    """A terminal sends it to every process, and those that are not set up yet get it too."""
    made.decide(FULL)
    made.publish()
    same = write_release(tmp_path / "same")
    command = [sys.executable, "-c", "from gateway.cli.main import main; main()", "policy"]
    command += ["impact", *map(str, where(made, same)), "--jobs", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as started:
        children = Path(f"/proc/{started.pid}/task/{started.pid}/children")
        give_up = time.monotonic() + 60
        while len(children.read_text().split()) < 2 and time.monotonic() < give_up:
            time.sleep(0.005)  # the first one keeps track of semaphores
        time.sleep(0.1)  # now it imports modules
        os.killpg(started.pid, signal.SIGINT)
        out, err = started.communicate(timeout=60)
    assert (started.returncode, out, err) == (130, "", "interrupted; no file was written\n")
