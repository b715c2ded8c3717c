"""Is the log complete? It is held against the broker's own list of an account's orders and fills.

Integrity is not completeness: a log that verifies can still lack an order that somebody sent past
it. What only one of the two sides has is a finding, both ways. Orders that the log itself calls
external are on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from signing.broker_lists import FORMAT, BrokerList, ListedFill, exact
from signing.envelope import open_envelope

__all__ = ["FORMAT", "Completeness", "Finding", "compare", "read_side"]

MARGIN_US: Final = 5_000_000
"""By how much two clocks may differ at the ends of the period: what lies there may be missing."""
_AT_BROKER: Final = frozenset({"adopted", "rejected", "filled", "canceled"})


@dataclass(slots=True)
class _Order:
    """What the log tells of one order that it allowed."""

    order_id: str
    simulated: bool
    sent_us: int | None = None
    known: bool = False
    """Whether the broker is proven to have had it."""
    rejected: bool = False
    withheld: str = ""
    """Why it can not be at the broker: never sent, or proven absent."""
    untold: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    """Executions that were inferred or vouched for -> what of them was not told since."""


@dataclass(frozen=True, slots=True)
class _Trade:
    """An execution as the log leaves it; corrected trades are as they were corrected."""

    qty: Decimal
    price: Decimal
    source: str
    market_us: int
    at_us: int


@dataclass(slots=True)
class LogSide:
    """Everything that a log tells of one account's orders."""

    account: str
    orders: dict[str, _Order] = field(default_factory=dict[str, "_Order"])
    """By broker client id."""
    trades: dict[tuple[str, str], _Trade] = field(default_factory=dict[tuple[str, str], "_Trade"])
    """By broker client id and execution id."""
    externals: set[str] = field(default_factory=set[str])
    """Broker's ids of the orders that the log calls external."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the two sides do not both have, or not alike.

    Attributes:
        code: ORDER_NOT_IN_LOG, ORDER_NEVER_SENT, ORDER_SETTLED_ABSENT, ORDER_NOT_AT_BROKER,
            FILL_NOT_IN_LOG, FILL_NOT_AT_BROKER, FILL_INFERRED or FILL_DIFFERS.
        name: the order's client id, or the broker's id of it, and the execution's.
        detail: what each side says.
    """

    code: str
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Completeness:
    """The comparison's outcome; `external` are orders that both sides call somebody else's."""

    findings: tuple[Finding, ...]
    orders: int
    fills: int
    external: int
    in_doubt: int
    """Orders that the log itself calls unknown, and the broker does not list."""

    @property
    def complete(self) -> bool:
        """Whether neither side has anything that the other lacks."""
        return not self.findings


def read_side(entries: Iterable[bytes], account: str) -> LogSide:
    """What a log tells of an account.

    Raises:
        EnvelopeError: an entry cannot be read: verify the log first.
    """
    side, by_order = LogSide(account), dict[str, str]()
    for entry in entries:
        envelope = open_envelope(entry)
        _take(side, by_order, envelope.kind, envelope.payload)
    return side


def _take(side: LogSide, by_order: dict[str, str], kind: str, payload: Mapping[str, Any]) -> None:
    if kind == "external" and payload["account"] == side.account:
        side.externals.add(payload["broker_order_id"])
    elif kind == "decision" and payload["account"] == side.account and payload["allow"]:
        _decided(side, by_order, payload)
    elif (client_id := by_order.get(payload.get("order_id", ""))) is not None:
        _followed(side, client_id, kind, payload)


def _decided(side: LogSide, by_order: dict[str, str], payload: Mapping[str, Any]) -> None:
    client_id, mode = payload["broker_client_id"], payload["mode"]
    by_order[payload["order_id"]] = client_id
    withheld = "ORDER_NEVER_SENT" if mode == "RESEARCH" else ""
    side.orders[client_id] = _Order(payload["order_id"], mode == "SIMULATION", withheld=withheld)


def _followed(side: LogSide, client_id: str, kind: str, payload: Mapping[str, Any]) -> None:
    order, at_us = side.orders[client_id], payload["at_us"]
    match kind:
        case "submission":
            _sent(order, payload["outcome"], at_us)
        case "settlement":
            _settled(order, payload["outcome"], at_us)
        case "status":
            _at_broker(order, at_us)
        case "execution":
            _at_broker(order, at_us)
            _executed(side, order, client_id, payload)
        case "trade-correction":
            _corrected(side, client_id, payload)
        case _:
            pass


def _at_broker(order: _Order, at_us: int) -> None:
    order.known, order.withheld = True, ""
    order.sent_us = at_us if order.sent_us is None else order.sent_us


def _sent(order: _Order, outcome: str, at_us: int) -> None:
    if outcome == "refused":
        order.withheld = "ORDER_NEVER_SENT"
        return
    order.sent_us = at_us
    order.known |= outcome == "accepted"
    order.rejected |= outcome == "rejected"


def _settled(order: _Order, outcome: str, at_us: int) -> None:
    if outcome in _AT_BROKER:
        _at_broker(order, at_us)
        order.rejected |= outcome == "rejected"
    else:
        order.withheld = "ORDER_NEVER_SENT" if outcome == "voided" else "ORDER_SETTLED_ABSENT"


def _executed(side: LogSide, order: _Order, client_id: str, payload: Mapping[str, Any]) -> None:
    decimals, source, name = (
        payload["qty_decimals"],
        payload.get("source", "broker"),
        payload["execution_id"],
    )
    qty = exact(payload["qty"], decimals)
    _give_way(side, order, client_id, exact(payload.get("merged_qty", 0), decimals))
    if source != "broker":
        order.untold[name] = qty
    if source == "inferred":
        return
    side.trades[client_id, name] = _Trade(
        qty,
        exact(payload["price"], payload["price_decimals"]),
        source,
        payload["market_us"],
        payload["at_us"],
    )


def _give_way(side: LogSide, order: _Order, client_id: str, merged: Decimal) -> None:
    """What the broker tells now takes the place of what was counted before, the oldest first."""
    for name, qty in list(order.untold.items()):
        part = min(merged, qty)
        merged -= part
        _shrink(side, order, client_id, name, qty - part)


def _shrink(side: LogSide, order: _Order, client_id: str, name: str, left: Decimal) -> None:
    order.untold[name] = left
    trade = side.trades.get((client_id, name))  # a person's is one; what was inferred is none
    if trade is not None:
        side.trades[client_id, name] = replace(trade, qty=left)


def _corrected(side: LogSide, client_id: str, payload: Mapping[str, Any]) -> None:
    key = (client_id, payload["of_execution_id"])
    order, left = side.orders[client_id], exact(payload["qty_after"], payload["qty_decimals"])
    if key[1] in order.untold:
        _shrink(side, order, *key, left)
    before = side.trades.get(key)
    if before is None:
        return
    price = exact(payload["price_after"], payload["price_decimals"])
    side.trades[key] = replace(before, qty=left, price=price)


def compare(side: LogSide, listed: BrokerList, margin_us: int = MARGIN_US) -> Completeness:
    """Hold the two sides against each other.

    Args:
        side: the log's.
        listed: the broker's.
        margin_us: what the log has this near to the ends of the period may be missing there.
    """
    at_broker = {order.client_id for order in listed.orders} | {
        fill.client_id for fill in listed.fills
    }
    external = {
        order.client_id for order in listed.orders if order.broker_order_id in side.externals
    }
    within = (listed.from_us + margin_us, listed.to_us - margin_us)
    findings = [
        *_orders_of_broker(side, listed),
        *_orders_of_log(side, at_broker, within),
        *_fills_of_broker(side, listed.fills, external),
        *_fills_of_log(side, listed.fills, within),
    ]
    return Completeness(
        findings=tuple(findings),
        orders=len(listed.orders),
        fills=len(listed.fills),
        external=sum(order.broker_order_id in side.externals for order in listed.orders),
        in_doubt=sum(
            _in_doubt(order) and client_id not in at_broker
            for client_id, order in side.orders.items()
        ),
    )


def _in_doubt(order: _Order) -> bool:
    return not order.known and not order.rejected and not order.withheld


def _orders_of_broker(side: LogSide, listed: BrokerList) -> Iterable[Finding]:
    for each in listed.orders:
        known = side.orders.get(each.client_id)
        if known is None:
            if each.broker_order_id not in side.externals:
                detail = f"the broker has it: {each.side} {each.qty} {each.symbol}"
                yield Finding(
                    "ORDER_NOT_IN_LOG", f"{each.client_id} {each.broker_order_id}", detail
                )
        elif known.withheld:
            detail = "the broker has an order that by the log cannot be there"
            yield Finding(known.withheld, each.client_id, detail)


def _orders_of_log(
    side: LogSide, at_broker: set[str], within: tuple[int, int]
) -> Iterable[Finding]:
    for client_id, order in side.orders.items():
        if order.sent_us is None or not order.known or client_id in at_broker:
            continue
        if within[0] <= order.sent_us < within[1] and not order.rejected:
            detail = f"order {order.order_id} was at the broker by the log, and is not listed"
            yield Finding("ORDER_NOT_AT_BROKER", client_id, detail)


def _fills_of_broker(
    side: LogSide, fills: Iterable[ListedFill], external: set[str]
) -> Iterable[Finding]:
    for fill in fills:
        name = f"{fill.client_id} {fill.execution_id}"
        trade = side.trades.get((fill.client_id, fill.execution_id))
        told = f"{fill.side} {fill.qty} {fill.symbol} at {fill.price}"
        if trade is None:
            if fill.client_id not in external:
                yield Finding("FILL_NOT_IN_LOG", name, f"the broker has it: {told}")
        elif (trade.qty, trade.price) != (fill.qty, fill.price):
            ours = f"{trade.qty} at {trade.price}"
            yield Finding("FILL_DIFFERS", name, f"the broker: {told}; the log: {ours}")


def _fills_of_log(
    side: LogSide, fills: Iterable[ListedFill], within: tuple[int, int]
) -> Iterable[Finding]:
    listed = {(fill.client_id, fill.execution_id) for fill in fills}
    for key, trade in side.trades.items():
        # Prices of the past are traded at their own time: there the entry's is the broker's.
        simulated = side.orders[key[0]].simulated
        times = (trade.at_us,) if simulated else (trade.at_us, trade.market_us)
        due = all(within[0] <= at_us < within[1] for at_us in times)
        if due and trade.qty and key not in listed:
            detail = f"the log has it: {trade.qty} at {trade.price}, source {trade.source}"
            yield Finding("FILL_NOT_AT_BROKER", " ".join(key), detail)
    for client_id, order in side.orders.items():
        untold = order.untold.items()
        inferred = sum(qty for name, qty in untold if (client_id, name) not in side.trades)
        if inferred:
            detail = f"{inferred} were inferred, and never told by the broker"
            yield Finding("FILL_INFERRED", client_id, detail)
