"""What a permit permits: the order in its document and nothing else, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.brokers.last_look import Thresholds, thresholds
from gateway.domain.exits import is_exit
from gateway.domain.ids import broker_client_id
from gateway.domain.order import BrokerOrder, OrderType, Side, TimeInForce
from signing.receipt import Permit

_NONE: Final = "none"


class UnreadablePermitError(Exception):
    """Decision and document are signed, and yet do not make one order that can be sent."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """The order whose place a permitted one takes, and what of it was filled at the decision."""

    order_id: str
    filled_qty: int


@dataclass(frozen=True, slots=True)
class Permitted:
    """The order as it goes to the broker, and what the gate compares before it does.

    ``thresholds`` are the verdict's, ``None`` if one is missing. ``exits`` says that the order was
    decided as one that can only reduce a position. ``replaced`` is ``None`` for an order that takes
    nobody's place.
    """

    decision_id: str
    order_id: str
    mode: str
    release_digest: str
    strategy_id: str
    thresholds: Thresholds | None
    exits: bool
    order: BrokerOrder
    replaced: Replaced | None


def read_permit(permit: Permit) -> Permitted:
    """Read a verified permit.

    Raises:
        UnreadablePermitError: decision and document speak of different orders, or the order
            lacks something that a broker must be told.
    """
    decision, document = permit.decision, permit.document
    try:
        order = _order(permit.broker_client_id, document["order"])
        same = (
            decision["account"] == order.account
            and decision["order_id"] == document["ids"]["order_id"]
            and permit.broker_client_id == broker_client_id(permit.decision_id)
        )
        if not same:
            raise UnreadablePermitError
        return Permitted(
            decision_id=permit.decision_id,
            order_id=str(decision["order_id"]),
            mode=str(decision["mode"]),
            release_digest=str(decision["release_digest"]),
            strategy_id=_text(document["order"], "strategy_id"),
            thresholds=thresholds(decision["verdict"]["door"]),
            exits=is_exit(document),
            order=order,
            replaced=_replaced(decision, document),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadablePermitError from error


def _replaced(decision: Mapping[str, Any], document: Mapping[str, Any]) -> Replaced | None:
    """Whose place the order takes; decision and document have to say the same."""
    named = document["order"].get("replaces", _NONE)
    if decision.get("replaces", _NONE) != named:
        raise ValueError("replaces")
    if named == _NONE:
        return None
    section = document["replaced"]
    if section["order_id"] != named:
        raise ValueError("replaced")
    return Replaced(_text(section, "order_id"), _scale(section, "filled_qty"))


def _order(client_id: str, fields: Mapping[str, Any]) -> BrokerOrder:
    kind = OrderType(_text(fields, "type"))
    time_in_force = TimeInForce(_text(fields, "time_in_force"))
    return BrokerOrder(
        broker_client_id=client_id,
        account=_text(fields, "account"),
        symbol=_text(fields, "symbol"),
        side=Side(_text(fields, "side")),
        type=kind,
        time_in_force=time_in_force,
        qty=_positive(fields, "qty"),
        qty_decimals=_scale(fields, "qty_decimals"),
        price_decimals=_scale(fields, "price_decimals"),
        limit_price=_price(fields, "limit_price", wanted=kind.has_limit),
        stop_price=_price(fields, "stop_price", wanted=kind.has_stop),
        # A limit protects itself. Without one the order was counted at its worst price, and
        # must not fill beyond it; an order that names none was never counted.
        protection_price=None if kind.has_limit else _positive(fields, "worst_price"),
        reduce_only=_flag(fields, "reduce_only"),
        extended_hours=_flag(fields, "extended_hours"),
        expires_us=_end(fields, wanted=time_in_force is TimeInForce.GTD),
    )


def _end(fields: Mapping[str, Any], *, wanted: bool) -> int | None:
    """An end of its own exactly where the time in force has one; absent where it has not."""
    if wanted:
        return _positive(fields, "expires_us")
    if "expires_us" in fields:
        raise ValueError("expires_us")
    return None


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields[name]
    if not isinstance(value, bool):
        raise TypeError(name)
    return value


def _positive(fields: Mapping[str, Any], name: str) -> int:
    value = _scale(fields, name)
    if value == 0:
        raise ValueError(name)
    return value


def _scale(fields: Mapping[str, Any], name: str) -> int:
    value = fields[name]
    if type(value) is not int or value < 0:
        raise ValueError(name)
    return value


def _price(fields: Mapping[str, Any], name: str, *, wanted: bool) -> int | None:
    """A price exactly where the type has one; ``none`` where it has not."""
    if wanted:
        return _positive(fields, name)
    if fields[name] != _NONE:
        raise ValueError(name)
    return None
