"""`writ policy diff` tells everything that would be decided otherwise, and nothing else."""

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

import gateway.demo
from gateway.cli.main import main
from gateway.domain.errors import InvalidInputError
from gateway.policy.diff import differences
from gateway.policy.release import load_release, shipped_directory
from gateway.policy.release_data import ReleaseError, parse_data
from gateway.policy.sides import Side, bundle_texts, read_side
from gateway.policy.sources import rego_sources
from signing import canonical
from signing.rendering.change import Change
from support.policy_cases import SOURCE

DEMO = Path(gateway.demo.__file__).parent / "release"

Parts = dict[str, Any]


@pytest.fixture(scope="module")
def demo() -> Side:
    return read_side(DEMO)


def with_data(side: Side, change: Callable[[Parts], object]) -> Side:
    parts = copy.deepcopy(dict(side.parts))
    change(parts)
    return replace(side, parts=parts, data=parse_data(canonical.encode(parts)))


def with_text(side: Side, control: str, old: str, new: str) -> Side:
    path = side.files[control]
    assert old in side.texts[path]
    return replace(side, texts={**side.texts, path: side.texts[path].replace(old, new)})


def test_a_folder_and_what_is_built_of_it_are_the_same() -> None:
    texts = {path.as_posix(): (SOURCE / path).read_text() for path in rego_sources(SOURCE)}
    assert bundle_texts(load_release(shipped_directory()).bundle) == texts
    assert differences(read_side(SOURCE), read_side(shipped_directory())) == []


def test_nothing_differs_from_itself(demo: Side) -> None:
    assert differences(demo, demo) == []


GLOBAL = ("limits", "global")


@pytest.mark.parametrize(
    ("place", "old", "new", "expected"),
    [
        (
            (*GLOBAL, "order_notional_max_micros"),
            5_000_000,
            2_500_000,
            Change("limit", "order_notional_max", "changed", "5 USD", "2.5 USD", "tighter"),
        ),
        (
            (*GLOBAL, "leverage_max_bps"),
            13_000,
            15_000,
            Change("limit", "leverage_max", "changed", "1.3 x", "1.5 x", "looser"),
        ),
        (
            (*GLOBAL, "close_buffer_min_ms"),
            60_000,
            120_000,
            Change("limit", "close_buffer_min", "changed", "1 min", "2 min", "tighter"),
        ),
        (
            (*GLOBAL, "close_buffer_min_ms"),
            60_000,
            0,
            Change("limit", "close_buffer_min", "changed", "1 min", "0 ms", "tighter"),
        ),
        (
            (*GLOBAL, "spread_max_bps"),
            0,
            200,
            Change("limit", "spread_max", "changed", "0 %", "2 %", "looser"),
        ),
        (
            (*GLOBAL, "spread_max_bps"),
            None,
            200,
            Change("limit", "spread_max", "added", None, "2 %", "looser"),
        ),
        (
            (*GLOBAL, "spread_max_bps"),
            200,
            None,
            Change("limit", "spread_max", "removed", "2 %", None, "tighter"),
        ),
        (
            (*GLOBAL, "spread_max_bps"),
            None,
            0,
            Change("limit", "spread_max", "added", None, "0 %", ""),
        ),
    ],
)
def test_limits(
    demo: Side, place: tuple[str, str, str], old: int | None, new: int | None, expected: Change
) -> None:
    def to(value: int | None) -> Callable[[Parts], object]:
        def change(parts: Parts) -> None:
            table = parts[place[0]][place[1]]
            table.pop(place[2], None)
            if value is not None:
                table[place[2]] = value

        return change

    assert differences(with_data(demo, to(old)), with_data(demo, to(new))) == [expected]


@pytest.mark.parametrize(
    ("scope", "key", "where"),
    [
        ("accounts", "main", "account main"),
        ("strategies", "s:1", "strategy s:1"),
        ("symbols", "AAPL", "symbol AAPL"),
    ],
)
def test_limits_of_a_scope(demo: Side, scope: str, key: str, where: str) -> None:
    def standing(value: int | None) -> Side:
        table = {} if value is None else {key: {"positions_max_count": value}}
        return with_data(demo, lambda parts: parts["limits"].update({scope: table}))

    name = f"positions_max of {where}"
    assert differences(standing(None), standing(3)) == [
        Change("limit", name, "added", None, "3", "tighter")
    ]
    assert differences(standing(3), standing(4)) == [
        Change("limit", name, "changed", "3", "4", "looser")
    ]
    assert differences(standing(0), standing(None)) == [
        Change("limit", name, "removed", "0", None, "looser")
    ]


def test_lists(demo: Side) -> None:
    def change(parts: Parts) -> None:
        del parts["instruments"]["AAPL"]
        parts["instruments"]["MSFT"]["lot"] = 5
        parts["restricted"]["GE"] = True
        parts["compliance_symbols"]["KO"] = True
        parts["permissions"]["*"]["principals"] = {"ann": True}
        parts["permissions"]["*"]["extended_hours"] = True
        parts["permissions"]["main"] = copy.deepcopy(parts["permissions"]["*"])

    changed = with_data(demo, change)
    told = [(one.part, one.name, one.change, one.effect) for one in differences(demo, changed)]
    assert told == [
        ("instrument", "AAPL", "removed", "tighter"),
        ("instrument", "MSFT lot", "changed", ""),
        ("restricted", "GE", "added", "tighter"),
        ("compliance_symbols", "KO", "added", "tighter"),
        ("permission", "* principals *", "removed", "tighter"),
        ("permission", "* principals ann", "added", "looser"),
        ("permission", "* extended_hours", "changed", "looser"),
        ("permission", "main", "added", ""),
    ]
    opposite = {"tighter": "looser", "looser": "tighter", "": ""}
    back = [(one.name, one.effect) for one in differences(changed, demo)]
    assert sorted(back) == sorted((name, opposite[effect]) for _, name, _, effect in told)


def test_the_base_currency(demo: Side) -> None:
    euro = with_data(demo, lambda parts: parts.update({"base_currency": "EUR"}))
    assert Change("currency", "base_currency", "changed", "USD", "EUR") in differences(demo, euro)


def test_controls(demo: Side) -> None:
    text = demo.controls["ORD-01"]
    words = dict(demo.controls)
    words["ORD-01"] = replace(text, severity="low", facts=(*text.facts, "order.qty"))
    changed = replace(demo, controls=words)
    assert differences(demo, changed) == [
        Change("control", "ORD-01 severity", "changed", text.severity, "low"),
        Change("control", "ORD-01 facts", "changed", "", "order.qty"),
    ]
    (one,) = differences(demo, with_text(demo, "ORD-01", "num.within(", "not num.within("))
    assert (one.name, one.change) == ("ORD-01 rule", "changed")
    assert one.old != one.new
    assert differences(demo, with_text(demo, "ORD-01", "# METADATA\n", "# METADATA \n")) == []
    gone = replace(demo, controls={k: v for k, v in words.items() if k != "ORD-01"})
    assert differences(changed, gone) == [
        Change("control", "ORD-01", "removed", text.title, None, "looser")
    ]
    assert differences(gone, changed)[0].effect == "tighter"


def test_the_first_limit_of_a_new_control_loosens_nothing(demo: Side) -> None:
    """Where the control was there before, a limit that was missing let nothing out."""

    def limited(parts: Parts) -> None:
        parts["limits"]["global"]["depth_min_count"] = 5
        parts["limits"]["symbols"]["AAPL"] = {"depth_min_count": 9}

    text = replace(demo.controls["ORD-01"], control="MKT-90", limits=("depth_min_count",))
    path = demo.files["ORD-01"]
    old = replace(demo, controls={**demo.controls}, files={**demo.files})
    new = replace(
        with_data(demo, limited),
        controls={**demo.controls, "MKT-90": text},
        files={**demo.files, "MKT-90": path},
    )
    limit = Change("limit", "depth_min", "added", None, "5", "new")
    own = Change("limit", "depth_min of symbol AAPL", "added", None, "9", "new")
    control = Change("control", "MKT-90", "added", None, text.title, "tighter")
    assert differences(old, new) == [control, limit, own]
    assert [(one.name, one.effect) for one in differences(new, old)] == [
        ("MKT-90", "looser"),
        ("depth_min", ""),
        ("depth_min of symbol AAPL", ""),
    ]
    read_before = replace(demo.controls["ORD-01"], limits=("depth_min_count",))
    known = replace(old, controls={**old.controls, "ORD-01": read_before})
    effects = {one.name: one.effect for one in differences(known, new) if one.part == "limit"}
    assert effects == {"depth_min": "looser", "depth_min of symbol AAPL": "tighter"}


def test_rules_under_every_control(demo: Side) -> None:
    texts = {**demo.texts, "lib/num.rego": "package writ.lib.num\n", "lib/more.rego": "package x\n"}
    told = [
        (one.part, one.name, one.change) for one in differences(demo, replace(demo, texts=texts))
    ]
    assert told == [("rules", "lib/more.rego", "added"), ("rules", "lib/num.rego", "changed")]


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_side(tmp_path)
    assert caught.value.code == "policy-sources"
    shutil.copytree(DEMO, tmp_path / "release")
    (tmp_path / "release" / "bundle.tar.gz").write_bytes(b"")
    with pytest.raises(ReleaseError) as refused:
        read_side(tmp_path / "release")
    assert refused.value.code == "release-digest"
    with pytest.raises(ReleaseError) as refused:
        bundle_texts(b"nothing")
    assert refused.value.code == "release-bundle"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["policy", "diff", *arguments])
    code = caught.value.code
    assert isinstance(code, int)
    return code


def test_as_it_is_typed(capsys: pytest.CaptureFixture[str], demo: Side) -> None:
    shipped = str(shipped_directory())
    assert run(shipped, shipped, "--exit-code") == 0
    assert "no difference" in capsys.readouterr().err
    assert run(shipped, str(DEMO)) == 0
    told = capsys.readouterr()
    assert "order_notional_max" in told.out
    assert "looser" in told.err
    assert run(shipped, str(DEMO), "--exit-code", "-o", "json") == 1
    rows = json.loads(capsys.readouterr().out)
    assert rows == [asdict(one) for one in differences(read_side(shipped_directory()), demo)]
    assert run(shipped, "nowhere") == 2


def test_one_difference_is_told_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = Path(shutil.copytree(SOURCE, tmp_path / "one", ignore=shutil.ignore_patterns("release")))
    (one / "lists" / "restricted.json").write_text('{"GE": true}\n', encoding="utf-8")
    assert run(str(SOURCE), str(one)) == 0
    assert "1 difference, 1 tighter" in capsys.readouterr().err
