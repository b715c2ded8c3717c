"""What the portfolio would be if this order and every working order filled in the worst way.

For each symbol the long side is the position plus all working buys, the short side the position
less all working sells; the larger of the two in absolute terms counts, at the highest of the
last price and the prices that the orders may reach. So a working order only ever adds: taking
one away never turns an allow into a denial (held by a property test).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.domain.book import AccountBook, OrderState
from gateway.domain.instrument import Instrument
from gateway.domain.order import Order, Side
from gateway.domain.quantities import BPS, ceil_div, notional_micros
from gateway.facts.market import Market


@dataclass(frozen=True, slots=True)
class Claim:
    """One order's pull on a symbol: signed by side, at the price it counts at."""

    symbol: str
    side: str
    qty: int
    qty_decimals: int
    price: int
    price_decimals: int

    @property
    def notional_micros(self) -> int:
        """Quantity times price, rounded up."""
        return notional_micros(self.qty, self.qty_decimals, self.price, self.price_decimals)


@dataclass(frozen=True, slots=True)
class Exposure:
    """One symbol's worst case: absolute notional, and the short part of it."""

    notional_micros: int
    short_micros: int


def counting_price(side: str, worst: int | None, last: int | None) -> int | None:
    """The price at which an order counts: what it may reach, and for a sale at least the last."""
    if worst is None:
        return None
    return worst if side == Side.BUY else max(worst, last or 0)


def projected_facts(
    order: Order,
    price: int | None,
    account: AccountBook | None,
    equity: int | None,
    market: Market,
    instruments: Mapping[str, Instrument],
) -> dict[str, Any] | None:
    """The ``projected`` section; each fact is absent when anything it needs is not known."""
    if account is None or price is None:
        return None
    mine = Claim(
        order.symbol, order.side, order.qty, order.qty_decimals, price, order.price_decimals
    )
    working = [_claim(held, market) for held in account.working.values()]
    if any(claim is None for claim in working):
        return None  # a working order that cannot be counted leaves nothing provable
    claims = [claim for claim in working if claim is not None] + [mine]
    symbols = {claim.symbol for claim in claims} | set(account.positions)
    exposures = {s: _exposure(s, account, claims, market, instruments) for s in symbols}
    own = exposures[order.symbol]
    bought = sum(c.notional_micros for c in claims if c.side == Side.BUY)
    facts: dict[str, Any] = {
        "positions_count": len(symbols),
        "day_turnover_micros": account.executed_turnover_micros
        + sum(claim.notional_micros for claim in claims),
        "margin_debit_micros": max(0, bought - account.cash_micros)
        if order.side is Side.BUY
        else 0,
    }
    if own is not None:
        facts["position_notional_micros"] = own.notional_micros
        facts["short_notional_micros"] = own.short_micros if order.side is Side.SELL else 0
    return facts | _exposure_facts(order.symbol, exposures, equity, instruments)


def _exposure_facts(
    symbol: str,
    exposures: Mapping[str, Exposure | None],
    equity: int | None,
    instruments: Mapping[str, Instrument],
) -> dict[str, int]:
    """Gross exposure, leverage and the sector's share: known only if every symbol is."""
    known = {s: e.notional_micros for s, e in exposures.items() if e is not None}
    if len(known) < len(exposures):
        return {}
    gross = sum(known.values())
    facts = {"gross_exposure_micros": gross}
    if equity is not None and equity > 0:
        facts["leverage_bps"] = ceil_div(gross * BPS, equity)
        sector = instruments[symbol].sector
        in_sector = sum(n for s, n in known.items() if instruments[s].sector == sector)
        facts["sector_exposure_bps"] = ceil_div(in_sector * BPS, equity)
    return facts


def _claim(held: OrderState, market: Market) -> Claim | None:
    quote = market.quote(held.symbol, held.price_decimals)
    price = counting_price(held.side, held.worst_price, quote.last if quote else None)
    if price is None:
        return None
    return Claim(
        held.symbol, held.side, held.leaves_qty, held.qty_decimals, price, held.price_decimals
    )


def _exposure(
    symbol: str,
    account: AccountBook,
    claims: Iterable[Claim],
    market: Market,
    instruments: Mapping[str, Instrument],
) -> Exposure | None:
    """One symbol's worst case; ``None`` without instrument, price, or a common scale."""
    instrument = instruments.get(symbol)
    quote = instrument and market.quote(symbol, instrument.price_decimals)
    if instrument is None or not quote:
        return None
    position, decimals = account.positions.get(symbol, (0, instrument.qty_decimals))
    own = [claim for claim in claims if claim.symbol == symbol]
    if decimals != instrument.qty_decimals or any(
        (c.qty_decimals, c.price_decimals) != (decimals, instrument.price_decimals) for c in own
    ):
        return None
    long = position + sum(c.qty for c in own if c.side == Side.BUY)
    short = position - sum(c.qty for c in own if c.side == Side.SELL)
    price = max([quote.last, *(c.price for c in own)])
    return Exposure(
        notional_micros(max(abs(long), abs(short)), decimals, price, instrument.price_decimals),
        notional_micros(max(0, -short), decimals, price, instrument.price_decimals),
    )
