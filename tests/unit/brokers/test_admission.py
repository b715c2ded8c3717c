"""What the simulated broker takes: the form of an order, and what the account can cover."""

from collections.abc import Mapping

import pytest

from gateway.brokers.contract import AccountTerms
from gateway.brokers.simulator.admission import (
    Holdings,
    OpenOrder,
    form_fault,
    funds_fault,
    terms_fault,
)
from gateway.brokers.simulator.config import SimulatorConfig
from gateway.domain.market import Quote
from gateway.domain.order import BrokerOrder, OrderType, Side
from gateway.domain.quantities import PLAIN
from support.brokers import broker_order, limit_order

CONFIG = SimulatorConfig()
QUOTE = Quote("AAPL", 999_900, 1_000_100, 1_000_000, 4, 0)
MSFT = Quote("MSFT", 499_900, 500_100, 500_000, 4, 0)
MARKS = {"AAPL": QUOTE, "MSFT": MSFT}
WORTHS = {"AAPL": PLAIN, "MSFT": PLAIN}
UNIT = 1_000_000
"""Micros in a unit of the currency."""


def holdings(
    cash: int,
    positions: Mapping[str, int] | None = None,
    open_orders: tuple[OpenOrder, ...] = (),
    *,
    short: bool = False,
    multiple_bps: int = 10_000,
) -> Holdings:
    return Holdings(
        AccountTerms(0, short, multiple_bps),
        cash,
        {symbol: (qty, 0) for symbol, qty in (positions or {}).items()},
        open_orders,
    )


@pytest.mark.parametrize(
    "order",
    [
        broker_order(),
        limit_order(),
        limit_order(protection_price=1_000_050),
        broker_order(type=OrderType.STOP, stop_price=1_010_000),
        limit_order(type=OrderType.STOP_LIMIT, stop_price=1_010_000),
        broker_order(protection_price=1_050_001),  # a bound need not be a price one could quote
    ],
)
def test_well_formed_orders_of_every_type_are_taken(order: BrokerOrder) -> None:
    assert form_fault(order, QUOTE, None, CONFIG) is None
    assert form_fault(order, QUOTE, 0, CONFIG) is None


@pytest.mark.parametrize(
    "order",
    [
        broker_order(qty=0),
        broker_order(qty=-1),
        broker_order(qty=2**53),
        broker_order(protection_price=None),  # nothing bounds what it may cost
        broker_order(type=OrderType.STOP, stop_price=1_010_000, protection_price=None),
        broker_order(limit_price=1_000_000),
        broker_order(stop_price=1_000_000),
        broker_order(type=OrderType.STOP),
        limit_order(limit_price=None),
        limit_order(limit_price=0),
        limit_order(limit_price=-100),
        limit_order(limit_price=2**53),
        limit_order(limit_price=1_000_050),  # off the tick
        limit_order(type=OrderType.STOP_LIMIT),
        limit_order(type=OrderType.STOP_LIMIT, stop_price=1_000_001),
        broker_order(protection_price=0),
        broker_order(price_decimals=2),
        broker_order(qty_decimals=9),
        broker_order(qty_decimals=-1),
        broker_order(qty=2**53 - 1),  # worth more than an amount can say
    ],
)
def test_malformed_orders_are_refused(order: BrokerOrder) -> None:
    assert form_fault(order, QUOTE, None, CONFIG) == "ERR_INVALID_ORDER"


def test_a_symbol_without_a_quote_is_no_ticker() -> None:
    assert form_fault(broker_order(), None, None, CONFIG) == "ERR_INVALID_TICKER"


def test_a_symbol_keeps_one_scale() -> None:
    assert form_fault(broker_order(), QUOTE, 2, CONFIG) == "ERR_INVALID_ORDER"


@pytest.mark.parametrize(
    ("cash", "fault"),
    [(1_001 * UNIT, None), (1_001 * UNIT - 1, "ERR_INSUFFICIENT_FUNDS")],
)
def test_a_buy_needs_cash_for_its_worst_price_and_its_commission(
    cash: int, fault: str | None
) -> None:
    assert funds_fault(limit_order(), holdings(cash), MARKS, CONFIG, WORTHS) == fault


@pytest.mark.parametrize(
    ("cash", "fault"),
    [(1_401 * UNIT, None), (1_401 * UNIT - 1, "ERR_INSUFFICIENT_FUNDS")],
)
def test_what_other_open_buys_may_cost_is_claimed(cash: int, fault: str | None) -> None:
    open_buy = OpenOrder(limit_order("wr-0", 10), 4, UNIT)  # 6 filled, commission paid
    held = holdings(cash, {"AAPL": 6}, (open_buy,))
    assert funds_fault(limit_order(), held, MARKS, CONFIG, WORTHS) == fault


def test_a_cash_account_cannot_borrow_on_what_it_holds() -> None:
    rich = holdings(0, {"MSFT": 1_000})
    assert funds_fault(limit_order(), rich, MARKS, CONFIG, WORTHS) == "ERR_INSUFFICIENT_FUNDS"


@pytest.mark.parametrize(("qty", "fault"), [(19, None), (20, "ERR_INSUFFICIENT_FUNDS")])
def test_a_margin_account_holds_a_multiple_of_its_equity(qty: int, fault: str | None) -> None:
    terms = holdings(1_000 * UNIT, multiple_bps=20_000)
    assert funds_fault(limit_order(qty=qty), terms, MARKS, CONFIG, WORTHS) == fault


@pytest.mark.parametrize(("qty", "fault"), [(10, None), (11, "ERR_INSUFFICIENT_QTY")])
def test_a_sale_needs_the_shares(qty: int, fault: str | None) -> None:
    order = limit_order(side=Side.SELL, qty=qty)
    assert funds_fault(order, holdings(0, {"AAPL": 10}), MARKS, CONFIG, WORTHS) == fault


def test_shares_promised_to_an_open_sale_cannot_be_sold_again() -> None:
    promised = OpenOrder(limit_order("wr-0", 6, side=Side.SELL), 6, 0)
    held = holdings(0, {"AAPL": 10}, (promised,))
    assert funds_fault(limit_order(side=Side.SELL, qty=4), held, MARKS, CONFIG, WORTHS) is None
    assert funds_fault(limit_order(side=Side.SELL, qty=5), held, MARKS, CONFIG, WORTHS) == (
        "ERR_INSUFFICIENT_QTY"
    )


def test_shares_that_are_only_ordered_cannot_be_sold() -> None:
    ordered = OpenOrder(limit_order("wr-0", 10), 10, 0)
    held = holdings(10_000 * UNIT, None, (ordered,))
    assert (
        funds_fault(limit_order(side=Side.SELL), held, MARKS, CONFIG, WORTHS)
        == "ERR_INSUFFICIENT_QTY"
    )


@pytest.mark.parametrize(
    ("cash", "fault"),
    [(1_001 * UNIT, None), (1_001 * UNIT - 1, "ERR_INSUFFICIENT_FUNDS")],
)
def test_a_short_sale_where_allowed_needs_equity_for_the_last_price(
    cash: int, fault: str | None
) -> None:
    order = limit_order(side=Side.SELL, limit_price=900_000)
    assert funds_fault(order, holdings(cash, short=True), MARKS, CONFIG, WORTHS) == fault


@pytest.mark.parametrize(
    ("cash", "fault"),
    [(401 * UNIT, None), (401 * UNIT - 1, "ERR_INSUFFICIENT_FUNDS")],
)
def test_only_the_part_beyond_the_holding_is_short(cash: int, fault: str | None) -> None:
    """Equity is cash and 1,000; 1,000 are held, 4 x 100 go short, 1 is commission."""
    order = limit_order(side=Side.SELL, qty=14)
    held = holdings(cash, {"AAPL": 10}, short=True)
    assert funds_fault(order, held, MARKS, CONFIG, WORTHS) == fault


def test_buying_back_a_short_is_always_taken() -> None:
    broke = holdings(1_100 * UNIT, {"AAPL": -10}, short=True)  # equity 100
    assert funds_fault(limit_order(qty=10), broke, MARKS, CONFIG, WORTHS) is None
    assert (
        funds_fault(limit_order(qty=11), broke, MARKS, CONFIG, WORTHS) == "ERR_INSUFFICIENT_FUNDS"
    )


def test_two_orders_cannot_both_close_the_same_position() -> None:
    closing = OpenOrder(limit_order("wr-0", 10), 10, 0)
    broke = holdings(1_100 * UNIT, {"AAPL": -10}, (closing,), short=True)
    assert funds_fault(limit_order(qty=1), broke, MARKS, CONFIG, WORTHS) == "ERR_INSUFFICIENT_FUNDS"


def test_a_holding_without_a_price_proves_no_equity() -> None:
    held = holdings(10_000 * UNIT, {"GONE": 1})
    assert funds_fault(limit_order(), held, MARKS, CONFIG, WORTHS) == "ERR_INSUFFICIENT_FUNDS"
    assert (
        funds_fault(
            limit_order(side=Side.SELL, qty=1),
            holdings(0, {"AAPL": 1, "GONE": 1}),
            MARKS,
            CONFIG,
            WORTHS,
        )
        is None
    )


@pytest.mark.requirement("S4-08")
@pytest.mark.parametrize(
    ("order", "fault"),
    [
        (limit_order(qty=1), None),  # worth 100, the floor
        (limit_order(qty=1, limit_price=999_900), "ERR_MIN_NOTIONAL"),
        (limit_order(qty=1, limit_price=999_900, reduce_only=True), None),
        (limit_order(qty=1, limit_price=999_900, side=Side.SELL), None),  # counts at the last price
        (broker_order(qty=1, protection_price=999_000), "ERR_MIN_NOTIONAL"),
    ],
)
def test_an_order_below_the_venue_s_floor_is_refused(order: BrokerOrder, fault: str | None) -> None:
    floor = SimulatorConfig(min_notional_micros=100 * UNIT)
    assert terms_fault(order, QUOTE, floor, short_restricted=False) == fault
    assert terms_fault(order, QUOTE, CONFIG, short_restricted=False) is None


@pytest.mark.requirement("W-06")
@pytest.mark.parametrize(
    ("price", "fault"),
    [(999_900, "ERR_SHORT_RESTRICTED"), (1_000_000, None), (None, "ERR_SHORT_RESTRICTED")],
)
def test_a_restricted_short_sale_needs_a_limit_above_the_bid(
    price: int | None, fault: str | None
) -> None:
    short = Side.SELL_SHORT
    order = limit_order(side=short, limit_price=price) if price else broker_order(side=short)
    assert terms_fault(order, QUOTE, CONFIG, short_restricted=True) == fault
    assert terms_fault(order, QUOTE, CONFIG, short_restricted=False) is None
    long = limit_order(side=Side.SELL, limit_price=999_900)
    assert terms_fault(long, QUOTE, CONFIG, short_restricted=True) is None


def test_extended_hours_are_not_traded() -> None:
    order = limit_order(extended_hours=True)
    assert form_fault(order, QUOTE, None, CONFIG) == "ERR_EXTENDED_HOURS"
