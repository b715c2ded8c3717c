"""What the document says of exits and of replaced orders."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.domain.book import AccountBook, Book
from gateway.domain.order import Side
from gateway.facts.exits import exit_facts, reduces, remaining, replaced_facts, without_replaced
from signing.lifecycle import OPEN, TERMINAL, State
from support.facts import account, order, working

PRICE = 1_000_000


def long(held: int = 10, *resting: tuple[str, str, int]) -> AccountBook:
    """An account that holds AAPL, with working orders: id, side, quantity."""
    made = account(positions={"AAPL": held} if held else {})
    for order_id, side, qty in resting:
        made.hold(working(order_id, "AAPL", side, qty, PRICE))
    return made


@pytest.mark.requirement("W-10")
def test_without_an_account_nothing_is_said() -> None:
    assert exit_facts(order(), None) == {}
    assert exit_facts(order(side=Side.SELL), long()) == {"reduces": True}
    assert exit_facts(order(), long()) == {"reduces": False}


@pytest.mark.requirement("W-10")
def test_what_works_on_the_same_side_counts_in_full() -> None:
    one = order(side=Side.SELL, qty=4)
    assert reduces(one, long(10, ("o1", "sell", 6)))
    assert not reduces(one, long(10, ("o1", "sell", 7)))
    assert not reduces(one, long(10, ("o1", "sell", 3), ("o2", "sell_short", 4)))
    assert not reduces(one, long(3, ("o1", "buy", 50))), "what may be bought is not there yet"
    partly = long(10)
    partly.hold(working("o1", "AAPL", "sell", 10, PRICE, filled_qty=4))
    assert reduces(one, partly)


@pytest.mark.requirement("W-10")
def test_other_symbols_do_not_matter_and_other_scales_prove_nothing() -> None:
    one = order(side=Side.SELL, qty=10)
    elsewhere = long(10)
    elsewhere.hold(working("o1", "MSFT", "sell", 99, PRICE))
    assert reduces(one, elsewhere)
    at_another = long(10)
    at_another.hold(replace(working("o1", "AAPL", "buy", 1, PRICE), qty_decimals=2))
    assert not reduces(one, at_another)
    assert not reduces(replace(one, qty_decimals=2), long(10))


@pytest.mark.requirement("W-10")
def test_an_order_that_cannot_be_counted_leaves_no_exit_provable() -> None:
    unbounded = long(10)
    unbounded.hold(replace(working("o1", "AAPL", "buy", 1, PRICE), worst_price=None))
    assert not reduces(order(side=Side.SELL, qty=1), unbounded)


def book(status: State = State.ACKNOWLEDGED) -> Book:
    """A book in which ``old``, a sale of six of ten shares, has a status."""
    made = Book()
    made.accounts["primary"] = long(10)
    made.keep(replace(working("old", "AAPL", "sell", 6, PRICE), status=status))
    return made


def test_the_replaced_order_is_told_as_it_stands() -> None:
    one = order(side=Side.SELL, qty=10, replaces="old")
    assert replaced_facts(order(), book()) is None
    known = {"order_id": "old", "working": True, "same": True, "filled_qty": 0}
    assert replaced_facts(one, book()) == known
    assert replaced_facts(replace(one, side=Side.BUY), book()) == known | {"same": False}
    assert replaced_facts(replace(one, symbol="MSFT"), book()) == known | {"same": False}
    assert replaced_facts(replace(one, account="other"), book()) == known | {"same": False}
    assert replaced_facts(replace(one, qty_decimals=2), book()) == known | {"same": False}
    unknown = {"order_id": "none-such", "working": False, "same": False}
    assert replaced_facts(replace(one, replaces="none-such"), book()) == unknown


@pytest.mark.parametrize("status", sorted(OPEN | TERMINAL))
def test_only_an_order_that_the_broker_has_and_that_nobody_ends_can_be_replaced(
    status: State,
) -> None:
    one = order(side=Side.SELL, qty=10, replaces="old")
    facts = replaced_facts(one, book(status))
    assert facts is not None
    assert facts["working"] is (status in (State.ACKNOWLEDGED, State.PARTIALLY_FILLED))


@pytest.mark.requirement("S1-06")
@pytest.mark.requirement("S3-20")
def test_what_is_sent_is_what_the_replaced_order_leaves_of_the_whole_quantity() -> None:
    one = order(side=Side.SELL, qty=10, replaces="old")
    state = book(State.PARTIALLY_FILLED)
    state.keep(replace(state.orders["old"], filled_qty=4))
    assert remaining(one, state).qty == 6
    facts = replaced_facts(one, state)
    assert facts == {"order_id": "old", "working": True, "same": True, "filled_qty": 4}
    for asked in (4, 3):
        late = replace(one, qty=asked)
        assert remaining(late, state) is late, "nothing is left, and nothing is taken away"
        facts = replaced_facts(late, state)
        assert facts is not None
        assert facts["working"] is False
    for other in (replace(one, side=Side.BUY), replace(one, replaces=None)):
        assert remaining(other, state) is other


@pytest.mark.requirement("S1-06")
def test_an_order_is_replaced_by_one_at_a_time() -> None:
    one, state = order(side=Side.SELL, qty=10, replaces="old"), book()
    state.hold(replace(working("first", "AAPL", "sell", 8, PRICE), replaces="old"))
    facts = replaced_facts(one, state)
    assert facts is not None
    assert facts["working"] is False, "an earlier order of the turn takes its place"
    state.drop(state.account("primary").working["first"])
    facts = replaced_facts(one, state)
    assert facts is not None
    assert facts["working"] is True


@pytest.mark.requirement("S1-06")
def test_an_order_in_question_is_not_replaced() -> None:
    one, state = order(side=Side.SELL, qty=10, replaces="old"), book()
    state.keep(replace(state.orders["old"], anomaly="FILL_BEYOND_QTY"))
    facts = replaced_facts(one, state)
    assert facts is not None
    assert facts["working"] is False


def test_within_the_replaced_order_is_not_counted_and_afterwards_it_is() -> None:
    one, state = order(side=Side.SELL, qty=10, replaces="old"), book()
    assert not reduces(one, state.account("primary"))
    with without_replaced(one, state):
        assert reduces(one, state.account("primary"))
    assert not reduces(one, state.account("primary"))
    assert set(state.account("primary").working) == {"old"}


@pytest.mark.parametrize(("side", "replaces"), [("buy", "old"), ("sell", None), ("sell", "x")])
def test_of_no_other_order_is_anything_taken_away(side: str, replaces: str | None) -> None:
    one = order(side=Side(side), qty=10, replaces=replaces)
    state = book()
    with without_replaced(one, state):
        assert set(state.account("primary").working) == {"old"}


def test_it_is_counted_again_when_something_fails() -> None:
    state = book()
    with (
        pytest.raises(RuntimeError),
        without_replaced(order(side=Side.SELL, replaces="old"), state),
    ):
        raise RuntimeError
    assert set(state.account("primary").working) == {"old"}
