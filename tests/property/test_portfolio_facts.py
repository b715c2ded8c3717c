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
from gateway.domain.market import Quote, Rate
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
HALF_SPREAD = 100
"""Of every quote, unless a test says otherwise: a cent."""
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
    return Valuation(Market(StillFeed(LASTS, HALF_SPREAD), NOON_US), LISTED, conversions)


class WideFeed(StillFeed):
    """A market whose last trade may lie anywhere, also far outside of bid and ask."""

    def __init__(self, quotes: dict[str, tuple[int, int, int]]) -> None:
        super().__init__({symbol: last for symbol, (_, _, last) in quotes.items()})
        self.quotes = quotes

    def quote(self, symbol: str, at_us: int) -> Quote | None:
        found = self.quotes.get(symbol)
        return found and Quote(symbol, *found, 4, NOON_US)


def wide(**quotes: tuple[int, int, int]) -> Valuation:
    """Bid, ask and last of some symbols in dollars."""
    dollars = {
        s: (bid * 10_000, ask * 10_000, last * 10_000) for s, (bid, ask, last) in quotes.items()
    }
    conversions = Conversions(StillRates(USUAL), "USD", NOON_US)
    return Valuation(Market(WideFeed(dollars), NOON_US), LISTED, conversions)


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
    price = counting_price(side, LASTS[symbol], LASTS[symbol] + HALF_SPREAD)
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
            sym: Fraction(abs(q) * (LASTS[sym] + HALF_SPREAD) * w.multiplier * w.rate_e8, 10**6)
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
    assert found.facts["position_notional_micros"] == 10 * 1_000_100 * 100


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
    # one share counted at the ask of 100.01 dollars over 3 dollars of equity
    assert found.facts["leverage_bps"] == 333_367
    assert found.facts["asset_exposure_bps"] == 333_367
    assert found.facts["initial_margin_bps"] == 299


@pytest.mark.requirement("S2-08")
def test_maintenance_margin_is_of_what_stands_without_the_order() -> None:
    _, flat = project("buy", 500, "AAPL", [], {})
    assert flat["maintenance_margin_bps"] == INT_LIMIT - 1
    _, held = project("buy", 500, "AAPL", [], {"AAPL": 100})
    assert held["maintenance_margin_bps"] == 19_997  # 10,000 cash and 9,999 at the bid, of 10,001
    _, worked = project("buy", 500, "AAPL", [("AAPL", "buy", 100, 1_000_000)], {"AAPL": 100})
    assert worked["maintenance_margin_bps"] == 9_998


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
    # 3 units at 3.0000 yen (asked: 3.0100), ten to a unit, at 0.007 dollars
    assert found.facts["position_notional_micros"] == 632_100
    assert found.facts["day_turnover_micros"] == 630_000
    dear, _ = project("buy", 3, "TOYO", [], {}, USUAL | {"JPY": 700_001})
    assert dear.facts["day_turnover_micros"] == 630_001  # 630,000.9 down is never ours


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


@pytest.mark.requirement("S0-07")
@pytest.mark.parametrize(
    ("quote", "long", "short"),
    [
        ((99, 101, 150), 99, 150),  # a last price above the market inflates no holding
        ((99, 101, 50), 50, 101),  # and one below it makes no debt smaller
        ((99, 101, 100), 99, 101),
    ],
)
def test_what_is_held_counts_low_and_what_is_owed_counts_high(
    quote: tuple[int, int, int], long: int, short: int
) -> None:
    values = wide(AAPL=quote)
    held = account(cash_micros=0, positions={"AAPL": 10})
    owed = account(cash_micros=0, positions={"AAPL": -10})
    assert equity_micros(held, values) == long * 10_000_000
    assert equity_micros(owed, values) == -short * 10_000_000


PRICES = st.tuples(st.integers(1, 300), st.integers(0, 50), st.integers(1, 300)).map(
    lambda given: (given[0], given[0] + given[1], given[2])
)


@given(st.integers(-500, 500).filter(bool), PRICES)
def test_no_close_out_at_the_touch_brings_less_than_equity_says(
    qty: int, quote: tuple[int, int, int]
) -> None:
    bid, ask, _last = quote
    equity = equity_micros(account(cash_micros=0, positions={"AAPL": qty}), wide(AAPL=quote))
    assert equity is not None
    assert equity <= qty * (bid if qty > 0 else ask) * 1_000_000


@given(st.integers(1, 300), PRICES)
def test_no_sale_at_the_touch_counts_for_less_than_it_brings(
    worst: int, quote: tuple[int, int, int]
) -> None:
    values = wide(AAPL=quote)
    market = values.market.quote("AAPL", 4)
    assert market is not None
    price = counting_price("sell", worst * 10_000, market.high)
    assert price is not None
    assert price >= max(worst, quote[0]) * 10_000
    found = projected_facts(order(side=Side.SELL, qty=7), price, account(), 1, values)
    assert found is not None
    assert found.facts["short_notional_micros"] >= 7 * max(quote[1:]) * 1_000_000
    assert found.facts["day_turnover_micros"] >= 7 * quote[0] * 1_000_000


def debit(symbol: str, qty: int, cash: int, positions: dict[str, int], values: Valuation) -> object:
    book = account(cash_micros=cash * 1_000_000, positions=positions)
    found = projected_facts(order(symbol, qty=qty), 1_000_000, book, None, values)
    assert found is not None
    return found.facts["margin_debit_micros"]


@pytest.mark.requirement("S2-08")
def test_the_proceeds_of_a_short_sale_buy_nothing() -> None:
    values = wide(AAPL=(100, 100, 100), MSFT=(40, 40, 40))
    # 1,000 of one's own and 400 for ten sold short at 40: fifteen at 100 borrow 500, not 100
    assert debit("AAPL", 15, 1_400, {"MSFT": -10}, values) == 500_000_000
    assert debit("AAPL", 10, 1_400, {"MSFT": -10}, values) == 0
    risen = wide(AAPL=(100, 100, 100), MSFT=(60, 60, 50))
    assert debit("AAPL", 10, 1_400, {"MSFT": -10}, risen) == 200_000_000  # and the loss is owed too
    assert debit("AAPL", 10, 1_400, {"MSFT": 10}, values) == 0


def test_a_short_without_a_price_leaves_unknown_what_a_purchase_borrows() -> None:
    assert debit("AAPL", 1, 1_000, {"XOM": -5}, wide(AAPL=(100, 100, 100))) is None
    assert debit("AAPL", 1, 1_000, {"XOM": 5}, wide(AAPL=(100, 100, 100))) == 0
