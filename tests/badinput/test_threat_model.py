"""The threat model names proofs: each must be there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "threat-model.md"


def test_every_proof_that_is_named_is_there() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[a-z0-9_/]+\.py)(?:::(test_\w+))?`", text)
    assert len(named) > 25
    for path, test in named:
        source = (ROOT / path).read_text(encoding="utf-8")
        assert f"def {test or 'test_'}" in source, (path, test)
    for linked in re.findall(r"\]\(([a-z-]+\.md)\)", text):
        assert (DOCUMENT.parent / linked).is_file(), linked


def test_a_row_without_a_proof_says_that_nothing_stops_it() -> None:
    rows = re.findall(
        r"^\| (.+) \| (.+) \| (.+) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE
    )
    for tried, what, proof in rows:
        if proof.startswith("planned"):
            assert "**" in what, tried
