"""What was done lately, this order included, and whom of its own house it might trade with."""

from __future__ import annotations

from typing import Any

from gateway.domain.activity import act_of
from gateway.domain.book import NONE, Book
from gateway.domain.order import Order


def activity_facts(book: Book, order: Order, now_us: int) -> dict[str, Any]:
    """The ``activity`` section; a count that cannot be told is ``None``, to be left out.

    ``opposite_price`` is the best price that a working order of any account of this gateway may
    trade at on the other side, ``"none"`` if nobody stands there.
    """
    counts = book.activity.counts(act_of(order), now_us)
    standing, price = book.prices.opposite(order.symbol, order.price_decimals, order.side)
    return {
        "messages_1s_count": counts.messages_1s,
        "messages_60s_count": counts.messages_60s,
        "identical_60s_count": counts.identical_60s,
        "repeated_300s_count": counts.repeated_300s,
        "opposite_price": price if standing else NONE,
    }
