"""What the simulated broker says of the orders it takes, and the rule for restricted shorts.

Everything stated here is what ``admission`` does: the contract tests hold the two together.
"""

from __future__ import annotations

from typing import Final

from gateway.brokers.contract import AccountTerms
from gateway.brokers.simulator.config import SimulatorConfig
from gateway.brokers.simulator.pricing import tick_size
from gateway.domain.order import OrderType, TimeInForce
from gateway.domain.venue import VenueTerms
from gateway.ports import MarketFeed

FALL_TENTHS: Final = 1
"""Rule 201(b)(1): a fall of a tenth or more from the previous close restricts short sales."""

_BARS: Final = 3  # today's and two before it: today's fall counts today and on the next session


def stated_terms(
    feed: MarketFeed,
    config: SimulatorConfig,
    account: AccountTerms,
    symbol: str,
    qty_decimals: int | None,
    at_us: int,
) -> VenueTerms | None:
    """The terms at a market time; ``None`` for a symbol that has no market here.

    Args:
        feed: its quotes decide what is traded.
        config: tick and floor.
        account: whether it may sell short.
        symbol: the symbol asked about.
        qty_decimals: the scale at which the symbol is already ordered, if it is.
        at_us: market time.
    """
    quote = feed.quote(symbol, at_us)
    if quote is None:
        return None
    return VenueTerms(
        symbol=symbol,
        lot=1,
        qty_decimals=qty_decimals,
        tick=tick_size(quote.price_decimals, config),
        price_decimals=quote.price_decimals,
        min_notional_micros=config.min_notional_micros,
        tradable=True,
        shortable=account.short_allowed,
        short_restricted=short_restricted(feed, symbol, at_us),
        types=frozenset(OrderType),
        times_in_force=frozenset(TimeInForce),
        reduce_only=True,
        extended_hours=False,
        at_us=at_us,
    )


def short_restricted(feed: MarketFeed, symbol: str, at_us: int) -> bool:
    """Whether short sales must be priced above the bid: for the day of a fall and the next."""
    today = feed.session(at_us)
    closes = {bar.session: bar.close for bar in feed.bars(symbol, at_us, _BARS)}
    last_today = closes.pop(today, None)
    earlier = [None, None, *closes.values()]
    return _fell(earlier[-1], last_today) or _fell(earlier[-2], earlier[-1])


def _fell(before: int | None, after: int | None) -> bool:
    """Whether the second of two closes lies a tenth or more below the first."""
    if before is None or after is None:
        return False
    return after * 10 <= before * (10 - FALL_TENTHS)
