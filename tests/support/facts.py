"""Builders of real domain values for tests of facts, turns and control."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.domain.book import NONE, AccountBook, OrderState
from gateway.domain.instrument import Instrument
from gateway.domain.market import Bar, Close, Hours, Quote
from gateway.domain.mode import Mode
from gateway.domain.order import Order, OrderType, Side, TimeInForce
from gateway.domain.permission import Route
from gateway.domain.quantities import PLAIN
from gateway.domain.venue import VenueTerms
from gateway.market.closes import Series
from gateway.market.health import HistoricalHealth
from signing.lifecycle import State

NOON_US = 1_440_432_000_000_000
"""A market time on 2015-08-24."""


def instrument(symbol: str, sector: str = "tech") -> Instrument:
    """A share in whole units, priced at 4 decimals in ticks of a cent."""
    return Instrument(symbol, "equity", sector, "USD", 0, 4, 1, 100)


INSTRUMENTS: Mapping[str, Instrument] = {
    "AAPL": instrument("AAPL"),
    "MSFT": instrument("MSFT"),
    "JPM": instrument("JPM", "banks"),
}


HEALTH = HistoricalHealth(Series(("2015-08-24",), (NOON_US,), (200_000,)))
"""Models in good health, as a historical feed states them at :data:`NOON_US`."""


ROUTES: Mapping[str, Route] = {"primary": Route("primary", "simulator", NONE, Mode.SIMULATION)}
"""The one account leads into the gateway."""


DAY_US = 24 * 3_600_000_000


class OpenVenue:
    """A venue that takes everything in the instruments above, in steps of one and of a cent."""

    def terms(self, account: str, symbol: str) -> VenueTerms | None:
        return VenueTerms(
            symbol, 1, 0, 100, 4, 0, True, True, False, frozenset(OrderType),
            frozenset(TimeInForce), True, True, NOON_US,
        )  # fmt: skip


class StillFeed:
    """A market that does not move: prices in units of 1e-4."""

    def __init__(self, lasts: Mapping[str, int], half_spread: int = 100) -> None:
        self.lasts = dict(lasts)
        self.half_spread = half_spread
        self.volatility: int | None = 200_000

    def quote(self, symbol: str, at_us: int) -> Quote | None:
        last = self.lasts.get(symbol)
        if last is None:
            return None
        return Quote(
            symbol, last - self.half_spread, last + self.half_spread, last, 4, min(at_us, NOON_US)
        )

    def bars(self, symbol: str, until_us: int, limit: int) -> list[Bar]:
        last = self.lasts.get(symbol)
        return [] if last is None else [Bar(symbol, "2015-08-21", last, 4, 0, NOON_US - DAY_US)]

    def previous_close(self, symbol: str, at_us: int) -> Close | None:
        last = self.lasts.get(symbol)
        return None if last is None else Close(last, 4)

    def volatility_index_e4(self, at_us: int) -> int | None:
        return self.volatility

    def session(self, at_us: int) -> str:
        return "2015-08-24"

    def trading_day(self, at_us: int) -> str | None:
        return self.session(at_us)

    def hours(self, symbol: str, at_us: int) -> Hours | None:
        return Hours(NOON_US - 3 * 3_600_000_000, NOON_US + 4 * 3_600_000_000)


def order(symbol: str = "AAPL", side: Side = Side.BUY, qty: int = 10, **changes: object) -> Order:
    """A market order of the account ``primary``."""
    base = Order(
        order_id="ord_1",
        principal="desk",
        account="primary",
        symbol=symbol,
        side=side,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        qty=qty,
        qty_decimals=0,
        price_decimals=4,
        limit_price=None,
        stop_price=None,
        client_order_id=None,
        strategy_id=None,
        source_signal_id=None,
        instrument_known=True,
    )
    return replace(base, **changes)  # pyright: ignore[reportArgumentType]  the case names the fields


def working(
    order_id: str, symbol: str, side: str, qty: int, worst_price: int, filled_qty: int = 0
) -> OrderState:
    """An acknowledged order."""
    return OrderState(
        order_id=order_id,
        decision_id="dec_" + order_id,
        broker_client_id="wr-" + order_id,
        account="primary",
        principal="desk",
        client_order_id=NONE,
        strategy_id=NONE,
        symbol=symbol,
        side=side,
        type="limit",
        time_in_force="day",
        qty=qty,
        qty_decimals=0,
        price_decimals=4,
        limit_price=worst_price,
        stop_price=None,
        worst_price=worst_price,
        mode="SIMULATION",
        label=NONE,
        allow=True,
        failure=NONE,
        reasons=(),
        input_digest="0" * 64,
        release_digest="0" * 64,
        market_us=NOON_US,
        status=State.ACKNOWLEDGED,
        filled_qty=filled_qty,
        worth=PLAIN,
    )


def account(
    cash_micros: int = 1_000_000_000_000, positions: Mapping[str, int] | None = None
) -> AccountBook:
    """The account ``primary`` with its day open."""
    return AccountBook(
        "primary",
        cash_micros,
        {symbol: (qty, 0) for symbol, qty in (positions or {}).items()},
        session="2015-08-24",
        day_open_equity_micros=cash_micros,
        peak_equity_micros=cash_micros,
    )
