"""What brokers tell beyond fills: replacements, corrected trades, anomalies, and reconciliation."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.book import Book, BookError
from gateway.domain.projection import apply
from signing.lifecycle import State

CASH_MICROS = 5_000_000_000
ORDER: dict[str, Any] = {
    "account": "primary", "symbol": "AAPL", "side": "buy", "type": "limit",
    "time_in_force": "day", "qty": 10, "qty_decimals": 0, "price_decimals": 4,
    "limit_price": 1_000_000, "stop_price": "none", "strategy_id": "none",
    "worst_price": 1_000_000,
}  # fmt: skip
SAME = {"account": "primary", "symbol": "AAPL", "side": "buy", "qty_decimals": 0,
        "price_decimals": 4, "market_us": 6, "session": "2015-08-24"}  # fmt: skip


def decide(book: Book, number: int = 1, **changes: object) -> None:
    """An allowed order to buy 10 AAPL at 100.00, taken by the broker."""
    ids = {"order_id": f"ord_{number}", "decision_id": f"dec_{number}"}
    ids["broker_client_id"] = f"wr-{number}"
    verdict = {"allow": True, "required": [], "passed": [], "reasons": [], "door": {}}
    payload = {
        **ids, "account": "primary", "principal": "desk", "client_order_id": "none",
        "mode": "SIMULATION", "label": "none", "market_us": 5, "input_digest": "0" * 64,
        "release_digest": "1" * 64, "engine": {"name": "opa-wasm", "version": "1"},
        "allow": True, "failure": "none", "verdict": verdict,
    }  # fmt: skip
    apply(book, "decision", payload, {"order": ORDER | changes})
    sent = {"broker": "simulator", "outcome": "accepted", "code": "none", "broker_order_id": "b"}
    apply(book, "submission", ids | sent)


def fill(book: Book, qty: int, *, price: int = 1_000_000, number: int = 1, **more: object) -> None:
    told = {"order_id": f"ord_{number}", "broker_client_id": f"wr-{number}", "fee_micros": 0}
    told |= {"execution_id": f"x{qty}", "qty": qty, "price": price}
    apply(book, "execution", SAME | told | more)


def correct(book: Book, before: int, after: int, cum_qty: int, **changes: object) -> None:
    told = {
        "order_id": "ord_1", "broker_client_id": "wr-1", "execution_id": "c1",
        "of_execution_id": f"x{before}", "cause": "bust" if after == 0 else "correct",
        "qty_before": before, "qty_after": after, "price_before": 1_000_000,
        "price_after": 1_000_000 if after else 0, "fee_change_micros": 0, "cum_qty": cum_qty,
    }  # fmt: skip
    apply(book, "trade-correction", SAME | told | changes)


def question(book: Book, number: int = 1) -> None:
    told = {"order_id": f"ord_{number}", "account": "primary", "broker": "simulator",
            "broker_client_id": f"wr-{number}", "told": "status", "code": "ILLEGAL_STATUS",
            "state": "ACKNOWLEDGED"}  # fmt: skip
    apply(book, "anomaly", told)


def external(book: Book, **changes: object) -> None:
    told = {"account": "primary", "broker": "simulator", "broker_order_id": "t1",
            "broker_client_id": "none", "symbol": "AAPL", "side": "buy", "status": "ACKNOWLEDGED",
            "qty": 7, "filled_qty": 2, "qty_decimals": 0, "limit_price": 1_000_000,
            "price_decimals": 4, "multiplier": 1, "rate_e8": 100_000_000}  # fmt: skip
    apply(book, "external", told | changes)


def correction(book: Book, **changes: object) -> None:
    told = {"account": "primary", "broker": "simulator", "cause": "UNEXPLAINED_POSITION",
            "reconciliation_id": "rec_1", "by": "reconciliation", "cash": "none",
            "positions": {"AAPL": {"before": 0, "after": 4, "qty_decimals": 0}}}  # fmt: skip
    apply(book, "correction", told | changes)


@pytest.fixture
def book() -> Book:
    book = Book()
    apply(book, "statement", {"account": "primary", "broker": "simulator", "positions": {},
                              "cash_micros": CASH_MICROS, "source": "broker"})  # fmt: skip
    return book


@pytest.mark.requirement("S3-08")
def test_an_inferred_fill_and_its_real_one_are_counted_once(book: Book) -> None:
    decide(book)
    fill(book, 6, price=990_000, source="inferred", execution_id="inferred-1")
    fill(book, 4, merged_qty=4)
    fill(book, 3, merged_qty=2)
    order, account = book.orders["ord_1"], book.account("primary")
    assert (order.filled_qty, order.filled_value, order.unreported) == (7, 7 * 1_000_000, ())
    assert account.positions == {"AAPL": (7, 0)}
    assert account.cash_micros == CASH_MICROS - 700_000_000
    assert account.executed_turnover_micros == 700_000_000
    assert account.working["ord_1"].leaves_qty == 3


@pytest.mark.parametrize("merged", [0, 3, 5])
def test_a_fill_merges_exactly_what_was_inferred(book: Book, merged: int) -> None:
    decide(book)
    fill(book, 4, source="inferred", execution_id="inferred-1")
    with pytest.raises(BookError):
        fill(book, 5, merged_qty=merged)


@pytest.mark.requirement("S3-05")
def test_a_bust_takes_everything_of_its_trade_back(book: Book) -> None:
    decide(book)
    fill(book, 4)
    correct(book, 4, 0, 0)
    order, account = book.orders["ord_1"], book.account("primary")
    assert (order.status, order.filled_qty, order.filled_value) == (State.ACKNOWLEDGED, 0, 0)
    assert (account.positions, account.cash_micros) == ({}, CASH_MICROS)
    assert account.executed_turnover_micros == 0
    assert account.working["ord_1"].leaves_qty == 10


@pytest.mark.requirement("S3-05")
def test_a_corrected_trade_counts_as_it_stands(book: Book) -> None:
    decide(book)
    fill(book, 10)
    correct(book, 10, 9, 9, price_after=1_010_000, fee_change_micros=5)
    order, account = book.orders["ord_1"], book.account("primary")
    assert (order.status, order.filled_qty) == (State.FILLED, 9)
    assert account.positions == {"AAPL": (9, 0)}
    assert account.cash_micros == CASH_MICROS - 909_000_000 - 5
    assert "ord_1" not in account.working


@pytest.mark.parametrize(("after", "cum_qty"), [(0, 1), (12, 12), (5, 4)])
def test_a_correction_that_does_not_add_up_is_an_error(
    book: Book, after: int, cum_qty: int
) -> None:
    decide(book)
    fill(book, 4)
    with pytest.raises(BookError):
        correct(book, 4, after, cum_qty)


@pytest.mark.requirement("S1-06")
def test_a_replacement_and_the_order_before_it_both_reserve(book: Book) -> None:
    decide(book)
    decide(book, 2, replaces="ord_1", qty=5)
    told = {"order_id": "ord_1", "broker_client_id": "wr-1", "by": "desk", "market_us": 6}
    apply(book, "replace", told | {"by_order_id": "ord_2"})
    assert book.orders["ord_1"].status is State.PENDING_REPLACE
    assert book.orders["ord_1"].replaced_by == "ord_2"
    assert set(book.account("primary").working) == {"ord_1", "ord_2"}


@pytest.mark.requirement("S1-06")
def test_nothing_is_replaced_by_an_order_that_was_decided_for_something_else(book: Book) -> None:
    decide(book)
    decide(book, 2)
    told = {"order_id": "ord_1", "broker_client_id": "wr-1", "by": "desk", "market_us": 6}
    for other in ("ord_2", "ord_3"):
        with pytest.raises(BookError):
            apply(book, "replace", told | {"by_order_id": other})


@pytest.mark.requirement("W-07")
def test_an_anomaly_keeps_its_order_counted_until_a_person_settles_it(book: Book) -> None:
    decide(book)
    question(book)
    ended = {"order_id": "ord_1", "broker_client_id": "wr-1", "source": "broker", "code": "none"}
    apply(book, "status", ended | {"status": "CANCELED"})
    assert book.orders["ord_1"].reserves
    assert book.doubtful == {("primary", "AAPL"): {"ord_1"}}
    settled = {"order_id": "ord_1", "decision_id": "dec_1", "broker_client_id": "wr-1",
               "outcome": "canceled", "evidence": "BROKER_ASKED"}  # fmt: skip
    apply(book, "settlement", settled)
    assert book.orders["ord_1"].anomaly == "ILLEGAL_STATUS"
    apply(book, "settlement", settled | {"by": "olga", "reason": "called them"})
    assert not book.orders["ord_1"].reserves
    assert book.doubtful == {}
    assert book.account("primary").working == {}


def test_an_anomaly_of_nobodys_order_changes_nothing(book: Book) -> None:
    told = {"order_id": "none", "account": "primary", "broker": "simulator", "told": "execution",
            "broker_client_id": "theirs", "code": "UNKNOWN_ORDER", "state": "none"}  # fmt: skip
    assert apply(book, "anomaly", told) == ()


@pytest.mark.requirement("S3-08")
def test_an_external_order_reserves_while_it_is_open(book: Book) -> None:
    external(book)
    for filled, leaves in ((2, 5), (6, 1)):
        external(book, filled_qty=filled)
        [reservations] = book.account("primary").reservations.values()
        assert reservations.working_qty(buys=True) == leaves
    external(book, status="CANCELED", filled_qty=6)
    assert book.account("primary").reservations == {}
    assert book.account("primary").external == {}


@pytest.mark.requirement("S3-08")
@pytest.mark.parametrize("unknown", ["limit_price", "rate_e8"])
def test_an_external_order_without_a_bound_leaves_nothing_provable(
    book: Book, unknown: str
) -> None:
    if unknown == "limit_price":
        external(book, limit_price="none")
    else:
        told = {"account": "primary", "broker": "simulator", "broker_order_id": "t1",
                "broker_client_id": "none", "symbol": "AAPL", "side": "buy",
                "status": "ACKNOWLEDGED", "qty": 7, "filled_qty": 2, "qty_decimals": 0,
                "limit_price": 1, "price_decimals": 4}  # fmt: skip
        apply(book, "external", told)
    [reservations] = book.account("primary").reservations.values()
    assert not reservations.countable


@pytest.mark.requirement("S3-08")
def test_a_correction_puts_one_state_in_the_place_of_another(book: Book) -> None:
    correction(book)
    assert book.account("primary").positions == {"AAPL": (4, 0)}
    cash = {"before_micros": CASH_MICROS, "after_micros": 1}
    back = {"AAPL": {"before": 4, "after": 0, "qty_decimals": 0}}
    correction(book, cash=cash, positions=back)
    assert (book.account("primary").positions, book.account("primary").cash_micros) == ({}, 1)


@pytest.mark.requirement("S3-08")
@pytest.mark.parametrize(
    "changes",
    [
        {"cash": {"before_micros": 1, "after_micros": 2}},
        {"positions": {"AAPL": {"before": 1, "after": 2, "qty_decimals": 0}}},
        {"account": "other"},
    ],
    ids=["cash", "position", "account"],
)
def test_a_correction_of_something_else_than_stands_is_an_error(
    book: Book, changes: dict[str, Any]
) -> None:
    with pytest.raises(BookError):
        correction(book, **changes)


def test_rejections_in_a_row_are_counted_until_one_is_taken_or_a_person_resumes(book: Book) -> None:
    decide(book)
    decide(book, 2)
    told = {"order_id": "ord_2", "broker_client_id": "wr-2", "source": "broker", "code": "ERR_X"}
    apply(book, "status", told | {"status": "REJECTED"})
    assert book.account("primary").rejected_in_a_row == 1
    decide(book, 3)
    assert book.account("primary").rejected_in_a_row == 0
    told = {"order_id": "ord_3", "broker_client_id": "wr-3", "source": "broker", "code": "ERR_X"}
    apply(book, "status", told | {"status": "REJECTED"})
    halt = {"halt_id": "h1", "scope": {"kind": "account", "name": "primary"}, "cancels": True,
            "cause": "OMEGA2_REJECTIONS", "reduce_allowed": False, "clear_by": "admin",
            "by": "triggers"}  # fmt: skip
    apply(book, "halt", halt)
    apply(book, "resume", {"halt_id": "h1", "by": "olga", "reason": "mended"})
    assert book.account("primary").rejected_in_a_row == 0
