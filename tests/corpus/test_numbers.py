"""Numbers, engine by engine; and the set must be looked at again when a version changes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.policy.opa_tool import find_opa, run_opa
from signing import canonical
from support import numeric
from support.numeric import ENGINES, Question
from support.policy_cases import SOURCE

ROWS = json.loads(numeric.FILE.read_bytes())["cases"]
GUARDS = {row["id"]: row["guard"] for row in ROWS if "differs" in row}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    return numeric.answers(tmp_path_factory.mktemp("numbers"))


@pytest.mark.parametrize("question", numeric.questions(), ids=lambda question: question.name)
def test_each_engine_answers_as_written_down(
    answers: dict[str, dict[str, str]], question: Question
) -> None:
    assert {engine: answers[engine][question.name] for engine in ENGINES} == question.expected


def test_the_set_was_accepted_with_the_versions_in_use() -> None:
    assert numeric.accepted() == numeric.present(), (
        "an engine changed: run `python scripts/numeric.py`, read what differs, "
        "then `python scripts/numeric.py --accept`"
    )


def test_the_set_is_as_large_as_it_says_and_every_case_says_why() -> None:
    asked = numeric.questions()
    assert len({question.name for question in asked}) == len(asked) > 50
    assert all(len(question.why) > 10 for question in asked)
    assert all(question.differs is (question.name in GUARDS) for question in asked)


@pytest.mark.parametrize("name", sorted(GUARDS))
def test_where_engines_differ_no_policy_can_get(tmp_path: Path, name: str) -> None:
    (question,) = (q for q in numeric.questions() if q.name == name)
    if GUARDS[name] == "canonical":  # the number cannot stand in a document or in a release
        with pytest.raises(canonical.CanonicalError):
            canonical.decode(question.x.encode())
        return
    assert GUARDS[name] == "capabilities"  # the function does not exist for a policy
    module = f"package a\n\nanswer := {question.rego}\n"
    (tmp_path / "a.rego").write_text(module, encoding="utf-8")
    arguments = ["check", "--capabilities", SOURCE / "capabilities.json", "a.rego"]
    done = run_opa(find_opa(), arguments, cwd=tmp_path)
    assert done.status != 0
    assert "undefined function" in done.said


def test_worth() -> None:
    same = ["1000", "1e3", "1000.0", "1.0E+3", "100e1"]
    assert {numeric.worth(text) for text in same} == {'"number 1000"'}
    assert numeric.worth("-0.0") == numeric.worth("0")
    different = ["9007199254740992", "9007199254740993", "0.5", "0.50000000000000000001", '"1"']
    assert len({numeric.worth(text) for text in different}) == len(different)
    assert numeric.worth("[2,1]") != numeric.worth("[1,2]")
    assert numeric.worth("[2,1]", unordered=True) == numeric.worth("[1,2]", unordered=True)


SCRIPT = SOURCE.parent / "scripts" / "numeric.py"


def run_script(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, "--file", file, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def changed_copy(folder: Path, **changes: object) -> Path:
    path = folder / "set.json"
    path.write_text(json.dumps(json.loads(numeric.FILE.read_bytes()) | changes), encoding="utf-8")
    return path


def test_accepting_writes_the_versions_where_every_answer_stands(tmp_path: Path) -> None:
    path = changed_copy(tmp_path, accepted={"opa": "1.0.0", "opa-py-wasm": "0"})
    shown = run_script(path)
    assert shown.returncode == 1
    assert "accepted with opa 1.0.0" in shown.stdout
    done = run_script(path, "--accept")
    assert done.returncode == 0, done.stdout + done.stderr
    assert path.read_bytes() == numeric.FILE.read_bytes()


def test_accepting_is_refused_where_an_answer_is_another(tmp_path: Path) -> None:
    rows = [row | {"expect": "7"} if row["id"] == "max_given" else row for row in ROWS]
    path = changed_copy(tmp_path, accepted={"opa": "1.0.0", "opa-py-wasm": "0"}, cases=rows)
    before = path.read_bytes()
    done = run_script(path, "--accept")
    assert done.returncode == 1
    assert "max_given" in done.stdout
    assert '"number 1000"' in done.stdout
    assert path.read_bytes() == before
