"""A broker's own list of orders and fills, as somebody exported it: read strictly.

Two forms are read: the gateway's export of what a broker told it (`FORMAT`), and what Alpaca itself
answers for orders and for fills, so that an auditor need not ask the gateway at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

FORMAT: Final = "writ-broker-history/1"
"""The name of the gateway's export."""
LIST_BYTES_MAX: Final = 512 * 1_024 * 1_024
NONE: Final = "none"
_NUMBER: Final = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?")
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ListError(ValueError):
    """A broker's list that cannot be read; the message says where."""


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order as the broker has it; `client_id` is `none` where whoever placed it gave none."""

    broker_order_id: str
    client_id: str
    symbol: str
    side: str
    qty: Decimal | None
    placed_us: int


@dataclass(frozen=True, slots=True)
class ListedFill:
    """A fill as the broker has it."""

    client_id: str
    execution_id: str
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    at_us: int


@dataclass(frozen=True, slots=True)
class BrokerList:
    """Every order placed and every fill of an account from one instant to another (wall time)."""

    account: str
    from_us: int
    to_us: int
    orders: tuple[ListedOrder, ...]
    fills: tuple[ListedFill, ...]


def read_export(data: bytes) -> BrokerList:
    """Read the gateway's export.

    Raises:
        ListError: it is no such export, or an entry of it is not whole.
    """
    fields = _object(_json(data), "the list")
    if fields.get("format") != FORMAT:
        raise ListError(f"the list is no {FORMAT}")
    return BrokerList(
        account=_text(fields, "account", "the list"),
        from_us=_integer(fields, "from_us", "the list"),
        to_us=_integer(fields, "to_us", "the list"),
        orders=_once(_exported_order(each, where) for each, where in _entries(fields, "orders")),
        fills=tuple(_exported_fill(each, where) for each, where in _entries(fields, "executions")),
    )


def read_alpaca(orders: bytes, fills: bytes, account: str, from_us: int, to_us: int) -> BrokerList:
    """Read what Alpaca answers: `GET /v2/orders?status=all`, `GET /v2/account/activities/FILL`.

    Each is one JSON array, of all pages together. What lies outside of the period is left out.

    Raises:
        ListError: an answer that is not whole, or a fill of an order that is not listed.
    """
    placed = _once(
        _alpaca_order(each, where) for each, where in _entries({"orders": _json(orders)}, "orders")
    )
    client_ids = {order.broker_order_id: order.client_id for order in placed}
    filled = tuple(
        _alpaca_fill(each, where, client_ids)
        for each, where in _entries({"fills": _json(fills)}, "fills")
    )
    return BrokerList(
        account,
        from_us,
        to_us,
        tuple(order for order in placed if from_us <= order.placed_us < to_us),
        tuple(fill for fill in filled if from_us <= fill.at_us < to_us),
    )


def _exported_order(fields: Mapping[str, Any], where: str) -> ListedOrder:
    decimals = _integer(fields, "qty_decimals", where)
    return ListedOrder(
        _text(fields, "broker_order_id", where),
        _text(fields, "broker_client_id", where),
        _text(fields, "symbol", where),
        _text(fields, "side", where),
        exact(_integer(fields, "qty", where), decimals),
        _integer(fields, "placed_us", where),
    )


def _exported_fill(fields: Mapping[str, Any], where: str) -> ListedFill:
    return ListedFill(
        _text(fields, "broker_client_id", where),
        _text(fields, "execution_id", where),
        _text(fields, "symbol", where),
        _text(fields, "side", where),
        exact(_integer(fields, "qty", where), _integer(fields, "qty_decimals", where)),
        exact(_integer(fields, "price", where), _integer(fields, "price_decimals", where)),
        _integer(fields, "market_us", where),
    )


def _alpaca_order(fields: Mapping[str, Any], where: str) -> ListedOrder:
    qty = fields.get("qty")
    return ListedOrder(
        _text(fields, "id", where),
        _text(fields, "client_order_id", where),
        _text(fields, "symbol", where),
        _text(fields, "side", where),
        None if qty is None else _decimal(fields, "qty", where),  # ordered by an amount of money
        _instant(fields, "submitted_at", where),
    )


def _alpaca_fill(
    fields: Mapping[str, Any], where: str, client_ids: Mapping[str, str]
) -> ListedFill:
    order_id = _text(fields, "order_id", where)
    if order_id not in client_ids:
        raise ListError(f"{where}: its order {order_id} is not among the orders")
    side = _text(fields, "side", where)
    return ListedFill(
        client_ids[order_id],
        _text(fields, "id", where),
        _text(fields, "symbol", where),
        "sell" if side == "sell_short" else side,
        _decimal(fields, "qty", where),
        _decimal(fields, "price", where),
        _instant(fields, "transaction_time", where),
    )


def exact(value: int, decimals: int) -> Decimal:
    """An integer at a stated number of decimals, as the number that it is."""
    return Decimal(value).scaleb(-decimals)


def _once(orders: Iterable[ListedOrder]) -> tuple[ListedOrder, ...]:
    """The orders, if none of them is listed twice: pages that overlap hide what lies between."""
    found = tuple(orders)
    if len({order.broker_order_id for order in found}) != len(found):
        raise ListError("an order is listed twice")
    return found


def _json(data: bytes) -> object:
    if len(data) > LIST_BYTES_MAX:
        raise ListError("the list is too long")
    try:
        return json.loads(data, parse_constant=_refused, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise ListError("the list is no JSON") from error


def _refused(_constant: str) -> None:
    raise ValueError("no number")


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ListError(f"{where} is no JSON object")
    return cast("Mapping[str, Any]", value)


def _entries(fields: Mapping[str, Any], name: str) -> list[tuple[Mapping[str, Any], str]]:
    found = fields.get(name)
    if not isinstance(found, list):
        raise ListError(f"{name} is no JSON array")
    listed = cast("list[object]", found)
    return [
        (_object(each, f"{name}[{number}]"), f"{name}[{number}]")
        for number, each in enumerate(listed)
    ]


def _text(fields: Mapping[str, Any], name: str, where: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ListError(f"{where}: {name} is no text")
    return value


def _integer(fields: Mapping[str, Any], name: str, where: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ListError(f"{where}: {name} is no whole number")
    return value


def _decimal(fields: Mapping[str, Any], name: str, where: str) -> Decimal:
    value = fields.get(name)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise ListError(f"{where}: {name} is no decimal number")
    return Decimal(value)


def _instant(fields: Mapping[str, Any], name: str, where: str) -> int:
    value = fields.get(name)
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ListError(f"{where}: {name} is no instant")
    head, _, rest = value.partition(".")
    digits = re.match(r"[0-9]*", rest)
    fraction = digits.group() if digits else ""
    zone = value[-1] if value.endswith("Z") else value[-6:]
    try:
        whole = datetime.fromisoformat(head.removesuffix(zone) + zone)
    except ValueError as error:
        raise ListError(f"{where}: {name} is no instant") from error
    seconds = (whole - _EPOCH) // timedelta(microseconds=1)
    return seconds + int(fraction.ljust(6, "0")[:6] or "0")
