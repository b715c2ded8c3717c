"""What commands print is data: exact as JSON, and never markup that a name could smuggle in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.cli import output
from gateway.cli.client import ProblemError
from gateway.cli.order_shown import denial, print_controls, print_denial

ROWS: list[dict[str, Any]] = [
    {"name": "[red]alice[/red]", "flag": True, "nothing": None, "many": ["a", "b"]},
    {"name": "\u202eevil", "flag": False, "nothing": None, "many": []},
]


def test_json_has_everything(capsys: pytest.CaptureFixture[str]) -> None:
    output.rows(ROWS, ("name",), output.Format.JSON)
    assert json.loads(capsys.readouterr().out) == ROWS
    output.record(ROWS[0], output.Format.JSON, fields=("name",))
    assert json.loads(capsys.readouterr().out) == ROWS[0]


def test_a_table_shows_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    output.rows(ROWS, ("name", "flag", "nothing", "many", "absent"), output.Format.TABLE)
    printed = capsys.readouterr().out
    assert "[red]alice[/red]" in printed
    assert "yes" in printed
    assert "no" in printed
    assert '["a", "b"]' in printed


def test_a_long_table_is_not_folded_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    output.rows([{"a": "x" * 150}], ("a",), output.Format.TABLE)
    assert "x" * 150 in capsys.readouterr().out


def test_notes_and_complaints_are_no_data(capsys: pytest.CaptureFixture[str]) -> None:
    output.complaint("it broke", "some-code", "mend it")
    output.note("working")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "error: it broke (some-code)" in captured.err
    assert "mend it" in captured.err


def control(name: str, **given: Any) -> dict[str, Any]:
    return {
        "control": name,
        "title": f"title of {name}",
        "passed": False,
        "observed": 325,
        "limit": 200,
        "limit_name": "day_loss_max_bps",
        "unit": "bps",
        "source": "global",
        "remedy": "wait",
        "regulation": ["a rule"],
        "fix103": 99,
    } | given


DENIED: dict[str, Any] = {
    "order_id": "ord_1",
    "decision_id": "dec_1",
    "index": 7,
    "status": 403,
    "code": "order-denied",
    "detail": "denied by A-01 (a)",
    "remedy": "wait",
    "base_currency": "EUR",
    "reasons": [control("A-01")],
}


@pytest.mark.requirement("W-05")
def test_controls_are_explained_with_their_arithmetic(capsys: pytest.CaptureFixture[str]) -> None:
    money = {"limit_name": "order_notional_max_micros", "unit": "micros", "observed": 10**9}
    figures = [control("A-01"), control("B-01", passed=True), control("C-01", **money)]
    print_controls(figures, "EUR", {"order": {"price_decimals": 2}})
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.split()}
    assert "3.25 % <= 2 %: no" in lines["A-01"]
    assert "3.25 % > 2 %; proven another way" in lines["B-01"]
    assert "1,000.00 EUR <= 0.0002 EUR: no" in lines["C-01"]


def test_a_denial_shows_its_reasons_with_the_base_currency(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reason = control("A-01", unit="micros", limit_name="order_notional_max_micros")
    print_denial(DENIED | {"reasons": [reason]}, output.Format.TABLE)
    assert "0.000325 EUR <= 0.0002 EUR: no" in capsys.readouterr().out


def test_one_remedy_stands_for_one_control_and_none_for_many() -> None:
    assert denial(ProblemError(DENIED)).remedy == "wait"
    many = denial(ProblemError(DENIED | {"reasons": [control("A-01"), control("B-01")]}))
    assert many.remedy == "each control above has its own remedy"
    assert (many.code, many.exit_status) == ("order-denied", 1)
