"""`writ policy check` finds what it says it finds, and names the file and the remedy."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.errors import InvalidInputError
from gateway.policy.build import CAPABILITIES
from gateway.policy.check import check, control_findings
from gateway.policy.metadata import Finding
from gateway.policy.opa_tool import find_opa, run_opa
from support.policy_cases import SOURCE

CONTROL = "controls/leverage.rego"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SOURCE, tmp_path / "policies"))


def edit(sources: Path, name: str, old: str, new: str) -> None:
    text = (sources / name).read_text(encoding="utf-8")
    assert old in text
    (sources / name).write_text(text.replace(old, new), encoding="utf-8")


def said(findings: list[Finding]) -> str:
    assert all(finding.remedy for finding in findings)
    return "\n".join(f"{finding.file}: {finding.message}" for finding in findings)


def test_format(sources: Path) -> None:
    edit(sources, "main.rego", "default allow := false", "default   allow   :=   false")
    edit(sources, "main.rego", "is_array(input.batch)", "is_array(input.bitch)")
    assert Finding("main.rego", "not formatted", "run `make format`") in check(sources)


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        (
            CONTROL,
            "input.projected.leverage_bps",
            "input.projected.leverage",
            "controls/leverage.rego:29: undefined ref: input.projected.leverage",
        ),
        (
            CONTROL,
            "data.limits.leverage_max_bps",
            "data.limits.leverage_bps",
            "controls/leverage.rego:29: undefined ref: data.limits.leverage_bps",
        ),
        (CONTROL, "num.within(", "num.inside(", "undefined function data.writ.lib.num.inside"),
        ("main.rego", "is_array(input.batch)", "unused := 5", "assigned var unused unused"),
        ("main.rego", "is_array(input.batch)", "time.now_ns() > 0", "undefined function time.now"),
        ("main.rego", "default allow := false", "default allow = = false", "unexpected"),
    ],
)
def test_what_does_not_compile(sources: Path, name: str, old: str, new: str, expected: str) -> None:
    edit(sources, name, old, new)
    assert expected in said(check(sources))


METADATA = [
    ("# title: Leverage", "# scope: package", "METADATA has no title"),
    ("#   id: EXP-02", "#   id: exposure", "custom.id is not of the form ABC-01"),
    ("#   id: EXP-02", "#   id: EXP-01", "EXP-01 is also the identifier of gross_exposure"),
    ("#   severity: high", "#   severity: urgent", "custom.severity is unknown"),
    ("#   owner: credit risk", '#   owner: ""', "METADATA has no custom.owner of type str"),
    ("#   owner: credit risk", "#   wonder: credit risk", "METADATA has an unknown custom.wonder"),
    ("#   fix103: 25", "#   fix103: many", "METADATA has no custom.fix103 of type int"),
    ("#     - SEC Rule 15c3-5(c)(1)(i)", "#     - 5", "custom.regulation is empty"),
    ("#     - SEC Rule 15c3-5(c)(1)(i)", "#     - 5", "something other than texts"),
    ("#     - projected.leverage_bps", "#     - projected", None),
    (
        "#     - projected.leverage_bps",
        "#     - projected.positions_count",
        "the Rego reads projected.leverage_bps, which custom.facts does not name",
    ),
    (
        "#     - projected.leverage_bps",
        "#     - projected.positions_count",
        "custom.facts names projected.positions_count, which the Rego does not read",
    ),
    (
        "#     - leverage_max_bps",
        "#     - positions_max_count",
        "the Rego reads leverage_max_bps, which custom.limits does not name",
    ),
    ("#   - data.limits: schema.limits\n", "", "METADATA names no schema for data.limits"),
    ("#   - input: schema.document\n", "", "METADATA names no schema for input"),
    ("proven if", "shown if", "there is no rule `proven`"),
    ("package writ.controls.leverage", "package writ.controls.gearing", "not named as its file"),
]


@pytest.fixture(scope="module")
def quick_check(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree without its slow tests of Rego: the findings here come before those."""
    copy = Path(shutil.copytree(SOURCE, tmp_path_factory.mktemp("quick") / "policies"))
    for path in copy.rglob("*_test.rego"):
        path.write_text(f"package writ.{path.stem}\n\ntest_nothing := true\n", encoding="utf-8")
    return copy


@pytest.mark.parametrize(("old", "new", "expected"), METADATA)
def test_metadata(quick_check: Path, old: str, new: str, expected: str | None) -> None:
    before = (quick_check / CONTROL).read_text(encoding="utf-8")
    try:
        edit(quick_check, CONTROL, old, new)
        found = said(control_findings(find_opa(), quick_check))
    finally:
        (quick_check / CONTROL).write_text(before, encoding="utf-8")
    assert (expected in found) if expected else found == ""


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        (
            "main.rego",
            '"EXP-02": "leverage",',
            "",
            "main.rego: EXP-02 is missing in the registry and leverage among the controls",
        ),
        (
            "main.rego",
            '"EXP-02": "leverage",',
            '"EXP-02": "leverage",\n\t"EXP-09": "gone",',
            "main.rego: EXP-09 is gone in the registry and missing among the controls",
        ),
        (
            "limits/limits.json",
            '"order_qty_max_e8": 0,',
            '"order_qty_max_e8": 0,\n  "new_max_count": 0,',
            "limits/limits.json: new_max_count is read by no control",
        ),
        (
            "limits/limits.json",
            '"order_qty_max_e8": 0,',
            "",
            "limits/limits.json: order_qty_max_e8 is missing",
        ),
        (
            "limits/limits.json",
            '"order_qty_max_e8": 0,',
            "",
            "schemas/limits.json: order_qty_max_e8 differs",
        ),
        ("lib/num.rego", "# METADATA\n# title: Exact numbers\n", "# title\n", "has no METADATA"),
    ],
)
def test_what_must_agree(quick_check: Path, name: str, old: str, new: str, expected: str) -> None:
    before = (quick_check / name).read_text(encoding="utf-8")
    try:
        edit(quick_check, name, old, new)
        assert expected in said(control_findings(find_opa(), quick_check))
    finally:
        (quick_check / name).write_text(before, encoding="utf-8")


def test_a_control_without_a_test(quick_check: Path) -> None:
    test = quick_check / "controls" / "leverage_test.rego"
    before = test.read_text(encoding="utf-8")
    test.unlink()
    try:
        found = control_findings(find_opa(), quick_check)
    finally:
        test.write_text(before, encoding="utf-8")
    assert "controls/leverage.rego: the control has no test" in said(found)
    assert "write controls/leverage_test.rego" in [finding.remedy for finding in found]


def test_lines_that_no_test_reaches(quick_check: Path) -> None:
    found = said(check(quick_check))
    assert "controls/leverage.rego: not covered: lines" in found


def test_a_failing_test_of_the_rego(sources: Path) -> None:
    for path in sources.rglob("*_test.rego"):
        path.unlink()
    failing = "package writ.main_test\n\ntest_this if false\n"
    (sources / "main_test.rego").write_text(failing, encoding="utf-8")
    assert "data.writ.main_test.test_this: FAIL" in said(check(sources))


def test_no_tests_of_the_rego_at_all(sources: Path) -> None:
    for path in sources.rglob("*_test.rego"):
        path.unlink()
    assert [finding for finding in check(sources) if finding.file == "."]


def test_a_folder_without_policies(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        check(tmp_path)


FORBIDDEN = {
    "http.send",
    "net.lookup_ip_addr",
    "opa.runtime",
    "rand.intn",
    "uuid.rfc4122",
    "time.now_ns",
    "div",
    "sprintf",
    "regex.match",
    "trace",
}


def test_the_capabilities_are_a_part_of_what_this_opa_has() -> None:
    pinned: dict[str, Any] = json.loads((SOURCE / CAPABILITIES).read_bytes())
    done = run_opa(find_opa(), ["capabilities", "--current"], cwd=SOURCE)
    current: dict[str, Any] = json.loads(done.stdout)
    known = {builtin["name"]: builtin for builtin in current["builtins"]}
    names = [builtin["name"] for builtin in pinned["builtins"]]
    assert names == sorted(set(names))
    assert not set(names) & FORBIDDEN
    assert all(known[builtin["name"]] == builtin for builtin in pinned["builtins"])
    assert not any(builtin.get("nondeterministic") for builtin in pinned["builtins"])
    assert pinned["allow_net"] == []
    assert pinned["future_keywords"] == []
