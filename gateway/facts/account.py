"""What an account is worth: cash, equity, and the day's loss, in micros of the base currency.

Nothing held is worth more than somebody bids for it, and nothing owed less than somebody asks for
it, whatever the last trade was at: a last price that the market has left behind would hide a loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.domain.book import NONE, AccountBook
from gateway.domain.quantities import BPS, INT_LIMIT, ceil_div, value_micros
from gateway.facts.valuation import Valuation


@dataclass(frozen=True, slots=True)
class Holding:
    """One position; price and value are ``None`` when one is not known.

    ``value_micros`` is signed: a long position counts at the lower of last price and bid, a short
    one at the higher of last price and ask.
    """

    symbol: str
    qty: int
    qty_decimals: int
    last: int | None
    price_decimals: int
    value_micros: int | None


def holdings(account: AccountBook, valuation: Valuation) -> list[Holding]:
    """Value what the account holds, symbol by symbol, at the rates as of now."""
    return [
        _holding(symbol, qty, decimals, valuation)
        for symbol, (qty, decimals) in account.positions.items()
    ]


def _holding(symbol: str, qty: int, decimals: int, valuation: Valuation) -> Holding:
    priced = valuation.priced(symbol)
    if priced is None:
        return Holding(symbol, qty, decimals, None, 0, None)
    quote = priced.quote
    price = quote.low if qty > 0 else quote.high
    value = value_micros(qty, decimals, price, quote.price_decimals, priced.worth)
    return Holding(symbol, qty, decimals, quote.last, quote.price_decimals, value)


def equity_micros(account: AccountBook, valuation: Valuation) -> int | None:
    """Cash plus holdings less debts; ``None`` if any held symbol has no price or rate."""
    total = account.cash_micros
    for holding in holdings(account, valuation):
        if holding.value_micros is None:
            return None
        total += holding.value_micros
    return total


def owed_micros(account: AccountBook, valuation: Valuation) -> int | None:
    """What it would cost to buy back everything sold short; ``None`` if a price is not known.

    The account's cash holds the proceeds of those sales, and they are collateral.
    """
    total = 0
    for symbol, (qty, decimals) in account.positions.items():
        if qty < 0:
            value = _holding(symbol, qty, decimals, valuation).value_micros
            if value is None:
                return None
            total -= value
    return total


def account_facts(
    account: AccountBook | None, equity: int | None, session: str, standing_gross: int | None
) -> dict[str, Any] | None:
    """The ``account`` section; the day's loss is absent until the day has been opened.

    Where the clock went back over midnight, the loss is that of the day that is open.
    ``standing_gross`` is the gross exposure that stands without the order, if it is known.
    """
    if account is None:
        return None
    facts: dict[str, Any] = {"cash_micros": account.cash_micros}
    if equity is None:
        return facts
    facts["equity_micros"] = equity
    facts["drawdown_bps"] = drawdown_bps(account, equity)
    if standing_gross is not None:
        facts["maintenance_margin_bps"] = margin_bps(equity, standing_gross)
    loss = day_loss_micros(account, equity)
    if loss is not None and account.session >= session:
        facts["day_loss_micros"] = loss
    return facts


def halt_facts(account: AccountBook, equity: int | None) -> dict[str, Any]:
    """One account in the input of the second query; what is ``None`` is to be left out.

    The loss is that of the day that was opened last, however long ago: a day that is late in
    opening neither hides a loss nor stops an account.
    """
    return {
        "drawdown_bps": drawdown_bps(account, equity),
        "day_loss_micros": day_loss_micros(account, equity),
        "rejected_in_a_row": account.rejected_in_a_row,
        "drift_bps": NONE if account.drift_bps is None else account.drift_bps,
    }


def day_loss_micros(account: AccountBook, equity: int | None) -> int | None:
    """What the account lost since its day was opened; ``None`` if none was, or equity is unknown.

    A gain is a loss of zero, and what was paid in hides none.
    """
    profit = account.day_profit_micros(equity)
    return None if profit is None else max(0, -profit)


def drawdown_bps(account: AccountBook, equity: int | None) -> int | None:
    """The fall from the highest opening equity, in basis points, rounded up."""
    peak = account.peak_equity_micros
    if equity is None or peak is None or peak <= 0:
        return None
    return ceil_div(max(0, peak - equity) * BPS, peak)


def margin_bps(equity: int, gross: int) -> int:
    """Equity as a share of gross exposure, in basis points, rounded down.

    No equity is 0, however much is owed; with no exposure it is the largest number there is.
    """
    if gross == 0:
        return INT_LIMIT - 1
    return min(INT_LIMIT - 1, max(0, equity) * BPS // gross)
