"""How entries about accounts change the book: statements, days, and what reconciliation found.

A correction says what stood and what stands instead. One that does not begin where the book is
contradicts it: whoever made it compared with something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.domain.book import NONE, AccountBook, Book, BookError, Handler, OrderState, Payload
from gateway.domain.days import DAYS_MAX, ClosedDay
from gateway.domain.external import EXTERNAL_MAX, ExternalOrder
from gateway.domain.quantities import Worth
from signing.lifecycle import TERMINAL, State


def _statement(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    if payload["account"] in book.accounts:
        raise BookError(f"a second statement for account {payload['account']}")
    book.accounts[payload["account"]] = AccountBook(
        alias=payload["account"],
        cash_micros=payload["cash_micros"],
        positions={
            symbol: (held["qty"], held["qty_decimals"])
            for symbol, held in payload["positions"].items()
        },
    )
    return ()


def _day(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    account = book.account(payload["account"])
    if "closed" in payload:
        account.days = (*account.days, _closed(account, payload))[-DAYS_MAX:]
    account.session = payload["session"]
    account.day_open_equity_micros = payload["equity_micros"]
    account.peak_equity_micros = max(account.peak_equity_micros or 0, payload["equity_micros"])
    account.executed_turnover_micros = account.fees_micros = account.paid_in_micros = 0
    for order_id in account.closed:
        forgotten = book.orders.pop(order_id)
        book.by_client_id.pop(forgotten.broker_client_id, None)
    account.closed = frozenset(
        order.order_id
        for order in book.orders.values()
        if order.account == account.alias
        and order.status in TERMINAL
        and not (order.reserves or order.doubtful)
    )
    return ()


def _closed(account: AccountBook, payload: Payload) -> ClosedDay:
    """The day that ends where the next one is opened, as the entry has it and the book as well."""
    day = ClosedDay(**payload["closed"])
    expected = ClosedDay(
        session=account.session,
        equity_micros=payload["equity_micros"],
        profit_micros=account.day_profit_micros(payload["equity_micros"]) or 0,
        fees_micros=account.fees_micros,
    )
    if account.session == NONE or day != expected or day.session >= payload["session"]:
        raise BookError(f"a day of {account.alias} that was not {day.session}")
    return day


def _correction(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    account, cash = book.account(payload["account"]), payload["cash"]
    if cash != NONE:
        if cash["before_micros"] != account.cash_micros:
            raise BookError(f"a correction of other cash than {account.alias} has")
        account.cash_micros = cash["after_micros"]
        if not payload["positions"] and not _of_a_trade(account, payload):
            account.paid_in_micros += cash["after_micros"] - cash["before_micros"]
    elif payload["positions"]:
        account.repositioned = payload["reconciliation_id"]
    for symbol, change in payload["positions"].items():
        decimals = change["qty_decimals"]
        held, held_decimals = account.positions.get(symbol, (0, decimals))
        # A broker may hold it at a finer scale than the record: the same quantity all the same.
        if held * 10**decimals != change["before"] * 10**held_decimals:
            raise BookError(f"a correction of another position in {symbol} than is held")
        account.positions.pop(symbol, None)
        if change["after"]:
            account.positions[symbol] = (change["after"], decimals)
    return ()


def _of_a_trade(account: AccountBook, payload: Payload) -> bool:
    """Whether the same reconciliation corrected positions: their cash is no payment."""
    reconciliation_id = payload["reconciliation_id"]
    return reconciliation_id != NONE and reconciliation_id == account.repositioned


def _external(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    worth = None
    if "multiplier" in payload and "rate_e8" in payload:
        worth = Worth(payload["multiplier"], payload["rate_e8"])
    limit = payload["limit_price"]
    order = ExternalOrder(
        account=payload["account"],
        broker_order_id=payload["broker_order_id"],
        broker_client_id=payload["broker_client_id"],
        symbol=payload["symbol"],
        side=payload["side"],
        status=State(payload["status"]),
        qty=payload["qty"],
        filled_qty=payload["filled_qty"],
        qty_decimals=payload["qty_decimals"],
        limit_price=None if limit == NONE else limit,
        price_decimals=payload["price_decimals"],
        worth=worth,
    )
    known = book.account(order.account).external
    if order.open and order.broker_order_id not in known and len(known) >= EXTERNAL_MAX:
        raise BookError(f"{order.account} has {EXTERNAL_MAX} open external orders")
    book.adopt(order)
    return ()


def _reconciliation(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    drift = payload["drift_bps"]
    if drift != NONE:
        book.account(payload["account"]).drift_bps = drift
    return ()


HANDLERS: Final[Mapping[str, Handler]] = {
    "statement": _statement,
    "day": _day,
    "correction": _correction,
    "external": _external,
    "reconciliation": _reconciliation,
}
