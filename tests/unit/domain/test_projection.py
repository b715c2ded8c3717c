"""The one projector: what entries do to the book, and what does not fit it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from gateway.domain.book import Book, BookError
from gateway.domain.halt import Scope
from gateway.domain.projection import apply
from gateway.domain.quantities import Worth
from signing.lifecycle import State

ORDER: dict[str, Any] = {
    "account": "primary", "symbol": "AAPL", "side": "buy", "type": "limit",
    "time_in_force": "day", "qty": 10, "qty_decimals": 0, "price_decimals": 4,
    "limit_price": 1_000_000, "stop_price": "none", "strategy_id": "none",
    "worst_price": 1_000_000,
}  # fmt: skip


def decision(number: int = 1, *, allow: bool = True, mode: str = "SIMULATION") -> dict[str, Any]:
    return {
        "decision_id": f"dec_{number}", "order_id": f"ord_{number}", "account": "primary",
        "principal": "desk", "client_order_id": "none", "broker_client_id": f"wr-{number}",
        "mode": mode, "label": "none", "market_us": 5, "input_digest": "0" * 64,
        "release_digest": "1" * 64, "engine": {"name": "opa-wasm", "version": "1"},
        "allow": allow, "failure": "none",
        "verdict": {"allow": allow, "required": [], "passed": [], "reasons": [], "door": {}},
    }  # fmt: skip


def fill(qty: int, number: int = 1, side: str = "buy", price: int = 1_000_000) -> dict[str, Any]:
    return {
        "order_id": f"ord_{number}", "broker_client_id": f"wr-{number}",
        "execution_id": f"x{qty}", "account": "primary", "symbol": "AAPL", "side": side,
        "qty": qty, "qty_decimals": 0, "price": price, "price_decimals": 4,
        "fee_micros": 1_000_000, "market_us": 6, "session": "2015-08-24",
    }  # fmt: skip


@pytest.fixture
def book() -> Book:
    book = Book()
    statement = {"account": "primary", "broker": "simulator", "cash_micros": 5_000_000_000,
                 "positions": {}, "source": "broker"}  # fmt: skip
    apply(book, "statement", statement)
    return book


def submission(outcome: str = "accepted") -> dict[str, Any]:
    return {"decision_id": "dec_1", "order_id": "ord_1", "broker_client_id": "wr-1",
            "broker": "simulator", "outcome": outcome, "code": "none",
            "broker_order_id": "sim-1"}  # fmt: skip


def test_an_allow_reserves_until_it_is_filled(book: Book) -> None:
    apply(book, "decision", decision(), {"order": ORDER})
    assert book.account("primary").working["ord_1"].leaves_qty == 10
    apply(book, "submission", submission())
    apply(book, "execution", fill(4))
    account = book.account("primary")
    assert account.working["ord_1"].leaves_qty == 6
    assert account.positions == {"AAPL": (4, 0)}
    assert account.cash_micros == 5_000_000_000 - 400_000_000 - 1_000_000
    assert account.executed_turnover_micros == 400_000_000
    [filled] = apply(book, "execution", fill(6))
    assert filled.status is State.FILLED
    assert account.working == {}
    assert account.positions == {"AAPL": (10, 0)}


def test_a_sale_that_closes_leaves_no_position(book: Book) -> None:
    apply(book, "decision", decision(), {"order": ORDER})
    apply(book, "execution", fill(10))
    apply(book, "decision", decision(2), {"order": ORDER | {"side": "sell"}})
    apply(book, "execution", fill(10, 2, "sell", 1_100_000))
    account = book.account("primary")
    assert account.positions == {}
    assert account.cash_micros == 5_000_000_000 + 100_000_000 - 2_000_000


def test_a_fill_at_another_scale_than_the_position_is_added_exactly(book: Book) -> None:
    finer = ORDER | {"qty": 500, "qty_decimals": 2}
    apply(book, "decision", decision(), {"order": ORDER})
    apply(book, "decision", decision(2), {"order": finer})
    apply(book, "execution", fill(10))
    apply(book, "execution", fill(500, 2) | {"qty_decimals": 2})
    assert book.account("primary").positions == {"AAPL": (1500, 2)}  # ten and five
    apply(book, "decision", decision(3), {"order": ORDER | {"side": "sell"}})
    apply(book, "execution", fill(10, 3, "sell"))
    assert book.account("primary").positions == {"AAPL": (500, 2)}


@pytest.mark.parametrize("other", [{"side": "sell"}, {"symbol": "MSFT"}, {"account": "second"}])
def test_a_fill_of_something_else_than_the_order_is_an_error(
    book: Book, other: dict[str, Any]
) -> None:
    second = {"account": "second", "cash_micros": 0, "positions": {}}
    apply(book, "statement", second)
    apply(book, "decision", decision(), {"order": ORDER})
    before = copy.deepcopy(book.accounts)
    with pytest.raises(BookError):
        apply(book, "execution", fill(4) | other)
    assert book.accounts == before


def test_a_late_fill_at_the_scale_of_an_older_release_is_added_as_what_it_is(book: Book) -> None:
    """Three whole shares beside five at eight decimals are eight, not 500,000,003."""
    apply(book, "decision", decision(), {"order": ORDER})
    closing = {"order_id": "ord_1", "broker_client_id": "wr-1", "status": "CANCELED",
               "code": "none", "source": "broker"}  # fmt: skip
    apply(book, "status", closing)
    finer = ORDER | {"qty": 500_000_000, "qty_decimals": 8}
    apply(book, "decision", decision(2), {"order": finer})
    apply(book, "execution", fill(500_000_000, 2) | {"qty_decimals": 8})
    apply(book, "execution", fill(3))
    assert book.account("primary").positions == {"AAPL": (800_000_000, 8)}


@pytest.mark.parametrize(("allow", "mode"), [(False, "SIMULATION"), (True, "RESEARCH")])
def test_a_denial_and_a_research_allow_reserve_nothing(book: Book, allow: bool, mode: str) -> None:
    [state] = apply(book, "decision", decision(allow=allow, mode=mode), {"order": ORDER})
    assert state.status is (State.CREATED if allow else State.DENIED)
    assert book.orders == {}
    assert book.account("primary").working == {}


def test_a_rejection_releases_the_reservation(book: Book) -> None:
    apply(book, "decision", decision(), {"order": ORDER})
    apply(book, "submission", submission("rejected"))
    assert book.account("primary").working == {}


def test_an_unknown_outcome_keeps_it(book: Book) -> None:
    apply(book, "decision", decision(), {"order": ORDER})
    apply(book, "submission", submission("unknown"))
    assert book.orders["ord_1"].status is State.UNKNOWN
    assert "ord_1" in book.account("primary").working


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("execution", fill(1)),
        ("submission", submission()),
        ("day", {"account": "nobody", "session": "2015-08-24", "equity_micros": 1, "market_us": 1}),
    ],
)
def test_what_does_not_fit_is_an_error(book: Book, kind: str, payload: dict[str, Any]) -> None:
    before = copy.deepcopy(book.accounts)
    with pytest.raises(BookError):
        apply(book, kind, payload)
    assert book.accounts == before


def test_filling_more_than_was_ordered_is_an_error(book: Book) -> None:
    apply(book, "decision", decision(), {"order": ORDER})
    with pytest.raises(BookError):
        apply(book, "execution", fill(11))


def test_a_decision_without_its_document_is_an_error(book: Book) -> None:
    with pytest.raises(BookError, match="document"):
        apply(book, "decision", decision())


def test_days_start_turnover_at_zero_and_forget_orders_closed_the_day_before(book: Book) -> None:
    apply(book, "decision", decision(), {"order": ORDER})
    apply(book, "execution", fill(4))
    apply(book, "submission", submission())
    closing = {"order_id": "ord_1", "broker_client_id": "wr-1", "status": "CANCELED",
               "code": "none", "source": "broker"}  # fmt: skip
    apply(book, "status", closing)
    day = {"account": "primary", "session": "2015-08-25", "equity_micros": 7, "market_us": 9}
    apply(book, "day", day)
    account = book.account("primary")
    apply(book, "execution", fill(6))  # reported late, and still known
    assert account.positions == {"AAPL": (10, 0)}
    account.executed_turnover_micros = 0
    apply(book, "day", day | {"session": "2015-08-26"})
    assert (book.orders, book.by_client_id) == ({}, {})
    assert (account.executed_turnover_micros, account.day_open_equity_micros) == (0, 7)
    assert book.market_us == 9


@pytest.mark.requirement("S2-04")
def test_omega4_stands_until_lifted_and_again_after_its_time(book: Book) -> None:
    assert not book.omega4_lifted(0)
    lift = {"lifted": True, "by": "ada", "reason": "test", "until_us": 100}
    apply(book, "omega4", lift)
    assert book.omega4_lifted(99)
    assert not book.omega4_lifted(100)
    apply(book, "omega4", lift | {"until_us": "none"})
    assert book.omega4_lifted(10**15)
    apply(book, "omega4", {"lifted": False, "by": "ada", "reason": "test", "until_us": "none"})
    assert not book.omega4_lifted(0)


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope("global", "*"), True),
        (Scope("account", "primary"), True),
        (Scope("account", "other"), False),
        (Scope("symbol", "AAPL"), True),
        (Scope("symbol", "MSFT"), False),
        (Scope("strategy", "ma"), True),
        (Scope("strategy", "other"), False),
    ],
)
def test_a_halt_covers_its_scope(book: Book, scope: Scope, covered: bool) -> None:
    halt = {"halt_id": "h1", "scope": {"kind": scope.kind, "name": scope.name}, "cause": "MANUAL",
            "cancels": True, "reduce_allowed": False, "clear_by": "admin", "by": "ada"}  # fmt: skip
    version = book.control_version
    apply(book, "halt", halt)
    assert book.halted("primary", "AAPL", "ma") is covered
    apply(book, "resume", {"halt_id": "h1", "by": "ada", "reason": "over"})
    assert not book.halted("primary", "AAPL", "ma")
    assert book.control_version == version + 2


RATED: dict[str, Any] = {
    "rates": {"JPY": {"rate_e8": 700_001, "age_ms": 5}},
    "instrument": {"currency": "JPY", "multiplier": 10},
    "order": ORDER | {"notional_micros": 1},
}


@pytest.mark.requirement("S4-02")
def test_an_execution_moves_cash_at_the_worth_of_its_decision(book: Book) -> None:
    apply(book, "decision", decision(), RATED)
    account = book.account("primary")
    # 10 units at 100.0000 yen, ten to a unit, at 0.00700001 dollars
    assert account.reservations[("AAPL", 0, 4)].at(0).buys_micros == 70_000_100
    apply(book, "execution", fill(3))
    assert account.cash_micros == 5_000_000_000 - 21_000_030 - 1_000_000
    assert account.executed_turnover_micros == 21_000_030
    assert account.reservations[("AAPL", 0, 4)].at(0).buys_micros == 49_000_070
    apply(book, "decision", decision(2), RATED | {"order": RATED["order"] | {"side": "sell"}})
    apply(book, "execution", fill(3, 2, "sell", price=1_000_001))
    # 21.000051000021 dollars: a sale is rounded down, turnover up
    assert account.cash_micros == 5_000_000_000 - 21_000_030 + 21_000_051 - 2_000_000
    assert account.executed_turnover_micros == 21_000_030 + 21_000_052


def test_a_document_that_could_not_count_its_order_reserves_without_bound(book: Book) -> None:
    uncounted = RATED | {"order": ORDER}
    apply(book, "decision", decision(), uncounted)
    assert not book.account("primary").reservations[("AAPL", 0, 4)].countable
    with pytest.raises(BookError, match="without a worth"):
        apply(book, "execution", fill(1))


def test_money_that_no_rate_is_listed_for_is_in_the_base_currency(book: Book) -> None:
    plain = {
        "rates": {},
        "instrument": {"currency": "USD", "multiplier": 2},
        "order": RATED["order"],
    }
    [state] = apply(book, "decision", decision(), plain)
    assert state.worth == Worth(2)
    [older] = apply(book, "decision", decision(2), {"order": ORDER})
    assert older.worth == Worth()


def code(book: Book, kind: str, payload: dict[str, Any]) -> tuple[State, str]:
    """The order's state and its reason, after an entry about it."""
    [changed] = apply(book, kind, payload)
    return changed.status, changed.code


def test_the_code_says_why_an_order_has_its_state_and_goes_with_it(book: Book) -> None:
    about = {"order_id": "ord_1", "broker_client_id": "wr-1"}
    cancel = about | {"by": "ada", "cause": "REQUESTED", "market_us": 7}
    unknown = submission("unknown") | {"code": "GATE_TIMEOUT"}
    adopted = about | {"decision_id": "dec_1", "outcome": "adopted", "evidence": "FOUND"}
    expired = about | {"status": "EXPIRED", "code": "DAY_ENDED", "source": "updates"}
    apply(book, "decision", decision(), {"order": ORDER})
    assert code(book, "submission", unknown) == (State.UNKNOWN, "GATE_TIMEOUT")
    # Asked for, and nothing has come of it: what is unknown is so for the reason that it was.
    assert code(book, "cancel", cancel) == (State.UNKNOWN, "GATE_TIMEOUT")
    assert code(book, "settlement", adopted) == (State.ACKNOWLEDGED, "FOUND")
    assert code(book, "execution", fill(4)) == (State.PARTIALLY_FILLED, "none")
    assert code(book, "cancel", cancel) == (State.PENDING_CANCEL, "REQUESTED")
    assert code(book, "cancel", cancel | {"cause": "HALTED"}) == (
        State.PENDING_CANCEL,
        "REQUESTED",
    )
    assert code(book, "execution", fill(5)) == (State.PENDING_CANCEL, "REQUESTED")
    assert code(book, "status", expired) == (State.EXPIRED, "DAY_ENDED")


def test_an_answer_that_comes_after_its_end_takes_no_reason_away(book: Book) -> None:
    ended = {"order_id": "ord_1", "broker_client_id": "wr-1", "status": "CANCELED",
             "code": "IOC_UNFILLED", "source": "updates"}  # fmt: skip
    apply(book, "decision", decision(), {"order": ORDER})
    apply(book, "status", ended)
    assert code(book, "submission", submission()) == (State.CANCELED, "IOC_UNFILLED")
