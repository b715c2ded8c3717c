"""How executions and their corrections change the book: order, position, cash and turnover.

A fill that reconciliation had inferred, or that a person vouched for, and that a broker reports
later is counted once: what nobody had reported is taken back first, the oldest first, and the
broker's own word put in its place. What was inferred and turns out to be less, reconciliation
corrects; no broker can, because none has heard of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gateway.domain.book import NONE, AccountBook, Book, BookError, Handler, OrderState, Payload
from gateway.domain.order import Side
from gateway.domain.quantities import Worth, notional_micros, value_micros
from gateway.domain.unreported import INFERRED, PERSON, Unreported, taken
from signing.lifecycle import state_after

RECONCILED: Final = "reconciled"
"""The cause of a correction that reconciliation made of what it had inferred."""


def mergeable_qty(order: OrderState, qty: int) -> int:
    """How much of a fill that the broker reports was counted before."""
    return min(qty, sum(each.qty for each in order.unreported))


def _execution(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    order, account = book.known(payload), book.account(payload["account"])
    worth = _checked(order, payload, payload["price_decimals"])
    name, source = payload["execution_id"], payload.get("source")
    qty, price = payload["qty"], payload["price"]
    reported = source not in (INFERRED, PERSON)
    merged = mergeable_qty(order, qty) if reported else 0
    if payload.get("merged_qty", 0) != merged:
        raise BookError(f"execution {name} merges {merged} that was counted before it")
    taken_back, rest = taken(order.unreported, merged)
    if not reported:
        rest = (*rest, Unreported(name, qty, price, str(source)))
    leaves = order.leaves_qty - (qty - merged)
    after = moved(order, "execution", payload, NONE, leaves=leaves)
    for each in taken_back:
        _trade(account, order, -each.qty, each.price, worth)
    _trade(account, order, qty, price, worth)
    account.cash_micros -= payload["fee_micros"]
    account.fees_micros += payload["fee_micros"]
    value = qty * price - sum(each.qty * each.price for each in taken_back)
    return book.keep(
        replace(
            after,
            filled_qty=order.filled_qty + qty - merged,
            filled_value=order.filled_value + value,
            fee_micros=order.fee_micros + payload["fee_micros"],
            unreported=rest,
        )
    )


def _trade_correction(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    order, account = book.known(payload), book.account(payload["account"])
    worth = _checked(order, payload, payload["price_decimals"])
    before, after = payload["qty_before"], payload["qty_after"]
    cum_qty = order.filled_qty - before + after
    if cum_qty < 0 or cum_qty > order.qty or payload["cum_qty"] != cum_qty:
        raise BookError(f"trade-correction {payload['execution_id']} does not add up")
    unreported = _corrected(order, payload)
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
            unreported=unreported,
            corrections=order.corrections + 1,
        )
    )


def _corrected(order: OrderState, payload: Payload) -> tuple[Unreported, ...]:
    """What no broker has reported yet, after a correction; reconciliation takes of that alone."""
    name, found = payload["of_execution_id"], False
    after: list[Unreported] = []
    for each in order.unreported:
        if each.execution_id != name:
            after.append(each)
            continue
        found = each.source == INFERRED
        if (each.qty, each.price) != (payload["qty_before"], payload["price_before"]):
            raise BookError(f"trade-correction {payload['execution_id']} of what does not stand so")
        if payload["qty_after"]:
            after.append(replace(each, qty=payload["qty_after"], price=payload["price_after"]))
    if found != (payload["cause"] == RECONCILED):
        raise BookError(f"trade-correction {payload['execution_id']} of what was not inferred")
    return tuple(after)


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
