"""A working order may only ever tighten a verdict; worst cases are worst."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.order import Side
from gateway.facts.account import equity_micros
from gateway.facts.market import Market
from gateway.facts.portfolio import counting_price, projected_facts
from support.facts import INSTRUMENTS, NOON_US, StillFeed, account, order, working

LASTS = {"AAPL": 1_000_000, "MSFT": 400_000, "JPM": 600_000}
MARKET = Market(StillFeed(LASTS), NOON_US)
SYMBOLS = st.sampled_from(sorted(LASTS))
SIDES = st.sampled_from(["buy", "sell"])
WORKING = st.lists(
    st.tuples(SYMBOLS, SIDES, st.integers(1, 500), st.integers(100, 2_000_000)), max_size=6
)
POSITIONS = st.dictionaries(SYMBOLS, st.integers(-500, 500).filter(bool))


def facts(
    side: str,
    qty: int,
    symbol: str,
    held: list[tuple[str, str, int, int]],
    positions: dict[str, int],
) -> dict[str, int]:
    book = account(cash_micros=10_000_000_000, positions=positions)
    for i, (sym, s, q, price) in enumerate(held):
        book.hold(working(str(i), sym, s, q, price))
    proposal = order(symbol, Side(side), qty)
    price = counting_price(side, LASTS[symbol], LASTS[symbol])
    equity = equity_micros(book, MARKET, INSTRUMENTS)
    found = projected_facts(proposal, price, book, equity, MARKET, INSTRUMENTS)
    assert found is not None
    return found


@given(SIDES, st.integers(1, 500), SYMBOLS, WORKING, POSITIONS)
def test_one_more_working_order_never_lowers_a_fact(
    side: str,
    qty: int,
    symbol: str,
    held: list[tuple[str, str, int, int]],
    positions: dict[str, int],
) -> None:
    if not held:
        return
    fewer = facts(side, qty, symbol, held[:-1], positions)
    more = facts(side, qty, symbol, held, positions)
    assert more.keys() == fewer.keys()
    assert all(more[name] >= fewer[name] for name in fewer)


@given(SIDES, st.integers(1, 500), SYMBOLS, WORKING, POSITIONS)
def test_no_way_of_filling_is_worse_than_the_projection(
    side: str,
    qty: int,
    symbol: str,
    held: list[tuple[str, str, int, int]],
    positions: dict[str, int],
) -> None:
    held = held[:4]
    found = facts(side, qty, symbol, held, positions)
    orders = [*held, (symbol, side, qty, LASTS[symbol])]
    for filled in product((0, 1), repeat=len(orders)):
        after = dict(positions)
        for take, (sym, s, q, _) in zip(filled, orders, strict=True):
            after[sym] = after.get(sym, 0) + (q if s == "buy" else -q) * take
        notionals = {sym: abs(q) * LASTS[sym] * 100 for sym, q in after.items()}
        assert notionals.get(symbol, 0) <= found["position_notional_micros"]
        assert sum(notionals.values()) <= found["gross_exposure_micros"]
        assert sum(1 for q in after.values() if q) <= found["positions_count"]
        if side == "sell":
            assert (
                max(0, -after.get(symbol, 0)) * LASTS[symbol] * 100
                <= found["short_notional_micros"]
            )


def test_a_held_symbol_without_a_price_leaves_exposure_unknown() -> None:
    book = account(positions={"XOM": 5})
    found = projected_facts(order(), 1_000_000, book, None, MARKET, INSTRUMENTS)
    assert found is not None
    assert "gross_exposure_micros" not in found
    assert "leverage_bps" not in found
    assert found["position_notional_micros"] == 10 * 1_000_000 * 100


def test_a_working_order_that_cannot_be_counted_leaves_nothing() -> None:
    book = account()
    held = working("1", "AAPL", "buy", 10, 1_000_000)
    book.hold(replace(held, worst_price=None))
    assert projected_facts(order(), 1_000_000, book, 1, MARKET, INSTRUMENTS) is None


@pytest.mark.requirement("S0-12")
def test_leverage_is_rounded_up() -> None:
    book = account(cash_micros=3_000_000)
    found = projected_facts(order(qty=1), 10_000, book, 3_000_000, MARKET, INSTRUMENTS)
    assert found is not None
    # one share counted at its last price of 100 dollars over 3 dollars of equity
    assert found["leverage_bps"] == 333_334
