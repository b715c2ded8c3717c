"""What the portfolio would be if this order and every working order filled in the worst way.

For each symbol the long side is the position plus all working buys, the short side the position
less all working sells; the larger of the two in absolute terms counts, at the highest of the
last price and the prices that the orders may reach. So a working order only ever adds: taking
one away never turns an allow into a denial (held by a property test).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.domain.book import AccountBook
from gateway.domain.instrument import Instrument
from gateway.domain.order import Order, Side
from gateway.domain.quantities import BPS, ceil_div, notional_micros
from gateway.domain.reservations import Reserved
from gateway.facts.market import Market


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
    if not all(reserved.countable for reserved in account.reservations.values()):
        return None  # a working order that cannot be counted leaves nothing provable
    by_symbol = _reserved(order, price, account, market)
    exposures = {
        symbol: _exposure(symbol, account, reserved, market, instruments.get(symbol))
        for symbol, reserved in by_symbol.items()
    }
    claims = [claim for reserved in by_symbol.values() for claim in reserved]
    bought = sum(claim.buys_micros for claim in claims)
    sold = sum(claim.sells_micros for claim in claims)
    facts: dict[str, Any] = {
        "positions_count": len(exposures),
        "day_turnover_micros": account.executed_turnover_micros + bought + sold,
        "margin_debit_micros": max(0, bought - account.cash_micros)
        if order.side is Side.BUY
        else 0,
    }
    own = exposures[order.symbol]
    if own is not None:
        facts["position_notional_micros"] = own.notional_micros
        facts["short_notional_micros"] = own.short_micros if order.side is Side.SELL else 0
    return facts | _exposure_facts(order.symbol, exposures, equity, instruments)


def _reserved(
    order: Order, price: int, account: AccountBook, market: Market
) -> dict[str, list[Reserved]]:
    """For each symbol held or worked, what its working orders reserve, this one among them."""
    mine = (order.symbol, order.qty_decimals, order.price_decimals)
    by_symbol: dict[str, list[Reserved]] = {symbol: [] for symbol in account.positions}
    own = Reserved(*mine[1:])
    for key, reservations in account.reservations.items():
        quote = market.quote(key[0], key[2])
        reserved = reservations.at(quote.last if quote else 0)
        if key == mine:
            own = reserved
        else:
            by_symbol.setdefault(key[0], []).append(reserved)
    by_symbol.setdefault(order.symbol, []).append(own.plus(order.side, order.qty, price))
    return by_symbol


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


def _exposure(
    symbol: str,
    account: AccountBook,
    reserved: list[Reserved],
    market: Market,
    instrument: Instrument | None,
) -> Exposure | None:
    """One symbol's worst case; ``None`` without instrument, price, or a common scale."""
    quote = instrument and market.quote(symbol, instrument.price_decimals)
    if instrument is None or not quote:
        return None
    position, decimals = account.positions.get(symbol, (0, instrument.qty_decimals))
    scales = (instrument.qty_decimals, instrument.price_decimals)
    if decimals != instrument.qty_decimals or any(
        (claim.qty_decimals, claim.price_decimals) != scales for claim in reserved
    ):
        return None
    long = position + sum(claim.buy_qty for claim in reserved)
    short = position - sum(claim.sell_qty for claim in reserved)
    price = max([quote.last, *(claim.highest_price for claim in reserved)])
    return Exposure(
        notional_micros(max(abs(long), abs(short)), decimals, price, instrument.price_decimals),
        notional_micros(max(0, -short), decimals, price, instrument.price_decimals),
    )
