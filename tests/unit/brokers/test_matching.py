"""The rules of the simulated market, one by one, on one quote."""

from dataclasses import replace

import pytest

from gateway.brokers.simulator.config import SimulatorConfig
from gateway.brokers.simulator.matching import Change, Fill, Resting, Window, match
from gateway.domain.market import Quote
from gateway.domain.order import BrokerOrder, OrderType, Side, TimeInForce
from support.brokers import broker_order, limit_order

AT_US = 1_000_000
FREE = SimulatorConfig(slippage_bps=0, impact_e4=0, fee_per_unit_micros=0, fee_minimum_micros=0)


def resting(order: BrokerOrder, row: int = 1, **changes: object) -> Resting:
    base = Resting(row, order, AT_US - 1, 0, 0, triggered=False, session="")
    return replace(base, **changes)  # pyright: ignore[reportArgumentType]  the case names the fields


def window(
    bid: int = 999_900, ask: int = 1_000_100, last: int = 1_000_000, volume: int = 10_000
) -> Window:
    return Window(Quote("AAPL", bid, ask, last, 4, AT_US), "2015-01-06", volume * 10**8)


def one(order: BrokerOrder, at: Window | None = None, config: SimulatorConfig = FREE) -> Change:
    [change] = match([resting(order)], at or window(), config)
    return change


@pytest.mark.requirement("S2-06")
@pytest.mark.parametrize(("side", "price"), [(Side.BUY, 1_000_100), (Side.SELL, 999_900)])
def test_a_market_order_buys_at_the_ask_and_sells_at_the_bid(side: Side, price: int) -> None:
    bound = 10_000_000 if side is Side.BUY else 1
    change = one(broker_order(side=side, protection_price=bound))
    assert change.fill == Fill(10, price, 0)
    assert change.expired == ""


@pytest.mark.parametrize("ahead_us", [0, 1, 10**9])
def test_a_quote_that_was_not_later_than_the_order_s_arrival_never_fills_it(ahead_us: int) -> None:
    early = resting(broker_order(), eligible_us=AT_US + ahead_us)
    assert match([early], window(), FREE) == []


def test_a_quote_one_microsecond_later_does() -> None:
    [change] = match([resting(broker_order(), eligible_us=AT_US - 1)], window(), FREE)
    assert change.fill is not None


@pytest.mark.parametrize(
    ("side", "limit", "price"),
    [
        (Side.BUY, 1_000_100, 1_000_100),  # at the limit
        (Side.BUY, 1_050_000, 1_000_100),  # better than the limit: the market's price
        (Side.BUY, 1_000_000, None),  # one tick short
        (Side.SELL, 999_900, 999_900),
        (Side.SELL, 900_000, 999_900),
        (Side.SELL, 1_000_000, None),
    ],
)
def test_a_limit_order_fills_at_the_market_or_not_at_all(
    side: Side, limit: int, price: int | None
) -> None:
    change = one(limit_order(side=side, limit_price=limit))
    assert (change.fill.price if change.fill else None) == price
    assert change.session == "2015-01-06"  # it could have filled: its day has begun


@pytest.mark.parametrize(
    ("side", "bound", "fills"),
    [
        (Side.BUY, 1_000_100, True),
        (Side.BUY, 1_000_099, False),
        (Side.SELL, 999_900, True),
        (Side.SELL, 999_901, False),
    ],
)
def test_a_protection_price_bounds_a_market_order_like_a_limit(
    side: Side, bound: int, fills: bool
) -> None:
    change = one(broker_order(side=side, protection_price=bound))
    assert (change.fill is not None) is fills
    assert change.expired == ""


def test_impact_may_not_push_a_fill_beyond_its_limit_so_less_fills() -> None:
    """k=0.1, cap 100 %: the whole 5,000 of 10,000 would cost 2.5 % more; 1,000 cost 0.1 %."""
    config = replace(FREE, impact_e4=1_000, participation_bps=10_000)
    at = window(ask=1_000_000, last=1_000_000)
    assert one(broker_order(qty=5_000), at, config).fill == Fill(5_000, 1_025_000, 0)
    bounded = one(limit_order(qty=5_000, limit_price=1_001_000), at, config)
    assert bounded.fill == Fill(1_000, 1_001_000, 0)


def test_all_orders_together_stay_within_the_participation_cap_oldest_first() -> None:
    """2.5 % of 10,000 are 250."""
    orders = [
        resting(broker_order("wr-1", 100), row=1),
        resting(broker_order("wr-2", 100, side=Side.SELL, protection_price=1), row=2),
        resting(broker_order("wr-3", 100), row=3),
        resting(broker_order("wr-4", 100), row=4),
    ]
    fills = [change.fill.qty if change.fill else 0 for change in match(orders, window(), FREE)]
    assert fills == [100, 100, 50, 0]


def test_scales_share_one_cap() -> None:
    orders = [
        resting(broker_order("wr-1", 20_000, qty_decimals=2), row=1),  # 200 shares
        resting(broker_order("wr-2", 100), row=2),
    ]
    fills = [change.fill.qty if change.fill else 0 for change in match(orders, window(), FREE)]
    assert fills == [20_000, 50]


def test_later_fills_at_the_same_quote_pay_for_the_earlier_ones_impact() -> None:
    config = replace(FREE, impact_e4=5_000)
    orders = [resting(broker_order("wr-1", 125), row=1), resting(broker_order("wr-2", 125), row=2)]
    at = window(ask=1_000_000)
    first, second = (change.fill for change in match(orders, at, config))
    assert first is not None
    assert second is not None
    assert (first.price, second.price) == (1_000_100, 1_000_400)  # 0.5 x 0.0125², 0.5 x 0.025²


@pytest.mark.parametrize("volume", [0, 39])
def test_without_volume_nothing_trades(volume: int) -> None:
    change = one(broker_order(), window(volume=volume))
    assert (change.fill, change.expired) == (None, "")


@pytest.mark.parametrize(
    ("tif", "qty", "filled", "expired"),
    [
        (TimeInForce.DAY, 250, 250, ""),
        (TimeInForce.DAY, 300, 250, ""),
        (TimeInForce.GTC, 300, 250, ""),
        (TimeInForce.IOC, 250, 250, ""),
        (TimeInForce.IOC, 300, 250, "TIF_IOC"),
        (TimeInForce.FOK, 250, 250, ""),
        (TimeInForce.FOK, 251, 0, "TIF_FOK"),
    ],
)
def test_what_a_time_in_force_does_with_a_part(
    tif: TimeInForce, qty: int, filled: int, expired: str
) -> None:
    change = one(broker_order(qty=qty, time_in_force=tif))
    assert (change.fill.qty if change.fill else 0, change.expired) == (filled, expired)


@pytest.mark.parametrize(
    ("tif", "expired"),
    [
        (TimeInForce.DAY, ""),
        (TimeInForce.GTC, ""),
        (TimeInForce.IOC, "TIF_IOC"),
        (TimeInForce.FOK, "TIF_FOK"),
    ],
)
def test_what_a_time_in_force_does_when_nothing_fills(tif: TimeInForce, expired: str) -> None:
    change = one(limit_order(limit_price=500_000, time_in_force=tif))
    assert (change.fill, change.expired) == (None, expired)


@pytest.mark.parametrize(
    ("side", "stop", "last", "triggered"),
    [
        (Side.BUY, 1_010_000, 1_009_900, False),
        (Side.BUY, 1_010_000, 1_010_000, True),
        (Side.BUY, 1_010_000, 1_090_000, True),
        (Side.SELL, 990_000, 990_100, False),
        (Side.SELL, 990_000, 990_000, True),
        (Side.SELL, 990_000, 910_000, True),
    ],
)
def test_a_stop_triggers_on_the_last_price_and_trades_at_the_same_quote(
    side: Side, stop: int, last: int, triggered: bool
) -> None:
    bound = 10_000_000 if side is Side.BUY else 1
    order = broker_order(type=OrderType.STOP, side=side, stop_price=stop, protection_price=bound)
    at = window(bid=last - 100, ask=last + 100, last=last)
    change = one(order, at)
    assert change.triggered is triggered
    touch = at.quote.ask if side is Side.BUY else at.quote.bid
    assert change.fill == (Fill(10, touch, 0) if triggered else None)


def test_a_triggered_stop_limit_keeps_its_limit_and_stays_triggered() -> None:
    order = limit_order(type=OrderType.STOP_LIMIT, stop_price=1_010_000, limit_price=1_010_000)
    gapped = window(bid=1_019_900, ask=1_020_100, last=1_020_000)
    change = one(order, gapped)
    assert (change.triggered, change.fill) == (True, None)
    # Back below the stop: it was triggered once, so it now trades as a limit order.
    [later] = match([resting(order, triggered=True)], window(), FREE)
    assert later.fill == Fill(10, 1_000_100, 0)


def test_a_fill_or_kill_stop_that_is_not_triggered_at_its_first_quote_is_over() -> None:
    order = broker_order(type=OrderType.STOP, stop_price=2_000_000, time_in_force=TimeInForce.FOK)
    assert one(order).expired == "TIF_FOK"


def test_the_minimum_commission_is_charged_once_for_all_parts() -> None:
    config = replace(FREE, fee_per_unit_micros=5_000, fee_minimum_micros=1_000_000)
    order = broker_order(qty=700)
    [first] = match([resting(order)], window(), config)
    assert first.fill == Fill(250, 1_000_100, 1_250_000)
    [second] = match([resting(order, filled_qty=250, fee_micros=1_250_000)], window(), config)
    assert second.fill == Fill(250, 1_000_100, 1_250_000)
    small = broker_order(qty=20)
    [part] = match([resting(small, filled_qty=5, fee_micros=1_000_000)], window(), config)
    assert part.fill == Fill(15, 1_000_100, 0)


def test_nothing_is_ever_sold_for_nothing() -> None:
    config = replace(FREE, slippage_bps=1)
    order = broker_order(side=Side.SELL, protection_price=1)
    assert one(order, window(bid=100, ask=300, last=200), config).fill is None


def test_the_first_session_in_which_an_order_could_fill_is_kept() -> None:
    [change] = match([resting(broker_order(qty=1_000), session="2015-01-05")], window(), FREE)
    assert change.session == "2015-01-05"
