"""The one projector: how each entry of the log changes the book.

Used by the running gateway (before an entry is durable, so that the next turn sees its
reservation) and by the rebuild at start (from the log): both see the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from gateway.domain.activity import REPEATED_EXECUTION, REQUESTED, act_of
from gateway.domain.book import NONE, AccountBook, Book, BookError, OrderState, Payload
from gateway.domain.decision import Reason
from gateway.domain.exits import ExitOnly, is_exit
from gateway.domain.halt import Halt, Scope
from gateway.domain.mode import OUTSIDE, Mode
from gateway.domain.order import Side
from gateway.domain.permission import Accepted
from gateway.domain.quantities import RATE_ONE, Worth, notional_micros, value_micros
from signing.lifecycle import TERMINAL, LifecycleError, state_after

Handler = Callable[[Book, Payload, Payload | None], tuple[OrderState, ...]]


def apply(
    book: Book, kind: str, payload: Payload, document: Payload | None = None
) -> tuple[OrderState, ...]:
    """Take one entry into the book and return the orders it changed.

    Args:
        book: changed in place.
        kind: the entry's kind (``signing.records``); kinds without a handler change nothing.
        payload: its fields; ``at_us`` is not read, so drafts can be applied.
        document: the input document, for a decision.

    Raises:
        BookError: the entry contradicts the book.
    """
    book.market_us = max(book.market_us, payload.get("market_us", 0))
    handler = _HANDLERS.get(kind)
    try:
        return handler(book, payload, document) if handler else ()
    except LifecycleError as error:
        raise BookError(f"{kind} of {payload.get('order_id')}: {error}") from error


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
    order = _moved(book.known(payload), "submission", payload, payload["code"])
    return book.keep(
        replace(order, broker=payload["broker"], broker_order_id=payload["broker_order_id"])
    )


def _execution(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    order = book.known(payload)
    account = book.account(payload["account"])
    qty, decimals = payload["qty"], payload["qty_decimals"]
    if decimals != order.qty_decimals or payload["price_decimals"] != order.price_decimals:
        raise BookError(f"execution {payload['execution_id']} is at another scale than its order")
    worth = order.worth
    if worth is None:
        raise BookError(f"execution {payload['execution_id']} is of an order without a worth")
    told = (payload["account"], payload["symbol"], payload["side"])
    if told != (order.account, order.symbol, Side(order.side).executed):
        raise BookError(f"execution {payload['execution_id']} is not of what its order asked for")
    filled = order.filled_qty + qty
    order = _moved(order, "execution", payload, NONE, leaves=order.qty - filled)
    signed = qty if payload["side"] == Side.BUY else -qty
    _move(account, order.symbol, signed, decimals)
    scales = (decimals, payload["price"], order.price_decimals, worth)
    # Cash moves by the value rounded against the account: a purchase up, a sale down.
    account.cash_micros += value_micros(-signed, *scales) - payload["fee_micros"]
    account.executed_turnover_micros += notional_micros(qty, *scales)
    return book.keep(
        replace(
            order,
            filled_qty=filled,
            filled_value=order.filled_value + qty * payload["price"],
            fee_micros=order.fee_micros + payload["fee_micros"],
        )
    )


def _move(account: AccountBook, symbol: str, signed_qty: int, decimals: int) -> None:
    """Add to a position; at the finer of two scales, where a release has changed the symbol's."""
    held, held_decimals = account.positions.pop(symbol, (0, decimals))
    finer = max(decimals, held_decimals)
    total = held * 10 ** (finer - held_decimals) + signed_qty * 10 ** (finer - decimals)
    if total:
        account.positions[symbol] = (total, finer)


def _moved(
    order: OrderState, kind: str, payload: Payload, code: str, *, leaves: int | None = None
) -> OrderState:
    """The order in its state after an entry, with the code of what led there."""
    after = state_after(order.status, kind, payload, leaves=leaves)
    return order if after is order.status else replace(order, status=after, code=code)


def _status(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    return book.keep(_moved(book.known(payload), "status", payload, payload["code"]))


def _settlement(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    return book.keep(_moved(book.known(payload), "settlement", payload, payload["evidence"]))


def _cancel(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    order = _moved(book.known(payload), "cancel", payload, payload["cause"])
    if payload["cause"] == REQUESTED:  # the gateway's own cancels are no caller's messages
        book.activity.cancel(order.account, payload["market_us"])
    return book.keep(order)


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
    account.session = payload["session"]
    account.day_open_equity_micros = payload["equity_micros"]
    account.peak_equity_micros = max(account.peak_equity_micros or 0, payload["equity_micros"])
    account.executed_turnover_micros = 0
    for order_id in account.closed:
        forgotten = book.orders.pop(order_id)
        book.by_client_id.pop(forgotten.broker_client_id, None)
    account.closed = frozenset(
        order.order_id
        for order in book.orders.values()
        if order.account == account.alias and order.status in TERMINAL
    )
    return ()


def _mode(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    book.mode = Mode(payload["mode"])
    book.control_version += 1
    return ()


def _omega4(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    until = payload["until_us"]
    book.omega4_lifted_until_us = (0 if until == NONE else until) if payload["lifted"] else None
    book.control_version += 1
    return ()


def _release(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    book.release_digest = payload["release_digest"]
    if "catalogue_digest" in payload:
        book.catalogues[payload["release_digest"]] = payload["catalogue_digest"]
    book.control_version += 1
    return ()


def _halt(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    book.halts[payload["halt_id"]] = Halt(
        halt_id=payload["halt_id"],
        scope=Scope(payload["scope"]["kind"], payload["scope"]["name"]),
        cause=payload["cause"],
        cancels=payload["cancels"],
        reduce_allowed=payload["reduce_allowed"],
        clear_by=payload["clear_by"],
        by=payload["by"],
        observed=payload.get("observed"),
        limit=payload.get("limit"),
        reason=payload.get("reason"),
    )
    book.control_version += 1
    return ()


def _exit_only(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    scope, until = Scope(payload["scope"]["kind"], payload["scope"]["name"]), payload["until_us"]
    if payload["opened"]:
        book.exit_only[scope] = ExitOnly(
            scope, payload["by"], payload["reason"], None if until == NONE else until
        )
    else:
        book.exit_only.pop(scope, None)
    book.control_version += 1
    return ()


def _trust(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    book.trust_floor = payload["floor"]
    book.control_version += 1  # its overlays may tighten what a turn under way allows
    return ()


def _manifest(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    book.manifest = Accepted(
        digest=payload["manifest_digest"],
        epoch=payload["epoch"],
        mode=Mode(payload["mode"]),
        release_digest=payload["release_digest"],
        lapses_us=payload["lapses_us"],
        cancels_at_lapse=payload["at_lapse"] == "cancel",
    )
    book.epoch = max(book.epoch, payload["epoch"])
    book.control_version += 1
    return ()


def _lapse(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    manifest = book.manifest
    if payload["of"] == "manifest" and manifest and manifest.digest == payload["manifest_digest"]:
        book.manifest = replace(manifest, lapsed=payload["cause"])
    book.control_version += 1
    return ()


def _unlock(book: Book, _: Payload, __: Payload | None) -> tuple[OrderState, ...]:
    book.control_version += 1
    return ()


def _resume(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    ended = book.halts.pop(payload["halt_id"], None)
    if ended is not None and ended.cause == REPEATED_EXECUTION:
        book.activity.begin_anew((ended.scope.kind, ended.scope.name))
    book.control_version += 1
    return ()


_HANDLERS: Final[Mapping[str, Handler]] = {
    "decision": _decision,
    "submission": _submission,
    "execution": _execution,
    "status": _status,
    "cancel": _cancel,
    "settlement": _settlement,
    "statement": _statement,
    "day": _day,
    "mode": _mode,
    "omega4": _omega4,
    "exit-only": _exit_only,
    "release": _release,
    "halt": _halt,
    "resume": _resume,
    "trust": _trust,
    "manifest": _manifest,
    "lapse": _lapse,
    "unlock": _unlock,
}
