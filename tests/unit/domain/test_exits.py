"""When an order only reduces, and what an exit-only state lets through."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.book import Book
from gateway.domain.exits import is_exit, only_reduces
from gateway.domain.halt import Scope
from gateway.domain.projection import apply

pytestmark = pytest.mark.requirement("W-10")


@pytest.mark.parametrize(
    ("held", "buys", "qty", "working", "reduces"),
    [
        (10, False, 10, 0, True),
        (10, False, 11, 0, False),
        (10, False, 4, 6, True),
        (10, False, 5, 6, False),
        (10, True, 1, 0, False),
        (0, False, 1, 0, False),
        (0, True, 1, 0, False),
        (-10, True, 10, 0, True),
        (-10, True, 1, 10, False),
        (-10, False, 1, 0, False),
    ],
)
def test_an_order_only_reduces_what_is_there(
    held: int, buys: bool, qty: int, working: int, reduces: bool
) -> None:
    assert only_reduces(held, buys=buys, qty=qty, working_qty=working) is reduces


@pytest.mark.parametrize(
    ("document", "exits"),
    [
        ({"order": {"reduce_only": True}, "projected": {"reduces": True}}, True),
        ({"order": {"reduce_only": False}, "projected": {"reduces": True}}, False),
        ({"order": {"reduce_only": True}, "projected": {"reduces": False}}, False),
        ({"order": {"reduce_only": True}, "projected": {}}, False),
        ({"order": {"reduce_only": True}}, False),
        ({"order": {}, "projected": {"reduces": True}}, False),
        ({"order": {"reduce_only": 1}, "projected": {"reduces": 1}}, False),
    ],
)
def test_an_exit_is_asked_for_and_proven(document: dict[str, Any], exits: bool) -> None:
    assert is_exit(document) is exits


def halt(halt_id: str, kind: str, name: str, *, reduce_allowed: bool = False) -> dict[str, Any]:
    return {
        "halt_id": halt_id, "scope": {"kind": kind, "name": name}, "cause": "MANUAL",
        "cancels": False, "reduce_allowed": reduce_allowed, "clear_by": "admin", "by": "ada",
    }  # fmt: skip


def state(
    kind: str, name: str, *, opened: bool = True, until: int | str = "none"
) -> dict[str, Any]:
    return {
        "opened": opened, "scope": {"kind": kind, "name": name}, "by": "ada", "reason": "why",
        "until_us": until,
    }  # fmt: skip


def allowed(book: Book, wall_us: int = 0) -> bool:
    return book.exit_allowed("primary", "AAPL", "ma", wall_us)


def test_each_halt_that_covers_the_order_must_let_exits_through() -> None:
    book = Book()
    assert allowed(book)
    apply(book, "halt", halt("h1", "global", "*", reduce_allowed=True))
    apply(book, "halt", halt("h2", "symbol", "MSFT"))
    assert allowed(book)
    apply(book, "halt", halt("h3", "account", "primary"))
    assert not allowed(book)


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        (("global", "*"), True),
        (("account", "primary"), True),
        (("account", "other"), False),
        (("symbol", "AAPL"), True),
        (("symbol", "MSFT"), False),
        (("strategy", "ma"), True),
        (("strategy", "other"), False),
    ],
)
def test_a_state_that_covers_the_order_opens_every_halt(
    scope: tuple[str, str], covers: bool
) -> None:
    book = Book()
    apply(book, "halt", halt("h1", "global", "*"))
    apply(book, "halt", halt("h2", "symbol", "AAPL"))
    apply(book, "exit-only", state(*scope))
    assert allowed(book) is covers
    apply(book, "exit-only", state(*scope, opened=False))
    assert not allowed(book)


def test_a_state_ends_at_its_time_and_is_replaced_by_the_next() -> None:
    book = Book()
    apply(book, "halt", halt("h1", "global", "*"))
    apply(book, "exit-only", state("global", "*", until=100))
    assert allowed(book, 99)
    assert not allowed(book, 100)
    apply(book, "exit-only", state("global", "*"))
    assert allowed(book, 10**15)
    assert set(book.exit_only) == {Scope("global", "*")}


def test_opening_and_closing_throw_away_verdicts_that_are_under_way() -> None:
    book = Book()
    before = book.control_version
    apply(book, "exit-only", state("global", "*"))
    apply(book, "exit-only", state("global", "*", opened=False))
    assert book.control_version == before + 2
