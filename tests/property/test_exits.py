"""Exits, whatever comes and however it fills: no position grows or turns; a replace is no more."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.book import Book, OrderState
from gateway.domain.mode import Mode
from gateway.domain.order import OrderType, Side
from gateway.facts.document import Facts
from gateway.facts.exits import reduces
from gateway.host import OsEntropy, SystemClock
from support.facts import INSTRUMENTS, NOON_US, StillFeed, account, order, working
from support.releases import release_with

PRICES = {"AAPL": 1_000_000, "MSFT": 400_000, "JPM": 600_000}
LIMITS = release_with().limits

HELD = st.integers(-60, 60)
PROPOSALS = st.tuples(st.just("propose"), st.sampled_from(Side), st.integers(1, 40))
FILLS = st.tuples(st.just("fill"), st.integers(0, 30), st.integers(1, 40))
ENDS = st.tuples(st.just("cancel"), st.integers(0, 30), st.just(0))
STEPS = st.lists(st.one_of(PROPOSALS, PROPOSALS, FILLS, FILLS, ENDS), max_size=40)


class Desk:
    """One account whose orders are taken if they only reduce, and fill as the test says."""

    def __init__(self, held: int) -> None:
        self.account = account(positions={"AAPL": held} if held else {})
        self.working: list[OrderState] = []
        self.taken = 0

    @property
    def held(self) -> int:
        return self.account.positions.get("AAPL", (0, 0))[0]

    def propose(self, side: Side, qty: int) -> None:
        if reduces(order("AAPL", side, qty, reduce_only=True), self.account):
            self.taken += 1
            state = working(f"o{self.taken}", "AAPL", side.value, qty, PRICES["AAPL"])
            self.working.append(state)
            self.account.hold(state)

    def fill(self, which: int, qty: int) -> None:
        if not self.working:
            return
        state = self.working.pop(which % len(self.working))
        qty = min(qty, state.leaves_qty)
        signed = qty if state.side == "buy" else -qty
        self.account.positions["AAPL"] = (self.held + signed, 0)
        self.account.drop(state.order_id)
        if qty < state.leaves_qty:
            filled = state.filled_qty + qty
            rest = working(state.order_id, "AAPL", state.side, state.qty, 1, filled)
            self.account.hold(rest)
            self.working.append(rest)

    def cancel(self, which: int, _qty: int) -> None:
        if self.working:
            state = self.working.pop(which % len(self.working))
            self.account.drop(state.order_id)


@pytest.mark.requirement("W-10")
@given(HELD, STEPS)
def test_orders_that_only_reduce_never_turn_or_grow_a_position(
    held: int, steps: list[tuple[str, Any, int]]
) -> None:
    desk = Desk(held)
    for name, what, qty in steps:
        before = desk.held
        getattr(desk, name)(what, qty)
        assert abs(desk.held) <= abs(before)
        assert desk.held * held >= 0
    # Whatever still works may fill at once, in full: that turns nothing either.
    for state in list(desk.working):
        desk.fill(desk.working.index(state), state.leaves_qty)
        assert desk.held * held >= 0


@pytest.mark.requirement("W-10")
@given(HELD.filter(bool))
def test_the_whole_position_can_always_be_taken_off(held: int) -> None:
    desk = Desk(held)
    desk.propose(Side.BUY if held < 0 else Side.SELL, abs(held))
    assert desk.taken == 1
    desk.fill(0, abs(held))
    assert desk.held == 0


RESTING = st.tuples(
    st.sampled_from(sorted(PRICES)), st.sampled_from(["buy", "sell", "sell_short"]),
    st.integers(1, 90), st.integers(0, 60), st.integers(80, 120),
)  # fmt: skip


def gathered(book: Book, one: Any) -> dict[str, Any]:  # noqa: ANN401  an order of the test's making
    feed = StillFeed(PRICES)
    facts = Facts(lambda: book, feed, SystemClock(NOON_US), OsEntropy(), INSTRUMENTS, LIMITS)
    return facts.gather(one, "dec_1", facts.moment())


@pytest.mark.requirement("S1-06")
@given(
    st.dictionaries(st.sampled_from(sorted(PRICES)), HELD.filter(bool)),
    st.lists(RESTING, min_size=1, max_size=6),
    st.data(),
)
def test_replacing_an_order_by_itself_is_counted_as_what_stands(
    positions: dict[str, int],
    resting: list[tuple[str, str, int, int, int]],
    data: st.DataObject,
) -> None:
    book = Book(mode=Mode.SIMULATION)
    book.accounts["primary"] = account(positions=positions)
    for number, (symbol, side, qty, filled, percent) in enumerate(resting):
        price = PRICES[symbol] * percent // 100
        book.keep(working(f"o{number}", symbol, side, qty + filled, price, filled))
    old = book.orders[data.draw(st.sampled_from(sorted(book.orders)))]
    same = order(
        old.symbol, Side(old.side), old.qty,
        type=OrderType.LIMIT, limit_price=old.limit_price, replaces=old.order_id,
    )  # fmt: skip
    before = copy.deepcopy(book.accounts)
    document = gathered(book, same)
    assert document["replaced"] == {
        "order_id": old.order_id,
        "working": True,
        "same": True,
        "filled_qty": old.filled_qty,
    }
    assert book.accounts == before
    assert {k: len(r) for k, r in book.account("primary").reservations.items()} == {
        k: len(r) for k, r in before["primary"].reservations.items()
    }
    book.drop(old)
    stands = gathered(book, order(
        old.symbol, Side(old.side), old.leaves_qty,
        type=OrderType.LIMIT, limit_price=old.limit_price,
    ))  # fmt: skip
    assert document["projected"] == stands["projected"]
    assert document["account"] == stands["account"]
