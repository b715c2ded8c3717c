"""Between our words and Alpaca's: orders, statuses, refusals, fills, assets. Pure.

Whole shares, prices in ten-thousandths of a dollar and multiples of a cent: what does not fit is
refused here, never rounded. A market order goes out as a limit order at its protection price, and
a stop order as a stop-limit order, because Alpaca has no other way to keep an order from filling
beyond the price at which it was counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.brokers.alpaca.wire import (
    Fields,
    UnreadableError,
    an_object,
    exact,
    exact_or_none,
    flag,
    instant_us,
    new_york_day,
    shortest,
    text,
)
from gateway.domain.execution import BrokerOrderState, Execution
from gateway.domain.order import BrokerOrder, OrderType, Side, TimeInForce
from gateway.domain.quantities import INT_LIMIT, format_scaled
from gateway.domain.venue import VenueTerms
from signing.lifecycle import OPEN, State

QTY_DECIMALS: Final = 0
PRICE_DECIMALS: Final = 4
TICK: Final = 100
"""A cent: Alpaca takes finer prices below a dollar only."""
TYPES: Final = frozenset(OrderType)
TIMES_IN_FORCE: Final = frozenset({TimeInForce.DAY, TimeInForce.GTC})
"""Immediate orders are for two of the types only, and terms have no way to say so."""
OURS: Final = "wr-"
"""How every client order id begins that we send."""

INVALID: Final = "ERR_INVALID_ORDER"
DUPLICATE: Final = "ERR_DUPLICATE_ORDER"
UNKNOWN_STATUS: Final = "ERR_UNKNOWN_STATUS"
REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        State.PENDING_CANCEL.value: "ERR_CANCEL_REJECTED",
        State.PENDING_REPLACE.value: "ERR_REPLACE_REJECTED",
    }
)
"""What is said of an order that works again after it was in one of these states."""
NO_CODE: Final = "none"

FINEST_DECIMALS: Final = 9
"""Somebody else's orders may be in fractions of a share, and fills between two of our prices."""
_BROKER_ORDER_ID: Final = re.compile(r"[0-9a-fA-F-]{8,64}")
_EXECUTION_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_STATES: Final[Mapping[str, State]] = MappingProxyType(
    {
        "pending_new": State.SUBMITTED,
        "new": State.ACKNOWLEDGED,
        "accepted": State.ACKNOWLEDGED,
        "accepted_for_bidding": State.ACKNOWLEDGED,
        "held": State.ACKNOWLEDGED,
        "stopped": State.ACKNOWLEDGED,
        "suspended": State.ACKNOWLEDGED,
        # Over for today or being counted; neither ends the order.
        "done_for_day": State.ACKNOWLEDGED,
        "calculated": State.ACKNOWLEDGED,
        "partially_filled": State.PARTIALLY_FILLED,
        "filled": State.FILLED,
        "canceled": State.CANCELED,
        "expired": State.EXPIRED,
        "rejected": State.REJECTED,
        "replaced": State.REPLACED,
        "pending_cancel": State.PENDING_CANCEL,
        "pending_replace": State.PENDING_REPLACE,
    }
)
_PENDING: Final = (State.PENDING_CANCEL, State.PENDING_REPLACE)
_WIRE_TYPE: Final = {
    OrderType.MARKET: "limit",
    OrderType.LIMIT: "limit",
    OrderType.STOP: "stop_limit",
    OrderType.STOP_LIMIT: "stop_limit",
}


@dataclass(frozen=True, slots=True)
class Held:
    """One of our orders, as the venue has it."""

    client_id: str
    order_id: str
    state: State
    filled_qty: int

    @property
    def open(self) -> bool:
        """Whether it may still fill."""
        return self.state in OPEN

    @property
    def pending(self) -> str:
        """The state in which the venue has a cancel or a replacement of it to decide, or none."""
        return self.state.value if self.state in _PENDING else ""

    def told(self) -> BrokerOrderState:
        """As the port wants it."""
        return BrokerOrderState(
            self.client_id, self.order_id, self.told_state.value, self.filled_qty, self.open
        )

    @property
    def told_state(self) -> State:
        """Working with fills is a state of its own, whichever of its words the venue has for it."""
        filled = self.state is State.ACKNOWLEDGED and self.filled_qty > 0
        return State.PARTIALLY_FILLED if filled else self.state


def order_body(order: BrokerOrder) -> dict[str, object] | None:
    """The order as it goes out; ``None`` if Alpaca could not keep to what it says."""
    bound = order.limit_price if order.type.has_limit else _inward(order)
    prices = [price for price in (bound, order.stop_price) if price is not None]
    fits = (
        order.qty_decimals == QTY_DECIMALS
        and order.price_decimals == PRICE_DECIMALS
        and order.qty >= 1
        and order.time_in_force in TIMES_IN_FORCE
        and not (order.extended_hours and order.type.has_stop)
        and not (order.reduce_only and order.side is Side.SELL_SHORT)
        and bound is not None
        and order.type.has_stop == (order.stop_price is not None)
        and all(0 < price < INT_LIMIT and price % TICK == 0 for price in prices)
    )
    if not fits or bound is None:
        return None
    body: dict[str, object] = {
        "symbol": order.symbol,
        "qty": format_scaled(order.qty, QTY_DECIMALS),
        "side": order.side.executed.value,
        "type": _WIRE_TYPE[order.type],
        "time_in_force": order.time_in_force.value,
        "limit_price": format_scaled(bound, PRICE_DECIMALS),
        "extended_hours": order.extended_hours,
        "client_order_id": order.broker_client_id,
    }
    if order.stop_price is not None:
        body["stop_price"] = format_scaled(order.stop_price, PRICE_DECIMALS)
    intent = _intent(order)
    return body if intent is None else body | {"position_intent": intent}


def _inward(order: BrokerOrder) -> int | None:
    """The protection price on a whole cent, towards the better side for whoever pays."""
    price = order.protection_price
    if price is None:
        return None
    return price // TICK * TICK if order.side is Side.BUY else -(-price // TICK) * TICK


def _intent(order: BrokerOrder) -> str | None:
    """What the order may do to the position, in Alpaca's word: a sale never turns by accident."""
    if order.side is Side.SELL_SHORT:
        return "sell_to_open"
    if order.side is Side.SELL:
        return "sell_to_close"
    return "buy_to_close" if order.reduce_only else None


def same_order(fields: Fields, body: Mapping[str, object]) -> bool:
    """Whether what the venue has is the order that was sent, in all that it says."""
    sent = dict(body)
    names = ("client_order_id", "symbol", "side", "type", "time_in_force")
    return (
        all(text(fields, name) == sent[name] for name in names)
        and flag(fields, "extended_hours") == sent["extended_hours"]
        and exact(fields, "qty", QTY_DECIMALS) == exact(sent, "qty", QTY_DECIMALS)
        and all(
            exact_or_none(fields, name, PRICE_DECIMALS) == exact_or_none(sent, name, PRICE_DECIMALS)
            for name in ("limit_price", "stop_price")
        )
    )


def state_of(fields: Fields) -> State:
    """Where an order stands; a status that is not in the map is UNKNOWN, never guessed."""
    return _STATES.get(text(fields, "status"), State.UNKNOWN)


def held_order(fields: Fields) -> Held:
    """One of our orders, its state perhaps UNKNOWN."""
    return Held(
        client_id=text(fields, "client_order_id"),
        order_id=order_id(fields, "id"),
        state=state_of(fields),
        filled_qty=exact(fields, "filled_qty", QTY_DECIMALS),
    )


def known_order(fields: Fields) -> Held:
    """One of our orders, for whom a status that is not in the map is no answer."""
    held = held_order(fields)
    if held.state is State.UNKNOWN:
        raise UnreadableError("an unknown status")
    return held


def order_id(fields: Fields, name: str) -> str:
    """The venue's id of an order, which can stand in a path."""
    value = text(fields, name)
    if _BROKER_ORDER_ID.fullmatch(value) is None:
        raise UnreadableError("no id of an order")
    return value


def refusal(status: int, document: object) -> str | None:
    """Our code of a refusal that only the venue itself can have made; ``None``: it proves nothing.

    A page in front of the venue answers 403 as well, and has no code.
    """
    fields = an_object(document)
    said = text(fields, "message").lower()
    if status == 401 or (status == 403 and said.startswith("forbidden")):  # noqa: PLR2004  HTTP
        return "ERR_AUTH"
    code = fields.get("code")
    if type(code) is not int:
        return None
    marks = _FORBIDDEN if status == 403 else _UNPROCESSABLE if status == 422 else ()  # noqa: PLR2004  HTTP
    known = next((ours for mark, ours in marks if mark in said), None)
    return known or (INVALID if status in (400, 403, 422) else None)


_FORBIDDEN: Final = (
    ("buying power", "ERR_INSUFFICIENT_FUNDS"),
    ("insufficient qty", "ERR_INSUFFICIENT_QTY"),
    ("position intent", "ERR_INSUFFICIENT_QTY"),
)
_UNPROCESSABLE: Final = (
    ("client_order_id must be unique", DUPLICATE),
    ("could not find", "ERR_INVALID_TICKER"),
    ("not found", "ERR_INVALID_TICKER"),
    ("position intent", "ERR_INSUFFICIENT_QTY"),
)


def execution(account: str, client_id: str, fields: Fields) -> Execution:
    """One entry of the FILL activities. Alpaca states no fee with a fill: it is told as zero."""
    at_us = instant_us(fields, "transaction_time")
    side = text(fields, "side")
    if side not in ("buy", "sell", "sell_short"):
        raise UnreadableError("an unknown side")
    # One that does not fit our scales is told at its own: whoever records it sees that it is odd,
    # and no fill keeps those behind it from being told.
    qty, qty_decimals = shortest(fields, "qty", FINEST_DECIMALS, QTY_DECIMALS)
    price, price_decimals = shortest(fields, "price", FINEST_DECIMALS, PRICE_DECIMALS)
    return Execution(
        broker_client_id=client_id,
        execution_id=execution_id(fields),
        account=account,
        symbol=text(fields, "symbol"),
        side=Side(side).executed,
        qty=qty,
        qty_decimals=qty_decimals,
        price=price,
        price_decimals=price_decimals,
        fee_micros=0,
        market_us=at_us,
        session=new_york_day(at_us),
    )


def execution_id(fields: Fields) -> str:
    """The venue's id of a fill."""
    value = text(fields, "id")
    if _EXECUTION_ID.fullmatch(value) is None:
        raise UnreadableError("no id of a fill")
    return value


def venue_terms(symbol: str, fields: Fields, *, shorting: bool, at_us: int) -> VenueTerms:
    """What Alpaca takes in an asset. It does not tell whether Rule 201 is in force: it is, then."""
    if text(fields, "symbol") != symbol:
        raise UnreadableError("another asset")
    equity = text(fields, "class") == "us_equity" and text(fields, "status") == "active"
    lent = flag(fields, "shortable") and fields.get("easy_to_borrow") is True
    return VenueTerms(
        symbol=symbol,
        lot=1,
        qty_decimals=QTY_DECIMALS,
        tick=TICK,
        price_decimals=PRICE_DECIMALS,
        min_notional_micros=0,
        tradable=equity and flag(fields, "tradable"),
        shortable=lent and shorting,
        short_restricted=True,
        types=TYPES,
        times_in_force=TIMES_IN_FORCE,
        reduce_only=True,
        extended_hours=True,
        at_us=at_us,
    )
