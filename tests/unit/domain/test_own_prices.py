"""Whom of its own house an order can meet: what rests, and stops that the market has reached.

Prices are in cents; the market is 99.90 to 100.10, last 100.00.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.book import AccountBook, Book
from gateway.domain.market import Quote
from gateway.domain.order import Side
from gateway.facts.activity import activity_facts
from support.facts import NOON_US, order, working

QUOTE = Quote("AAPL", 99_90, 100_10, 100_00, 4, NOON_US)


def opposite(
    standing: list[dict[str, Any]], asked: dict[str, Any], quote: Quote | None = QUOTE
) -> int | str | None:
    """The fact for an order while others stand: each by side, worst price and perhaps a stop."""
    book = Book(accounts={"primary": AccountBook("primary", 0)})
    for number, other in enumerate(standing):
        state = working(f"w{number}", "AAPL", other["side"], 10, other["worst"])
        book.hold(
            replace(state, stop_price=other.get("stop"), filled_qty=other.get("filled_qty", 0))
        )
    asking = order(side=Side(asked["side"]), stop_price=asked.get("stop"))
    facts = activity_facts(book, asking, asked["worst"], quote, NOON_US)
    return facts["opposite_price"]


SELL_STOP = {"side": "sell", "stop": 90_00, "worst": 85_00}
BUY_STOP = {"side": "buy", "stop": 110_00, "worst": 115_00}


@pytest.mark.requirement("W-06")
@pytest.mark.parametrize(
    ("standing", "asked", "met"),
    [
        # A protective stop is asleep: it keeps nobody from buying above it, or selling below it.
        (SELL_STOP, {"side": "buy", "worst": 105_00}, "none"),
        (SELL_STOP, {"side": "buy", "worst": 90_01}, "none"),
        (BUY_STOP, {"side": "sell", "worst": 95_00}, "none"),
        (BUY_STOP, {"side": "sell_short", "worst": 109_99}, "none"),
        # What would still rest where it wakes and where it then trades could meet it.
        (SELL_STOP, {"side": "buy", "worst": 90_00}, 85_00),
        (SELL_STOP, {"side": "buy", "worst": 80_00}, 85_00),
        (BUY_STOP, {"side": "sell", "worst": 110_00}, 115_00),
        # One that the touch or the last price has reached may be awake.
        (SELL_STOP | {"stop": 99_90}, {"side": "buy", "worst": 105_00}, 85_00),
        (SELL_STOP | {"stop": 99_89}, {"side": "buy", "worst": 105_00}, "none"),
        (BUY_STOP | {"stop": 100_10}, {"side": "sell", "worst": 95_00}, 115_00),
        (BUY_STOP | {"stop": 100_11}, {"side": "sell", "worst": 95_00}, "none"),
        # One that has filled in part was woken, wherever the market is now.
        (SELL_STOP | {"filled_qty": 4}, {"side": "buy", "worst": 105_00}, 85_00),
        # A new stop meets whoever stands at it or beyond it: those before it are done by then.
        ({"side": "buy", "worst": 95_00}, SELL_STOP, "none"),
        ({"side": "buy", "worst": 90_00}, SELL_STOP, 90_00),
        ({"side": "buy", "worst": 80_00}, SELL_STOP, 80_00),
        ({"side": "sell", "worst": 105_00}, BUY_STOP, "none"),
        ({"side": "sell", "worst": 110_00}, BUY_STOP, 110_00),
        # A stop that the market has reached already is an order like any other.
        ({"side": "buy", "worst": 99_95}, SELL_STOP | {"stop": 99_90}, 99_95),
        ({"side": "sell", "worst": 100_05}, BUY_STOP | {"stop": 100_10}, 100_05),
        # Two stops that wait on either side of the market never wake together.
        (SELL_STOP, BUY_STOP, "none"),
        (BUY_STOP, SELL_STOP, "none"),
    ],
)
def test_a_stop_counts_once_the_market_reaches_it(
    standing: dict[str, Any], asked: dict[str, Any], met: int | str
) -> None:
    assert opposite([standing], asked) == met


def test_without_a_market_every_stop_may_be_awake() -> None:
    assert opposite([SELL_STOP], {"side": "buy", "worst": 105_00}, None) == 85_00
    assert opposite([{"side": "buy", "worst": 95_00}], SELL_STOP, None) == 95_00


def test_what_rests_counts_beside_a_stop_that_is_asleep() -> None:
    standing = [SELL_STOP, {"side": "sell", "worst": 102_00}, {"side": "sell", "worst": 101_00}]
    assert opposite(standing, {"side": "buy", "worst": 105_00}) == 101_00


def test_an_order_that_nothing_bounds_can_be_met_anywhere() -> None:
    unbounded = {"side": "sell", "stop": 90_00, "worst": None}
    assert opposite([unbounded], {"side": "buy", "worst": 105_00}) is None
