"""`writ policy check` finds what it says it finds, and names the file and the remedy."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.errors import InvalidInputError
from gateway.policy.build import CAPABILITIES
from gateway.policy.check import (
    check,
    compile_findings,
    control_findings,
    coverage_findings,
)
from gateway.policy.check_data import data_findings
from gateway.policy.findings import Finding
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
    return "\n".join(f"{finding.place}: {finding.message}" for finding in findings)


def test_format(sources: Path) -> None:
    edit(sources, "main.rego", "default allow := false", "default   allow   :=   false")
    edit(sources, "main.rego", "is_array(input.batch)", "is_array(input.bitch)")
    remedy = f"run `opa fmt --write {sources / 'main.rego'}`"
    assert Finding("main.rego", "not formatted", remedy) in check(sources)


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        (
            CONTROL,
            "input.projected.leverage_bps",
            "input.projected.leverage",
            "undefined ref: input.projected.leverage",
        ),
        (
            "halts.rego",
            "data.limits.global.volatility_index_max_e4",
            "data.limits.global.volatility_index_e4",
            "undefined ref: data.limits.global.volatility_index_e4",
        ),
        (
            CONTROL,
            "proven if exits.reduces",
            "proven if again\n\nagain if proven",
            "rule data.writ.controls.leverage.proven is recursive",
        ),
        (CONTROL, "num.within(", "num.inside(", "undefined function data.writ.lib.num.inside"),
        ("main.rego", "is_array(input.batch)", "unused := 5", "assigned var unused unused"),
        ("main.rego", "is_array(input.batch)", "time.now_ns() > 0", "undefined function time.now"),
        ("main.rego", "default allow := false", "default allow = = false", "unexpected"),
    ],
)
def test_what_does_not_compile(sources: Path, name: str, old: str, new: str, expected: str) -> None:
    edit(sources, name, old, new)
    found = compile_findings(find_opa(), sources)
    assert expected in said(found)
    assert all(finding.file == name and finding.line for finding in found)


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        ("time.now_ns() > 0", "no clock, network, randomness, division or pattern"),
        ('http.send({"method": "get", "url": "http://127.0.0.1"})', "what capabilities.json lists"),
        ('sprintf("%d", [1]) == "1"', "what capabilities.json lists"),
        ("input.projected.beta_bps == 1", "name a fact that schemas/document.json describes"),
        ("again", "a decision always ends"),
        ("num.inside(1, 2)", "mend the name of the rule"),
    ],
)
def test_what_helps_against_it(sources: Path, call: str, remedy: str) -> None:
    text = (sources / CONTROL).read_text(encoding="utf-8")
    rules = f"\nproven if {call}\n\nagain if proven\n"
    (sources / CONTROL).write_text(text + rules, encoding="utf-8")
    assert remedy in compile_findings(find_opa(), sources)[0].remedy


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
    (
        "#     - leverage_max_bps",
        "#     - leverage_most_bps",
        "custom.limits names leverage_most_bps, which the Rego does not read",
    ),
    (
        "#     - leverage_max_bps",
        "#     - positions_max_count\n#     - leverage_max_bps",
        "leverage_max_bps is compared and is not the first of custom.limits",
    ),
    ("#   unit: bps", "#   unit: ms", "custom.unit is not the one of leverage_max_bps"),
    ("#   unit: bps\n", "", "METADATA has no custom.unit of type str"),
    ("#   unit: bps", "#   unit: percent", "custom.unit is unknown"),
    ("proven if exits", "proven := 5 if exits", "`proven` is something else than true"),
    ("proven if exits", 'proven := "true" if exits', "`proven` is something else than true"),
    ("proven if exits", "proven := input.v if exits", "`proven` is something else than true"),
    ("proven if exits", "proven := false if exits", "`proven` is something else than true"),
    ("proven if exits.reduces", "proven := true", "`proven` needs nothing to be so"),
    ("proven if exits.reduces", "proven if true", "`proven` needs nothing to be so"),
    ("proven if exits.reduces", "default proven := true", "`proven` has a default"),
    ("proven if exits.reduces", "default proven := false", "`proven` has a default"),
    ("proven if exits.reduces", "proven if false else := true", "`proven` has an `else`"),
    (
        'limit := "leverage_max_bps"',
        'limit := concat("", ["leverage_max", "_bps"])',
        "`limit` is not one plain text",
    ),
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
    assert (expected in found) if expected else (CONTROL not in found)


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
            "main.rego",
            "required := object.keys(registry)",
            'required := object.keys(registry) - {"EXP-02"}',
            "main.rego: required leaves out EXP-02 of the registry",
        ),
        (
            "main.rego",
            "required := object.keys(registry)",
            'required := {id | some id, _ in registry; id == "none"}',
            "main.rego: required leaves out ACC-01, ",
        ),
        (
            "main.rego",
            "registry := {",
            "registry := object.filter(former, [])\n\nformer := {",
            "main.rego: the registry is empty",
        ),
        (
            "schemas/limits.json",
            '"order_qty_max_e8": {',
            '"new_max_count": {"type": "integer"}, "order_qty_max_e8": {',
            "schemas/limits.json: new_max_count is read by no control",
        ),
        (
            "schemas/limits.json",
            '"order_qty_max_e8": {',
            '"order_quantity_max_e8": {',
            "schemas/limits.json: order_qty_max_e8 is missing, which a control reads",
        ),
        (
            "schemas/limits.json",
            '"order_qty_max_e8": {',
            '"order_qty_max_ms": {"type": "integer"}, "order_qty_max_e8": {',
            "people would write order_qty_max_ms and order_qty_max_e8 alike",
        ),
        (
            "schemas/limits.json",
            '"order_qty_max_e8": {',
            '"order_qty_limit": {"type": "integer"}, "order_qty_max_e8": {',
            "order_qty_limit does not tell direction and unit",
        ),
        (
            "limits/limits.yaml",
            "order_qty_max: 0 units",
            "",
            "limits/limits.yaml: order_qty_max is missing in global",
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
    found = said(coverage_findings(find_opa(), quick_check))
    assert "controls/leverage.rego: not covered: lines " in found


def test_one_line_that_no_test_reaches_is_no_range(quick_check: Path) -> None:
    control = quick_check / "main.rego"
    before = control.read_text(encoding="utf-8")
    control.write_text(before + "\nnever if count(input.batch) == 7654321\n", encoding="utf-8")
    try:
        found = said(coverage_findings(find_opa(), quick_check))
    finally:
        control.write_text(before, encoding="utf-8")
    line = before.count("\n") + 2
    assert re.search(rf"main.rego: not covered: lines? .*\b{line}(,|$)", found, re.MULTILINE), found


def test_a_failing_test_of_the_rego(sources: Path) -> None:
    for path in sources.rglob("*_test.rego"):
        path.unlink()
    failing = "package writ.main_test\n\ntest_this if false\n"
    (sources / "main_test.rego").write_text(failing, encoding="utf-8")
    assert "data.writ.main_test.test_this: FAIL" in said(coverage_findings(find_opa(), sources))


def test_no_tests_of_the_rego_at_all(sources: Path) -> None:
    for path in sources.rglob("*_test.rego"):
        path.unlink()
    found = coverage_findings(find_opa(), sources)
    assert [finding for finding in found if finding.file == "."]


def test_a_folder_without_policies(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        check(tmp_path)


@pytest.fixture(scope="module")
def data_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Limits, lists and their schemas."""
    copy = tmp_path_factory.mktemp("data") / "policies"
    for folder in ("limits", "lists", "schemas"):
        shutil.copytree(SOURCE / folder, copy / folder)
    return copy


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("limits/limits.yaml", "a: *b", "limits/limits.yaml:1: aliases are not taken"),
        (
            "limits/limits.yaml",
            "base_currency: USD\nglobal:\n  leverage_max: 1.3\n",
            "limits/limits.yaml:3: leverage_max: the unit is missing",
        ),
        (
            "limits/limits.yaml",
            "base_currency: USD\nglobal: {}\nsymbols:\n  APPL: {}\n",
            "limits/limits.yaml:4: 'APPL' is not among the instruments",
        ),
        ("lists/instruments.json", "{\n{", "lists/instruments.json:2: Expecting property name"),
        ("lists/instruments.json", '{"A": {}}', "lists/instruments.json: instrument A has missing"),
        ("lists/instruments.json", '{"A": {}, "A": {}}', "'A' stands there twice"),
        ("lists/restricted.json", '{"AAPL": 1}', "restricted: 'AAPL' is not marked true"),
        ("lists/compliance_symbols.json", "[]", "compliance_symbols is not an object"),
        ("lists/permissions.json", '{"a b": {}}', "permissions of 'a b' must have principals"),
        ("schemas/limits.json", "{}", "there is no definitions.table.properties"),
    ],
)
def test_data_that_is_wrong(data_only: Path, name: str, content: str, expected: str) -> None:
    before = (data_only / name).read_bytes()
    try:
        (data_only / name).write_text(content, encoding="utf-8")
        found = data_findings(data_only)
    finally:
        (data_only / name).write_bytes(before)
    assert expected in said(found)
    assert not any(str(data_only) in finding.message for finding in found)


def test_data_without_a_file(data_only: Path) -> None:
    for name in ("limits/limits.yaml", "lists/restricted.json"):
        before = (data_only / name).read_bytes()
        (data_only / name).unlink()
        try:
            assert "cannot be read" in said(data_findings(data_only))
        finally:
            (data_only / name).write_bytes(before)


def test_what_has_no_effect_is_a_warning(data_only: Path) -> None:
    assert data_findings(data_only) == []
    changed = {
        "limits/limits.yaml": "base_currency: USD\nglobal: {positions_max: 5}\n"
        "accounts:\n  main: {positions_max: 6}\n",
        "lists/restricted.json": '{"ZZZZ": true}',
        "lists/compliance_symbols.json": '{"ZZZZ": true}',
        "lists/permissions.json": '{"*": {"principals": {}, "classes": {"bond": true}, '
        '"extended_hours": false}}',
    }
    before = {name: (data_only / name).read_bytes() for name in changed}
    try:
        for name, content in changed.items():
            (data_only / name).write_text(content, encoding="utf-8")
        found = data_findings(data_only)
    finally:
        for name, data in before.items():
            (data_only / name).write_bytes(data)
    assert [(finding.place, finding.warning) for finding in found] == [
        ("limits/limits.yaml:4", True),
        ("lists/restricted.json", True),
        ("lists/compliance_symbols.json", True),
        ("lists/permissions.json", True),
    ]


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
