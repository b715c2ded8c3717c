"""A process that trades on a simulator's book until it is killed; run with the book's folder.

It prints a line for each order once the order has been answered, so that whoever kills it knows
what must be there afterwards.
"""

import sys
from itertools import count
from pathlib import Path

from gateway.brokers.contract import AccountTerms
from gateway.brokers.simulator.arrivals import Arrival, Replacing
from gateway.brokers.simulator.book import SimulatorBook
from gateway.brokers.simulator.config import SimulatorConfig
from gateway.domain.execution import Accepted, BrokerUpdate
from gateway.domain.order import Side, TimeInForce
from gateway.market.closes import quote_us
from gateway.market.historical import HistoricalFeed
from gateway.market.spread import Liquidity, QuoteModel
from support.brokers import SESSIONS, broker_order, limit_order, series

OPENING_MICROS = 9_000_000_000_000
STANDS = "stands"
"""What is in the id of an order that takes the place of another one."""
MINUTES = 20_000
"""Quotes in the market, a minute apart: more than a worker can trade before it is killed."""


def open_book(directory: Path) -> SimulatorBook:
    """The book of a worker: one account, a price of 100.00, and a quote every minute."""
    start = quote_us(SESSIONS[0])
    column = series([1_000_000])
    column = type(column)(
        (SESSIONS[0],) * MINUTES,
        tuple(start + n * 60_000_000 for n in range(MINUTES)),
        (1_000_000,) * MINUTES,
    )
    feed = HistoricalFeed(
        {"AAPL": column},
        type(column)(SESSIONS[:1], (start,), (150_000,)),
        QuoteModel({}, Liquidity(1, 390_000_000), 200_000),
    )
    terms = {"primary": AccountTerms(OPENING_MICROS)}
    return SimulatorBook(directory / "simulator.db", terms, SimulatorConfig(), feed)


def all_updates(book: SimulatorBook) -> list[BrokerUpdate]:
    """Every update of a book, page by page."""
    read: list[BrokerUpdate] = []
    while page := book.updates(read[-1].cursor if read else 0, 1_000):
        read += page
    return read


def main(directory: Path, name: str) -> None:
    """Send, trade and replace in turns, from wherever the book was left.

    Besides what trades, one order stands: each turn another one takes its place.
    """
    book, start = open_book(directory), quote_us(SESSIONS[0])
    done = len(all_updates(book))
    for number in count():
        now_us = start + (done + number) * 60_000_000
        side = Side.SELL if number % 3 == 2 else Side.BUY
        order = broker_order(
            f"wr-{name}-{number}",
            7,
            side=side,
            time_in_force=TimeInForce.GTC,
            protection_price=1_010_000 if side is Side.BUY else 1,
        )
        if isinstance(book.accept(order, Arrival(now_us, now_us)), Accepted):
            print(order.broker_client_id, flush=True)  # noqa: T201  the parent reads it
        stand(book, name, number, Arrival(now_us, now_us))
        book.trade(now_us, now_us)


def stand(book: SimulatorBook, name: str, number: int, at: Arrival) -> None:
    """Put an order that nobody fills in the place of the one before it."""
    standing = limit_order(
        f"wr-{name}-{STANDS}-{number}", 1, limit_price=500_000, time_in_force=TimeInForce.GTC
    )
    before = Replacing(f"wr-{name}-{STANDS}-{number - 1}", 0) if number else None
    if isinstance(book.accept(standing, at, before), Accepted):
        print(standing.broker_client_id, flush=True)  # noqa: T201  the parent reads it


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
