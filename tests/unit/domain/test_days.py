"""What a day came to: the book and the verifier, which shares no code with it, agree."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.book import Book, BookError
from gateway.domain.days import DAYS_MAX, ClosedDay
from gateway.domain.projection import apply
from signing.verification.days import DayCheck

CASH_MICROS = 1_000_000
Entry = tuple[str, dict[str, Any]]


def day(session: str, equity: int, closed: tuple[str, int, int, int] | None = None) -> Entry:
    """The opening of a day; ``closed``: session, equity, profit and fees of the one before it."""
    told: dict[str, Any] = {"account": "primary", "session": session, "equity_micros": equity}
    if closed is not None:
        names = ("session", "equity_micros", "profit_micros", "fees_micros")
        told["closed"] = dict(zip(names, closed, strict=True))
    return "day", told | {"market_us": 1}


def payment(before: int, after: int, reconciliation_id: str = "rec_1") -> Entry:
    """A correction of cash alone."""
    cash = {"before_micros": before, "after_micros": after}
    return _correction(reconciliation_id, cash=cash)


def trade_of_others(reconciliation_id: str = "rec_1") -> Entry:
    """A correction of a position."""
    held = {"AAPL": {"before": 0, "after": 4, "qty_decimals": 0}}
    return _correction(reconciliation_id, positions=held)


def _correction(reconciliation_id: str, **changes: object) -> Entry:
    told = {
        "account": "primary",
        "broker": "simulator",
        "cause": "CASH_DIFFERENCE",
        "reconciliation_id": reconciliation_id,
        "by": "reconciliation",
        "cash": "none",
        "positions": {},
    }
    return "correction", told | changes


OPENED = day("2015-01-05", CASH_MICROS)


def told(*entries: Entry) -> tuple[Book, str | None]:
    """The book after some entries, and what the verifier finds in the last one."""
    book, check, found = Book(), DayCheck(), None
    statement = {"account": "primary", "broker": "simulator", "positions": {}}
    whole = {**statement, "cash_micros": CASH_MICROS, "source": "broker"}
    for kind, payload in (("statement", whole), *entries):
        assert found is None, "only the last entry may be wrong"
        found = check.take(kind, payload)
        if found is None:
            apply(book, kind, payload)
    return book, found


CASES = [
    pytest.param([OPENED], ("2015-01-05", 900_000, -100_000, 0), id="a loss"),
    pytest.param(
        [OPENED, payment(CASH_MICROS, CASH_MICROS + 500)],
        ("2015-01-05", 900_000, -100_500, 0),
        id="a deposit hides no loss",
    ),
    pytest.param(
        [OPENED, payment(CASH_MICROS, CASH_MICROS - 500)],
        ("2015-01-05", 900_000, -99_500, 0),
        id="a withdrawal is no loss",
    ),
    pytest.param(
        [OPENED, trade_of_others(), payment(CASH_MICROS, 600_000)],
        ("2015-01-05", 900_000, -100_000, 0),
        id="a trade past us is a trade, with its money",
    ),
    pytest.param(
        [OPENED, trade_of_others(), payment(CASH_MICROS, 600_000, "rec_2")],
        ("2015-01-05", 900_000, 300_000, 0),
        id="money of another reconciliation is a payment",
    ),
    pytest.param(
        [
            OPENED,
            payment(CASH_MICROS, CASH_MICROS + 500),
            day("2015-01-06", CASH_MICROS, ("2015-01-05", CASH_MICROS, -500, 0)),
        ],
        ("2015-01-06", 900_000, -100_000, 0),
        id="each day counts its own payments",
    ),
]


@pytest.mark.requirement("S2-06")
@pytest.mark.parametrize(("before", "closed"), CASES)
def test_a_day_came_to_what_it_did_without_what_was_paid(
    before: list[Entry], closed: tuple[str, int, int, int]
) -> None:
    book, found = told(*before, day("2015-01-07", closed[1], closed))
    assert found is None
    account = book.account("primary")
    assert account.days[-1] == ClosedDay(*closed)
    assert (account.session, account.day_open_equity_micros) == ("2015-01-07", closed[1])
    assert account.day_profit_micros(closed[1] + 7) == 7
    assert account.day_profit_micros(None) is None


@pytest.mark.requirement("S2-06")
@pytest.mark.parametrize(
    "closed",
    [
        pytest.param(("2015-01-04", 900_000, -100_000, 0), id="another session"),
        pytest.param(("2015-01-05", 900_001, -100_000, 0), id="another equity"),
        pytest.param(("2015-01-05", 900_000, -100_001, 0), id="another profit"),
        pytest.param(("2015-01-05", 900_000, -100_000, 1), id="other fees"),
    ],
)
def test_a_day_that_came_to_something_else_contradicts_the_book_and_the_log(
    closed: tuple[str, int, int, int],
) -> None:
    book, found = told(OPENED, day("2015-01-06", 900_000, closed))
    assert found is not None
    with pytest.raises(BookError):
        apply(book, *day("2015-01-06", 900_000, closed))


@pytest.mark.parametrize("session", ["2015-01-05", "2015-01-02"])
def test_a_day_ends_only_before_a_later_one(session: str) -> None:
    book, found = told(OPENED, day(session, 1, ("2015-01-05", 1, 1 - CASH_MICROS, 0)))
    assert found is not None
    with pytest.raises(BookError):
        apply(book, *day(session, 1, ("2015-01-05", 1, 1 - CASH_MICROS, 0)))


def test_no_day_ends_before_the_first_and_an_old_log_says_nothing_of_them() -> None:
    book, found = told(day("2015-01-06", 1, ("2015-01-05", 1, 0, 0)))
    assert found is not None
    with pytest.raises(BookError):
        apply(book, *day("2015-01-06", 1, ("2015-01-05", 1, 0, 0)))
    book, found = told(OPENED, day("2015-01-06", 900_000))
    assert (found, book.account("primary").days) == (None, ())


def test_only_so_many_days_are_held() -> None:
    entries, before = [OPENED], "2015-01-05"
    for number in range(DAYS_MAX + 2):
        session = f"{2016 + number // 300}-{number // 25 % 12 + 1:02d}-{number % 25 + 1:02d}"
        entries.append(day(session, CASH_MICROS, (before, CASH_MICROS, 0, 0)))
        before = session
    book, found = told(*entries)
    assert found is None
    days = book.account("primary").days
    assert len(days) == DAYS_MAX
    assert days[-1].session == entries[-2][1]["session"]
