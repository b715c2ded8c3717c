"""A working order may only ever tighten a verdict; worst cases are worst, in any currency."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.instrument import Instrument
from gateway.domain.market import Rate
from gateway.domain.order import Side
from gateway.domain.quantities import INT_LIMIT, Worth
from gateway.facts.account import account_facts, equity_micros, margin_bps
from gateway.facts.market import Market
from gateway.facts.portfolio import Projected, counting_price, projected_facts
from gateway.facts.rates import Conversions, currencies_of
from gateway.facts.valuation import Valuation
from support.facts import INSTRUMENTS, NOON_US, StillFeed, account, order, working

LASTS = {"AAPL": 1_000_000, "MSFT": 400_000, "JPM": 600_000, "VOD": 20_000, "TOYO": 30_000}
SYMBOLS = st.sampled_from(sorted(LASTS))
SIDES = st.sampled_from(["buy", "sell"])
Working = list[tuple[str, str, int, int]]
WORKING = st.lists(
    st.tuples(SYMBOLS, SIDES, st.integers(1, 500), st.integers(100, 2_000_000)), max_size=6
)
POSITIONS = st.dictionaries(SYMBOLS, st.integers(-500, 500).filter(bool))
RATES_E8 = st.integers(1, 10**10)
RATES = st.fixed_dictionaries({"GBP": RATES_E8, "JPY": RATES_E8})
LISTED = {
    **INSTRUMENTS,
    "VOD": Instrument("VOD", "equity", "telecom", "GBP", 0, 4, 1, 100),
    "TOYO": Instrument("TOYO", "equity", "cars", "JPY", 0, 4, 1, 100, multiplier=10),
}
USUAL = {"GBP": 150_000_000, "JPY": 700_000}
LESS_IS_WORSE = {"initial_margin_bps"}
"""Shares that fall as exposure grows; every other fact grows with it."""


class StillRates:
    """Rates that do not move; ages are nothing."""

    def __init__(self, rates: dict[str, int], at_us: int = NOON_US) -> None:
        self.rates = rates
        self.at_us = at_us

    def rate(self, currency: str, at_us: int) -> Rate | None:
        found = self.rates.get(currency)
        return None if found is None else Rate(found, self.at_us)


def valuation(rates: dict[str, int] | None = None) -> Valuation:
    conversions = Conversions(StillRates(USUAL if rates is None else rates), "USD", NOON_US)
    return Valuation(Market(StillFeed(LASTS), NOON_US), LISTED, conversions)


def worth(symbol: str, rates: dict[str, int]) -> Worth:
    """What one unit comes to, by hand."""
    rule = LISTED[symbol]
    return Worth(rule.multiplier, 10**8 if rule.currency == "USD" else rates[rule.currency])


def project(
    side: str,
    qty: int,
    symbol: str,
    held: Working,
    positions: dict[str, int],
    rates: dict[str, int] = USUAL,
) -> tuple[Projected, dict[str, Any]]:
    book = account(cash_micros=10_000_000_000, positions=positions)
    for i, (sym, s, q, price) in enumerate(held):
        book.hold(replace(working(str(i), sym, s, q, price), worth=worth(sym, rates)))
    values = valuation(rates)
    proposal = order(symbol, Side(side), qty)
    price = counting_price(side, LASTS[symbol], LASTS[symbol])
    equity = equity_micros(book, values)
    found = projected_facts(proposal, price, book, equity, values)
    assert found is not None
    stands = account_facts(book, equity, book.session, found.standing_gross_micros)
    assert stands is not None
    return found, stands


def known(facts: dict[str, Any]) -> dict[str, int]:
    return {name: value for name, value in facts.items() if value is not None}


@given(SIDES, st.integers(1, 500), SYMBOLS, WORKING, POSITIONS, RATES)
def test_one_more_working_order_never_loosens_a_fact(
    side: str,
    qty: int,
    symbol: str,
    held: Working,
    positions: dict[str, int],
    rates: dict[str, int],
) -> None:
    if not held:
        return
    fewer, before = project(side, qty, symbol, held[:-1], positions, rates)
    more, after = project(side, qty, symbol, held, positions, rates)
    less, much = known(fewer.facts), known(more.facts)
    assert much.keys() == less.keys()
    assert all(
        much[name] <= less[name] if name in LESS_IS_WORSE else much[name] >= less[name]
        for name in less
    )
    assert after.get("maintenance_margin_bps", 0) <= before.get("maintenance_margin_bps", 0)


@given(SIDES, st.integers(1, 500), SYMBOLS, WORKING, POSITIONS, RATES)
def test_no_way_of_filling_is_worse_than_the_projection(
    side: str,
    qty: int,
    symbol: str,
    held: Working,
    positions: dict[str, int],
    rates: dict[str, int],
) -> None:
    held = held[:4]
    found, stands = project(side, qty, symbol, held, positions, rates)
    orders = [*held, (symbol, side, qty, LASTS[symbol])]
    equity = stands["equity_micros"]
    for filled in product((0, 1), repeat=len(orders)):
        after = dict(positions)
        for take, (sym, s, q, _) in zip(filled, orders, strict=True):
            after[sym] = after.get(sym, 0) + (q if s == "buy" else -q) * take
        notionals = {
            sym: Fraction(abs(q) * LASTS[sym] * w.multiplier * w.rate_e8, 10**6)
            for sym, q in after.items()
            for w in [worth(sym, rates)]
        }
        gross = sum(notionals.values())
        own = notionals.get(symbol, Fraction(0))
        assert own <= found.facts["position_notional_micros"]
        assert gross <= found.facts["gross_exposure_micros"]
        assert sum(1 for q in after.values() if q) <= found.facts["positions_count"]
        if equity > 0:
            assert own * 10_000 <= found.facts["asset_exposure_bps"] * equity
            assert gross * found.facts["initial_margin_bps"] <= equity * 10_000
        if not filled[-1] and equity > 0:
            assert gross * stands["maintenance_margin_bps"] <= equity * 10_000 or not gross
        if side == "sell":
            short = max(0, -after.get(symbol, 0)) * own / max(1, abs(after.get(symbol, 0)))
            assert short <= found.facts["short_notional_micros"]


def test_a_held_symbol_without_a_price_leaves_exposure_unknown() -> None:
    book = account(positions={"XOM": 5})
    found = projected_facts(order(), 1_000_000, book, None, valuation())
    assert found is not None
    assert found.standing_gross_micros is None
    assert "gross_exposure_micros" not in found.facts
    assert "leverage_bps" not in found.facts
    assert found.facts["position_notional_micros"] == 10 * 1_000_000 * 100


@pytest.mark.parametrize("missing", ["worst_price", "worth"])
def test_a_working_order_that_cannot_be_counted_leaves_nothing(missing: str) -> None:
    book = account()
    held = working("1", "AAPL", "buy", 10, 1_000_000)
    book.hold(replace(held, **{missing: None}))  # pyright: ignore[reportArgumentType]  both may be
    assert projected_facts(order(), 1_000_000, book, 1, valuation()) is None


@pytest.mark.requirement("S0-12")
def test_leverage_is_rounded_up_and_margin_down() -> None:
    book = account(cash_micros=3_000_000)
    found = projected_facts(order(qty=1), 10_000, book, 3_000_000, valuation())
    assert found is not None
    # one share counted at its last price of 100 dollars over 3 dollars of equity
    assert found.facts["leverage_bps"] == 333_334
    assert found.facts["asset_exposure_bps"] == 333_334
    assert found.facts["initial_margin_bps"] == 300


@pytest.mark.requirement("S2-08")
def test_maintenance_margin_is_of_what_stands_without_the_order() -> None:
    _, flat = project("buy", 500, "AAPL", [], {})
    assert flat["maintenance_margin_bps"] == INT_LIMIT - 1
    _, held = project("buy", 500, "AAPL", [], {"AAPL": 100})
    assert held["maintenance_margin_bps"] == 20_000  # 10,000 cash and 10,000 held, of 10,000
    _, worked = project("buy", 500, "AAPL", [("AAPL", "buy", 100, 1_000_000)], {"AAPL": 100})
    assert worked["maintenance_margin_bps"] == 10_000


@given(st.integers(-(10**15), 10**15), st.integers(0, 10**15))
def test_a_margin_is_a_share_within_bounds(equity: int, gross: int) -> None:
    share = margin_bps(equity, gross)
    assert 0 <= share < INT_LIMIT
    if equity <= 0 and gross:
        assert share == 0
    if gross and share < INT_LIMIT - 1:
        assert share * gross <= max(0, equity) * 10_000 < (share + 1) * gross


@pytest.mark.requirement("S4-02")
def test_a_price_in_another_currency_counts_through_its_rate_and_multiplier() -> None:
    found, _ = project("buy", 3, "TOYO", [], {})
    # 3 units at 3.0000 yen, ten to a unit, at 0.007 dollars
    assert found.facts["position_notional_micros"] == 630_000
    assert found.facts["day_turnover_micros"] == 630_000
    dear, _ = project("buy", 3, "TOYO", [], {}, USUAL | {"JPY": 700_001})
    assert dear.facts["position_notional_micros"] == 630_001  # 630,000.9 down is never ours


@pytest.mark.requirement("S4-02")
@pytest.mark.parametrize("told", [{}, {"JPY": 0}, {"JPY": -1}, {"JPY": INT_LIMIT}])
def test_without_a_rate_nothing_that_goes_through_it_is_known(told: dict[str, int]) -> None:
    book = account(positions={"TOYO": 5})
    values = valuation({"GBP": 150_000_000} | told)
    assert equity_micros(book, values) is None
    assert projected_facts(order("TOYO"), 30_000, book, None, values) is None
    other = projected_facts(order("AAPL"), 1_000_000, book, None, values)
    assert other is not None
    assert "gross_exposure_micros" not in other.facts
    assert values.conversions.facts(currencies_of("AAPL", book, LISTED)) == {}


@pytest.mark.requirement("S4-02")
def test_a_rate_from_the_future_is_none_and_ages_are_rounded_up() -> None:
    later = Conversions(StillRates(USUAL, NOON_US + 1), "USD", NOON_US)
    assert later.worth(LISTED["VOD"]) is None
    aged = Conversions(StillRates(USUAL, NOON_US - 1_001), "USD", NOON_US)
    assert aged.facts({"USD", "GBP"}) == {"GBP": {"rate_e8": 150_000_000, "age_ms": 2}}


def test_the_currencies_of_a_document_are_of_everything_held_or_worked() -> None:
    book = account(positions={"VOD": 5})
    book.hold(working("1", "TOYO", "buy", 10, 30_000))
    assert currencies_of("AAPL", book, LISTED) == {"USD", "GBP", "JPY"}
    assert currencies_of("AAPL", None, LISTED) == {"USD"}
    assert currencies_of("NOPE", None, LISTED) == set()
