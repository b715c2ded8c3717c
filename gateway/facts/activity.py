"""What was done lately, this order included, and whom of its own house it might trade with."""

from __future__ import annotations

from typing import Any

from gateway.domain.activity import act_of
from gateway.domain.book import NONE, Book
from gateway.domain.market import Quote
from gateway.domain.order import Order
from gateway.domain.own_prices import Place


def activity_facts(
    book: Book, order: Order, worst: int | None, quote: Quote | None, now_us: int
) -> dict[str, Any]:
    """The ``activity`` section; a count that cannot be told is ``None``, to be left out.

    ``opposite_price`` is the best price at which the order may meet a working order of any
    account of this gateway, ``"none"`` if there is none to meet (``gateway.domain.own_prices``).

    Args:
        book: what was done, and what is working.
        order: the order.
        worst: the price that it may reach, if it is bounded.
        quote: its symbol's, at its scale, if it is known.
        now_us: market time.
    """
    counts = book.activity.counts(act_of(order), now_us)
    place = Place(order.symbol, order.price_decimals, order.side, worst, order.stop_price)
    standing, price = book.prices.opposite(place, quote)
    return {
        "messages_1s_count": counts.messages_1s,
        "messages_60s_count": counts.messages_60s,
        "identical_60s_count": counts.identical_60s,
        "repeated_300s_count": counts.repeated_300s,
        "opposite_price": price if standing else NONE,
    }
