"""docs/vault.md says what the code does: every code has its row, and the figures are the code's."""

import ast
from pathlib import Path

import pytest

from vault.custody import HELD_MAX
from vault.references import REFERENCE_MAX, Scheme
from vault.secret import SECRET_BYTES_MAX
from vault.standing import Ages, State

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "vault.md").read_text(encoding="utf-8")
SECOND_NS = 1_000_000_000

pytestmark = pytest.mark.requirement("S3-15")


def code_of(node: ast.AST) -> str | None:
    """The code of a `ProviderError` that is made here."""
    match node:
        case ast.Call(func=ast.Name(id="ProviderError"), args=[ast.Constant(value=str(code)), *_]):
            return code
        case _:
            return None


def codes() -> set[str]:
    trees = (ast.parse(path.read_text("utf-8")) for path in (ROOT / "vault").rglob("*.py"))
    found = {code_of(node) for tree in trees for node in ast.walk(tree)}
    return {code for code in found if code is not None}


def test_every_code_is_explained() -> None:
    found = codes()
    assert len(found) > 15
    rows = "\n".join(line for line in TEXT.splitlines() if line.startswith("|"))
    assert {code for code in found if f"`{code}`" not in rows} == set()


def test_every_state_and_kind_of_place_is_there() -> None:
    assert all(f"| `{state}` |" in TEXT for state in State)
    assert all(f"| `{scheme}://" in TEXT for scheme in Scheme)


def test_the_figures_are_the_codes_own() -> None:
    ages = Ages()
    seconds = ages.refresh_ns // SECOND_NS
    assert f"after {seconds - seconds // 5} to {seconds} seconds" in TEXT
    assert f"nobody did for {3 * seconds} seconds" in TEXT
    assert f"within {ages.retry_ns // SECOND_NS} seconds" in TEXT
    assert f"last read {ages.usable_ns // SECOND_NS // 3_600} hours ago" in TEXT
    assert f"more than {HELD_MAX}" in TEXT
    assert f"{REFERENCE_MAX} characters" in TEXT
    assert f"1 to {SECRET_BYTES_MAX:,} bytes" in TEXT
