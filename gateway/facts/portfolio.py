"""What the portfolio would be if this order and every working order filled in the worst way.

For each symbol the long side is the position plus all working buys, the short side the position
less all working sells; the larger of the two in absolute terms counts, at the highest of the
last price, the ask and the prices that the orders may reach, and at the rate as of now. So a
working order only ever adds: taking one away never turns an allow into a denial (held by a property
test).

Which price is the careful one depends on what it is for. Exposure, turnover and what is sold short
grow with the price, so they count high. Equity and free cash count low (``gateway.facts.account``):
a sale under way brings no cash at all before it has filled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.domain.book import AccountBook
from gateway.domain.order import Order, Side
from gateway.domain.quantities import BPS, Worth, ceil_div, notional_micros
from gateway.domain.reservations import Reserved
from gateway.facts.account import margin_bps, owed_micros
from gateway.facts.valuation import Valuation


@dataclass(frozen=True, slots=True)
class Projected:
    """The ``projected`` section, and what stands without the order.

    ``standing_gross_micros`` is the gross exposure of positions and working orders alone.
    """

    facts: dict[str, Any]
    standing_gross_micros: int | None


def counting_price(side: str, worst: int | None, high: int | None) -> int | None:
    """The price at which an order counts: the highest at which it may be expected to fill.

    A purchase fills at its worst price or below. The worst price of a sale is its lowest, and it
    fills at whatever is bid above that; so it counts at ``high`` (``Quote.high``) at least.
    """
    if worst is None:
        return None
    return worst if side == Side.BUY else max(worst, high or 0)


def projected_facts(
    order: Order,
    price: int | None,
    account: AccountBook | None,
    equity: int | None,
    valuation: Valuation,
) -> Projected | None:
    """The account as it would be; each fact is absent when anything it needs is not known."""
    worth = valuation.worth(order.symbol)
    if account is None or price is None or worth is None:
        return None
    if not all(reserved.countable for reserved in account.reservations.values()):
        return None  # a working order that cannot be counted leaves nothing provable
    standing = _standing(account, valuation)
    claims = standing | {order.symbol: _with(order, price, worth, standing)}
    notionals = {
        symbol: _notional_micros(symbol, account, reserved, valuation)
        for symbol, reserved in claims.items()
    }
    facts = _sums(order, account, claims, valuation) | {"positions_count": len(notionals)}
    own = notionals[order.symbol]
    if own is not None:
        facts["position_notional_micros"] = own
        facts["short_notional_micros"] = _short_micros(order, account, claims, valuation)
        facts["asset_exposure_bps"] = _share_bps(own, equity)
    known = {symbol: notional for symbol, notional in notionals.items() if notional is not None}
    if own is None or len(known) < len(notionals):
        return Projected(facts, None)
    before = 0
    if order.symbol in standing:
        before = _notional_micros(order.symbol, account, standing[order.symbol], valuation) or 0
    facts |= _exposure_facts(order.symbol, known, equity, valuation)
    return Projected(facts, facts["gross_exposure_micros"] - own + before)


def _standing(account: AccountBook, valuation: Valuation) -> dict[str, list[Reserved]]:
    """For each symbol held or worked, what its working orders reserve, scale by scale."""
    by_symbol: dict[str, list[Reserved]] = {symbol: [] for symbol in account.positions}
    for (symbol, _, price_decimals), reservations in account.reservations.items():
        quote = valuation.market.quote(symbol, price_decimals)
        by_symbol.setdefault(symbol, []).append(reservations.at(quote.high if quote else 0))
    return by_symbol


def _with(
    order: Order, price: int, worth: Worth, standing: Mapping[str, list[Reserved]]
) -> list[Reserved]:
    """What its symbol's working orders reserve, this order among them."""
    scales = (order.qty_decimals, order.price_decimals)
    others: list[Reserved] = []
    own = Reserved(*scales)
    for reserved in standing.get(order.symbol, ()):
        if (reserved.qty_decimals, reserved.price_decimals) == scales:
            own = reserved
        else:
            others.append(reserved)
    return [*others, own.plus(order.side, order.qty, price, worth)]


def _sums(
    order: Order,
    account: AccountBook,
    claims: Mapping[str, list[Reserved]],
    valuation: Valuation,
) -> dict[str, Any]:
    """What the purchases and sales under way come to, and what the purchases would borrow."""
    every = [claim for reserved in claims.values() for claim in reserved]
    bought = sum(claim.buys_micros for claim in every)
    sold = sum(claim.sells_micros for claim in every)
    debit: int | None = 0
    if order.side is Side.BUY:
        # What the shorts would cost to buy back is not free: the proceeds in the cash stand for it.
        owed = owed_micros(account, valuation)
        debit = None if owed is None else max(0, bought + owed - account.cash_micros)
    return {
        "day_turnover_micros": account.executed_turnover_micros + bought + sold,
        "margin_debit_micros": debit,
    }


def _exposure_facts(
    symbol: str, notionals: Mapping[str, int], equity: int | None, valuation: Valuation
) -> dict[str, Any]:
    """Gross exposure, what it leaves of the equity, and the sector's share."""
    gross = sum(notionals.values())
    facts: dict[str, Any] = {"gross_exposure_micros": gross}
    if equity is not None:
        facts["initial_margin_bps"] = margin_bps(equity, gross)
        instruments = valuation.instruments
        sector = instruments[symbol].sector
        in_sector = sum(n for s, n in notionals.items() if instruments[s].sector == sector)
        facts["leverage_bps"] = _share_bps(gross, equity)
        facts["sector_exposure_bps"] = _share_bps(in_sector, equity)
    return facts


def _share_bps(micros: int, equity: int | None) -> int | None:
    """A value as a share of the equity, rounded up; of no equity there is none."""
    return ceil_div(micros * BPS, equity) if equity is not None and equity > 0 else None


def _notional_micros(
    symbol: str, account: AccountBook, reserved: list[Reserved], valuation: Valuation
) -> int | None:
    """One symbol's worst case, absolute; ``None`` without price, rate, or a common scale."""
    priced = valuation.priced(symbol)
    if priced is None:
        return None
    rule = priced.instrument
    position, decimals = account.positions.get(symbol, (0, rule.qty_decimals))
    if decimals != rule.qty_decimals:
        return None
    long, short, price = position, position, priced.quote.high
    for claim in reserved:
        if claim.qty_decimals != decimals or claim.price_decimals != rule.price_decimals:
            return None
        long, short = long + claim.buy_qty, short - claim.sell_qty
        price = max(price, claim.highest_price)
    largest = max(abs(long), abs(short))
    return notional_micros(largest, decimals, price, rule.price_decimals, priced.worth)


def _short_micros(
    order: Order,
    account: AccountBook,
    claims: Mapping[str, list[Reserved]],
    valuation: Valuation,
) -> int:
    """What a sale leaves sold short at worst; asked only where the symbol's value is known."""
    priced = valuation.priced(order.symbol)
    if order.side is Side.BUY or priced is None:
        return 0
    reserved = claims[order.symbol]
    position, decimals = account.positions.get(order.symbol, (0, order.qty_decimals))
    short = sum(claim.sell_qty for claim in reserved) - position
    price = max([priced.quote.high, *(claim.highest_price for claim in reserved)])
    return notional_micros(max(0, short), decimals, price, order.price_decimals, priced.worth)
