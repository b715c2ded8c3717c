"""What commands print is data: exact as JSON, and never markup that a name could smuggle in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.cli import output
from gateway.cli.order_shown import readable

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


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (32_240_000_000, "micros", "32,240.000000"),
        (500, "bps", "5.00%"),
        (1_500, "ms", "1.500s"),
        (200_100_000_000, "e8", "2,001.00000000"),
        (407_400, "e4", "40.7400"),
        (12, "count", "12"),
        (0, None, "0"),
        (None, "micros", None),
    ],
)
def test_figures_are_shown_in_the_unit_people_use(
    value: int | None, unit: str | None, text: str | None
) -> None:
    assert readable(value, unit) == text


def test_a_price_is_shown_at_its_orders_scale_or_says_that_it_is_not() -> None:
    assert readable(12_480_500, "price", 4) == "1,248.0500"
    assert readable(1_248, "price", 0) == "1,248"
    assert readable(12_480_500, "price") == "12480500 (in the instrument's smallest unit)"
