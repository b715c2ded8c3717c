"""What an account is worth: cash, equity, and the day's loss, in micros of the base currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.domain.book import AccountBook
from gateway.domain.instrument import Instrument
from gateway.domain.quantities import BPS, ceil_div, value_micros
from gateway.facts.market import Market


@dataclass(frozen=True, slots=True)
class Holding:
    """One position at the last price; price and value are ``None`` when there is no quote."""

    symbol: str
    qty: int
    qty_decimals: int
    last: int | None
    price_decimals: int
    value_micros: int | None


def holdings(
    account: AccountBook, market: Market, instruments: Mapping[str, Instrument]
) -> list[Holding]:
    """Value what the account holds, symbol by symbol."""
    return [
        _holding(symbol, qty, decimals, market, instruments.get(symbol))
        for symbol, (qty, decimals) in account.positions.items()
    ]


def _holding(
    symbol: str, qty: int, decimals: int, market: Market, instrument: Instrument | None
) -> Holding:
    quote = instrument and market.quote(symbol, instrument.price_decimals)
    if not quote:
        return Holding(symbol, qty, decimals, None, 0, None)
    value = value_micros(qty, decimals, quote.last, quote.price_decimals)
    return Holding(symbol, qty, decimals, quote.last, quote.price_decimals, value)


def equity_micros(
    account: AccountBook, market: Market, instruments: Mapping[str, Instrument]
) -> int | None:
    """Cash plus positions at the last price; ``None`` if any held symbol has no price."""
    total = account.cash_micros
    for holding in holdings(account, market, instruments):
        if holding.value_micros is None:
            return None
        total += holding.value_micros
    return total


def account_facts(
    account: AccountBook | None, equity: int | None, session: str
) -> dict[str, Any] | None:
    """The ``account`` section; the day's loss is absent until the day has been opened."""
    if account is None:
        return None
    facts: dict[str, Any] = {"cash_micros": account.cash_micros}
    if equity is not None:
        facts["equity_micros"] = equity
        opening = account.day_open_equity_micros
        if opening is not None and account.session == session:
            facts["day_loss_micros"] = max(0, opening - equity)
    return facts


def drawdown_bps(account: AccountBook, equity: int | None) -> int | None:
    """The fall from the highest opening equity, in basis points, rounded up."""
    peak = account.peak_equity_micros
    if equity is None or peak is None or peak <= 0:
        return None
    return ceil_div(max(0, peak - equity) * BPS, peak)
