"""How entries about orders change the book: decided, sent, ended, replaced, settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gateway.domain.activity import REQUESTED, act_of
from gateway.domain.book import NONE, Book, BookError, Handler, OrderState, Payload
from gateway.domain.decision import Reason
from gateway.domain.exits import is_exit
from gateway.domain.mode import OUTSIDE
from gateway.domain.quantities import RATE_ONE, Worth
from gateway.domain.trade_entries import moved
from signing.lifecycle import State, state_after


def _decision(book: Book, payload: Payload, document: Payload | None) -> tuple[OrderState, ...]:
    if document is None:
        raise BookError(f"the input document of {payload['decision_id']} is missing")
    state = order_state(payload, document)
    if not state.reserves:  # a denial or a research allow is recorded and never held
        return (state,)
    if "override" in document:
        book.overrides.use(document["override"]["override_id"], document["time"]["wall_us"])
    if is_exit(document):
        book.exits.add(state.order_id)
    kept = book.keep(state)
    book.activity.order(act_of(state), state.market_us)
    if state.mode in OUTSIDE:
        book.day.order(document["time"]["wall_us"], state.notional_micros)
    return kept


def order_state(payload: Payload, document: Payload) -> OrderState:
    """The order as it stands right after its decision."""
    order = document["order"]
    return OrderState(
        order_id=payload["order_id"],
        decision_id=payload["decision_id"],
        broker_client_id=payload["broker_client_id"],
        account=payload["account"],
        principal=payload["principal"],
        client_order_id=payload["client_order_id"],
        strategy_id=order["strategy_id"],
        symbol=order["symbol"],
        side=order["side"],
        type=order["type"],
        time_in_force=order["time_in_force"],
        qty=order["qty"],
        qty_decimals=order["qty_decimals"],
        price_decimals=order["price_decimals"],
        limit_price=_optional(order["limit_price"]),
        stop_price=_optional(order["stop_price"]),
        worst_price=order.get("worst_price"),
        mode=payload["mode"],
        label=payload["label"],
        allow=payload["allow"],
        failure=payload["failure"],
        reasons=tuple(
            Reason(r["control"], r.get("observed"), r.get("limit"), r.get("source"))
            for r in payload["verdict"]["reasons"]
        ),
        input_digest=payload["input_digest"],
        release_digest=payload["release_digest"],
        market_us=payload["market_us"],
        status=state_after(None, "decision", payload),
        # A document of before there were such orders says nothing of them.
        reduce_only=order.get("reduce_only", False),
        extended_hours=order.get("extended_hours", False),
        expires_us=_optional(order.get("expires_us", NONE)),
        replaces=order.get("replaces", NONE),
        worth=_worth(document),
        notional_micros=order.get("notional_micros"),
    )


def _worth(document: Payload) -> Worth | None:
    """What one unit was worth when the order was decided: its document's multiplier and rate.

    A document that could not count the order has no notional. One of version 1 has no rates: all
    of its money is in the base currency, as is whatever its rates do not list.
    """
    if "rates" in document and "notional_micros" not in document["order"]:
        return None
    instrument = document.get("instrument", {})
    rate = document.get("rates", {}).get(instrument.get("currency"), {})
    return Worth(instrument.get("multiplier", 1), rate.get("rate_e8", RATE_ONE))


def _optional(value: int | str) -> int | None:
    return value if isinstance(value, int) else None


def _submission(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    order = moved(book.known(payload), "submission", payload, payload["code"])
    _count_rejection(book, order, payload["outcome"])
    return book.keep(
        replace(order, broker=payload["broker"], broker_order_id=payload["broker_order_id"])
    )


def _status(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    order = moved(book.known(payload), "status", payload, payload["code"])
    if order.status is State.REJECTED:
        _count_rejection(book, order, "rejected")
    return book.keep(order)


def _count_rejection(book: Book, order: OrderState, outcome: str) -> None:
    """Rejections in a row are a reason to stop; an order that the broker takes ends the row."""
    account = book.accounts.get(order.account)
    if account is None:
        return
    if outcome == "rejected":
        account.rejected_in_a_row += 1
    elif outcome == "accepted":
        account.rejected_in_a_row = 0


def _settlement(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    order = moved(book.known(payload), "settlement", payload, payload["evidence"])
    # What a person has looked at is in question no longer.
    return book.keep(replace(order, anomaly=NONE) if "by" in payload else order)


def _cancel(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    order = moved(book.known(payload), "cancel", payload, payload["cause"])
    if payload["cause"] == REQUESTED:  # the gateway's own cancels are no caller's messages
        book.activity.cancel(order.account, payload["market_us"])
    return book.keep(order)


def _replace(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    order = book.known(payload)
    successor = book.orders.get(payload["by_order_id"])
    if successor is None or successor.replaces != order.order_id:
        raise BookError(f"{payload['by_order_id']} does not replace {order.order_id}")
    pending = moved(order, "replace", payload, NONE)
    return book.keep(replace(pending, replaced_by=successor.order_id))


def _anomaly(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    if payload["order_id"] == NONE:
        return ()  # of nobody we know: what it did to the account is for reconciliation to find
    return book.keep(replace(book.known(payload), anomaly=payload["code"]))


HANDLERS: Final[Mapping[str, Handler]] = {
    "decision": _decision,
    "submission": _submission,
    "status": _status,
    "cancel": _cancel,
    "replace": _replace,
    "settlement": _settlement,
    "anomaly": _anomaly,
}
