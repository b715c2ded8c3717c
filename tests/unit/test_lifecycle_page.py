"""docs/order-lifecycle.md shows the one table, as it is in the code."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from signing.lifecycle import TRANSITIONS, State

ROOT = Path(__file__).parents[2]


@pytest.mark.requirement("S3-05")
def test_the_page_is_made_of_the_table() -> None:
    spec = importlib.util.spec_from_file_location("life_script", ROOT / "scripts" / "lifecycle.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    written = (ROOT / "docs" / "order-lifecycle.md").read_text(encoding="utf-8")
    assert written == script.render(written), "run `python scripts/lifecycle.py`"
    assert all(f"| {state.value} |" in written for state in State)
    arrows = {f"    {a} --> {b}" for a, leads in TRANSITIONS.items() for b in leads}
    assert arrows <= set(written.splitlines())
    with pytest.raises(ValueError, match="marks of states"):
        script.render("no marks")


def test_each_complaint_has_the_tests_that_the_page_names() -> None:
    written = (ROOT / "docs" / "order-lifecycle.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .* \| (.*) \| (`.*`) \|$", written, re.MULTILINE)
    complaints = [row for row in rows if "::" in row[1]]
    assert len(complaints) == 12
    for issues, tests in complaints:
        sources = ""
        for path, name in re.findall(r"`([\w/.]+)::(\w+)`", tests):
            source = (ROOT / "tests" / "unit" / path).read_text(encoding="utf-8")
            assert f"def {name}(" in source, f"{path} has no {name}"
            sources += source
        for number in re.findall(r"#\d+", issues):
            assert number in sources, f"the tests of {issues} do not name it"
