"""`writ policy new control` writes what `writ policy check` is content with, or nothing at all."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.domain.errors import InvalidInputError
from gateway.policy.check import check, control_findings
from gateway.policy.diff import differences
from gateway.policy.newcontrol import new_control, put_all
from gateway.policy.opa_tool import find_opa
from gateway.policy.sides import control_words, read_side
from gateway.policy.template import NewControl, rule_text
from support.policy_cases import SOURCE

DEPTH = NewControl("book_depth", "MKT-90", "market.depth_count", "book_depth_min_count")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    target = tmp_path / "policies"
    shutil.copytree(SOURCE, target, ignore=shutil.ignore_patterns("release", "__pycache__"))
    return target


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("new", "touched"),
    [
        pytest.param(
            DEPTH,
            {"schemas/limits.json", "limits/limits.yaml", "schemas/document.json"},
            id="a new fact and a new limit",
        ),
        pytest.param(
            NewControl("mood", "SEN-01", "sentiment.score_e4", "sentiment_max_e4"),
            {"schemas/limits.json", "limits/limits.yaml", "schemas/document.json"},
            id="a new section",
        ),
        pytest.param(
            NewControl("early_hours", "HRS-01", "hours.early"),
            {"schemas/document.json"},
            id="a truth value",
        ),
        pytest.param(
            NewControl("impact", "ORD-90", "order.impact_bps", "impact_max_bps"),
            {"schemas/limits.json", "limits/limits.yaml", "schemas/document.json"},
            id="a computed part of the order",
        ),
    ],
)
def test_what_is_written_is_in_order(sources: Path, new: NewControl, touched: set[str]) -> None:
    before = files(sources)
    findings_before = control_findings(find_opa(), sources)
    written = new_control(sources, new)
    after = files(sources)
    changed = {name for name in after if before.get(name) != after[name]}
    rule = f"controls/{new.name}.rego"
    test = f"controls/{new.name}_test.rego"
    shape = {"controls/well_formed.rego", "lib/fixtures_test.rego"}
    assert changed == touched | shape | {rule, test, "main.rego"} == set(written.files)
    assert written.left
    assert control_findings(find_opa(), sources) == findings_before
    assert len(after[test].splitlines()) > len(after[rule].splitlines())
    told = differences(read_side(SOURCE), read_side(sources))
    assert any((one.name, one.change) == (new.control, "added") for one in told)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_whole_check_is_content(sources: Path) -> None:
    new_control(sources, DEPTH)
    assert check(sources) == []


def test_a_fact_and_a_limit_that_are_there_are_used(sources: Path) -> None:
    new = NewControl("young_quote", "MKT-91", "market.age_ms", "fresh_quote_max_ms")
    written = new_control(sources, new)
    assert "schemas/document.json" not in written.files
    assert "controls/well_formed.rego" not in written.files
    assert "schemas/limits.json" in written.files


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "leverage"}, "there is a control leverage"),
        ({"control": "ORD-01"}, "ORD-01 is the identifier of order_notional"),
        ({"name": "Book"}, "the name 'Book' cannot be"),
        ({"name": "../book"}, "cannot be"),
        ({"name": "book_test"}, "cannot be"),
        ({"control": "mkt-1"}, "the id 'mkt-1' cannot be"),
        ({"fact": "depth"}, "the fact 'depth' cannot be"),
        ({"fact": "market.depth.more"}, "cannot be"),
        ({"limit": "book_depth"}, "the limit 'book_depth' cannot be"),
        ({"limit": "book_depth_count"}, "cannot be"),
        ({"limit": "book_depth_min_lots"}, "cannot be"),
        ({"limit": "book_depth_min_bps"}, "comparing market.depth_count with"),
        ({"severity": "urgent"}, "the severity 'urgent' cannot be"),
        ({"fix103": 100}, "the FIX reason 100 cannot be"),
        ({"regulation": ()}, "an empty regulation cannot be"),
        ({"owner": " "}, "an empty owner or remedy cannot be"),
        ({"title": "one\ntwo"}, "a text cannot be"),
        ({"fact": "order.side", "limit": ""}, "order.side is there, and is no boolean"),
        ({"fact": "control.halted", "limit": "halts_max_count"}, "is there, and is no integer"),
        ({"fact": "instrument.depth_count"}, "fixtures_test.rego has no"),
        ({"fact": "model.depth_count"}, "in a copy with it, tests fail"),
    ],
)
def test_what_cannot_be_a_control_writes_nothing(
    sources: Path, changes: dict[str, object], said: str
) -> None:
    before = files(sources)
    with pytest.raises(InvalidInputError) as caught:
        new_control(sources, replace(DEPTH, **changes))  # pyright: ignore[reportArgumentType]  # wrong on purpose
    assert caught.value.code == "control-new"
    assert said in caught.value.detail
    assert caught.value.remedy
    assert files(sources) == before


def test_texts_with_anything_in_them_stay_texts(sources: Path) -> None:
    odd = "a: b # c \"d\" {e} - 'f' \\ ü"
    new = replace(DEPTH, title=odd, description=odd, owner=odd, regulation=(odd,), remedy=odd)
    assert "package writ.controls.book_depth" in rule_text(new)
    new_control(sources, new)
    words = read_side(sources).controls["MKT-90"]
    assert (words.title, words.description, words.owner) == (odd, odd, odd)
    assert (words.regulation, words.remedy) == ((odd,), odd)


def test_words_that_yaml_takes_for_something_else_stay_texts() -> None:
    texts = dict[str, str]()
    words = ("null", "Yes", "off", "1.5", "2020-01-01", "- a", "ends -")
    for place, word in enumerate(words):
        new = replace(DEPTH, name=f"book_{place}", title=word, owner=word, regulation=(word,))
        texts[f"controls/{new.name}.rego"] = rule_text(new)
    found = control_words(texts, "rules")
    assert found.keys() == texts.keys()
    for place, word in enumerate(words):
        text = found[f"controls/book_{place}.rego"]
        assert (text.title, text.owner, text.regulation) == (word, word, (word,))


@pytest.mark.parametrize("late", ["schemas/limits.json", "lib/fixtures_test.rego"])
def test_a_file_that_cannot_be_written_writes_none(sources: Path, late: str) -> None:
    """The rule is the first of the files; what stands in the way of a later one undoes it."""
    (sources / late).with_name(f".{Path(late).name}.new").mkdir()
    before = files(sources)
    with pytest.raises(OSError, match="directory"):
        new_control(sources, DEPTH)
    assert files(sources) == before


def test_a_file_that_cannot_take_its_place_leaves_all_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "taken").mkdir()
    contents = {Path("a"): b"new", Path("b"): b"new", Path("taken"): b"new"}
    with pytest.raises(IsADirectoryError):
        put_all(tmp_path, contents)
    assert files(tmp_path) == {"a": b"old"}


def test_as_it_is_typed(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["policy", "new", "control", "book_depth", "--id", "MKT-90", "--fact"]
    typed += ["market.depth_count", "--limit", "book_depth_min_count", "--source", str(sources)]
    with pytest.raises(SystemExit) as caught:
        main([*typed, "-o", "json"])
    assert caught.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert "controls/book_depth.rego" in told["files"]
    assert any("MKT-90 denies every order" in one for one in told["left"])
    with pytest.raises(SystemExit) as caught:
        main(typed)
    assert caught.value.code == 2
    assert "there is a control book_depth" in capsys.readouterr().err
