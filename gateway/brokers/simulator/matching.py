"""The simulated market's rules: which order fills at a quote, how much, at what price.

Pure: resting orders and one quote in, changes out. Orders are taken in the order in which they
were accepted, and all of them together get no more than the participation cap. The rules in
words are in docs/simulator.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.brokers.simulator.config import SimulatorConfig
from gateway.brokers.simulator.pricing import commission_micros, slipped_price, tick_size
from gateway.domain.market import Quote
from gateway.domain.order import BrokerOrder, Side, TimeInForce
from gateway.domain.quantities import BPS, PLAIN, Worth

NOTHING_TO_REDUCE: Final = "REDUCE_ONLY"
"""The code of a reduce-only order that ended because the position is gone."""

VOLUME_DECIMALS: Final = 8
"""Volumes are compared at this scale, so that orders at different scales share one cap."""


@dataclass(frozen=True, slots=True)
class Resting:
    """An order that the book holds as working.

    ``row`` grows with acceptance; ``eligible_us`` is acceptance plus latency, and only a quote
    after it can fill the order; ``session`` is the first one in which the order could fill, or
    empty.
    """

    row: int
    order: BrokerOrder
    eligible_us: int
    filled_qty: int
    fee_micros: int
    triggered: bool
    session: str
    worth: Worth = PLAIN
    """Of one unit, as it was when the order was taken."""

    @property
    def leaves_qty(self) -> int:
        """What is still to fill, at the order's own scale."""
        return self.order.qty - self.filled_qty


@dataclass(frozen=True, slots=True)
class Window:
    """One quote with the volume that trades at it, in units of 1e-8 of a share."""

    quote: Quote
    session: str
    volume_e8: int


@dataclass(frozen=True, slots=True)
class Fill:
    """A fill at the order's own scales; ``fee_micros`` is what this fill adds to the fee."""

    qty: int
    price: int
    fee_micros: int


@dataclass(frozen=True, slots=True)
class Change:
    """What a quote did to one order; ``expired`` is the code of an expiry, or empty."""

    row: int
    triggered: bool
    session: str
    fill: Fill | None = None
    expired: str = ""


def match(
    orders: Sequence[Resting],
    window: Window,
    config: SimulatorConfig,
    positions: Mapping[str, int] | None = None,
) -> list[Change]:
    """Trade the resting orders of one symbol, oldest first, at one quote.

    ``positions`` is what each account holds of the symbol: a reduce-only order fills no further
    than to nothing, and ends when there is nothing left to reduce.
    """
    capacity_e8 = window.volume_e8 * config.participation_bps // BPS
    traded_e8 = 0
    held = dict(positions or {})
    changes: list[Change] = []
    for resting in orders:
        if window.quote.at_us <= resting.eligible_us:
            continue  # the quote was known when the order was sent, or the order was on its way
        reducible = _reducible(resting.order, held)
        change = _trade(resting, window, config, (capacity_e8, traded_e8), reducible)
        if change.fill is not None:
            traded_e8 += change.fill.qty * _unit_e8(resting)
            _move(held, resting.order, change.fill.qty)
        changes.append(change)
    return changes


def _trade(
    resting: Resting,
    window: Window,
    config: SimulatorConfig,
    volumes_e8: tuple[int, int],
    reducible: int | None,
) -> Change:
    """What the quote does to one order; ``volumes_e8`` is the cap and what is traded of it."""
    capacity_e8, traded_e8 = volumes_e8
    order, tif = resting.order, resting.order.time_in_force
    session = resting.session or window.session
    triggered = resting.triggered or _triggers(order, window.quote.last)
    if reducible == 0:
        return Change(resting.row, triggered, session, expired=NOTHING_TO_REDUCE)
    qty = price = 0
    if triggered:
        available = min(resting.leaves_qty, (capacity_e8 - traded_e8) // _unit_e8(resting))
        if reducible is not None:
            available = min(available, reducible)
        qty, price = _largest(resting, window, config, available, traded_e8)
    if tif is TimeInForce.FOK and qty < resting.leaves_qty:
        return Change(resting.row, triggered, session, expired="TIF_FOK")
    expired = "TIF_IOC" if tif is TimeInForce.IOC and qty < resting.leaves_qty else ""
    if qty == reducible and qty < resting.leaves_qty:
        expired = NOTHING_TO_REDUCE
    if qty == 0:
        return Change(resting.row, triggered, session, expired=expired)
    due = commission_micros(resting.filled_qty + qty, order.qty_decimals, config)
    fill = Fill(qty, price, due - resting.fee_micros)
    return Change(resting.row, triggered, session, fill, expired)


def _reducible(order: BrokerOrder, held: Mapping[str, int]) -> int | None:
    """How much a reduce-only order may still fill; ``None`` for any other order."""
    if not order.reduce_only:
        return None
    position = held.get(order.account, 0)
    return max(0, -position if order.side is Side.BUY else position)


def _move(held: dict[str, int], order: BrokerOrder, qty: int) -> None:
    signed = qty if order.side is Side.BUY else -qty
    held[order.account] = held.get(order.account, 0) + signed


def _triggers(order: BrokerOrder, last: int) -> bool:
    """Whether the order trades at this last price; one without a stop always does."""
    if order.stop_price is None:
        return True
    return last >= order.stop_price if order.side is Side.BUY else last <= order.stop_price


def _largest(
    resting: Resting, window: Window, config: SimulatorConfig, available: int, traded_e8: int
) -> tuple[int, int]:
    """The largest fill whose price the order accepts, and that price; (0, 0) if there is none.

    The price only worsens with the quantity, so bisection finds it.
    """
    order, unit_e8 = resting.order, _unit_e8(resting)
    touch = window.quote.ask if order.side is Side.BUY else window.quote.bid

    def price(qty: int) -> int:
        return slipped_price(
            touch,
            order.side,
            slippage_bps=config.slippage_bps,
            impact_e4=config.impact_e4,
            traded=traded_e8 + qty * unit_e8,
            volume=window.volume_e8,
            tick=tick_size(order.price_decimals, config),
        )

    low, high = 0, max(0, available)
    while low < high:
        middle = (low + high + 1) // 2
        if _accepts(order, price(middle)):
            low = middle
        else:
            high = middle - 1
    return (low, price(low)) if low else (0, 0)


def _accepts(order: BrokerOrder, price: int) -> bool:
    """Whether a price is within limit and protection; a price of nothing is never taken."""
    bounds = [bound for bound in (order.limit_price, order.protection_price) if bound is not None]
    if order.side is Side.BUY:
        return price <= min(bounds)
    return price > 0 and price >= max(bounds)


def _unit_e8(resting: Resting) -> int:
    return 10 ** (VOLUME_DECIMALS - resting.order.qty_decimals)
