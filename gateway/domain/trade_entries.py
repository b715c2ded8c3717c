"""How executions and their corrections change the book: order, position, cash and turnover.

A fill that reconciliation had inferred and that a broker reports later is counted once: what was
inferred of the order is taken back first, the oldest first, and the broker's own word put in its
place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gateway.domain.book import NONE, AccountBook, Book, BookError, Handler, OrderState, Payload
from gateway.domain.order import Side
from gateway.domain.quantities import Worth, notional_micros, value_micros
from signing.lifecycle import state_after

INFERRED: Final = "inferred"
"""The source of an execution that reconciliation made up for one it has proof of."""


def mergeable_qty(order: OrderState, qty: int) -> int:
    """How much of a fill that the broker reports was inferred before."""
    return min(qty, sum(inferred for inferred, _ in order.inferred))


def _execution(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    order, account = book.known(payload), book.account(payload["account"])
    worth = _checked(order, payload, payload["price_decimals"])
    qty, price, source = payload["qty"], payload["price"], payload.get("source")
    merged = 0 if source == INFERRED else mergeable_qty(order, qty)
    if payload.get("merged_qty", 0) != merged:
        raise BookError(f"execution {payload['execution_id']} merges {merged} inferred before it")
    taken_back, rest = _taken(order.inferred, merged)
    if source == INFERRED:
        rest = (*rest, (qty, price))
    leaves = order.leaves_qty - (qty - merged)
    after = moved(order, "execution", payload, NONE, leaves=leaves)
    for inferred_qty, inferred_price in taken_back:
        _trade(account, order, -inferred_qty, inferred_price, worth)
    _trade(account, order, qty, price, worth)
    account.cash_micros -= payload["fee_micros"]
    account.fees_micros += payload["fee_micros"]
    return book.keep(
        replace(
            after,
            filled_qty=order.filled_qty + qty - merged,
            filled_value=order.filled_value
            + qty * price
            - sum(back_qty * back_price for back_qty, back_price in taken_back),
            fee_micros=order.fee_micros + payload["fee_micros"],
            inferred=rest,
        )
    )


def _trade_correction(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    order, account = book.known(payload), book.account(payload["account"])
    worth = _checked(order, payload, payload["price_decimals"])
    before, after = payload["qty_before"], payload["qty_after"]
    cum_qty = order.filled_qty - before + after
    if cum_qty < 0 or cum_qty > order.qty or payload["cum_qty"] != cum_qty:
        raise BookError(f"trade-correction {payload['execution_id']} does not add up")
    state = moved(order, "trade-correction", payload, payload["cause"].upper())
    _trade(account, order, -before, payload["price_before"], worth)
    _trade(account, order, after, payload["price_after"], worth)
    account.cash_micros -= payload["fee_change_micros"]
    account.fees_micros += payload["fee_change_micros"]
    value = after * payload["price_after"] - before * payload["price_before"]
    return book.keep(
        replace(
            state,
            filled_qty=cum_qty,
            filled_value=order.filled_value + value,
            fee_micros=order.fee_micros + payload["fee_change_micros"],
        )
    )


def _checked(order: OrderState, payload: Payload, price_decimals: int) -> Worth:
    """The worth of one unit, if the execution is of what its order asked for."""
    name = payload["execution_id"]
    if (payload["qty_decimals"], price_decimals) != (order.qty_decimals, order.price_decimals):
        raise BookError(f"execution {name} is at another scale than its order")
    if order.worth is None:
        raise BookError(f"execution {name} is of an order without a worth")
    told = (payload["account"], payload["symbol"], payload["side"])
    if told != (order.account, order.symbol, Side(order.side).executed):
        raise BookError(f"execution {name} is not of what its order asked for")
    return order.worth


def _trade(account: AccountBook, order: OrderState, qty: int, price: int, worth: Worth) -> None:
    """Move position, cash and turnover; a quantity below zero takes such a trade back."""
    signed = qty if order.side == Side.BUY else -qty
    _move(account, order.symbol, signed, order.qty_decimals)
    scales = (order.qty_decimals, price, order.price_decimals, worth)
    # Cash moves by the value rounded against the account: a purchase up, a sale down. What is
    # taken back moves it by exactly what it was moved by before.
    if qty < 0:
        account.cash_micros -= value_micros(signed, *scales)
        account.executed_turnover_micros -= notional_micros(-qty, *scales)
    else:
        account.cash_micros += value_micros(-signed, *scales)
        account.executed_turnover_micros += notional_micros(qty, *scales)


def _taken(
    inferred: tuple[tuple[int, int], ...], qty: int
) -> tuple[list[tuple[int, int]], tuple[tuple[int, int], ...]]:
    """Split what was inferred: what comes to ``qty``, the oldest first, and the rest."""
    taken: list[tuple[int, int]] = []
    rest: list[tuple[int, int]] = []
    for each_qty, price in inferred:
        part = min(qty, each_qty)
        qty -= part
        if part:
            taken.append((part, price))
        if each_qty > part:
            rest.append((each_qty - part, price))
    return taken, tuple(rest)


def _move(account: AccountBook, symbol: str, signed_qty: int, decimals: int) -> None:
    """Add to a position; at the finer of two scales, where a release has changed the symbol's."""
    held, held_decimals = account.positions.pop(symbol, (0, decimals))
    finer = max(decimals, held_decimals)
    total = held * 10 ** (finer - held_decimals) + signed_qty * 10 ** (finer - decimals)
    if total:
        account.positions[symbol] = (total, finer)


def moved(
    order: OrderState, kind: str, payload: Payload, code: str, *, leaves: int | None = None
) -> OrderState:
    """The order in its state after an entry, with the code of what led there."""
    after = state_after(order.status, kind, payload, leaves=leaves)
    return order if after is order.status else replace(order, status=after, code=code)


HANDLERS: Final[Mapping[str, Handler]] = {
    "execution": _execution,
    "trade-correction": _trade_correction,
}
