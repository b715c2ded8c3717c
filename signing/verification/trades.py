"""Trades of the story: each counts once, what nobody told gives way, and corrections add up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from signing.canonical import JsonObject
from signing.inferred import corrected_id, inferred_id

_UNREPORTED = frozenset({"inferred", "person"})
"""Sources of executions that no broker has reported."""


@dataclass(frozen=True, slots=True)
class _Unreported:
    """What is left of a fill that no broker has reported yet."""

    execution_id: str
    qty: int
    price: int
    inferred: bool


@dataclass(slots=True)
class _Fills:
    """What was executed of one order so far."""

    filled: int = 0
    unreported: list[_Unreported] = field(default_factory=list[_Unreported])
    """The oldest first."""
    corrections: int = 0


class TradeCheck:
    """Follows executions and their corrections through the log."""

    def __init__(self) -> None:
        # (broker client id, execution id) -> quantity and price as they stand.
        self._standing: dict[tuple[str, str], tuple[int, int]] = {}
        self._orders: dict[str, _Fills] = {}

    def filled(self, broker_client_id: str) -> int:
        """What is filled of an order, as far as the log was followed."""
        return self._orders[broker_client_id].filled

    def execute(self, payload: JsonObject, account: str) -> str | None:
        """Follow an execution; tells what contradicts the entries before it, or ``None``."""
        client_id, name, qty = payload["broker_client_id"], payload["execution_id"], payload["qty"]
        if (client_id, name) in self._standing:
            return "the execution was entered before"
        self._standing[client_id, name] = (qty, payload["price"])
        order = self._orders.setdefault(client_id, _Fills())
        source = payload.get("source", "broker")
        counted = sum(each.qty for each in order.unreported)
        merged = 0 if source in _UNREPORTED else min(qty, counted)
        if payload.get("merged_qty", 0) != merged:
            return f"it merges something else than the {merged} that were counted before it"
        self._give_way(client_id, order, merged)
        order.filled += qty - merged
        if source in _UNREPORTED:
            inferred = source == "inferred"
            order.unreported.append(_Unreported(name, qty, payload["price"], inferred))
        made = inferred_id(account, client_id, order.filled, order.corrections)
        if source == "inferred" and name != made:
            return "the id of an inferred execution is not made of its order"
        return None

    def _give_way(self, client_id: str, order: _Fills, merged: int) -> None:
        """Take back what a broker reports now, the oldest first."""
        while merged:
            first = order.unreported[0]
            part = min(merged, first.qty)
            merged -= part
            order.unreported[0] = replace(first, qty=first.qty - part)
            self._standing[client_id, first.execution_id] = (first.qty - part, first.price)
            if part == first.qty:
                del order.unreported[0]

    def correct(self, payload: JsonObject, account: str) -> str | None:
        """Follow the correction of a trade; tells what contradicts the entries before it."""
        client_id, of = payload["broker_client_id"], payload["of_execution_id"]
        if self._standing.get((client_id, of)) != (payload["qty_before"], payload["price_before"]):
            return "it corrects a trade that does not stand like that"
        name = payload["execution_id"]
        if (client_id, name) in self._standing:
            return "the execution was entered before"
        order, qty = self._orders[client_id], payload["qty_after"]
        reconciled = payload["cause"] == "reconciled"
        if reconciled != any(
            each.execution_id == of and each.inferred for each in order.unreported
        ):
            return "what was inferred is corrected by reconciliation, and nothing else is"
        if reconciled and name != corrected_id(account, client_id, of, order.corrections):
            return "the id of a correction by reconciliation is not made of its order"
        self._standing[client_id, name] = (0, 0)
        self._standing[client_id, of] = (qty, payload["price_after"])
        order.unreported = [
            replace(each, qty=qty, price=payload["price_after"])
            if each.execution_id == of
            else each
            for each in order.unreported
            if each.execution_id != of or qty
        ]
        order.corrections += 1
        order.filled += qty - payload["qty_before"]
        return None if order.filled == payload["cum_qty"] else "its cum_qty is not what is filled"
